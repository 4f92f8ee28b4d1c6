"""Texts that another program sends, or tells of, are texts like any other."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import Start
from tests.flows.outbound import (
    ACME,
    JONAS,
    MAYA,
    SEND,
    VIP,
    ask,
    failed,
    metric,
    notes,
    open_ticket,
    order,
    phone,
    replies,
    settled,
    words,
)

MESSAGES = "/api/v1/messages"
FIELDS = {
    *("id", "direction", "sender", "customer", "body", "media", "verdict", "state", "ticket_id"),
    *("comment_id", "carrier", "carrier_id", "segments", "error", "created_at", "parts"),
}


def asked(**changes: object) -> dict[str, object]:
    """An order for a text."""
    return {
        "sender": ACME,
        "customer": MAYA,
        "body": "Your table is ready",
        "kind": "conversation",
        "send": True,
        **changes,
    }


async def test_text_is_sent_and_noted_on_the_open_ticket(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    status, message = await order(sandbox, MESSAGES, asked())
    await settled(sandbox)

    assert (status, message["state"]) == (201, "queued")
    assert phone(sandbox) == [(ACME, "Your table is ready")]
    (note,) = notes(sandbox, ticket)
    assert "Your table is ready" in note
    assert ACME in note
    (stored,) = await replies(sandbox)
    assert (stored["id"], stored["state"]) == (message["id"], "delivered")


async def test_text_sent_elsewhere_is_recorded_and_noted_but_not_sent(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    status, message = await order(sandbox, MESSAGES, asked(send=False, kind="campaign"))
    await settled(sandbox)

    assert (status, message["state"]) == (201, "sent")
    assert sandbox.twilio.sent == []
    (note,) = notes(sandbox, ticket)
    assert "Your table is ready" in note


async def test_text_to_somebody_new_needs_no_ticket(sandbox: Sandbox) -> None:
    assert (await order(sandbox, MESSAGES, asked(customer=JONAS)))[0] == 201
    await settled(sandbox)

    assert words(sandbox, JONAS) == ["Your table is ready"]
    assert sandbox.zendesk.tickets == {}
    assert await failed(sandbox) == []


async def test_short_code_sends_under_its_plain_digits(sandbox: Sandbox) -> None:
    status, message = await order(sandbox, MESSAGES, asked(sender=VIP))
    await settled(sandbox)

    assert (status, message["sender"]) == (201, VIP)
    assert phone(sandbox) == [(VIP, "Your table is ready")]


async def test_same_key_is_the_same_text_also_at_once(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    keyed = asked(idempotency_key="order-77")

    answers = await asyncio.gather(*(order(sandbox, MESSAGES, keyed) for _ in range(5)))
    await settled(sandbox)
    answers.append(await order(sandbox, MESSAGES, keyed))

    assert sorted(status for status, _ in answers) == [200] * 5 + [201]
    assert len({message["id"] for _, message in answers}) == 1
    assert words(sandbox) == ["Your table is ready"]
    assert len(notes(sandbox, ticket)) == 1


async def test_same_key_for_another_text_is_refused(sandbox: Sandbox) -> None:
    await order(sandbox, MESSAGES, asked(idempotency_key="order-77"))

    status, problem = await order(
        sandbox, MESSAGES, asked(idempotency_key="order-77", body="Another")
    )
    await settled(sandbox)

    assert status == 400
    assert "idempotency_key" in str(problem)
    assert words(sandbox) == ["Your table is ready"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sender": "+12025550199"}, "sender"),
        ({"customer": "not a number"}, "customer"),
        ({"body": "   "}, "body"),
        ({"body": 7}, "body"),
        ({"kind": "spam"}, "kind"),
        ({"send": "yes"}, "send"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=["unknown_sender", "no_number", "blank", "no_text", "kind", "send", "unknown_field"],
)
async def test_bad_order_is_refused_with_the_field_named_and_nothing_kept(
    sandbox: Sandbox, change: dict[str, object], field: str
) -> None:
    status, problem = await order(sandbox, MESSAGES, asked(**change))
    await settled(sandbox)

    assert status == 400
    assert field in str(problem)
    assert await replies(sandbox) == []
    assert sandbox.twilio.sent == []


async def test_opted_out_customer_is_not_texted_and_the_order_says_so(sandbox: Sandbox) -> None:
    await open_ticket(sandbox)
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)

    _, message = await order(sandbox, MESSAGES, asked())
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    stored = {found["id"]: found["state"] for found in await replies(sandbox)}
    assert stored[message["id"]] == "refused"


async def test_campaign_whose_answer_is_lost_for_good_is_held_not_doubled(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_SETTLE_WAIT="0.02")
    sandbox.twilio.faults.drop(*SEND)

    await order(sandbox, MESSAGES, asked(kind="campaign"))
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert [message["state"] for message in await replies(sandbox)] == ["uncertain"]
    assert len(await failed(sandbox)) == 1


async def test_answer_to_a_text_of_ours_makes_a_ticket_that_is_answered(sandbox: Sandbox) -> None:
    await order(sandbox, MESSAGES, asked())
    await settled(sandbox)

    ticket = await open_ticket(sandbox, "Thanks, coming!")
    await sandbox.zendesk.agent_replies(ticket, "<p>See you</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Your table is ready", "See you"]


async def test_list_shows_both_directions_in_the_documented_shape(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>On its way 😀</p>")
    await settled(sandbox)

    answer = await ask(sandbox, MESSAGES, customer=MAYA)
    assert set(answer) == {"messages", "next"}
    reply, text = answer["messages"]
    assert set(reply) >= FIELDS
    assert set(text) >= FIELDS
    assert (text["direction"], text["verdict"], text["state"]) == ("inbound", "ticket", "done")
    assert (reply["direction"], reply["verdict"], reply["state"]) == ("outbound", None, "delivered")
    assert text["ticket_id"] == reply["ticket_id"] == ticket
    assert reply["comment_id"] == comment.id
    assert reply["segments"] == 1
    assert reply["parts"] == [
        {"carrier_id": sandbox.twilio.sent[0].sid, "state": "delivered", "segments": 1}
    ]


async def test_list_is_read_page_by_page_and_by_state(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    for number in range(5):
        await sandbox.zendesk.agent_replies(ticket, f"<p>Step {number}</p>")
    await settled(sandbox)

    seen: list[str] = []
    more: dict[str, str] = {}
    for _ in range(3):
        page: dict[str, Any] = await ask(sandbox, MESSAGES, limit="2", **more)
        seen += [message["body"] for message in page["messages"]]
        more = {"cursor": page["next"]} if page["next"] else {}
    assert more == {}
    assert seen == [f"Step {number}" for number in (4, 3, 2, 1, 0)] + ["Where is it?"]
    assert len((await ask(sandbox, MESSAGES, state="delivered"))["messages"]) == 5
    assert len((await ask(sandbox, MESSAGES, state="failed"))["messages"]) == 0


async def test_without_the_token_nothing_is_sent_or_told(sandbox: Sandbox) -> None:
    await open_ticket(sandbox)
    async with aiohttp.ClientSession(
        sandbox.url, headers={"Authorization": "Bearer wrong"}
    ) as session:
        async with session.post(MESSAGES, json=asked()) as response:
            assert response.status == 401
        async with session.get(MESSAGES) as response:
            assert response.status == 401
            assert MAYA not in await response.text()
    await settled(sandbox)

    assert sandbox.twilio.sent == []


async def test_measures_count_what_came_and_went(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>One</p>")
    await settled(sandbox)
    sandbox.twilio.account.invalid.add(MAYA)
    await sandbox.zendesk.agent_replies(ticket, "<p>Two</p>")
    await settled(sandbox)
    sandbox.zendesk.deliveries.skew_s = -900
    await sandbox.zendesk.agent_replies(ticket, "<p>Three</p>")
    await settled(sandbox)

    for name, value in {
        'bridge_inbound_texts_total{verdict="ticket"}': 1.0,
        'bridge_outbound_texts_total{state="sent"}': 1.0,
        'bridge_outbound_texts_total{state="delivered"}': 1.0,
        'bridge_outbound_texts_total{state="refused"}': 1.0,
        'bridge_work{state="failed"}': 1.0,
        'bridge_work{state="waiting"}': 0.0,
        'bridge_webhooks_refused_total{reason="signature",source="zendesk"}': 1.0,
        'bridge_attempts_total{kind="send",outcome="refused"}': 1.0,
    }.items():
        assert await metric(sandbox, name) == value, name


async def test_far_sides_being_away_do_not_make_the_bridge_unready(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.down()
    sandbox.twilio.faults.down()
    async with aiohttp.ClientSession(sandbox.url) as session:
        for path in ("/healthz", "/readyz"):
            async with session.get(path) as response:
                assert response.status == 200
