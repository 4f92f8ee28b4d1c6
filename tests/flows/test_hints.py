"""A webhook from Zendesk is a hint: whatever it says or fails to say, each reply goes out once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge.clock import rfc3339
from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    JONAS,
    MAYA,
    SEND,
    Json,
    ask,
    hook_statuses,
    notes,
    open_ticket,
    phone,
    replies,
    send_hint,
    settled,
    words,
)


async def test_every_hint_sent_twice_is_one_text_each(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.copies = 2

    await sandbox.zendesk.agent_replies(ticket, "<p>One</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Two</p>")
    await settled(sandbox)

    assert words(sandbox) == ["One", "Two"]


async def test_eight_hints_at_once_are_one_text(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.copies = 8

    await sandbox.zendesk.agent_replies(ticket, "<p>Only once</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Only once"]
    assert hook_statuses(sandbox)[-8:] == [200] * 8


@pytest.mark.parametrize(
    "order", [[2, 0, 1], [2], [1, 1, 1]], ids=["reordered", "last_one_only", "middle_one_thrice"]
)
async def test_hints_in_disorder_give_texts_in_order(sandbox: Sandbox, order: list[int]) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.hold_webhooks()

    for number in range(3):
        await sandbox.zendesk.agent_replies(ticket, f"<p>Step {number}</p>")
    await sandbox.zendesk.release_webhooks(order)
    await settled(sandbox)

    assert words(sandbox) == ["Step 0", "Step 1", "Step 2"]


async def test_hint_long_after_the_text_went_out_changes_nothing(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await settled(sandbox)

    assert await send_hint(sandbox, {"ticket_id": ticket, "comment_id": comment.id}) == 200
    await settled(sandbox)

    assert words(sandbox) == ["Once"]


@pytest.mark.parametrize("comment_id", ["", None, "360000999999"], ids=["blank", "null", "another"])
async def test_hint_that_names_no_comment_or_a_wrong_one_is_enough(
    sandbox: Sandbox, comment_id: str | None
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    await sandbox.zendesk.agent_replies(ticket, "<p>Found all the same</p>")

    payload = {"ticket_id": str(ticket), "comment_id": comment_id}
    assert await send_hint(sandbox, payload) == 200
    await settled(sandbox)

    assert words(sandbox) == ["Found all the same"]


async def test_hint_with_the_comment_of_another_ticket_sends_nothing_to_the_wrong_phone(
    sandbox: Sandbox,
) -> None:
    mayas = await open_ticket(sandbox, "From Maya")
    await open_ticket(sandbox, "From Jonas", customer=JONAS)
    jonas = max(sandbox.zendesk.tickets)
    sandbox.zendesk.deliveries.lost = True
    comment = await sandbox.zendesk.agent_replies(mayas, "<p>For Maya alone</p>")

    assert await send_hint(sandbox, {"ticket_id": jonas, "comment_id": comment.id}) == 200
    await settled(sandbox)
    assert sandbox.twilio.sent == []

    assert await send_hint(sandbox, {"ticket_id": mayas, "comment_id": comment.id}) == 200
    await settled(sandbox)
    assert (words(sandbox), words(sandbox, JONAS)) == (["For Maya alone"], [])


async def test_events_beside_the_trigger_are_still_one_text(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    (webhook,) = sandbox.zendesk.webhooks.table.values()
    webhook["subscriptions"] = [
        "conditional_ticket_events",
        "zen:event-type:ticket.comment_added",
        "zen:event-type:ticket.status_changed",
    ]
    before = len(hook_statuses(sandbox))

    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>", status="pending")
    await settled(sandbox)

    assert words(sandbox) == ["Once"]
    assert hook_statuses(sandbox)[before:] == [200] * 3


async def test_event_alone_brings_the_reply(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    (webhook,) = sandbox.zendesk.webhooks.table.values()
    sandbox.zendesk.account.resources["triggers"].clear()
    webhook["subscriptions"] = ["zen:event-type:ticket.comment_added"]

    await sandbox.zendesk.agent_replies(ticket, "<p>By event</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>A note by event</p>", public=False)
    await settled(sandbox)

    assert words(sandbox) == ["By event"]


async def test_reply_before_our_own_answer_is_stored_finds_its_customer(sandbox: Sandbox) -> None:
    created = sandbox.zendesk.faults.hold_after("POST", "/api/v2/tickets*")
    await sandbox.twilio.customer_texts(MAYA, ACME, "Hello?")
    await created.wait_arrived()
    await eventually(lambda: sandbox.zendesk.tickets)
    (ticket,) = sandbox.zendesk.tickets

    await sandbox.zendesk.agent_replies(ticket, "<p>Quick as lightning</p>")
    await eventually(lambda: words(sandbox) == ["Quick as lightning"])
    created.open()
    await settled(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>And again</p>")
    await settled(sandbox)

    assert phone(sandbox) == [(ACME, "Quick as lightning"), (ACME, "And again")]
    assert len(sandbox.zendesk.tickets) == 1


async def is_known_on(sandbox: Sandbox, ticket: int) -> bool:
    """Whether the bridge knows of a text on this ticket."""
    found = (await ask(sandbox, "/api/v1/messages"))["messages"]
    return any(message["ticket_id"] == ticket for message in found)


async def test_look_that_comes_late_takes_no_conversation_back_to_an_earlier_ticket(
    sandbox: Sandbox,
) -> None:
    created = sandbox.zendesk.faults.hold_after("POST", "/api/v2/tickets*")
    await sandbox.twilio.customer_texts(MAYA, ACME, "One")
    await created.wait_arrived()
    await eventually(lambda: sandbox.zendesk.tickets)
    (first,) = sandbox.zendesk.tickets
    looked = sandbox.zendesk.faults.hold_after("GET", f"/api/v2/tickets/{first}")
    await sandbox.zendesk.agent_replies(first, "<p>Which one?</p>")
    await looked.wait_arrived()  # the ticket is not known to be ours

    created.open()
    await eventually(lambda: is_known_on(sandbox, first))
    await sandbox.zendesk.set_status(first, "closed")
    await sandbox.twilio.customer_texts(MAYA, ACME, "Two")
    await eventually(lambda: len(sandbox.zendesk.tickets) == 2)
    second = max(sandbox.zendesk.tickets)
    await eventually(lambda: is_known_on(sandbox, second))
    looked.open()
    await settled(sandbox)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Three")
    await settled(sandbox)

    assert list(sandbox.zendesk.tickets) == [first, second]
    assert words(sandbox) == ["Which one?"]


@pytest.mark.parametrize("answer", ["lost", "late"])
async def test_reply_on_a_ticket_whose_creation_is_uncertain_goes_once(
    sandbox: Sandbox, answer: str
) -> None:
    if answer == "lost":
        sandbox.zendesk.faults.lose_answer("POST", "/api/v2/tickets*")
    else:
        sandbox.zendesk.faults.delay("POST", "/api/v2/tickets*", after_s=2.5)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Hello?")
    await eventually(lambda: sandbox.zendesk.tickets)
    (ticket,) = sandbox.zendesk.tickets

    await sandbox.zendesk.agent_replies(ticket, "<p>Here</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Here"]
    assert len(sandbox.zendesk.tickets) == 1
    assert [comment.plain_body for comment in sandbox.zendesk.comments(ticket)] == [
        "Hello?",
        "Here",
    ]


async def test_hint_for_a_ticket_that_is_not_there_is_taken_and_forgotten(
    sandbox: Sandbox,
) -> None:
    assert await send_hint(sandbox, {"ticket_id": 987654, "comment_id": ""}) == 200
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert (await ask(sandbox, "/api/v1/failed"))["failed"] == []


async def test_reply_on_a_ticket_that_no_text_is_on_reaches_no_phone(sandbox: Sandbox) -> None:
    await open_ticket(sandbox)
    requester = sandbox.zendesk.add_user(name="By Mail", phone="+12025550177")
    ticket = await sandbox.zendesk.agent_opens(
        requester, "<p>About your e-mail</p>", tags=["sms", "sms_bridge"]
    )

    await sandbox.zendesk.agent_replies(ticket.id, "<p>Another mail</p>")
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert notes(sandbox, ticket.id) == []


async def test_reply_whose_hint_was_lost_comes_with_the_next_one(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await sandbox.zendesk.idle()
    sandbox.zendesk.deliveries.lost = False

    await sandbox.zendesk.agent_replies(ticket, "<p>Second</p>")
    await settled(sandbox)

    assert words(sandbox) == ["First", "Second"]


async def test_hint_while_zendesk_is_away_is_answered_and_followed_later(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.faults.down()
    await sandbox.zendesk.agent_replies(ticket, "<p>Patience</p>")
    await eventually(lambda: len(sandbox.zendesk.faults.seen("GET", "*/comments*")) > 2)
    assert hook_statuses(sandbox)[-1] == 200
    assert sandbox.twilio.sent == []

    sandbox.zendesk.faults.down(False)
    await settled(sandbox)

    assert words(sandbox) == ["Patience"]


@pytest.mark.parametrize(
    ("forgery", "skew_ms"),
    [
        ({"secret": "not-the-webhooks-secret"}, 0),
        ({"secret": "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="}, 0),
        ({}, -301_000),
        ({}, 301_000),
        ({"signed_at": "yesterday"}, 0),
    ],
    ids=["forged", "public_test_secret", "stale", "from_the_future", "no_time"],
)
async def test_forged_or_stale_hint_is_refused_and_stored_nowhere(
    sandbox: Sandbox, forgery: Mapping[str, str], skew_ms: int
) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    await sandbox.zendesk.agent_replies(ticket, "<p>Must wait</p>")
    given: Json = {"signed_at": rfc3339(sandbox.clock.now_ms() + skew_ms), **forgery}
    before = await _rows(sandbox)

    assert await send_hint(sandbox, {"ticket_id": ticket, "comment_id": ""}, **given) == 403
    await settled(sandbox)

    assert await _rows(sandbox) == before
    assert sandbox.twilio.sent == []
    assert await send_hint(sandbox, {"ticket_id": ticket, "comment_id": ""}) == 200
    await settled(sandbox)
    assert words(sandbox) == ["Must wait"]


async def test_secret_given_by_the_operator_is_the_one_that_counts(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(BRIDGE_ZENDESK_WEBHOOK_SECRET="chosen-by-the-operator-1")
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Signed with another</p>")
    await sandbox.zendesk.idle()
    assert hook_statuses(sandbox)[-1] == 403

    (webhook,) = sandbox.zendesk.webhooks.table.values()
    webhook["_secret"] = "chosen-by-the-operator-1"
    await sandbox.zendesk.agent_replies(ticket, "<p>Signed with this</p>")
    await settled(sandbox)

    assert hook_statuses(sandbox)[-1] == 200
    assert words(sandbox) == ["Signed with another", "Signed with this"]


async def test_hint_that_is_malformed_is_named_and_changes_nothing(sandbox: Sandbox) -> None:
    before = await _rows(sandbox)

    assert await send_hint(sandbox, {"ticket_id": "seven", "comment_id": ""}) == 400
    assert await send_hint(sandbox, b"not json") == 400

    assert await _rows(sandbox) == before


async def test_carrier_calls_nothing_that_no_reply_asked_for(sandbox: Sandbox) -> None:
    await open_ticket(sandbox)
    assert sandbox.twilio.faults.seen(*SEND) == []
    assert await replies(sandbox) == []


async def _rows(sandbox: Sandbox) -> list[int]:
    """How much is stored, table by table; refused webhooks are counted elsewhere."""
    service = sandbox.service
    assert service is not None
    tables = ("messages", "parts", "work", "attempts", "comments", "cursors", "contacts", "tickets")
    counts = []
    for table in tables:
        sql = f"SELECT count(*) AS n FROM {table}"
        row = await service.database.read(lambda tx, sql=sql: tx.first(sql))  # type: ignore[misc]
        counts.append(int(row["n"]))
    return counts
