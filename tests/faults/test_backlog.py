"""Ten thousand texts are due at once after an outage: worked off within the limits, once each."""

from __future__ import annotations

import asyncio

import pytest

from bridge.carriers.contract import InboundText
from bridge.sandbox.demo import Sandbox
from bridge.store import work
from bridge.store.database import Transaction
from tests.flows import conftest as flows
from tests.flows.cast import ACME, ask, customer_comments, tickets
from tests.flows.conftest import Start, eventually
from tests.flows.limits import is_idle, keep_going, said
from tests.sandbox.moving_clock import MovingClock

engine, new_store, start_sandbox = flows.engine, flows.new_store, flows.start_sandbox  # fixtures
pytest_generate_tests = flows.pytest_generate_tests
# Time stands still but where the test moves it: how fast the machine is changes nothing.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONVERSATIONS = 200
KNOWN = 100  # of them have a ticket
TEXTS_EACH = 50
PER_MINUTE, PER_TICKET = 100, 30  # updates, as Zendesk allows
PAUSE_S = 600
MOST_TRIES = 200  # calls that may be under way when the desk asks for a pause: no storm
NEWCOMERS = 5
NEWCOMER_WAITS_S = 10


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def sandbox(start_sandbox: Start, clock: MovingClock) -> Sandbox:
    started = await start_sandbox(
        clock=clock,
        BRIDGE_ZENDESK_UPDATES_PER_MINUTE=str(PER_MINUTE),
        BRIDGE_ZENDESK_UPDATES_PER_TICKET=str(PER_TICKET),
        BRIDGE_SWEEP_INTERVAL="86400",
        BRIDGE_RETRY_MAX="60",
    )
    limits = started.zendesk.limits
    limits.updates_per_minute, limits.updates_per_ticket = PER_MINUTE, PER_TICKET
    return started


def number_of(customer: int) -> str:
    return f"+1312555{customer:04}"


async def take(sandbox: Sandbox, customer: int, *numbers: int) -> None:
    """A customer's texts, one after the other, as their webhooks hand them on."""
    assert sandbox.service is not None
    for number in numbers:
        text = InboundText(
            carrier_id=f"SM{customer:016x}{number:016x}",
            sender=ACME,
            customer=number_of(customer),
            body=body_of(customer, number),
        )
        await sandbox.service.take_text("twilio", text)


def body_of(customer: int, number: int) -> str:
    return f"text {customer} {number}"


async def waiting(sandbox: Sandbox) -> tuple[int, int]:
    """How many lanes are worked on, and how much work is left."""
    assert sandbox.service is not None

    def count(tx: Transaction) -> tuple[int, int]:
        row = tx.first("SELECT count(lease) AS begun FROM lanes")
        assert row is not None
        return row["begun"], work.backlog(tx)[0]

    return await sandbox.service.database.read(count)


async def go_on(sandbox: Sandbox, clock: MovingClock) -> int:
    """Let a second pass once nothing is under way. Returns how much work is left."""
    left = 0

    async def is_still() -> bool:
        nonlocal left
        begun, left = await waiting(sandbox)
        return begun == 0 and is_idle(sandbox)

    await eventually(is_still)
    clock.advance(1)
    assert sandbox.service is not None
    sandbox.service.wake()
    return left


async def test_backlog_of_an_outage_is_worked_off_within_the_limits_and_holds_up_nobody_new(
    sandbox: Sandbox, clock: MovingClock
) -> None:
    desk = sandbox.zendesk
    await asyncio.gather(*(take(sandbox, each, 0) for each in range(KNOWN)))
    await keep_going(sandbox, clock)
    assert len(tickets(sandbox)) == KNOWN

    # The outage: whoever was refused comes no earlier than they were asked to.
    desk.faults.refuse("*", "/*", 503, headers={"Retry-After": str(PAUSE_S)}, times=None)
    tried = len(desk.faults.requests)
    await asyncio.gather(
        *(take(sandbox, each, *range(1, TEXTS_EACH + 1)) for each in range(CONVERSATIONS))
    )
    await eventually(lambda: len(desk.faults.requests) > tried)
    await go_on(sandbox, clock)
    refused = len(desk.faults.requests) - tried
    assert refused <= MOST_TRIES
    for _ in range(10):
        clock.advance(PAUSE_S / 10 - 2)
        assert await go_on(sandbox, clock) >= CONVERSATIONS * TEXTS_EACH
    assert len(desk.faults.requests) - tried == refused

    # It is back, and all are due at once.
    desk.faults.rules.clear()
    clock.advance(PAUSE_S)
    newcomers = range(CONVERSATIONS, CONVERSATIONS + NEWCOMERS)
    waits = [await newcomer_waits(sandbox, clock, each) for each in newcomers]
    assert (await waiting(sandbox))[1] > 0
    while await go_on(sandbox, clock):
        pass

    assert max(waits) <= NEWCOMER_WAITS_S
    assert desk.limits.hits == 0
    found = {said(ticket)[0].split()[1]: said(ticket) for ticket in tickets(sandbox)}
    assert len(found) == len(tickets(sandbox)) == CONVERSATIONS + NEWCOMERS
    for customer in range(CONVERSATIONS):
        first = 0 if customer < KNOWN else 1
        texts = [body_of(customer, number) for number in range(first, TEXTS_EACH + 1)]
        assert found[str(customer)] == texts
    assert (await ask(sandbox, "failed"))["failed"] == []


async def newcomer_waits(sandbox: Sandbox, clock: MovingClock, customer: int) -> float:
    """Text for the first time. Returns how many seconds passed until the ticket was there."""
    await take(sandbox, customer, 0)
    texted_ms = clock.now_ms()

    def is_there() -> bool:
        body = body_of(customer, 0)
        return any(customer_comments(ticket)[:1] == [body] for ticket in tickets(sandbox))

    while not is_there():
        await go_on(sandbox, clock)
    return (clock.now_ms() - texted_ms) / 1000
