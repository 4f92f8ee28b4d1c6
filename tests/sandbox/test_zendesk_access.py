"""Who may ask the fake Zendesk, and how often (reference: zendesk, 1.4, 7, 10)."""

from __future__ import annotations

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import Reply, ZendeskApi, ask, basic
from tests.sandbox.moving_clock import MovingClock

GRANT = {
    "grant_type": "client_credentials",
    "client_id": "sms-bridge",
    "client_secret": "zendesk-client-secret",
    "scope": "read write",
    "expires_in": 300,
}


async def grant(zendesk_api: ZendeskApi, **changes: object) -> Reply:
    given = {**GRANT, **changes}
    url = f"{zendesk_api.fake.url}/oauth/tokens"
    return await ask(zendesk_api.session, "POST", url, {}, json=given)


async def use(zendesk_api: ZendeskApi, reply: Reply) -> None:
    zendesk_api.headers = {"Authorization": f"Bearer {reply.body['access_token']}"}


async def test_a_token_works_until_it_expires(zendesk_api: ZendeskApi, clock: MovingClock) -> None:
    reply = await grant(zendesk_api)
    await use(zendesk_api, reply)

    before = await zendesk_api.get("users/me")
    clock.advance(300)
    after = await zendesk_api.get("users/me")

    assert (reply.status, reply.body["token_type"], reply.body["expires_in"]) == (
        200,
        "bearer",
        300,
    )
    assert (before.status, before.body["user"]["role"]) == (200, "admin")
    assert (after.status, after.body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "everything"}, 400, "invalid_scope"),
        ({"expires_in": 299}, 400, "invalid_request"),
        ({"expires_in": 172_801}, 400, "invalid_request"),
    ],
    ids=str,
)
async def test_a_wrong_grant_is_refused(
    zendesk_api: ZendeskApi, changes: dict[str, object], status: int, error: str
) -> None:
    reply = await grant(zendesk_api, **changes)

    assert (reply.status, reply.body["error"]) == (status, error)


async def test_a_restricted_client_gets_no_other_scope(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    zendesk.auth.allowed_scopes = frozenset({"read"})

    assert (await grant(zendesk_api)).body["error"] == "invalid_scope"
    assert (await grant(zendesk_api, scope="read")).status == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("read tickets:write users:write", "POST", "tickets", 400),
        ("read tickets:write users:write", "POST", "users", 400),
        ("read tickets:write users:write", "POST", "webhooks", 403),
        ("tickets:read", "GET", "tickets/1", 404),
        ("tickets:read", "GET", "tickets/1/audits", 403),
        ("tickets:read", "GET", "search?query=x", 403),
        ("write", "GET", "tickets/1", 403),
        ("read", "POST", "tickets", 403),
        ("webhooks:read", "GET", "webhooks", 200),
    ],
)
async def test_scopes_open_what_they_name(
    zendesk_api: ZendeskApi, scope: str, method: str, path: str, status: int
) -> None:
    await use(zendesk_api, await grant(zendesk_api, scope=scope))

    reply = await zendesk_api.call(method, path, {} if method == "POST" else None)

    assert reply.status == status
    if status == 403 and path == "webhooks":
        assert reply.raw == b""
    elif status == 403:
        assert "missing the following required scopes" in reply.body["description"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("bridge@acme.example/token", "wrong"),
        basic("bridge@acme.example", "zendesk-api-token"),
        basic("other@acme.example/token", "zendesk-api-token"),
        {"Authorization": "Bearer nothing"},
    ],
    ids=["none", "wrong token", "no /token", "another user", "unknown bearer"],
)
async def test_wrong_credentials_are_refused(
    zendesk_api: ZendeskApi, headers: dict[str, str]
) -> None:
    zendesk_api.headers = headers

    assert (await zendesk_api.get("users/me")).status == 401


async def test_api_tokens_can_be_switched_off(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    assert (await zendesk_api.get("users/me")).status == 200
    zendesk.auth.api_tokens_enabled = False

    reply = await zendesk_api.get("users/me")

    assert (reply.status, reply.body["error"]) == (401, "Couldn't authenticate you")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "nothing"), ("DELETE", "tickets"), ("GET", "tickets/x")]
)
async def test_an_unknown_address_is_no_endpoint(
    zendesk_api: ZendeskApi, method: str, path: str
) -> None:
    reply = await zendesk_api.call(method, path)

    assert (reply.status, reply.body["error"]) == (404, "InvalidEndpoint")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "incremental/tickets/cursor?start_time=1", None),
        ("POST", "triggers", {"trigger": {}}),
        ("POST", "webhooks", {"webhook": {}}),
        ("POST", "ticket_fields", {"ticket_field": {}}),
    ],
)
async def test_an_agent_may_not_do_what_admins_do(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, method: str, path: str, body: object
) -> None:
    zendesk.api_user.role = "agent"

    assert (await zendesk_api.call(method, path, body)).status == 403


async def test_one_ticket_takes_so_many_updates_in_ten_minutes(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    customer = await zendesk_api.make_user()
    ticket = await zendesk_api.make_ticket(customer)
    other = await zendesk_api.make_ticket(customer)
    zendesk.limits.updates_per_ticket = 2

    first = [await zendesk_api.comment(ticket, str(number)) for number in range(3)]
    elsewhere = await zendesk_api.comment(other, "x")
    clock.advance(600)
    later = await zendesk_api.comment(ticket, "later")

    assert [one.status for one in first] == [200, 200, 429]
    assert first[2].headers["retry-after"] == "600"
    assert "remaining=0" in first[2].headers["zendesk-ratelimit-ticket-updates"]
    assert (elsewhere.status, later.status) == (200, 200)
    assert len(zendesk.comments(ticket)) == 4


async def test_the_account_takes_so_many_requests_a_minute(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    zendesk.limits.account_per_minute = 2

    replies = [await zendesk_api.get("users/me") for _ in range(3)]
    clock.advance(60)
    later = await zendesk_api.get("users/me")

    assert [one.status for one in replies] == [200, 200, 429]
    assert [one.headers["x-rate-limit-remaining"] for one in replies] == ["1", "0", "0"]
    assert replies[2].headers["retry-after"] == "60"
    assert later.status == 200
