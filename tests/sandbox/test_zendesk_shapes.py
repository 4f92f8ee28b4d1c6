"""Whatever shape a request has, the fake answers as an API does, never with a fault of its own."""

from __future__ import annotations

import json

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import ZendeskApi

ODD: tuple[object, ...] = (None, 1, -1.5, True, "", "x", [], [1], [None], {}, {"a": [{}]}, [{}])
FIELDS = {
    "ticket": "comment status priority tags requester_id requester assignee_id custom_fields "
    "metadata external_id subject safe_update via_followup_source_id",
    "user": "name email phone external_id role user_fields suspended tags id organization_id",
    "identity": "type value",
    "webhook": "name endpoint status http_method request_format subscriptions",
    "trigger": "title conditions actions position",
    "automation": "title conditions actions",
    "view": "title all any output",
    "ticket_field": "title type custom_field_options",
    "user_field": "title type key",
    "macro": "title actions",
}
RIGHT: dict[str, dict[str, object]] = {
    "ticket": {"comment": {"body": "x"}},
    "user": {"name": "x"},
    "identity": {"type": "email", "value": "a@example.org"},
    "trigger": {"title": "x", "conditions": {}, "actions": [{"field": "status", "value": "open"}]},
    "automation": {"title": "x", "conditions": {}, "actions": []},
    "view": {"title": "x"},
    "ticket_field": {"title": "x", "type": "text"},
    "user_field": {"title": "x", "type": "text", "key": "k"},
    "macro": {"title": "x"},
}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "tickets", "ticket"),
        ("PUT", "tickets/1", "ticket"),
        ("POST", "users", "user"),
        ("POST", "users/create_or_update", "user"),
        ("PUT", "users/{user}", "user"),
        ("POST", "users/{user}/identities", "identity"),
        ("POST", "webhooks", "webhook"),
        ("POST", "triggers", "trigger"),
        ("POST", "automations", "automation"),
        ("POST", "views", "view"),
        ("POST", "ticket_fields", "ticket_field"),
        ("POST", "user_fields", "user_field"),
        ("POST", "macros", "macro"),
    ],
)
async def test_odd_values_are_answered(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, method: str, path: str, name: str
) -> None:
    user = await zendesk_api.make_user()
    await zendesk_api.make_ticket(user)
    bodies: list[dict[str, object]] = [{name: value} for value in ODD]
    for key in FIELDS[name].split():
        bodies += [{name: {**RIGHT.get(name, {}), key: value}} for value in ODD]

    faults = []
    for body in bodies:
        reply = await zendesk_api.call(method, path.format(user=user), body)
        if reply.status >= 500:
            faults.append(json.dumps(body))

    assert faults == []


@pytest.mark.parametrize(
    "path",
    [
        "tickets?page=x",
        "tickets?per_page=0",
        "tickets?page=1000",
        "tickets?page[size]=x",
        "tickets/1/comments?page[after]=nonsense",
        "tickets/show_many?ids=a",
        "search?page=x",
        "users/search",
        "incremental/tickets/cursor?cursor=nonsense",
        "incremental/tickets/cursor?start_time=x",
        "incremental/ticket_events?start_time=1&per_page=x",
    ],
)
async def test_odd_queries_are_refused(zendesk_api: ZendeskApi, path: str) -> None:
    await zendesk_api.make_ticket(await zendesk_api.make_user())

    assert (await zendesk_api.get(path)).status == 400


@pytest.mark.parametrize("query", ["phone:", '"', "status<x", "updated>x", "::", "-"])
async def test_odd_searches_find_nothing_odd(zendesk_api: ZendeskApi, query: str) -> None:
    await zendesk_api.make_ticket(await zendesk_api.make_user())

    assert (await zendesk_api.get(f"search?query={query}")).status == 200
    assert (await zendesk_api.get(f"users/search?query={query}")).status == 200
