"""The account's limit on updates: new tickets first, the rest spaced and joined, none refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, AMIRA, JONAS, MAYA, customer_comments, settle, tickets
from tests.flows.conftest import Start, eventually
from tests.flows.limits import PATIENCE_S, TICKET_BUSY, is_idle, keep_going, said, send
from tests.sandbox.moving_clock import MovingClock

# Time stands still but where a test moves it: who is slow to be called on changes nothing.
pytestmark = [pytest.mark.both_engines]


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def poor(start_sandbox: Start, clock: MovingClock) -> Sandbox:
    """A sandbox whose account takes six updates a minute, the first three as they come."""
    sandbox = await start_sandbox(clock=clock, BRIDGE_ZENDESK_UPDATES_PER_MINUTE="6")
    sandbox.zendesk.limits.updates_per_minute = 6
    await send(sandbox, clock, ACME, "maya")
    await sandbox.twilio.customer_texts(JONAS, ACME, "jonas")
    await keep_going(sandbox, clock)
    for body in "123":  # at once: there is no room left of what goes unspaced
        await sandbox.twilio.customer_texts(MAYA, ACME, body)
    mayas = tickets(sandbox)[0]
    await eventually(lambda: len(customer_comments(mayas)) == 4, within_s=PATIENCE_S)
    await eventually(lambda: is_idle(sandbox))  # else what is texted next has its turn in this one
    return sandbox


async def test_new_ticket_goes_before_comments_when_the_account_has_no_room(
    poor: Sandbox, clock: MovingClock
) -> None:
    await poor.twilio.customer_texts(JONAS, ACME, "waits")

    await poor.twilio.customer_texts(AMIRA, ACME, "new")
    await eventually(lambda: len(tickets(poor)) == 3, within_s=PATIENCE_S)

    assert customer_comments(tickets(poor)[2]) == ["new"]
    assert customer_comments(tickets(poor)[1]) == ["jonas"]
    await keep_going(poor, clock)
    assert customer_comments(tickets(poor)[1]) == ["jonas", "waits"]


async def test_account_that_is_short_has_texts_joined_and_is_never_refused(
    poor: Sandbox, clock: MovingClock
) -> None:
    mayas, jonas = tickets(poor)
    for body in "45":
        await poor.twilio.customer_texts(MAYA, ACME, body)
        await poor.twilio.customer_texts(JONAS, ACME, body)
    assert (len(customer_comments(mayas)), len(customer_comments(jonas))) == (4, 1)
    assert poor.service is not None

    for written in (1, 2):  # one is due every ten seconds
        clock.advance(10.5)
        poor.service.wake()
        await eventually(
            lambda n=written: len(customer_comments(mayas) + customer_comments(jonas)) == 5 + n,
            within_s=PATIENCE_S,
        )
    await keep_going(poor, clock)

    assert said(mayas) == ["maya", *"12345"]
    assert said(jonas) == ["jonas", *"45"]
    assert poor.zendesk.limits.hits == 0


async def test_new_customers_texts_are_joined_in_the_ticket_when_the_account_is_short(
    poor: Sandbox, clock: MovingClock
) -> None:
    gate = poor.zendesk.faults.hold_before("GET", "/api/v2/users/search")
    await poor.twilio.customer_texts(AMIRA, ACME, "one")
    await gate.wait_arrived()
    for body in ("two", "three"):
        await poor.twilio.customer_texts(AMIRA, ACME, body)
    gate.open()

    await keep_going(poor, clock)

    assert said(tickets(poor)[2]) == ["one", "two", "three"]
    assert len(customer_comments(tickets(poor)[2])) == 2


async def test_update_limit_that_the_settings_do_not_know_of_is_kept_as_the_desk_says(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_ZENDESK_UPDATES_PER_MINUTE="0")
    customers: Sequence[str] = [f"+1202555{number:04}" for number in range(130, 142)]
    for customer in customers:
        await sandbox.twilio.customer_texts(customer, ACME, "first")
    await settle(sandbox)
    refused = sandbox.zendesk.faults.refuse(
        "PUT", "/api/v2/tickets/*", 429, headers=TICKET_BUSY, times=5
    )

    for customer in customers:
        await sandbox.twilio.customer_texts(customer, ACME, "second")
    await settle(sandbox)

    assert refused.used == 5
    assert [customer_comments(one) for one in tickets(sandbox)] == [["first", "second"]] * 12
    assert sandbox.zendesk.faults.early_repeats() == []
