"""The fake Zendesk creates and changes tickets as Zendesk does (reference: zendesk, 1, 2, 4)."""

from __future__ import annotations

import asyncio

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import Reply, ZendeskApi
from tests.sandbox.moving_clock import MovingClock


@pytest.fixture
async def customer(zendesk_api: ZendeskApi) -> int:
    return await zendesk_api.make_user(name="Cleo", phone="+12025550123")


def error_of(reply: Reply) -> str:
    """The error code of a 422's first detail."""
    (details,) = reply.body["details"].values()
    return str(details[0]["error"])


async def test_a_ticket_is_made_with_its_audit(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    given = {
        "subject": "SMS from somebody",
        "requester_id": customer,
        "submitter_id": customer,
        "comment": {"body": "Hi\n<b>you</b>", "public": True, "author_id": customer},
        "external_id": "in-1",
        "tags": ["SMS", "sms_bridge"],
        "metadata": {"mark": "in-1"},
    }

    reply = await zendesk_api.call("POST", "tickets.json", {"ticket": given})

    ticket, audit = reply.body["ticket"], reply.body["audit"]
    assert reply.status == 201
    assert reply.headers["location"].endswith(f"/api/v2/tickets/{ticket['id']}.json")
    assert (ticket["status"], ticket["tags"]) == ("new", ["sms", "sms_bridge"])
    assert ticket["via"]["channel"] == "api"
    assert audit["metadata"]["custom"] == {"mark": "in-1"}
    assert audit["author_id"] == zendesk.api_user.id
    (event,) = [one for one in audit["events"] if one["type"] == "Comment"]
    assert (event["author_id"], event["public"]) == (customer, True)
    listed = await zendesk_api.get(f"tickets/{ticket['id']}/comments")
    (comment,) = listed.body["comments"]
    assert comment["id"] == event["id"]
    assert comment["body"] == comment["plain_body"] == "Hi\n<b>you</b>"
    assert "Hi<br>&lt;b&gt;you&lt;/b&gt;" in comment["html_body"]
    assert comment["metadata"]["custom"] == {"mark": "in-1"}
    (write,) = [one for one in zendesk.writes if one.kind == "ticket"]
    assert (write.source, write.comment_id, write.custom) == ("api", event["id"], {"mark": "in-1"})


async def test_a_key_makes_one_ticket_for_two_hours(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int, clock: MovingClock
) -> None:
    body = {"ticket": {"requester_id": customer, "comment": {"body": "Hi"}}}
    other = {"ticket": {"requester_id": customer, "comment": {"body": "Ho"}}}

    first = await zendesk_api.call("POST", "tickets", body, Idempotency_Key="k")
    clock.advance(7199)
    again = await zendesk_api.call("POST", "tickets", body, Idempotency_Key="k")
    wrong = await zendesk_api.call("POST", "tickets", other, Idempotency_Key="k")
    clock.advance(1)
    late = await zendesk_api.call("POST", "tickets", body, Idempotency_Key="k")

    lookups = [one.headers.get("x-idempotency-lookup") for one in (first, again, late)]
    assert lookups == ["miss", "hit", "miss"]
    assert (again.status, again.body) == (201, first.body)
    assert (wrong.status, wrong.body["error"]) == (400, "IdempotentRequestError")
    assert len(zendesk.tickets) == 2


async def test_a_key_that_is_too_long_is_refused(zendesk_api: ZendeskApi, customer: int) -> None:
    body = {"ticket": {"requester_id": customer, "comment": {"body": "Hi"}}}

    reply = await zendesk_api.call("POST", "tickets", body, Idempotency_Key="k" * 256)

    assert (reply.status, reply.body["error"]) == (400, "IdempotentRequestError")


async def test_tickets_are_found_by_external_id(zendesk_api: ZendeskApi, customer: int) -> None:
    first = await zendesk_api.make_ticket(customer, external_id="x 1+")
    second = await zendesk_api.make_ticket(customer, external_id="x 1+")
    await zendesk_api.make_ticket(customer, external_id="other")

    reply = await zendesk_api.get("tickets?external_id=x%201%2B")

    assert [one["id"] for one in reply.body["tickets"]] == [first, second]
    assert reply.body["count"] == 2


async def test_a_closed_ticket_takes_no_comment_but_tags(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    await zendesk.set_status(ticket, "closed")

    refused = await zendesk_api.comment(ticket, "Two")
    tagged = await zendesk_api.call("PUT", f"tickets/{ticket}/tags", {"tags": ["late"]})

    assert (refused.status, error_of(refused)) == (422, "ClosedTicket")
    assert "closed prevents ticket update" in str(refused.body)
    assert (tagged.status, tagged.body["tags"]) == (200, ["late"])
    assert len(zendesk.comments(ticket)) == 1


async def test_a_deleted_ticket_is_404_until_it_is_restored(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)

    gone = await zendesk_api.call("DELETE", f"tickets/{ticket}")
    shown = await zendesk_api.get(f"tickets/{ticket}")
    refused = await zendesk_api.comment(ticket, "Two")
    deleted = await zendesk_api.get("deleted_tickets")
    restored = await zendesk_api.call("PUT", f"deleted_tickets/{ticket}/restore")
    back = await zendesk_api.comment(ticket, "Three")

    assert gone.status == 204
    assert (shown.status, shown.body["error"]) == (404, "RecordNotFound")
    assert refused.status == 404
    assert [one["id"] for one in deleted.body["deleted_tickets"]] == [ticket]
    assert (restored.status, back.status) == (200, 200)


async def test_a_suspended_requester_is_refused(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    zendesk.suspend(zendesk.users[customer])

    body = {"comment": {"body": "x", "author_id": customer}}
    created = await zendesk_api.call(
        "POST", "tickets", {"ticket": {"requester_id": customer, **body}}
    )
    updated = await zendesk_api.call("PUT", f"tickets/{ticket}", {"ticket": body})

    for reply in (created, updated):
        assert (reply.status, error_of(reply)) == (422, "UserSuspended")
        assert "Cleo is suspended" in str(reply.body["details"]["requester"])


async def test_a_stale_stamp_is_a_conflict(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int, clock: MovingClock
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    stamp = zendesk.ticket(ticket)["updated_at"]
    clock.advance(1)
    fresh = {"safe_update": True, "updated_stamp": stamp}

    first = await zendesk_api.comment(ticket, "One", **fresh)
    second = await zendesk_api.comment(ticket, "Two", **fresh)
    forced = await zendesk_api.comment(ticket, "Three")

    assert (first.status, second.status, forced.status) == (200, 409, 200)
    assert second.body["error"] == "UpdateConflict"
    assert [one.plain_body for one in zendesk.comments(ticket)] == ["Hello", "One", "Three"]


async def test_within_a_second_the_stamp_proves_nothing(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    fresh = {"safe_update": True, "updated_stamp": zendesk.ticket(ticket)["updated_at"]}

    replies = [await zendesk_api.comment(ticket, text, **fresh) for text in ("One", "Two")]

    assert [one.status for one in replies] == [200, 200]


async def test_tags_are_added_set_and_removed(zendesk_api: ZendeskApi, customer: int) -> None:
    ticket = await zendesk_api.make_ticket(customer, tags=["a"])
    path = f"tickets/{ticket}/tags"

    added = await zendesk_api.call("PUT", path, {"tags": ["B", "a"]})
    replaced = await zendesk_api.call("POST", path, {"tags": ["c", "d"]})
    removed = await zendesk_api.call("DELETE", path, {"tags": ["c"]})
    by_update = await zendesk_api.call("PUT", f"tickets/{ticket}", {"ticket": {"tags": ["e"]}})

    assert (added.status, added.body["tags"]) == (200, ["a", "b"])
    assert (replaced.status, replaced.body["tags"]) == (201, ["c", "d"])
    assert removed.body["tags"] == ["d"]
    assert by_update.body["ticket"]["tags"] == ["e"]


async def test_a_follow_up_needs_a_closed_parent_and_copies_its_tags(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    parent = await zendesk_api.make_ticket(customer, tags=["sms"])
    too_early = await zendesk_api.make_ticket(customer, via_followup_source_id=parent)
    await zendesk.set_status(parent, "closed")

    child = await zendesk_api.make_ticket(customer, via_followup_source_id=parent)
    tagged = await zendesk_api.make_ticket(customer, via_followup_source_id=parent, tags=["x"])

    assert zendesk.ticket(too_early)["tags"] == []
    assert zendesk.ticket(child)["tags"] == ["sms"]
    assert zendesk.ticket(child)["via"]["source"]["rel"] == "follow_up"
    assert zendesk.ticket(tagged)["tags"] == ["x"]
    assert zendesk.ticket(parent)["followup_ids"] == [child, tagged]


@pytest.mark.parametrize("channel", ["merge", "system"])
async def test_merging_closes_the_source_and_names_the_target(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int, channel: str
) -> None:
    zendesk.account.merge_channel = channel
    source = await zendesk_api.make_ticket(customer, "lost words")
    target = await zendesk_api.make_ticket(customer)

    reply = await zendesk_api.call("POST", f"tickets/{target}/merge", {"ids": [source]})

    job = await zendesk_api.get(f"job_statuses/{reply.body['job_status']['id']}")
    assert job.body["job_status"]["status"] == "completed"
    assert zendesk.ticket(source)["status"] == "closed"
    assert "closed_by_merge" in zendesk.ticket(source)["tags"]
    told = zendesk.comments(source)[-1]
    assert (told.public, told.via["channel"], told.via["source"]["rel"]) == (
        False,
        channel,
        "merge",
    )
    assert f"#{target}" in told.plain_body
    assert "lost words" in zendesk.comments(target)[-1].plain_body
    assert zendesk.comments(target)[-1].public is False


async def test_an_agent_may_merge_in_public(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    source = await zendesk_api.make_ticket(customer)
    target = await zendesk_api.make_ticket(customer)

    await zendesk.merge(source, target, public=True)

    assert zendesk.comments(target)[-1].public is True
    assert zendesk.comments(target)[-1].author_id == zendesk.agent("Ann").id


@pytest.mark.parametrize(
    ("ticket", "status"),
    [
        ({"status": "archived"}, 422),
        ({"status": "new"}, 422),
        ({"status": "solved"}, 422),
        ({"assignee_id": 999}, 422),
        ({"group_id": 999}, 422),
        ({"comment": {"body": " "}}, 422),
        ({"comment": {"body": "x", "author_id": 999}}, 422),
        ({"comment": {"body": "x", "uploads": ["nothing"]}}, 422),
        ({"comment": {"body": "x", "public": "yes"}}, 400),
        ({"tags": 5}, 400),
        ({"requester_id": "abc"}, 400),
        ({"safe_update": True}, 400),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_can_not_be_is_refused(
    zendesk: FakeZendesk,
    zendesk_api: ZendeskApi,
    customer: int,
    ticket: dict[str, object],
    status: int,
) -> None:
    number = await zendesk_api.make_ticket(customer)
    await zendesk.set_status(number, "open")
    before = len(zendesk.writes)

    reply = await zendesk_api.call("PUT", f"tickets/{number}", {"ticket": ticket})

    assert reply.status == status
    assert len(zendesk.writes) == before


async def test_unknown_keys_are_named_in_a_header(zendesk_api: ZendeskApi, customer: int) -> None:
    ticket = await zendesk_api.make_ticket(customer)

    reply = await zendesk_api.comment(ticket, "x", additional_tags=["y"], description="z")

    assert reply.headers["x-zendesk-api-warn"].count("ticket.") == 1
    assert "ticket.additional_tags" in reply.headers["x-zendesk-api-warn"]


async def test_the_body_must_be_json(zendesk: FakeZendesk, zendesk_api: ZendeskApi) -> None:
    url = f"{zendesk.url}/api/v2/tickets"
    async with zendesk_api.session.post(url, data={"a": "b"}, headers=zendesk_api.headers) as form:
        status = form.status
    headers = {**zendesk_api.headers, "Content-Type": "application/json"}
    async with zendesk_api.session.post(url, data=b"{", headers=headers) as broken:
        broken_status = broken.status
    shapeless = await zendesk_api.call("POST", "tickets", {"tickets": {}})

    assert (status, broken_status, shapeless.status) == (415, 400, 400)


async def test_two_at_once_with_one_key_make_one_ticket(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    body = {"ticket": {"requester_id": customer, "comment": {"body": "Hi"}}}

    replies = await asyncio.gather(
        *(zendesk_api.call("POST", "tickets", body, Idempotency_Key="k") for _ in range(4))
    )

    assert {one.status for one in replies} == {201}
    assert len(zendesk.tickets) == 1
