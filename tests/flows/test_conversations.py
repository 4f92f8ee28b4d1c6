"""One pair of numbers, one ticket, in order; and what stands in the comments."""

from __future__ import annotations

import asyncio

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    AMIRA,
    JONAS,
    MAYA,
    ORDERS,
    VIP,
    customer_comments,
    messages,
    only_ticket,
    our_comments,
    sender,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start, eventually

pytestmark = pytest.mark.both_engines

BODIES = {
    "emoji": "My order is late 😀👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "مرحبا، أين طلبي؟ \u202eabc",
    "line breaks": "one\n\ntwo\r\nthree\n",
    "html": "<script>alert(1)</script> & <b>bold</b> &amp;",
    "placeholder": "{{ticket.id}} {{ticket.requester.email}} {% if true %}",
    "markdown": "# big\n* **bold** [link](https://example.com) `code` > quote",
    "blanks around": "  \t spaced out \u00a0 ",
    "ticket numbers": "merged into request #1 @agent ##",
    "longest": "x" * 1599 + "😀",
    "many scripts": "Ελλάδα Россия 日本語 한국어 ไทย हिन्दी",
    "json": '{"ticket": {"status": "solved"}}\\u0041',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_comment_is_the_text_exactly_as_sent(sandbox: Sandbox, body: str) -> None:
    await text(sandbox, MAYA, ACME, body, f"again: {body}"[:1600])

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket) == [body, f"again: {body}"[:1600]]
    assert "<script>" not in ticket.comments[0].html_body
    assert ticket.status == "new"
    assert (await messages(sandbox))[0]["body"] == body


@pytest.mark.parametrize("body", ["", "   ", "\n"], ids=["nothing", "blanks", "line break"])
async def test_text_without_words_is_still_a_comment(sandbox: Sandbox, body: str) -> None:
    await text(sandbox, MAYA, ACME, body, "words")

    assert customer_comments(only_ticket(sandbox)) == ["(an empty text)", "words"]
    assert [one["body"] for one in await messages(sandbox)] == [body, "words"]


async def test_files_are_named_with_their_links(sandbox: Sandbox) -> None:
    media = [("image/jpeg", b"jpeg"), ("application/pdf", b"pdf")]
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", media)
    await sandbox.twilio.customer_texts(MAYA, ACME, "", media[:1])
    await settle(sandbox)

    first, second = await messages(sandbox)
    jpeg, pdf = (item["url"] for item in first["media"])
    assert [item["content_type"] for item in first["media"]] == ["image/jpeg", "application/pdf"]
    assert customer_comments(only_ticket(sandbox)) == [
        f"Look\n\n[image/jpeg] {jpeg}\n[application/pdf] {pdf}",
        f"[image/jpeg] {second['media'][0]['url']}",
    ]


async def test_ticket_carries_tags_number_and_the_senders_choices(start_sandbox: Start) -> None:
    sandbox = await start_sandbox()
    account = sandbox.zendesk.account
    brand, group, form = account.new_id(), account.new_id(), account.new_id()
    tables = account.resources
    for name, key in (("brands", brand), ("groups", group), ("ticket_forms", form)):
        tables[name][key] = {"id": key, "name": "Another"}
    choices = {"brand_id": brand, "group_id": group, "ticket_form_id": form}
    await sandbox.set_up(sender(ACME, tags=["US", "east_coast"], **choices))

    await text(sandbox, MAYA, ACME, "hello")

    ticket = only_ticket(sandbox)
    (field,) = (
        key for key, one in tables["ticket_fields"].items() if one["removable"] is not False
    )
    assert set(ticket.tags) == {"sms", "sms_bridge", "us", "east_coast"}
    assert ticket.custom_fields[field] == ACME
    assert (ticket.brand_id, ticket.group_id, ticket.ticket_form_id) == (brand, group, form)


