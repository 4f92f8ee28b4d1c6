"""What the bridge writes never becomes a text by itself, whoever's account it writes with."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    ORDERS,
    MovingClock,
    ask,
    notes,
    open_ticket,
    order,
    send_hint,
    settled,
    words,
)

ALL_EVENTS = [
    "conditional_ticket_events",
    "zen:event-type:ticket.created",
    "zen:event-type:ticket.comment_added",
    "zen:event-type:ticket.tags_changed",
    "zen:event-type:ticket.status_changed",
]


@pytest.mark.parametrize("outcome", ["undelivered:30003", "failed:30007"])
async def test_failure_that_fails_again_and_again_is_one_text_and_one_note_each(
    sandbox: Sandbox, outcome: str
) -> None:
    ticket = await open_ticket(sandbox)
    _hear_everything(sandbox)
    sandbox.twilio.deliveries[MAYA] = outcome

    for _ in range(3):
        await sandbox.zendesk.agent_replies(ticket, "<p>Hello?</p>")
        await settled(sandbox)

    assert len(sandbox.twilio.sent) == 3
    assert len(notes(sandbox, ticket)) == 3


async def test_note_that_somebody_makes_public_is_still_ours_and_not_texted(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.account.blocked.add((ACME, MAYA))
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello?</p>")
    await settled(sandbox)
    sandbox.twilio.account.blocked.clear()

    for comment in sandbox.zendesk.comments(ticket):
        comment.public = True
    assert await send_hint(sandbox, {"ticket_id": ticket, "comment_id": ""}) == 200
    await settled(sandbox)

    assert sandbox.twilio.sent == []


async def test_customers_texts_written_by_an_agents_account_are_not_texted_back(
    sandbox: Sandbox,
) -> None:
    _hear_everything(sandbox)
    pat = sandbox.zendesk.add_user(
        name="Pat Tester", email="pat@acme.example", role="agent", phone=MAYA, verified=True
    )
    ticket = await open_ticket(sandbox, "From an agent's own phone")
    await open_ticket(sandbox, "And once more")

    await sandbox.zendesk.agent_replies(ticket, "<p>Heard</p>", agent=pat)
    await settled(sandbox)

    assert words(sandbox) == ["Heard"]


async def test_agents_own_text_is_known_as_ours_before_its_id_is_stored(sandbox: Sandbox) -> None:
    sandbox.zendesk.add_user(
        name="Pat Tester", email="pat@acme.example", role="agent", phone=MAYA, verified=True
    )
    ticket = await open_ticket(sandbox, "From an agent's own phone")
    answer = sandbox.zendesk.faults.hold_after("PUT", f"/api/v2/tickets/{ticket}*")
    await sandbox.twilio.customer_texts(MAYA, ACME, "And once more")
    await answer.wait_arrived()
    looks = len(sandbox.zendesk.faults.seen("GET", "*/comments*"))

    assert await send_hint(sandbox, {"ticket_id": ticket, "comment_id": ""}) == 200
    await eventually(lambda: len(sandbox.zendesk.faults.seen("GET", "*/comments*")) > looks)
    answer.open()
    await settled(sandbox)

    assert sandbox.zendesk.comments(ticket)[-1].plain_body == "And once more"
    assert sandbox.twilio.sent == []


async def test_two_of_our_own_numbers_do_not_talk_to_each_other(sandbox: Sandbox) -> None:
    await sandbox.twilio.customer_texts(ORDERS, ACME, "JOIN")
    await sandbox.twilio.customer_texts(ACME, ORDERS, "Hello, me")
    await settled(sandbox)

    found = (await ask(sandbox, "/api/v1/messages"))["messages"]
    assert [message["verdict"] for message in found] == ["loop", "loop"]
    assert sandbox.zendesk.tickets == {}
    assert sandbox.twilio.sent == []


async def test_machine_that_answers_every_answer_is_met_with_silence_and_a_note(
    start_sandbox: Start,
) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    ticket = await open_ticket(sandbox)

    for _ in range(6):
        await sandbox.twilio.customer_texts(MAYA, ACME, "JOIN")
        await settled(sandbox)

    assert len(words(sandbox)) == 3
    (note,) = notes(sandbox, ticket)
    assert "three automatic answers within an hour" in note
    found = (await ask(sandbox, "/api/v1/messages", customer=MAYA, limit="200"))["messages"]
    assert sum(message["verdict"] == "keyword" for message in found) == 6
    await sandbox.twilio.customer_texts(MAYA, ORDERS, "JOIN")  # another number of ours
    await settled(sandbox)
    assert len(words(sandbox)) == 4
    clock.ahead_ms += 3_700_000
    await sandbox.twilio.customer_texts(MAYA, ACME, "JOIN")
    await settled(sandbox)
    assert len(words(sandbox)) == 5


async def test_text_recorded_on_the_ticket_is_not_sent_again_by_its_note(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    _hear_everything(sandbox)
    asked = {"sender": ACME, "customer": MAYA, "body": "Our sale is on", "kind": "campaign"}

    assert (await order(sandbox, "/api/v1/messages", {**asked, "send": False}))[0] == 201
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>An agent</p>")
    await settled(sandbox)

    assert words(sandbox) == ["An agent"]


def _hear_everything(sandbox: Sandbox) -> None:
    """Have the bridge's own writes hinted at as well."""
    (webhook,) = sandbox.zendesk.webhooks.table.values()
    webhook["subscriptions"] = ALL_EVENTS
