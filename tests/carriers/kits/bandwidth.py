"""Bandwidth's kit: lists of events behind a password, as its API description shows them."""

from __future__ import annotations

import base64

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import (
    Hook,
    Kit,
    Spoilt,
    Told,
    as_json,
    changed,
    post,
    spoil_header,
    without,
)


def _posted(hook: Hook, path: str, event: dict[str, object]) -> WebhookRequest:
    login = base64.b64encode(f"hooks:{hook.secret}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {login}"}
    return post(path, base=hook.base, body=as_json([event]), headers=headers)


def inbound(hook: Hook) -> WebhookRequest:
    message: dict[str, object] = {
        "id": hook.carrier_id,
        "owner": hook.sender,
        "applicationId": "app-1",
        "time": "2026-01-02T03:04:05.123Z",
        "segmentCount": 1,
        "direction": "in",
        "to": [hook.sender],
        "from": hook.customer,
        "text": hook.body,
    }
    event: dict[str, object] = {
        "type": "message-received",
        "time": "2026-01-02T03:04:06.123Z",
        "description": "Incoming message received",
        "to": hook.sender,
        "message": without(message, hook.missing),
    }
    return _posted(hook, "/carriers/bandwidth/inbound", event)


def report(hook: Hook) -> WebhookRequest:
    event: dict[str, object] = {
        "type": hook.status,
        "time": "2026-01-02T03:04:06.123Z",
        "description": "words",
        "to": hook.customer,
        "message": {
            "id": hook.carrier_id,
            "owner": hook.sender,
            "direction": "out",
            "to": [hook.customer],
            "from": hook.sender,
            "text": "",
            "tag": hook.ref,
        },
    }
    if hook.error:
        event["errorCode"] = int(hook.error)
    return _posted(hook, "/carriers/bandwidth/status", event)


def spoil(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
    if how == "other_body":  # a password covers no body: another user's is the nearest thing
        login = base64.b64encode(b"other:first-of-the-two-secrets-of-the-suite").decode()
        return changed(request, headers={**request.headers, "authorization": f"Basic {login}"})
    return spoil_header("authorization")(request, how)


def _error(kind: str) -> dict[str, object]:
    return {"type": kind, "description": "words about +12025550123", "fieldErrors": []}


KIT = Kit(
    name="bandwidth",
    carrier="bandwidth",
    settings={
        "ACCOUNT_ID": "9900000",
        "USERNAME": "api",
        "PASSWORD": "api-password",
        "APPLICATION_ID": "app-1",
        "WEBHOOK_USERNAME": "hooks",
        "WEBHOOK_PASSWORD": "first-of-the-two-secrets-of-the-suite",
    },
    secret="WEBHOOK_PASSWORD",
    inbound=inbound,
    report=report,
    spoil=spoil,
    required=("id", "from", "text", "direction"),
    states={
        "message-sending": "sending",
        "message-sent": "sent",
        "message-delivered": "delivered",
        "message-failed": "failed",
    },
    failure=("message-failed", "4720"),
    send_path="/api/v2/users/9900000/messages",
    answers={
        "accepted": Told(status=202, body={"id": "m1", "segmentCount": 1}),
        "refused": Told(
            status=400,
            body=_error("request-validation"),
            kind=Refused,
            code="request-validation",
        ),
        "credentials": Told(status=401, body={}, kind=CredentialsRefused),
        "busy": Told(status=429, body=_error("x"), kind=TryLater),
        "fault": Told(status=503, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=202, body={"id": 5}, kind=OutcomeUnknown),
    },
)
