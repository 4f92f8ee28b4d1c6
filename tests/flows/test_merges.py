"""A merged ticket: the conversation goes along, but never to a stranger."""

from __future__ import annotations

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ORDERS,
    customer_comments,
    notes,
    settle,
    text,
    tickets,
)


async def _ticket_for(sandbox: Sandbox, requester_id: int, subject: str) -> Ticket:
    requester = sandbox.zendesk.users[requester_id]
    ticket = await sandbox.zendesk.agent_opens(requester, "<p>Hello</p>", subject=subject)
    ticket.comments[0].created_ms -= 60_000  # times have whole seconds: well before any merge
    return ticket


async def test_conversation_follows_merge_into_ticket_of_the_same_requester(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "By mail")
    await sandbox.zendesk.merge(first.id, target.id)

    await text(sandbox, MAYA, ACME, "second", "third")

    assert len(tickets(sandbox)) == 2
    assert customer_comments(target) == ["second", "third"]
    assert {"sms", "sms_bridge"} <= set(target.tags)


async def test_reply_on_merge_target_reaches_the_phone(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "By mail")
    await sandbox.zendesk.merge(first.id, target.id)
    await text(sandbox, MAYA, ACME, "second")

    await sandbox.zendesk.agent_replies(target.id, "<p>We are here</p>")
    await text(sandbox, MAYA, ACME, "third")

    assert [one.body for one in sandbox.twilio.handset(MAYA)] == ["We are here"]


async def test_texts_do_not_land_in_a_strangers_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "maya's")
    await text(sandbox, JONAS, ACME, "jonas's")
    first, strangers = tickets(sandbox)
    await sandbox.zendesk.merge(first.id, strangers.id)

    await text(sandbox, MAYA, ACME, "where are you?", "hello?")

    third = tickets(sandbox)[2]
    assert third.requester_id == first.requester_id
    assert customer_comments(third) == ["where are you?", "hello?"]
    assert customer_comments(strangers) == ["jonas's"]
    (note,) = notes(third)
    assert f"#{first.id}" in note
    assert f"#{strangers.id}" in note


async def test_stranger_keeps_his_ticket_after_the_merge(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "maya's")
    await text(sandbox, JONAS, ACME, "jonas's")
    first, strangers = tickets(sandbox)
    await sandbox.zendesk.merge(first.id, strangers.id)

    await text(sandbox, JONAS, ACME, "mine")

    assert customer_comments(strangers) == ["jonas's", "mine"]


async def test_conversation_follows_chain_of_merges(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    second = await _ticket_for(sandbox, first.requester_id, "Second")
    third = await _ticket_for(sandbox, first.requester_id, "Third")
    await sandbox.zendesk.merge(first.id, second.id)
    await sandbox.zendesk.merge(second.id, third.id)

    await text(sandbox, MAYA, ACME, "go on")

    assert len(tickets(sandbox)) == 3
    assert customer_comments(third) == ["go on"]


async def test_chain_of_merges_that_ends_closed_is_followed_up_there(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "Target")
    await sandbox.zendesk.merge(first.id, target.id)
    await sandbox.zendesk.set_status(target.id, "closed")

    await text(sandbox, MAYA, ACME, "go on")

    follow_up = tickets(sandbox)[2]
    assert follow_up.via["source"]["from"]["ticket_id"] == target.id
    assert customer_comments(follow_up) == ["go on"]


async def test_merge_between_look_and_write_takes_the_text_along(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "Target")
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{first.id}")
    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await gate.wait_arrived()
    await sandbox.zendesk.merge(first.id, target.id)
    gate.open()
    await settle(sandbox)

    assert len(tickets(sandbox)) == 2
    assert customer_comments(target) == ["second"]


async def test_opt_out_is_noted_on_the_merge_target(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "Target")
    await sandbox.zendesk.merge(first.id, target.id)

    await text(sandbox, MAYA, ACME, "Cancel")

    assert len(notes(target)) == 1


async def test_opt_out_is_not_noted_on_a_strangers_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "maya's")
    await text(sandbox, JONAS, ACME, "jonas's")
    first, strangers = tickets(sandbox)
    await sandbox.zendesk.merge(first.id, strangers.id)

    await text(sandbox, MAYA, ACME, "Cancel")

    assert notes(strangers) == []


async def test_chain_that_ends_at_a_stranger_is_left(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    await text(sandbox, JONAS, ACME, "jonas's")
    first, strangers = tickets(sandbox)
    second = await _ticket_for(sandbox, first.requester_id, "Second")
    await sandbox.zendesk.merge(first.id, second.id)
    await sandbox.zendesk.merge(second.id, strangers.id)

    await text(sandbox, MAYA, ACME, "go on")

    fresh = tickets(sandbox)[3]
    assert (fresh.requester_id, customer_comments(fresh)) == (first.requester_id, ["go on"])
    assert customer_comments(strangers) == ["jonas's"]
    assert len(notes(fresh)) == 1


async def test_merge_into_deleted_ticket_makes_new_one(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    target = await _ticket_for(sandbox, first.requester_id, "Target")
    await sandbox.zendesk.merge(first.id, target.id)
    await sandbox.zendesk.delete(target.id)

    await text(sandbox, MAYA, ACME, "go on")

    assert customer_comments(tickets(sandbox)[2]) == ["go on"]


async def test_two_conversations_of_a_customer_meet_on_the_merged_ticket(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, MAYA, ACME, "to acme")
    await text(sandbox, MAYA, ORDERS, "to orders")
    first, second = tickets(sandbox)
    await sandbox.zendesk.merge(first.id, second.id)

    await text(sandbox, MAYA, ACME, "acme again")
    await text(sandbox, MAYA, ORDERS, "orders again")

    assert len(tickets(sandbox)) == 2
    assert customer_comments(second) == ["to orders", "acme again", "orders again"]


async def test_customer_naming_a_ticket_number_does_not_move_the_conversation(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, JONAS, ACME, "jonas's")
    await text(sandbox, MAYA, ACME, "merged into request #1")
    strangers, first = tickets(sandbox)
    await sandbox.zendesk.set_tags(first.id, [*first.tags, "closed_by_merge"])
    await sandbox.zendesk.set_status(first.id, "closed")

    await text(sandbox, MAYA, ACME, "go on")

    assert customer_comments(strangers) == ["jonas's"]
    follow_up = tickets(sandbox)[2]
    assert follow_up.via["source"]["from"]["ticket_id"] == first.id
    assert notes(follow_up) == []
