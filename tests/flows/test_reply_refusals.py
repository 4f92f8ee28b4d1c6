"""Replies that may not or can't be sent: nothing leaves, and the agent is told at once, once."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    ORDERS,
    SEND,
    ask,
    failed,
    notes,
    open_ticket,
    order,
    phone,
    replies,
    sends,
    settled,
    words,
)


async def test_reply_to_somebody_opted_out_is_refused_and_the_agent_told_once(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)
    before = notes(sandbox, ticket)

    await sandbox.zendesk.agent_replies(ticket, "<p>One more thing</p>")
    await settled(sandbox)

    assert sends(sandbox) == []
    (note,) = notes(sandbox, ticket)[len(before) :]
    assert "opted out" in note
    assert "START" in note
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags
    (message,) = await replies(sandbox)
    assert message["state"] == "refused"
    assert await failed(sandbox) == []


async def test_opt_out_at_one_number_counts_for_all(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox, sender=ORDERS)
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)

    await sandbox.zendesk.agent_replies(ticket, "<p>From the other number</p>")
    await settled(sandbox)

    assert sends(sandbox) == []


async def test_stop_while_a_reply_waits_for_the_carrier_beats_it(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    away = sandbox.twilio.faults.refuse(*SEND, 429, times=None)
    await sandbox.zendesk.agent_replies(ticket, "<p>Buy more!</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>And more!</p>")
    await eventually(lambda: away.used > 0)

    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    sandbox.twilio.faults.clear()
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert {seen.status for seen in sends(sandbox)} == {429}  # never asked for after STOP
    assert [message["state"] for message in await replies(sandbox)] == ["refused", "refused"]
    told = [note for note in notes(sandbox, ticket) if "not texted" in note]
    assert len(told) == 2  # one for each reply


async def test_stop_between_the_parts_of_a_reply_keeps_the_rest_back(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    answer = sandbox.twilio.faults.hold_after(*SEND)
    await sandbox.zendesk.agent_replies(ticket, f"<p>{'long ' * 900}</p>")
    await answer.wait_arrived()

    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    answer.open()
    await settled(sandbox)

    assert len(sends(sandbox)) == 1  # it was on its way; the carrier wasn't asked for the others
    assert [message["state"] for message in await replies(sandbox)] == ["refused"]
    (note,) = (note for note in notes(sandbox, ticket) if "not texted" in note)
    assert "opted out" in note


async def test_after_start_replies_go_again(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Refused</p>")
    await settled(sandbox)

    await sandbox.twilio.customer_texts(MAYA, ACME, "START")
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Welcome back</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Welcome back"]


async def test_opt_out_that_only_the_carrier_knew_of_is_learnt(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.blocked.add((ACME, MAYA))

    await sandbox.zendesk.agent_replies(ticket, "<p>Hello?</p>")
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello??</p>")
    await settled(sandbox)

    assert [seen.status for seen in sends(sandbox)] == [400]  # the second one was not tried
    contact = await ask(sandbox, f"/api/v1/contacts/{MAYA}")
    (entry,) = contact["consent"]
    assert (entry["action"], entry["how"], entry["sender"]) == ("opt_out", "carrier", ACME)
    assert contact["opted_out_at"] is not None
    assert ["opted out" in note for note in notes(sandbox, ticket)] == [True, True]
    first, second = await replies(sandbox)
    assert (first["state"], first["error"]) == ("refused", "21610")
    assert second["state"] == "refused"
    assert await failed(sandbox) == []


async def test_start_lifts_the_opt_out_that_the_carrier_told_of(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.blocked.add((ACME, MAYA))
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello?</p>")
    await settled(sandbox)

    await sandbox.twilio.customer_texts(MAYA, ACME, "START")
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>There you are</p>")
    await settled(sandbox)

    assert words(sandbox) == ["There you are"]


@pytest.mark.parametrize("learnt", ["at_once", "by_report"])
async def test_landline_is_learnt_and_spared_until_it_texts(sandbox: Sandbox, learnt: str) -> None:
    ticket = await open_ticket(sandbox)
    if learnt == "at_once":
        sandbox.twilio.account.landlines.add(MAYA)  # 21614
    else:
        sandbox.twilio.deliveries[MAYA] = "undelivered:30006"
    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await settled(sandbox)
    sandbox.twilio.account.landlines.clear()
    sandbox.twilio.deliveries.clear()
    tried = len(sends(sandbox))

    await sandbox.zendesk.agent_replies(ticket, "<p>Second</p>")
    await settled(sandbox)
    assert len(sends(sandbox)) == tried
    assert len(notes(sandbox, ticket)) == 2
    assert all("landline" in note for note in notes(sandbox, ticket))

    await open_ticket(sandbox, "A text from the landline")
    await sandbox.zendesk.agent_replies(ticket, "<p>Third</p>")
    await settled(sandbox)
    assert words(sandbox) == ["Third"]


@pytest.mark.parametrize(
    ("code", "said"),
    [(21211, "valid phone number"), (21408, "country"), (21606, "admin"), (29999, "29999")],
)
async def test_refusal_by_the_carrier_is_failed_work_until_somebody_repairs_it(
    sandbox: Sandbox, code: int, said: str
) -> None:
    ticket = await open_ticket(sandbox)
    body = f'{{"code": {code}, "message": "No", "status": 400}}'
    sandbox.twilio.faults.refuse(*SEND, 400, body=body, times=1)

    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Second</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Second"]  # one reply's trouble is its own
    (work,) = await failed(sandbox)
    (message, _) = await replies(sandbox)
    assert (work["kind"], work["message_id"]) == ("send", message["id"])
    assert (work["ticket_id"], work["attempts"]) == (ticket, 1)
    assert (message["state"], message["error"]) == ("refused", str(code))
    (note,) = notes(sandbox, ticket)
    assert said in note
    assert f"(code {code})" in note
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags

    assert (await order(sandbox, f"/api/v1/failed/{work['id']}/retry", {}))[0] == 200
    await settled(sandbox)
    assert words(sandbox) == ["Second", "First"]
    assert await failed(sandbox) == []
    assert (await replies(sandbox))[0]["state"] == "delivered"
    assert len(notes(sandbox, ticket)) == 2  # the second says that it went out after all


async def test_retry_that_fails_again_tells_the_agent_again(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.invalid.add(MAYA)
    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await settled(sandbox)
    (work,) = await failed(sandbox)

    for _ in range(2):  # asking twice does no harm
        assert (await order(sandbox, f"/api/v1/failed/{work['id']}/retry", {}))[0] == 200
    await settled(sandbox)

    assert len(await failed(sandbox)) == 1
    assert len(notes(sandbox, ticket)) == len(sends(sandbox))


async def test_retry_after_the_customer_opted_out_is_refused(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.invalid.add(MAYA)
    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await settled(sandbox)
    (work,) = await failed(sandbox)
    sandbox.twilio.account.invalid.clear()
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)

    assert (await order(sandbox, f"/api/v1/failed/{work['id']}/retry", {}))[0] == 200
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert (await replies(sandbox))[0]["state"] == "refused"
    assert await failed(sandbox) == []


async def test_wrong_carrier_credentials_hold_replies_until_they_are_right(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    right = sandbox.twilio.auth_token
    sandbox.twilio.rest.auth_token = "another"
    await sandbox.zendesk.agent_replies(ticket, "<p>Patience</p>")
    await eventually(lambda: any(seen.status == 401 for seen in sends(sandbox)))

    sandbox.twilio.rest.auth_token = right
    await settled(sandbox)

    assert phone(sandbox) == [(ACME, "Patience")]
    assert notes(sandbox, ticket) == []


async def test_customer_who_texts_from_a_short_code_is_not_texted(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox, "Your code is 1234", customer="22395")

    await sandbox.zendesk.agent_replies(ticket, "<p>Thanks</p>")
    await settled(sandbox)

    assert sends(sandbox) == []
    assert any("can't be answered" in note for note in notes(sandbox, ticket))
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags
