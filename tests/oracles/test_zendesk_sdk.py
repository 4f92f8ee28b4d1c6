"""Somebody else's Zendesk client finds in the fake what it expects of Zendesk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.sandbox.zendesk import FakeZendesk

sdk = pytest.importorskip("zendesk_sdk", reason="the package python-zendesk-sdk is not installed")


Client = Any  # the SDK ships no types
Ticket = Any


@pytest.fixture
async def client(zendesk: FakeZendesk) -> AsyncIterator[Client]:
    class LoopbackConfig(sdk.ZendeskConfig):  # type: ignore[name-defined,misc]
        @property
        def endpoint(self) -> str:
            return f"{zendesk.url}/api/v2"

    config = LoopbackConfig(
        subdomain="acme",
        email=zendesk.auth.email,
        token=zendesk.auth.api_token,
        max_retries=0,
        cache=sdk.config.CacheConfig(enabled=False),
    )
    async with sdk.ZendeskClient(config) as client:
        yield client


async def make_ticket(client: Client) -> Ticket:
    user = await client.users.create(name="Cleo", phone="+12025550123", external_id="sms:1")
    return await client.tickets.create(
        comment_body="Hello", subject="SMS", requester_id=user.id, tags=["sms"]
    )


async def test_users_are_made_read_and_changed(client: Client, zendesk: FakeZendesk) -> None:
    made = await client.users.create(name="Cleo", phone="+12025550123", external_id="sms:1")
    again = await client.users.create_or_update(name="Cleopatra", external_id="SMS:1")
    read = await client.users.get(made.id)
    changed = await client.users.suspend(made.id)
    me = await client.users.me()

    assert again.id == made.id
    assert (read.name, read.phone, read.role) == ("Cleopatra", "+12025550123", "end-user")
    assert changed.suspended is True
    assert me.id == zendesk.api_user.id
    assert (await client.users.by_email(zendesk.auth.email)).id == me.id
    assert set(await client.users.get_many([made.id, me.id])) == {made.id, me.id}


async def test_tickets_are_made_read_changed_and_deleted(
    client: Client, zendesk: FakeZendesk
) -> None:
    ticket = await make_ticket(client)
    changed = await client.tickets.update(ticket.id, status="pending", priority="high")
    read = await client.tickets.get(ticket.id)
    many = await client.tickets.get_many([ticket.id])

    assert (ticket.status, ticket.tags) == ("new", ["sms"])
    assert (changed.status, changed.priority) == ("pending", "high")
    assert (read.subject, read.description) == ("SMS", "Hello")
    assert many[ticket.id].id == ticket.id
    assert await client.tickets.delete(ticket.id) is True
    with pytest.raises(sdk.exceptions.ZendeskHTTPException) as gone:
        await client.tickets.get(ticket.id)
    assert gone.value.status_code == 404
    assert zendesk.tickets[ticket.id].deleted


async def test_comments_are_added_listed_and_hidden(client: Client, zendesk: FakeZendesk) -> None:
    ticket = await make_ticket(client)

    await client.tickets.comments.add(ticket.id, "Public words", public=True)
    await client.tickets.comments.add(ticket.id, "A note", public=False)
    listed = [one async for one in client.tickets.comments.list(ticket.id)]
    last, author = await client.tickets.comments.get_last(ticket.id)
    await client.tickets.comments.make_private(ticket.id, listed[1].id)
    redacted = await client.tickets.comments.redact(ticket.id, listed[1].id, "words")

    assert [(one.body, one.public) for one in listed] == [
        ("Hello", True),
        ("Public words", True),
        ("A note", False),
    ]
    assert (last.body, author.id) == ("A note", zendesk.api_user.id)
    assert zendesk.comments(ticket.id)[1].public is False
    assert redacted.body == "Public ▇▇▇▇▇"


async def test_tags_are_added_set_and_removed(client: Client) -> None:
    ticket = await make_ticket(client)

    assert await client.tickets.tags.add(ticket.id, ["b"]) == ["b", "sms"]
    assert await client.tickets.tags.set(ticket.id, ["c", "d"]) == ["c", "d"]
    assert await client.tickets.tags.remove(ticket.id, ["d"]) == ["c"]
    assert await client.tickets.tags.get(ticket.id) == ["c"]


async def test_lists_and_searches_are_read_over_their_pages(
    client: Client, zendesk: FakeZendesk
) -> None:
    first = await make_ticket(client)
    for _ in range(4):
        await client.tickets.create(comment_body="x", requester_id=first.requester_id)

    listed = [one.id async for one in client.tickets.list(per_page=2)]
    requested = [one.id async for one in client.tickets.for_user(first.requester_id, per_page=2)]
    found = [one.id async for one in client.search.tickets("tags:sms")]

    assert sorted(listed) == sorted(requested) == sorted(zendesk.tickets)
    assert found == [first.id]


async def test_a_closed_ticket_is_refused(client: Client, zendesk: FakeZendesk) -> None:
    ticket = await make_ticket(client)
    await zendesk.set_status(ticket.id, "closed")

    with pytest.raises(sdk.exceptions.ZendeskHTTPException) as refused:
        await client.tickets.comments.add(ticket.id, "late")

    assert refused.value.status_code == 422


async def test_wrong_credentials_are_told_apart(client: Client, zendesk: FakeZendesk) -> None:
    zendesk.auth.api_tokens_enabled = False

    with pytest.raises(sdk.exceptions.ZendeskAuthException):
        await client.users.me()


async def test_the_limit_is_told_with_its_pause(client: Client, zendesk: FakeZendesk) -> None:
    zendesk.faults.refuse("GET", "*/users/me*", 429, headers={"Retry-After": "7"})
    with pytest.raises(sdk.exceptions.ZendeskRateLimitException) as refused:
        await client.users.me()

    assert refused.value.retry_after == 7


async def test_views_and_fields_are_read(client: Client) -> None:
    fields = [one.title async for one in client.ticket_fields.list()]
    views = [one.title async for one in client.views.list()]

    assert "Subject" in fields
    assert views == []
