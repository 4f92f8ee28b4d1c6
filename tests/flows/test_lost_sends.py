"""A send whose answer is lost, late or nonsense is still exactly one text on the phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Faults
from bridge.store.settings import save_halt
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    MAYA,
    SEND,
    SENDER,
    failed,
    looked_for,
    notes,
    open_ticket,
    order,
    replies,
    sends,
    settled,
    words,
)

Fault = Callable[[Faults], object]
NEVER = "600"  # seconds until the first look: it is not what settles it
SOON = "0.02"

APPLIED: dict[str, Fault] = {
    "connection_cut": lambda faults: faults.lose_answer(*SEND),
    "too_late": lambda faults: faults.delay(*SEND, after_s=1.0),
    "half_an_answer": lambda faults: faults.truncate(*SEND),
    "a_page_of_html": lambda faults: faults.html(*SEND, apply=True),
}
NOT_APPLIED: dict[str, Fault] = {
    "connection_cut": lambda faults: faults.drop(*SEND),
    "server_error": lambda faults: faults.refuse(*SEND, 500),
    "unavailable": lambda faults: faults.refuse(*SEND, 503),
    "a_page_of_html": lambda faults: faults.html(*SEND),
    "twice_down": lambda faults: faults.refuse(*SEND, 502),
}
CERTAINLY_NOT: dict[str, Fault] = {
    "too_many_requests": lambda faults: faults.refuse(*SEND, 429),
    "with_a_pause": lambda faults: faults.refuse(*SEND, 429, headers={"Retry-After": "0.1"}),
    "queue_full": lambda faults: faults.refuse(
        *SEND, 400, body='{"code": 21611, "message": "Queue", "status": 400}'
    ),
}


@pytest.mark.parametrize("fault", APPLIED.values(), ids=APPLIED)
async def test_lost_answer_is_settled_by_the_delivery_report(
    start_sandbox: Start, fault: Fault
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=NEVER, BRIDGE_HTTP_TIMEOUT="0.5")
    ticket = await open_ticket(sandbox)
    fault(sandbox.twilio.faults)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert len(sandbox.twilio.sent) == 2
    assert [message["state"] for message in await replies(sandbox)] == ["delivered", "delivered"]
    assert looked_for(sandbox) == []


@pytest.mark.parametrize("fault", APPLIED.values(), ids=APPLIED)
async def test_lost_answer_is_settled_by_the_carriers_list(
    start_sandbox: Start, fault: Fault
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON, BRIDGE_HTTP_TIMEOUT="0.5")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    fault(sandbox.twilio.faults)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert len(sandbox.twilio.sent) == 2
    first, second = await replies(sandbox)
    assert first["state"] == "delivered"  # as the list says
    assert [first["carrier_id"], second["carrier_id"]] == [one.sid for one in sandbox.twilio.sent]
    assert notes(sandbox, ticket) == []


async def test_text_that_shows_late_on_the_list_is_not_sent_again(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT="0.1")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    sandbox.twilio.account.list_lag_s = 1.0
    sandbox.twilio.faults.lose_answer(*SEND)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Once"]
    assert len(looked_for(sandbox)) > 1


@pytest.mark.parametrize("fault", NOT_APPLIED.values(), ids=NOT_APPLIED)
async def test_lost_request_is_sent_again_after_the_looks(
    start_sandbox: Start, fault: Fault
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    fault(sandbox.twilio.faults)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert len(sandbox.twilio.sent) == 2
    assert len(looked_for(sandbox)) == 4
    assert await failed(sandbox) == []


async def test_text_sent_again_in_vain_ends_as_uncertain_and_is_told(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.drop(*SEND, times=2)

    await sandbox.zendesk.agent_replies(ticket, "<p>Perhaps</p>")
    await settled(sandbox)

    assert len(sends(sandbox)) == 2
    assert [message["state"] for message in await replies(sandbox)] == ["uncertain"]
    assert len(await failed(sandbox)) == 1
    assert len(notes(sandbox, ticket)) == 1


async def test_text_that_is_to_be_sent_again_is_not_where_its_report_comes_just_before(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.account.list_lag_s = 600.0
    sandbox.twilio.faults.lose_answer(*SEND)
    look = sandbox.twilio.faults.hold_before("GET", "*/Messages.json")
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await look.wait_arrived()
    await halt(sandbox, on=True)  # what is to be sent again waits
    look.open()
    await eventually(lambda: len(looked_for(sandbox)) == 4)

    recheck = sandbox.zendesk.faults.hold_before("GET", f"/api/v2/tickets/{ticket}/comments*")
    await recheck.wait_arrived()  # the text has been loaded, and is not asked about yet
    await halt(sandbox, on=False)
    assert await sandbox.twilio.release_callbacks() == [200, 200]
    recheck.open()
    await settled(sandbox)

    assert len(sends(sandbox)) == 1
    assert [message["state"] for message in await replies(sandbox)] == ["delivered"]


async def halt(sandbox: Sandbox, *, on: bool) -> None:
    assert sandbox.service is not None
    await sandbox.service.database.write(lambda tx: save_halt(tx, on=on))


@pytest.mark.parametrize("fault", CERTAINLY_NOT.values(), ids=CERTAINLY_NOT)
async def test_send_that_certainly_was_not_taken_is_repeated_without_looking(
    sandbox: Sandbox, fault: Fault
) -> None:
    ticket = await open_ticket(sandbox)
    fault(sandbox.twilio.faults)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert looked_for(sandbox) == []


async def test_carrier_that_is_gone_is_waited_for(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    port = int(sandbox.twilio.url.rpartition(":")[2])
    await sandbox.twilio.stop()
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")

    async def has_tried() -> bool:
        found = await replies(sandbox)
        return len(found) == 2 and found[0]["state"] == "queued" and bool(await _tries(sandbox))

    await eventually(has_tried)
    await sandbox.twilio.start(port)
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert looked_for(sandbox) == []


async def test_number_that_is_throttled_does_not_hold_up_the_ticket_side(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, 429, headers={"Retry-After": "600"})
    await sandbox.zendesk.agent_replies(ticket, "<p>Later</p>")
    await eventually(lambda: sends(sandbox))

    await sandbox.twilio.customer_texts("+13125550142", "+12025550100", "Another customer")
    await eventually(lambda: len(sandbox.zendesk.tickets) == 2)
    assert sandbox.twilio.sent == []


async def test_where_the_sender_says_hold_an_uncertain_text_is_kept_for_a_human(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(SENDER + 'on_uncertain = "hold"\n', BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.drop(*SEND)

    await sandbox.zendesk.agent_replies(ticket, "<p>Perhaps</p>")
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert len(sends(sandbox)) == 1
    (message,) = await replies(sandbox)
    assert message["state"] == "uncertain"
    (work,) = await failed(sandbox)
    assert work["message_id"] == message["id"]
    (note,) = notes(sandbox, ticket)
    assert "not certain" in note
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags

    assert (await order(sandbox, f"/api/v1/failed/{work['id']}/retry", {}))[0] == 200
    await settled(sandbox)
    assert words(sandbox) == ["Perhaps"]
    assert [message["state"] for message in await replies(sandbox)] == ["delivered"]


async def test_report_settles_a_text_that_was_given_up_as_uncertain(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(SENDER + 'on_uncertain = "hold"\n', BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.list_lag_s = 600
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.faults.lose_answer(*SEND)
    await sandbox.zendesk.agent_replies(ticket, "<p>Late news</p>")
    await settled(sandbox)
    (work,) = await failed(sandbox)

    await sandbox.twilio.release_callbacks()
    await settled(sandbox)
    assert [message["state"] for message in await replies(sandbox)] == ["delivered"]

    assert (await order(sandbox, f"/api/v1/failed/{work['id']}/retry", {}))[0] == 200
    await settled(sandbox)
    assert len(sandbox.twilio.sent) == 1
    assert await failed(sandbox) == []


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["first", "second", "third"])
@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not_applied"])
async def test_three_identical_replies_are_three_texts_whichever_is_lost(
    start_sandbox: Start, lost: int, *, applied: bool
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True

    for number in range(3):
        if number == lost:
            lose = sandbox.twilio.faults.lose_answer if applied else sandbox.twilio.faults.drop
            lose(*SEND)
        await sandbox.zendesk.agent_replies(ticket, "<p>Yes</p>")
        await settled(sandbox)

    assert words(sandbox) == ["Yes", "Yes", "Yes"]
    known = [message["carrier_id"] for message in await replies(sandbox)]
    assert known == [sent.sid for sent in sandbox.twilio.sent]


async def test_part_in_the_middle_whose_answer_is_lost_is_not_doubled(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=SOON)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    hold = sandbox.twilio.faults.hold_after(*SEND)

    await sandbox.zendesk.agent_replies(ticket, f"<p>{'long ' * 900}</p>")
    await hold.wait_arrived()
    sandbox.twilio.faults.lose_answer(*SEND)
    hold.open()
    await settled(sandbox)

    assert len(sandbox.twilio.sent) == 3
    assert " ".join(words(sandbox)) == ("long " * 900).strip()


async def test_opt_out_while_the_outcome_is_unknown_stops_the_second_try(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT="0.05")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.drop(*SEND)
    await sandbox.zendesk.agent_replies(ticket, "<p>Lost</p>")
    await eventually(lambda: sends(sandbox))

    await sandbox.twilio.customer_texts(MAYA, "+12025550100", "STOP")
    await settled(sandbox)

    assert len(sends(sandbox)) == 1
    assert [message["state"] for message in await replies(sandbox)] == ["refused"]


async def _tries(sandbox: Sandbox) -> object:
    service = sandbox.service
    assert service is not None
    sql = "SELECT 1 FROM attempts WHERE kind = 'send'"
    return await service.database.read(lambda tx: tx.first(sql))


async def test_lost_answer_to_a_text_that_did_not_arrive_is_one_note(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT=NEVER)
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    sandbox.twilio.faults.lose_answer(*SEND)

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await settled(sandbox)

    (note,) = notes(sandbox, ticket)  # and none that it went out after all
    assert "did not reach" in note
    assert [message["state"] for message in await replies(sandbox)] == ["undelivered"]