async def test_comments_carry_the_mark_of_their_message(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first", "second")

    ticket, shown = only_ticket(sandbox), await messages(sandbox)
    assert [one.custom["sms_bridge"] for one in our_comments(ticket)] == [m["id"] for m in shown]
    assert [one.id for one in our_comments(ticket)] == [m["comment_id"] for m in shown]
    assert ticket.external_id == shown[0]["id"]
    assert {(m["ticket_id"], m["verdict"], m["state"]) for m in shown} == {
        (ticket.id, "ticket", "done")
    }
    assert {(m["sender"], m["customer"], m["carrier"], m["error"]) for m in shown} == {
        (ACME, MAYA, "twilio", None)
    }
    assert [m["carrier_id"] for m in shown] == [m.sid for m in sandbox.twilio.messages]


async def test_two_brand_numbers_are_two_tickets_of_one_user(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "to acme")
    await text(sandbox, MAYA, VIP, "to vip")
    await text(sandbox, MAYA, ACME, "acme again")

    first, second = tickets(sandbox)
    assert first.requester_id == second.requester_id
    assert customer_comments(first) == ["to acme", "acme again"]
    assert customer_comments(second) == ["to vip"]


async def test_two_brand_numbers_texted_at_once_make_one_user(sandbox: Sandbox) -> None:
    texts = [sandbox.twilio.customer_texts(MAYA, to, f"to {to}") for to in (ACME, ORDERS, VIP)]
    await asyncio.gather(*texts)
    await settle(sandbox)

    assert len(tickets(sandbox)) == 3
    assert len({ticket.requester_id for ticket in tickets(sandbox)}) == 1
    users = [one for one in sandbox.zendesk.users.values() if one.role == "end-user"]
    assert [user.phone for user in users] == [MAYA]


async def test_two_texts_at_once_make_one_ticket_and_one_comment(sandbox: Sandbox) -> None:
    texts = [sandbox.twilio.customer_texts(MAYA, ACME, body) for body in ("one", "two")]
    await asyncio.gather(*texts)
    await settle(sandbox)

    arrived = [one["body"] for one in await messages(sandbox)]
    assert sorted(arrived) == ["one", "two"]
    assert customer_comments(only_ticket(sandbox)) == arrived


async def test_burst_stands_in_order(sandbox: Sandbox) -> None:
    bodies = [f"text {number}" for number in range(30)]

    await text(sandbox, MAYA, ACME, *bodies)

    assert customer_comments(only_ticket(sandbox)) == bodies


async def test_burst_at_once_stands_in_order_of_arrival(sandbox: Sandbox) -> None:
    texts = [sandbox.twilio.customer_texts(MAYA, ACME, f"text {n}") for n in range(30)]
    await asyncio.gather(*texts)
    await settle(sandbox)

    arrived = [one["body"] for one in await messages(sandbox)]
    assert len(set(arrived)) == 30
    assert customer_comments(only_ticket(sandbox)) == arrived


async def test_conversations_do_not_wait_for_one_that_is_stuck(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(BRIDGE_HTTP_TIMEOUT="30")  # held for as long as it takes
    await text(sandbox, MAYA, ACME, "stuck soon")
    stuck = only_ticket(sandbox)
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{stuck.id}", times=1)
    await sandbox.twilio.customer_texts(MAYA, ACME, "stuck")
    await gate.wait_arrived()

    customers = [f"+1202555{number:04}" for number in range(150, 170)]
    await asyncio.gather(
        *(sandbox.twilio.customer_texts(one, ACME, f"from {one}") for one in customers)
    )
    await eventually(lambda: len(tickets(sandbox)) == 21, within_s=60)

    assert customer_comments(stuck) == ["stuck soon"]
    gate.open()
    await settle(sandbox)
    assert customer_comments(stuck) == ["stuck soon", "stuck"]
    for ticket in tickets(sandbox)[1:]:
        phone = sandbox.zendesk.users[ticket.requester_id].phone
        assert customer_comments(ticket) == [f"from {phone}"]


async def test_conversation_whose_ticket_is_refused_holds_up_nobody(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    refused = only_ticket(sandbox)
    path = f"/api/v2/tickets/{refused.id}"
    sandbox.zendesk.faults.refuse("PUT", path, 500, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "refused for now")

    await sandbox.twilio.customer_texts(JONAS, ACME, "jonas")
    await sandbox.twilio.customer_texts(AMIRA, ACME, "amira")
    await sandbox.twilio.customer_texts(MAYA, ORDERS, "maya elsewhere")
    await eventually(lambda: len(tickets(sandbox)) == 4)

    sandbox.zendesk.faults.clear()
    await settle(sandbox)
    assert customer_comments(refused) == ["hello", "refused for now"]


async def test_our_own_numbers_texting_each_other_make_no_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, ORDERS, ACME, "Thanks for your text!", "STOP", "JOIN")

    assert tickets(sandbox) == []
    shown = await messages(sandbox)
    assert [(one["verdict"], one["state"]) for one in shown] == [("loop", "done")] * 3
    assert sandbox.twilio.sent == []
