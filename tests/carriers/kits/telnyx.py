"""Telnyx's kit: the shapes are those of its SDK's models."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import Hook, Kit, Told, as_json, post, spoil_header, without

SIGNATURE, TIMESTAMP = "telnyx-signature-ed25519", "telnyx-timestamp"


def private_key(secret: str) -> Ed25519PrivateKey:
    """A key pair for each name."""
    return Ed25519PrivateKey.from_private_bytes(secret.encode().ljust(32, b".")[:32])


def public_key(secret: str) -> str:
    return base64.b64encode(private_key(secret).public_key().public_bytes_raw()).decode()


def _signed(hook: Hook, path: str, kind: str, payload: dict[str, object]) -> WebhookRequest:
    event = {
        "data": {"event_type": kind, "id": "e1", "record_type": "event", "payload": payload},
        "meta": {"attempt": 1},
    }
    body = as_json(event)
    signature = private_key(hook.secret).sign(f"{hook.signed_s}|".encode() + body)
    headers = {
        "content-type": "application/json",
        SIGNATURE: base64.b64encode(signature).decode(),
        TIMESTAMP: str(hook.signed_s),
    }
    return post(path, base=hook.base, body=body, headers=headers)


def inbound(hook: Hook) -> WebhookRequest:
    payload: dict[str, object] = {
        "id": hook.carrier_id,
        "direction": "inbound",
        "from": {"phone_number": hook.customer, "carrier": "T-Mobile", "line_type": "Wireless"},
        "to": [{"phone_number": hook.sender, "status": "webhook_delivered"}],
        "text": hook.body,
        "media": [],
        "type": "SMS",
        "received_at": "2026-01-02T03:04:05.123+00:00",
    }
    path = "/carriers/telnyx/inbound"
    return _signed(hook, path, "message.received", without(payload, hook.missing))


def report(hook: Hook) -> WebhookRequest:
    payload: dict[str, object] = {
        "id": hook.carrier_id,
        "direction": "outbound",
        "from": {"phone_number": hook.sender},
        "to": [{"phone_number": hook.customer, "status": hook.status}],
        "errors": [{"code": hook.error, "title": "x"}] if hook.error else [],
    }
    path = f"/carriers/telnyx/status?ref={hook.ref}"
    return _signed(hook, path, "message.finalized", payload)


def _errors(code: str) -> dict[str, object]:
    return {"errors": [{"code": code, "title": "t", "detail": "d +12025550123"}]}


KIT = Kit(
    name="telnyx",
    carrier="telnyx",
    settings={"API_KEY": "KEY123", "PUBLIC_KEY": "first-of-the-two-secrets-of-the-suite"},
    secret="PUBLIC_KEY",
    webhook_secret=public_key,
    inbound=inbound,
    report=report,
    spoil=spoil_header(SIGNATURE, TIMESTAMP),
    required=("id", "from", "to", "text"),
    states={
        "queued": "queued",
        "sending": "sending",
        "sent": "sent",
        "delivered": "delivered",
        "delivery_unconfirmed": "sent",
        "delivery_failed": "undelivered",
        "sending_failed": "failed",
        "a-word-of-tomorrow": "queued",
    },
    failure=("delivery_failed", "40008"),
    send_path="/v2/messages",
    answers={
        "accepted": Told(
            status=200,
            body={"data": {"id": "m1", "to": [{"status": "queued"}], "parts": 1, "errors": []}},
        ),
        "refused": Told(status=400, body=_errors("10015"), kind=Refused, code="10015"),
        "opted_out": Told(status=403, body=_errors("40300"), kind=Refused, code="40300"),
        "bad_number": Told(status=400, body=_errors("10016"), kind=Refused, code="10016"),
        "credentials": Told(status=401, body=_errors("10009"), kind=CredentialsRefused),
        "busy": Told(status=429, body=_errors("10011"), kind=TryLater),
        "queue_full": Told(status=403, body=_errors("40318"), kind=TryLater),
        "fault": Told(status=500, body=_errors("10007"), kind=OutcomeUnknown),
        "same_key_under_way": Told(status=409, body=_errors("1"), kind=OutcomeUnknown),
        "same_key_other_body": Told(status=422, body=_errors("1"), kind=OutcomeUnknown),
        "nonsense": Told(status=200, body={"data": []}, kind=OutcomeUnknown),
    },
)
