"""Which ticket a text lands on, by the status of the conversation's linked ticket."""

from __future__ import annotations

import json

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from tests.flows.cast import (
    ACME,
    MAYA,
    customer_comments,
    messages,
    notes,
    only_ticket,
    settle,
    text,
    tickets,
)

CLOSED = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {
        "via_followup_source_id": [
            {"description": "Followup source: is archived", "error": "InvalidValue"}
        ]
    },
}


async def _opened(sandbox: Sandbox) -> Ticket:
    await text(sandbox, MAYA, ACME, "first")
    return only_ticket(sandbox)


def _follows(ticket: Ticket) -> int | None:
    source = ticket.via["source"]
    found = source["from"].get("ticket_id")
    return found if source["rel"] == "follow_up" else None


async def test_first_text_makes_new_ticket_of_the_customer(sandbox: Sandbox) -> None:
    ticket = await _opened(sandbox)

    requester = sandbox.zendesk.users[ticket.requester_id]
    assert (ticket.status, customer_comments(ticket)) == ("new", ["first"])
    assert (requester.role, requester.phone) == ("end-user", MAYA)
    assert notes(ticket) == []


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("new", "new"),
        ("open", "open"),
        ("pending", "open"),
        ("hold", "open"),
        ("solved", "open"),
    ],
)
async def test_text_on_living_ticket_is_a_comment(
    sandbox: Sandbox, status: str, after: str
) -> None:
    ticket = await _opened(sandbox)
    if status != "new":
        await sandbox.zendesk.set_status(ticket.id, status)

    await text(sandbox, MAYA, ACME, "second")

    assert only_ticket(sandbox).status == after
    assert customer_comments(ticket) == ["first", "second"]
    assert all(comment.public for comment in ticket.comments)


async def test_text_after_closed_ticket_makes_follow_up(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    await sandbox.zendesk.set_tags(first.id, [*first.tags, "agents_own"])
    await sandbox.zendesk.set_status(first.id, "closed")

    await text(sandbox, MAYA, ACME, "second", "third")

    _, second = tickets(sandbox)
    assert _follows(second) == first.id
    assert customer_comments(second) == ["second", "third"]
    assert second.requester_id == first.requester_id
    assert set(second.tags) == {"sms", "sms_bridge", "us"}
    assert customer_comments(first) == ["first"]


async def test_follow_up_of_follow_up_hangs_on_the_last_one(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    await sandbox.zendesk.set_status(first.id, "closed")
    await text(sandbox, MAYA, ACME, "second")
    second = tickets(sandbox)[1]
    await sandbox.zendesk.set_status(second.id, "closed")

    await text(sandbox, MAYA, ACME, "third")

    third = tickets(sandbox)[2]
    assert (_follows(second), _follows(third)) == (first.id, second.id)


async def test_text_after_deleted_ticket_makes_new_one(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    await sandbox.zendesk.delete(first.id)

    await text(sandbox, MAYA, ACME, "second", "third")

    _, second = tickets(sandbox)
    assert _follows(second) is None
    assert customer_comments(second) == ["second", "third"]


async def test_text_after_ticket_that_is_not_found_makes_new_one(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    sandbox.zendesk.faults.refuse(
        "GET",
        f"/api/v2/tickets/{first.id}",
        404,
        body='{"error": "RecordNotFound", "description": "Not found"}',
        times=None,
    )

    await text(sandbox, MAYA, ACME, "second")

    assert customer_comments(tickets(sandbox)[1]) == ["second"]


async def test_text_after_archived_ticket_makes_plain_new_one(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    await sandbox.zendesk.set_status(first.id, "closed")
    refused = sandbox.zendesk.faults.refuse("POST", "/api/v2/tickets", 422, body=json.dumps(CLOSED))

    await text(sandbox, MAYA, ACME, "second", "third")

    _, second = tickets(sandbox)
    assert refused.used == 1
    assert _follows(second) is None
    assert customer_comments(second) == ["second", "third"]
    assert (await messages(sandbox))[1]["ticket_id"] == second.id


async def test_ticket_that_closes_between_look_and_write_gets_one_follow_up(
    sandbox: Sandbox,
) -> None:
    first = await _opened(sandbox)
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{first.id}")

    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await gate.wait_arrived()
    await sandbox.zendesk.set_status(first.id, "closed")
    gate.open()
    await text(sandbox, MAYA, ACME, "third")

    _, second = tickets(sandbox)
    assert _follows(second) == first.id
    assert customer_comments(second) == ["second", "third"]
    assert [one["state"] for one in await messages(sandbox)] == ["done"] * 3


async def test_texts_at_once_on_a_ticket_that_closes_make_one_follow_up(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{first.id}", times=None)

    for body in ("second", "third", "fourth"):
        await sandbox.twilio.customer_texts(MAYA, ACME, body)
    await gate.wait_arrived()
    await sandbox.zendesk.set_status(first.id, "closed")
    gate.open()
    await settle(sandbox)

    _, second = tickets(sandbox)
    assert _follows(second) == first.id
    assert customer_comments(second) == ["second", "third", "fourth"]


async def test_ticket_that_is_deleted_between_look_and_write_gets_one_successor(
    sandbox: Sandbox,
) -> None:
    first = await _opened(sandbox)
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{first.id}")

    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await gate.wait_arrived()
    await sandbox.zendesk.delete(first.id)
    gate.open()
    await settle(sandbox)

    assert [customer_comments(ticket) for ticket in tickets(sandbox)] == [["first"], ["second"]]


async def test_ticket_that_an_agent_changes_between_look_and_write_gets_the_comment(
    sandbox: Sandbox,
) -> None:
    ticket = await _opened(sandbox)
    ticket.updated_ms -= 5000  # stamps have whole seconds
    gate = sandbox.zendesk.faults.hold_before("PUT", f"/api/v2/tickets/{ticket.id}")

    await sandbox.twilio.customer_texts(MAYA, ACME, "second")
    await gate.wait_arrived()
    await sandbox.zendesk.set_status(ticket.id, "solved")
    gate.open()
    await settle(sandbox)

    assert only_ticket(sandbox).status == "open"
    assert customer_comments(ticket) == ["first", "second"]


async def test_restored_ticket_does_not_take_the_conversation_back(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    await sandbox.zendesk.delete(first.id)
    await text(sandbox, MAYA, ACME, "second")
    await sandbox.zendesk.restore(first.id)

    await text(sandbox, MAYA, ACME, "third")

    assert customer_comments(tickets(sandbox)[1]) == ["second", "third"]


async def test_full_ticket_is_followed_by_another_that_says_so(sandbox: Sandbox) -> None:
    first = await _opened(sandbox)
    sandbox.zendesk.account.most_comments = 1

    await text(sandbox, MAYA, ACME, "second")

    _, second = tickets(sandbox)
    assert customer_comments(second) == ["second"]
    sandbox.zendesk.account.most_comments = 5000
    await settle(sandbox)
    assert customer_comments(first) == ["first"]
