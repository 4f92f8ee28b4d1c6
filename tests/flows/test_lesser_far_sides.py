"""A desk that does less than its documentation says, or otherwise: texts still find their way."""

from __future__ import annotations

import json

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.store import work
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ask,
    customer_comments,
    messages,
    on_phone,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.outbound import send_hint

RESTRICTED = '{"error": "Forbidden", "description": "You do not have access to this page."}'
SEARCH = "/api/v2/users/search"
UPSERT = "/api/v2/users/create_or_update"


async def _pauses(sandbox: Sandbox) -> dict[str, tuple[int, str]]:
    assert sandbox.service is not None
    return await sandbox.service.database.read(work.pauses)


@pytest.mark.parametrize("body", [RESTRICTED, ""], ids=["words", "empty"])
async def test_one_ticket_out_of_reach_stops_nobody_else(sandbox: Sandbox, body: str) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    sandbox.zendesk.faults.refuse("PUT", "/api/v2/tickets/1", 403, body=body, times=None)

    await text(sandbox, MAYA, ACME, "out of reach")
    await text(sandbox, JONAS, ACME, "me too")

    assert await _pauses(sandbox) == {}
    assert customer_comments(tickets(sandbox)[1]) == ["me too"]
    assert [one["state"] for one in await messages(sandbox)] == ["done", "failed", "done"]
    (failed,) = (await ask(sandbox, "failed"))["failed"]
    assert "403" in failed["reason"]


@pytest.mark.parametrize("status", [400, 404])
async def test_desk_without_any_search_for_users_still_gets_the_text(
    sandbox: Sandbox, status: int
) -> None:
    sandbox.zendesk.faults.refuse(
        "GET", SEARCH, status, body='{"error": "InvalidEndpoint"}', times=None
    )

    await text(sandbox, MAYA, ACME, "hello")

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket) == ["hello"]
    assert sandbox.zendesk.users[ticket.requester_id].external_id == f"sms:{MAYA}"


async def test_number_that_is_anothers_direct_line_does_not_stop_the_text(
    sandbox: Sandbox,
) -> None:
    details = {"phone": [{"description": "Phone: is already in use", "error": "DuplicateValue"}]}
    body = json.dumps({"error": "RecordInvalid", "details": details})
    sandbox.zendesk.faults.refuse("POST", UPSERT, 422, body=body)

    await text(sandbox, MAYA, ACME, "hello")

    ticket = only_ticket(sandbox)
    user = sandbox.zendesk.users[ticket.requester_id]
    assert customer_comments(ticket) == ["hello"]
    assert (user.phone, user.external_id) == (None, f"sms:{MAYA}")


@pytest.mark.parametrize("kind", ["user.created", "organization.created"])
async def test_event_about_no_ticket_is_taken_and_means_nothing(
    sandbox: Sandbox, kind: str
) -> None:
    event = {"type": f"zen:event-type:{kind}", "detail": {"id": "1"}, "event": {}}

    assert await send_hint(sandbox, event) == 200
    assert await send_hint(sandbox, {"type": "nonsense", "detail": {"id": "1"}}) == 400

    await settle(sandbox)
    assert sandbox.zendesk.faults.seen("GET", "/api/v2/tickets/1") == []


async def test_replies_are_found_where_the_desk_ignores_the_wish_for_an_order(
    sandbox: Sandbox,
) -> None:
    account = sandbox.zendesk.account
    account.sorts_newest_first = account.side_loads_users = False
    await text(sandbox, MAYA, ACME, "hello")
    ticket = only_ticket(sandbox)
    for place in range(60):  # more than a page
        note = await sandbox.zendesk.agent_replies(ticket.id, f"<p>{place}</p>", public=False)
        note.created_ms -= 3_600_000
    ticket.comments[0].created_ms -= 7_200_000
    await settle(sandbox)

    await sandbox.zendesk.agent_replies(ticket.id, "<p>We are here</p>")
    await settle(sandbox)

    assert [body for _, body, _ in on_phone(sandbox, MAYA)] == ["We are here"]


async def test_lost_answer_is_no_second_comment_where_the_order_is_ignored(
    sandbox: Sandbox,
) -> None:
    sandbox.zendesk.account.sorts_newest_first = False
    await text(sandbox, MAYA, ACME, "hello")
    ticket = only_ticket(sandbox)
    for place in range(60):
        note = await sandbox.zendesk.agent_replies(ticket.id, f"<p>{place}</p>", public=False)
        note.created_ms -= 3_600_000
    ticket.comments[0].created_ms -= 7_200_000
    sandbox.zendesk.faults.lose_answer("PUT", f"/api/v2/tickets/{ticket.id}")

    await text(sandbox, MAYA, ACME, "once")

    assert customer_comments(ticket) == ["hello", "once"]


@pytest.mark.parametrize("has_audits", [True, False], ids=["audits", "no audits"])
async def test_conversation_follows_a_merge_that_nothing_but_a_note_tells_of(
    sandbox: Sandbox, has_audits: bool
) -> None:
    zendesk = sandbox.zendesk
    zendesk.account.merge_channel, zendesk.account.merge_says_so = "web", False
    zendesk.account.side_loads_users = False
    if not has_audits:
        zendesk.faults.refuse("GET", "/api/v2/tickets/*/audits", 404, times=None)
    await text(sandbox, MAYA, ACME, "first")
    (first,) = tickets(sandbox)
    requester = zendesk.users[first.requester_id]
    target = await zendesk.agent_opens(requester, "<p>Hello</p>", subject="By mail")
    target.comments[0].created_ms -= 60_000
    await zendesk.merge(first.id, target.id)

    await text(sandbox, MAYA, ACME, "second")

    assert len(tickets(sandbox)) == 2
    assert customer_comments(target) == ["second"]
