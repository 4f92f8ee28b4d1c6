"""What becomes of a text: states only move forward, and a failure reaches the agent once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp
import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.twilio.signature import sign
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    SEND,
    SENDER,
    ask,
    failed,
    metric,
    notes,
    open_ticket,
    replies,
    settled,
    words,
)


async def test_state_follows_the_text_to_the_phone(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)

    (message,) = await replies(sandbox)
    assert message["state"] == "sent"
    assert await sandbox.twilio.release_callbacks() == [200, 200]

    (message,) = await replies(sandbox)
    assert message["state"] == "delivered"
    assert (message["ticket_id"], message["comment_id"]) == (ticket, comment.id)
    assert message["carrier_id"] == sandbox.twilio.sent[0].sid
    assert notes(sandbox, ticket) == []


@pytest.mark.parametrize(
    ("outcome", "state", "said"),
    [
        ("undelivered:30003", "undelivered", "could not be reached"),
        ("undelivered:30005", "undelivered", "No phone has this number"),
        ("failed:30007", "failed", "filtered"),
        ("failed:30008", "failed", "did not say why"),
        ("undelivered:39999", "undelivered", "39999"),
    ],
)
async def test_failure_is_one_private_note_with_words_code_and_tag(
    sandbox: Sandbox, outcome: str, state: str, said: str
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = outcome
    code = outcome.partition(":")[2]

    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>", status="solved")
    await settled(sandbox)

    (note,) = notes(sandbox, ticket)
    assert said in note
    assert f"(code {code})" in note
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags
    assert sandbox.zendesk.tickets[ticket].status == "solved"
    (message,) = await replies(sandbox)
    assert (message["state"], message["error"]) == (state, code)
    assert len(sandbox.twilio.sent) == 1


async def test_failure_opens_the_ticket_again_where_that_is_set(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(SENDER + "reopen_on_failure = true\n")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"

    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>", status="solved")
    await eventually(lambda: sandbox.zendesk.tickets[ticket].status == "open")
    await settled(sandbox)

    assert len(notes(sandbox, ticket)) == 1


async def test_failure_on_a_ticket_closed_meanwhile_reaches_the_agent_in_a_follow_up(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>", status="solved")
    await settled(sandbox)
    await sandbox.zendesk.set_status(ticket, "closed")

    await sandbox.twilio.release_callbacks()
    await settled(sandbox)

    (follow_up,) = sandbox.zendesk.tickets[ticket].followup_ids
    (note,) = notes(sandbox, follow_up)
    assert "could not be reached" in note
    assert len(sandbox.twilio.sent) == 1


@pytest.mark.parametrize(
    ("order_of_reports", "copies"),
    [([1, 0], 1), ([0, 1], 3), ([1, 0, 1], 2), ([1], 1)],
    ids=["swapped", "thrice", "mixed", "first_lost"],
)
@pytest.mark.parametrize(
    ("outcome", "state"), [("delivered", "delivered"), ("undelivered:30003", "undelivered")]
)
async def test_reports_in_disorder_end_in_the_same_state(
    sandbox: Sandbox, order_of_reports: Sequence[int], copies: int, outcome: str, state: str
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.deliveries[MAYA] = outcome
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)

    statuses = await sandbox.twilio.release_callbacks(order_of_reports, copies=copies)
    await settled(sandbox)

    assert set(statuses) == {200}
    assert [message["state"] for message in await replies(sandbox)] == [state]
    assert len(notes(sandbox, ticket)) == (0 if state == "delivered" else 1)


@pytest.mark.parametrize("outcome", ["delivered", "undelivered:30003"])
async def test_reports_before_our_own_answer_are_not_lost(sandbox: Sandbox, outcome: str) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = outcome
    hold = sandbox.twilio.faults.hold_after(*SEND)

    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await hold.wait_arrived()
    await eventually(lambda: len(sandbox.twilio.callback_log) == 2)
    hold.open()
    await settled(sandbox)

    assert [message["state"] for message in await replies(sandbox)] == [outcome.partition(":")[0]]
    assert len(notes(sandbox, ticket)) == (0 if outcome == "delivered" else 1)
    assert len(sandbox.twilio.sent) == 1


async def test_delivery_after_a_failure_counts_and_a_failure_after_delivery_does_not(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    (sent,) = sandbox.twilio.sent

    sandbox.twilio.report(sent.sid, "delivered")
    await settled(sandbox)
    (message,) = await replies(sandbox)
    assert (message["state"], message["error"]) == ("delivered", None)

    sandbox.twilio.report(sent.sid, "undelivered", 30003)
    await settled(sandbox)
    (message,) = await replies(sandbox)
    assert (message["state"], message["error"]) == ("delivered", None)
    assert len(notes(sandbox, ticket)) == 1


async def test_failure_of_two_parts_is_told_once(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"

    await sandbox.zendesk.agent_replies(ticket, f"<p>{'long ' * 600}</p>")
    await settled(sandbox)

    told = [note for note in notes(sandbox, ticket) if "did not reach" in note]
    assert len(told) == 1
    (message,) = await replies(sandbox)
    assert message["state"] == "undelivered"
    assert [part["state"] for part in message["parts"]] == ["undelivered", "undelivered"]


async def test_report_on_an_unknown_text_is_taken_and_changes_nothing(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    before = await replies(sandbox)

    assert await _report(sandbox, "SM" + "f" * 32, "undelivered") == 200
    assert await _report(sandbox, "SM" + "f" * 32, "failed", ref="no-such-part") == 200
    await settled(sandbox)

    assert await replies(sandbox) == before
    assert notes(sandbox, ticket) == []


async def test_report_that_carries_another_texts_reference_is_not_believed(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    (sent,) = sandbox.twilio.sent
    ref = str(sent.status_callback).partition("ref=")[2]

    assert await _report(sandbox, "SM" + "f" * 32, "undelivered", ref=ref) == 200
    await settled(sandbox)

    assert [message["state"] for message in await replies(sandbox)] == ["delivered"]


async def test_forged_report_is_refused_and_changes_nothing(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    (sent,) = sandbox.twilio.sent

    assert await _report(sandbox, sent.sid, "failed", token="not-the-token") == 403
    sandbox.twilio.signing_token = "not-the-token"
    assert await sandbox.twilio.release_callbacks() == [403, 403]
    await settled(sandbox)

    assert [message["state"] for message in await replies(sandbox)] == ["sent"]
    assert notes(sandbox, ticket) == []


async def test_failed_delivery_is_not_sent_again_by_itself(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "failed:30008"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    sandbox.twilio.deliveries.clear()

    await sandbox.zendesk.agent_replies(ticket, "<p>Hello again</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Hello again"]
    assert await failed(sandbox) == []


async def test_failure_of_an_automatic_answer_bothers_no_agent(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"

    await sandbox.twilio.customer_texts(MAYA, ACME, "JOIN")
    await settled(sandbox)

    assert len(sandbox.twilio.sent) == 1
    assert notes(sandbox, ticket) == []


async def test_trace_tells_how_a_reply_went(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, 429, headers={"Retry-After": "0"})
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)

    (message,) = await replies(sandbox)
    trace = await ask(sandbox, f"/api/v1/messages/{message['id']}")
    assert [attempt["outcome"] for attempt in trace["attempts"]] == ["later", "done"]
    assert trace["work"] == []


async def test_many_reports_at_once_leave_one_state_and_one_note(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await settled(sandbox)
    (sent,) = sandbox.twilio.sent

    reports = [_report(sandbox, sent.sid, "undelivered", error="30003") for _ in range(8)]
    assert await asyncio.gather(*reports) == [200] * 8
    await settled(sandbox)

    assert len(notes(sandbox, ticket)) == 1
    for state in ("sent", "undelivered"):
        assert await metric(sandbox, f'bridge_outbound_texts_total{{state="{state}"}}') == 1, state


async def _report(
    sandbox: Sandbox,
    sid: str,
    state: str,
    *,
    ref: str | None = None,
    error: str | None = None,
    token: str | None = None,
) -> int:
    """Call the status webhook as the carrier does. Returns the HTTP status."""
    url = f"{sandbox.url}/carriers/twilio/status" + (f"?ref={ref}" if ref else "")
    fields = {
        "MessageSid": sid,
        "MessageStatus": state,
        "AccountSid": sandbox.twilio.account_sid,
        "To": MAYA,
        "From": ACME,
        **({"ErrorCode": error} if error else {}),
    }
    signature = sign(url, fields.items(), token or sandbox.twilio.auth_token)
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=fields, headers={"X-Twilio-Signature": signature}) as response,
    ):
        return response.status
