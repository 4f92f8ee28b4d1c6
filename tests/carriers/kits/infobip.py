"""Infobip's kit: lists of results, as its API client's models have them."""

from __future__ import annotations

import hashlib
import hmac

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kannel import spoil
from tests.carriers.kits.kit import Hook, Kit, Told, as_json, post, without

GROUPS: dict[str, dict[str, object]] = {
    "PENDING_ENROUTE": {"groupId": 1, "id": 7},
    "DELIVERED_TO_OPERATOR": {"groupId": 3, "id": 2},
    "DELIVERED_TO_HANDSET": {"groupId": 3, "id": 5},
    "UNDELIVERABLE_NOT_DELIVERED": {"groupId": 2, "id": 9},
    "EXPIRED_EXPIRED": {"groupId": 4, "id": 15},
    "REJECTED_NETWORK": {"groupId": 5, "id": 6},
    "TOMORROW": {"groupId": 77, "id": 1},
}
JSON = {"content-type": "application/json"}


def inbound(hook: Hook) -> WebhookRequest:
    result: dict[str, object] = {
        "messageId": hook.carrier_id,
        "from": hook.customer.removeprefix("+"),
        "to": hook.sender.removeprefix("+"),
        "text": hook.body,
        "cleanText": hook.body,
        "keyword": "",
        "receivedAt": "2026-01-02T03:04:05.123+0000",
        "smsCount": 1,
    }
    record = {
        "results": [without(result, hook.missing)],
        "messageCount": 1,
        "pendingMessageCount": 0,
    }
    path = f"/carriers/infobip/inbound?token={hook.secret}"
    return post(path, base=hook.base, body=as_json(record), headers=JSON)


def report(hook: Hook) -> WebhookRequest:
    mark = hmac.new(hook.secret.encode(), hook.ref.encode(), hashlib.sha256).hexdigest()[:32]
    result = {
        "bulkId": "b1",
        "messageId": hook.carrier_id,
        "to": hook.customer.removeprefix("+"),
        "status": {**GROUPS[hook.status], "name": hook.status},
        "error": {"id": 0, "name": hook.error or "NO_ERROR", "permanent": False},
    }
    path = f"/carriers/infobip/status?ref={hook.ref}&mark={mark}"
    return post(path, base=hook.base, body=as_json({"results": [result]}), headers=JSON)


def _taken(status: str) -> dict[str, object]:
    return {
        "bulkId": "b1",
        "messages": [{"messageId": "part-1", "status": {**GROUPS[status], "name": status}}],
    }


KIT = Kit(
    name="infobip",
    carrier="infobip",
    settings={"API_KEY": "app-key", "WEBHOOK_TOKEN": "first-of-the-two-secrets-of-the-suite"},
    secret="WEBHOOK_TOKEN",
    inbound=inbound,
    report=report,
    spoil=spoil,
    required=("messageId", "from", "to", "text"),
    states={
        "PENDING_ENROUTE": "sending",
        "DELIVERED_TO_OPERATOR": "sent",
        "DELIVERED_TO_HANDSET": "delivered",
        "UNDELIVERABLE_NOT_DELIVERED": "undelivered",
        "EXPIRED_EXPIRED": "undelivered",
        "REJECTED_NETWORK": "failed",
        "TOMORROW": "queued",
    },
    failure=("UNDELIVERABLE_NOT_DELIVERED", "EC_ABSENT_SUBSCRIBER"),
    has_plus=False,
    id_is_ref=True,
    send_path="/sms/3/messages",
    answers={
        "accepted": Told(status=200, body=_taken("PENDING_ENROUTE")),
        "refused": Told(
            status=200, body=_taken("REJECTED_NETWORK"), kind=Refused, code="REJECTED_NETWORK"
        ),
        "bad_number": Told(status=400, body={"errorCode": "E400"}, kind=Refused, code="E400"),
        "credentials": Told(
            status=401,
            body={"requestError": {"serviceException": {"messageId": "UNAUTHORIZED"}}},
            kind=CredentialsRefused,
        ),
        "busy": Told(status=429, body={}, kind=TryLater),
        "fault": Told(status=500, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=200, body={"messages": []}, kind=OutcomeUnknown),
    },
)
