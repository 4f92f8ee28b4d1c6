"""Corners where a reply could reach the wrong phone, nobody, or a ticket of its own."""

from __future__ import annotations

from itertools import pairwise

from bridge.clock import SystemClock, rfc3339
from bridge.inbound.pieces import LATE_MS
from bridge.sandbox.demo import Sandbox
from bridge.store import pieces
from bridge.store.pieces import StoredPiece
from tests.flows import cast
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    SEND,
    MovingClock,
    failed,
    notes,
    open_ticket,
    order,
    replies,
    send_hint,
    sends,
    settled,
    words,
)

FOUR_DAYS_MS = 4 * 24 * 3600 * 1000


async def test_event_without_our_tag_is_heard_where_the_ticket_is_ours(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    event = {
        "account_id": 1,
        "id": "e1",
        "type": "zen:event-type:ticket.comment_added",
        "subject": f"zen:ticket:{ticket}",
        "time": rfc3339(sandbox.clock.now_ms()),
        "detail": {"id": str(ticket), "tags": ["another"], "status": "OPEN"},
        "event": {"comment": {"id": "1", "is_public": True}},
    }

    assert await send_hint(sandbox, event) == 200

    await eventually(lambda: words(sandbox) == ["Hi"])


async def test_reply_to_a_stranger_is_not_texted_to_a_deleted_users_phone(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    old = sandbox.zendesk.users[sandbox.zendesk.tickets[ticket].requester_id]
    stranger = sandbox.zendesk.add_user(name="Stranger", email="s@example.org")
    await sandbox.zendesk.change_requester(ticket, stranger)
    old.active = False

    await sandbox.zendesk.agent_replies(ticket, "<p>For the stranger only</p>")
    await settled(sandbox)

    assert words(sandbox) == []
    assert len(notes(sandbox, ticket)) == 1


async def test_late_failure_is_noted_where_the_conversation_is_by_then(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    await settled(sandbox)
    await sandbox.zendesk.set_status(ticket, "closed")
    await cast.text(sandbox, MAYA, ACME, "next")
    newer = cast.tickets(sandbox)[-1]

    await sandbox.twilio.release_callbacks()
    await settled(sandbox)
    await cast.text(sandbox, MAYA, ACME, "and more")

    assert [one.id for one in cast.tickets(sandbox)] == [ticket, newer.id]
    assert len(notes(sandbox, newer.id)) == 1
    assert cast.customer_comments(newer) == ["next", "and more"]


async def test_reply_that_is_given_up_after_days_is_told_to_the_agent(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    ticket = await open_ticket(sandbox)
    fault = sandbox.twilio.faults.refuse(*SEND, 429, headers={"Retry-After": "0"}, times=None)
    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    await eventually(lambda: fault.used >= 11)

    clock.ahead_ms = FOUR_DAYS_MS

    await eventually(lambda: notes(sandbox, ticket))
    assert "not texted" in notes(sandbox, ticket)[0]
    assert [one["state"] for one in await replies(sandbox)] == ["failed"]
    assert len(await failed(sandbox)) == 1


async def test_write_that_never_gets_an_answer_is_repeated_with_growing_pauses(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    fault = sandbox.zendesk.faults.refuse("PUT", f"/api/v2/tickets/{ticket}", 500, times=None)

    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await eventually(lambda: fault.used >= 4)

    path = f"/api/v2/tickets/{ticket}"
    puts = [one.at for one in sandbox.zendesk.faults.seen("PUT", path)]
    gaps = [after - before for before, after in pairwise(puts)]
    assert sandbox.settings is not None
    settle_s = sandbox.settings.settle_wait
    assert all(gap > 0.9 * settle_s * 2**number for number, gap in enumerate(gaps[:2]))


async def test_comment_is_not_made_again_within_the_second_of_its_stamp(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT="0.4")
    ticket = await open_ticket(sandbox)
    path = f"/api/v2/tickets/{ticket}"
    sandbox.zendesk.faults.reset("PUT", path, applied=False)

    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await eventually(lambda: len(sandbox.zendesk.faults.seen("PUT", path)) == 2)

    first, second = sandbox.zendesk.faults.seen("PUT", path)
    assert second.at - first.at > 1.1  # where the first is still on its way, its stamp is old now


async def test_text_is_sent_again_once_whatever_happens_in_between(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    for status in (500, 429, 500, 429, 500):
        sandbox.twilio.faults.refuse(*SEND, status, headers={"Retry-After": "0"})

    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    await eventually(lambda: notes(sandbox, ticket), within_s=60)

    assert [one.status for one in sends(sandbox)] == [500, 429, 500]
    assert [one["state"] for one in await replies(sandbox)] == ["uncertain"]


class StoppedClock:
    """One moment for ever: everything falls into the same second."""

    def __init__(self) -> None:
        self.at_ms = SystemClock().now_ms()

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return self.at_ms


async def test_ticket_solved_in_the_second_in_which_it_was_read_is_open_again(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(clock=StoppedClock())
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.set_status(ticket, "open")
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{ticket}")
    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await gate.wait_arrived()

    await sandbox.zendesk.set_status(ticket, "solved")
    gate.open()

    await eventually(lambda: len(sandbox.zendesk.comments(ticket)) == 2)
    await eventually(lambda: sandbox.zendesk.tickets[ticket].status == "open")


async def test_ticket_that_can_not_be_opened_again_at_once_is_opened_later(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    path = f"/api/v2/tickets/{ticket}"
    await sandbox.zendesk.set_status(ticket, "open")
    written = sandbox.zendesk.faults.hold_before("PUT", path)
    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await written.wait_arrived()
    stamp_ms = sandbox.zendesk.tickets[ticket].updated_ms
    await sandbox.zendesk.set_status(ticket, "solved")
    sandbox.zendesk.tickets[ticket].updated_ms = stamp_ms  # in the second in which it was read
    sandbox.zendesk.faults.refuse("PUT", path, 503, times=2)  # behind the one that is held

    written.open()

    await eventually(lambda: sandbox.zendesk.tickets[ticket].status == "open")
    await settled(sandbox)
    assert len(sandbox.zendesk.comments(ticket)) == 2


async def test_opt_out_is_noted_once_on_a_ticket_of_two_conversations(sandbox: Sandbox) -> None:
    await cast.text(sandbox, MAYA, ACME, "one")
    await cast.text(sandbox, MAYA, cast.ORDERS, "two")
    first, second = cast.tickets(sandbox)
    await sandbox.zendesk.merge([second.id], first.id)
    await cast.text(sandbox, MAYA, cast.ORDERS, "three")

    await cast.text(sandbox, MAYA, ACME, "STOP")

    assert len(cast.notes(first)) == 1


async def test_note_that_can_not_be_tagged_is_still_a_note(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.faults.refuse("PUT", f"/api/v2/tickets/{ticket}/tags", 404, times=None)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"

    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    await eventually(lambda: notes(sandbox, ticket))
    await settled(sandbox)

    assert await failed(sandbox) == []


async def test_opt_out_is_confirmed_at_once_beside_a_reply_that_is_in_doubt(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT="30")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, 500)
    await sandbox.zendesk.agent_replies(ticket, "<p>Hi</p>")
    await eventually(lambda: sends(sandbox))

    await sandbox.twilio.customer_texts(MAYA, ACME, "ARRET")

    await eventually(lambda: "no more" in "".join(words(sandbox)).lower())


async def test_opt_out_is_not_confirmed_after_five_minutes(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    fault = sandbox.twilio.faults.refuse(*SEND, 503, headers={"Retry-After": "0"}, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "ARRET")
    await eventually(lambda: fault.used >= 2)

    clock.ahead_ms = 6 * 60 * 1000
    sandbox.twilio.faults.clear()
    await settled(sandbox)

    assert words(sandbox) == []


async def test_agent_hears_when_a_failed_reply_goes_out_after_all(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, 400, body='{"code": 21408, "message": "no", "status": 400}')
    await sandbox.zendesk.agent_replies(ticket, "<p>Your parcel is on its way</p>")
    await eventually(lambda: notes(sandbox, ticket))
    (one,) = await failed(sandbox)

    assert (await order(sandbox, f"/api/v1/failed/{one['id']}/retry", {}))[0] == 200
    await eventually(lambda: len(notes(sandbox, ticket)) == 2)

    assert words(sandbox) == ["Your parcel is on its way"]
    assert all("Your parcel" in note for note in notes(sandbox, ticket))


async def test_parts_of_a_carrier_that_is_no_more_are_taken_in(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)  # its only carrier joins parts by itself
    assert sandbox.service is not None
    piece = StoredPiece(
        carrier="vonage",
        carrier_id="p1",
        sender=ACME,
        customer=MAYA,
        ref="42",
        number=1,
        total=2,
        body="Dear Acme, ",
        sent_at=None,
    )
    await sandbox.service.database.write(lambda tx: pieces.add(tx, piece))

    clock.ahead_ms += LATE_MS + 1000

    await eventually(lambda: cast.tickets(sandbox))
    await settled(sandbox)
    assert cast.customer_comments(cast.only_ticket(sandbox)) == [
        "Dear Acme,  [part 2 of 2 did not arrive]"
    ]
