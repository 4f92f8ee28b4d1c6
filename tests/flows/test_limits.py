"""Zendesk's limits are lived with: a burst is joined, in order; nothing is refused or doubled."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    VIP,
    ask,
    customer_comments,
    messages,
    notes,
    only_ticket,
    our_comments,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start, eventually
from tests.flows.limits import (
    PATIENCE_S,
    TICKET_BUSY,
    TIMED,
    keep_going,
    said,
    send,
    waits_its_turn,
    words_of,
)
from tests.flows.test_lost_answers import LOST_WAYS, Fault
from tests.sandbox.moving_clock import MovingClock

# Time stands still but where a test moves it: who is slow to be called on changes nothing.
pytestmark = [pytest.mark.both_engines]

PER_TICKET = 6  # four at once, one more for texts, one for notes
HALF_WINDOW_S = 308.0  # how long the fifth waits after the fourth


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def narrow(start_sandbox: Start, clock: MovingClock) -> Sandbox:
    """A sandbox whose desk takes six updates of a ticket; time stands still."""
    sandbox = await start_sandbox(
        clock=clock,
        BRIDGE_ZENDESK_UPDATES_PER_TICKET=str(PER_TICKET),
        BRIDGE_HTTP_TIMEOUT="1",
    )
    sandbox.zendesk.limits.updates_per_ticket = PER_TICKET
    return sandbox


async def fill(sandbox: Sandbox, clock: MovingClock, *more: str) -> Ticket:
    """Use what may go at once, then text these, of which the first waits for its turn."""
    await send(sandbox, clock, ACME, "first", *"1234")
    for body in more:
        await sandbox.twilio.customer_texts(MAYA, ACME, body)
    await waits_its_turn(sandbox, more[0])
    return only_ticket(sandbox)


async def go_on(sandbox: Sandbox, clock: MovingClock, seconds: float = HALF_WINDOW_S) -> None:
    """Let time pass, and wait for all that follows."""
    clock.advance(seconds)
    await keep_going(sandbox, clock, step_s=10)


async def test_burst_is_joined_only_beyond_the_tickets_room(
    narrow: Sandbox, clock: MovingClock
) -> None:
    ticket = await fill(narrow, clock, "5", "6")
    assert customer_comments(ticket) == ["first", *"1234"]
    clock.advance(61)
    await narrow.twilio.customer_texts(MAYA, ACME, "two\nlines")

    await go_on(narrow, clock)

    shown = await messages(narrow)
    five, six, seven = (one["created_at"][11:19] for one in shown[5:])
    assert customer_comments(ticket)[5:] == [
        f"[{five} UTC]\n5\n\n[{six} UTC]\n6\n\n[{seven} UTC]\ntwo\nlines"
    ]
    assert five < seven
    assert {one["state"] for one in shown} == {"done"}
    assert [one["comment_id"] for one in shown[5:]] == [our_comments(ticket)[5].id] * 3
    for body in ("5", "6", "two\nlines"):
        joined = f"joined with 2 more in comment {our_comments(ticket)[5].id}"
        assert joined in (await words_of(narrow, body))[-1]
    assert narrow.zendesk.limits.hits == 0


async def test_text_that_waited_over_midnight_has_its_date(
    narrow: Sandbox, clock: MovingClock
) -> None:
    clock.advance(20 * 3600 + 54 * 60)
    ticket = await fill(narrow, clock, "5", "6")

    await go_on(narrow, clock)

    dates = [when.partition(" ")[0] for when, _ in TIMED.findall(customer_comments(ticket)[-1])]
    assert dates == ["2026-01-02", "2026-01-02"]


@LOST_WAYS
async def test_lost_answer_to_a_joined_comment_leaves_each_text_in_one(
    narrow: Sandbox, clock: MovingClock, lose: Fault
) -> None:
    ticket = await fill(narrow, clock, "5", "6", "7")
    lose(narrow.zendesk.faults, "PUT", f"/api/v2/tickets/{ticket.id}")
    clock.advance(HALF_WINDOW_S)
    faults = narrow.zendesk.faults
    await eventually(lambda: any(rule.used for rule in faults.rules), within_s=PATIENCE_S)
    await narrow.twilio.customer_texts(MAYA, ACME, "8")

    await keep_going(narrow, clock, step_s=10)

    assert said(ticket) == ["first", *"12345678"]
    shown = await messages(narrow)
    assert {one["state"] for one in shown} == {"done"}
    assert len({one["comment_id"] for one in shown[5:8]}) == 1


@pytest.mark.parametrize("moment", ["before it is applied", "after it was applied"])
async def test_stop_in_the_middle_of_a_joined_comment_leaves_each_text_in_one(
    narrow: Sandbox, clock: MovingClock, moment: str
) -> None:
    ticket = await fill(narrow, clock, "5", "6", "7")
    faults, path = narrow.zendesk.faults, f"/api/v2/tickets/{ticket.id}"
    hold = faults.hold_before if moment == "before it is applied" else faults.hold_after
    gate = hold("PUT", path)
    clock.advance(HALF_WINDOW_S)
    await gate.wait_arrived()

    assert narrow.service is not None
    await narrow.service.stop()
    await narrow.make_service().start()
    await narrow.twilio.customer_texts(MAYA, ACME, "8")
    await keep_going(narrow, clock, step_s=10)
    gate.open()
    late = [one for one in faults.seen("PUT", path) if one.status is None]
    await eventually(lambda: all(one.status is not None for one in late))

    assert said(ticket) == ["first", *"12345678"]
    assert len({one["comment_id"] for one in (await messages(narrow))[5:8]}) == 1


async def refuse_joined(sandbox: Sandbox, clock: MovingClock, *, times: int) -> Ticket:
    """Have the comment that three texts are joined in refused so often, and let all go on."""
    ticket = await fill(sandbox, clock, "5", "6", "7")
    path = f"/api/v2/tickets/{ticket.id}"
    sandbox.zendesk.faults.refuse("PUT", path, 422, body='{"error": "x"}', times=times)
    await go_on(sandbox, clock)
    return ticket


async def test_joined_comment_that_is_refused_leaves_only_its_first_text_behind(
    narrow: Sandbox, clock: MovingClock
) -> None:
    ticket = await refuse_joined(narrow, clock, times=2)

    assert said(ticket) == ["first", *"123467"]
    (failed,) = (await ask(narrow, "failed"))["failed"]
    await ask(narrow, f"failed/{failed['id']}/retry", method="POST")
    await keep_going(narrow, clock, step_s=10)
    assert said(ticket) == ["first", *"1234675"]


async def test_joined_comment_that_is_refused_goes_as_texts_of_their_own(
    narrow: Sandbox, clock: MovingClock
) -> None:
    ticket = await refuse_joined(narrow, clock, times=1)

    assert said(ticket) == ["first", *"1234567"]
    assert (await ask(narrow, "failed"))["failed"] == []


async def test_joined_texts_reopen_a_solved_ticket(narrow: Sandbox, clock: MovingClock) -> None:
    ticket = await fill(narrow, clock, "5", "6")
    await narrow.zendesk.set_status(ticket.id, "solved")

    await go_on(narrow, clock)

    assert ticket.status == "open"
    assert said(ticket) == ["first", *"123456"]


async def test_joined_texts_of_a_closed_ticket_open_its_follow_up(
    narrow: Sandbox, clock: MovingClock
) -> None:
    await fill(narrow, clock, "5", "6")
    await narrow.zendesk.set_status(only_ticket(narrow).id, "closed")

    await go_on(narrow, clock)

    _, follow_up = tickets(narrow)
    assert said(follow_up) == ["5", "6"]
    assert {one["ticket_id"] for one in (await messages(narrow))[5:]} == {follow_up.id}


async def test_joined_texts_keep_their_pictures(narrow: Sandbox, clock: MovingClock) -> None:
    ticket = await fill(narrow, clock, "5")
    await narrow.twilio.customer_texts(MAYA, ACME, "look", [("image/jpeg", b"jpeg")])
    await narrow.twilio.customer_texts(MAYA, ACME, "", [("image/png", b"png")])

    await go_on(narrow, clock)

    last = customer_comments(ticket)[-1]
    urls = [one["media"][0]["url"] for one in (await messages(narrow))[6:]]
    assert last.index("5") < last.index("look") < last.index(urls[0]) < last.index(urls[1])


async def test_more_than_a_comment_holds_goes_into_several(
    narrow: Sandbox, clock: MovingClock
) -> None:
    long = [f"{number} " + "é" * 1500 for number in range(25)]
    ticket = await fill(narrow, clock, *long)

    await keep_going(narrow, clock, step_s=10)

    assert said(ticket)[5:] == long
    joined = customer_comments(ticket)[5]
    assert len(TIMED.findall(joined)) == 19
    assert len(joined.encode()) <= 60_000
    assert narrow.zendesk.limits.hits == 0


async def test_note_has_room_where_texts_have_none(narrow: Sandbox, clock: MovingClock) -> None:
    await send(narrow, clock, VIP, "first", *"1234")
    await narrow.twilio.customer_texts(MAYA, VIP, "5")
    await waits_its_turn(narrow, "5")
    await go_on(narrow, clock)
    ticket = only_ticket(narrow)
    assert len(our_comments(ticket)) == 6

    await send(narrow, clock, VIP, "STOP")

    assert len(notes(ticket)) == 1
    assert narrow.zendesk.limits.hits == 0


async def test_burst_on_one_ticket_holds_up_no_other(narrow: Sandbox, clock: MovingClock) -> None:
    await fill(narrow, clock, "5")

    await narrow.twilio.customer_texts(JONAS, ACME, "hello")
    await narrow.twilio.customer_texts(JONAS, ACME, "again")

    await eventually(lambda: len(tickets(narrow)) == 2)
    await eventually(lambda: customer_comments(tickets(narrow)[1]) == ["hello", "again"])


async def test_what_piles_up_while_the_desk_calls_a_ticket_busy_is_joined(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(
        BRIDGE_ZENDESK_UPDATES_PER_TICKET="0", BRIDGE_ZENDESK_UPDATES_PER_MINUTE="0"
    )
    await text(sandbox, MAYA, ACME, "first")
    ticket = only_ticket(sandbox)
    sandbox.zendesk.faults.refuse(
        "PUT", f"/api/v2/tickets/{ticket.id}", 429, headers=TICKET_BUSY, times=1
    )
    gate = sandbox.zendesk.faults.hold_before("GET", f"/api/v2/tickets/{ticket.id}")
    await sandbox.twilio.customer_texts(MAYA, ACME, "1")
    await gate.wait_arrived()
    for body in "23":
        await sandbox.twilio.customer_texts(MAYA, ACME, body)
    gate.open()

    await settle(sandbox)

    assert said(ticket) == ["first", *"123"]
    assert len(customer_comments(ticket)) == 2
    assert sandbox.zendesk.faults.early_repeats() == []


async def test_switched_off_nothing_waits_or_is_joined_before_the_desk_says_so(
    start_sandbox: Start, clock: MovingClock
) -> None:
    sandbox = await start_sandbox(
        clock=clock,
        BRIDGE_ZENDESK_UPDATES_PER_TICKET="0",
        BRIDGE_ZENDESK_UPDATES_PER_MINUTE="0",
    )
    bodies = [str(number) for number in range(32)]

    await send(sandbox, clock, ACME, *bodies)

    assert customer_comments(only_ticket(sandbox)) == bodies
