"""Webhooks and triggers in the fake Zendesk, made through its API."""

from __future__ import annotations

import json

from bridge.sandbox.zendesk.records import Json
from tests.sandbox.asking import ZendeskApi
from tests.sandbox.receiver import Receiver, Taken

BODY = '{"ticket_id":"{{ticket.id}}","comment_id":"{{ticket.latest_public_comment.id}}"}'
REPLY = [
    {"field": "current_tags", "operator": "includes", "value": "sms"},
    {"field": "comment_is_public", "operator": "is", "value": "true"},
    {"field": "role", "operator": "is", "value": "agent"},
]


async def make_webhook(
    zendesk_api: ZendeskApi, receiver: Receiver, *subscriptions: str, **changes: object
) -> str:
    given = {
        "name": "bridge",
        "status": "active",
        "endpoint": f"{receiver.url}/events",
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": list(subscriptions) or ["conditional_ticket_events"],
        **changes,
    }
    reply = await zendesk_api.call("POST", "webhooks", {"webhook": given})
    assert reply.status == 201, reply.body
    return str(reply.body["webhook"]["id"])


async def make_trigger(
    zendesk_api: ZendeskApi, webhook: str, *, body: str = BODY, every: object = None
) -> int:
    given = {
        "title": "reply",
        "conditions": {"all": REPLY if every is None else every, "any": []},
        "actions": [{"field": "notification_webhook", "value": [webhook, body]}],
    }
    reply = await zendesk_api.call("POST", "triggers", {"trigger": given})
    assert reply.status == 201, reply.body
    return int(reply.body["trigger"]["id"])


async def make_ticket(zendesk_api: ZendeskApi, customer: int) -> int:
    return await zendesk_api.make_ticket(customer, tags=["sms"])


def read(taken: Taken) -> Json:
    return json.loads(taken.body)  # type: ignore[no-any-return] # an object, by what was sent
