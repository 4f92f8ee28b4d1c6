"""Sinch's kit: events as its SDK's models read them."""

from __future__ import annotations

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import Hook, Kit, Told, as_json, digest, post, spoil_header, without

SIGNATURE = "x-sinch-webhook-signature"
NONCE = "01FJA8B4A7BM43YGWSG9GBV067"


def _signed(hook: Hook, path: str, event: dict[str, object]) -> WebhookRequest:
    body = as_json(event)
    headers = {
        "content-type": "application/json",
        SIGNATURE: digest(hook.secret, body + f".{NONCE}.{hook.signed_s}".encode()),
        f"{SIGNATURE}-nonce": NONCE,
        f"{SIGNATURE}-timestamp": str(hook.signed_s),
        f"{SIGNATURE}-algorithm": "HmacSHA256",
    }
    return post(path, base=hook.base, body=body, headers=headers)


def inbound(hook: Hook) -> WebhookRequest:
    event: dict[str, object] = {
        "type": "mo_text",
        "id": hook.carrier_id,
        "from": hook.customer.removeprefix("+"),
        "to": hook.sender.removeprefix("+"),
        "body": hook.body,
        "operator_id": "310260",
        "received_at": "2026-01-02T03:04:05.123Z",
    }
    return _signed(hook, "/carriers/sinch/inbound", without(event, hook.missing))


def report(hook: Hook) -> WebhookRequest:
    event: dict[str, object] = {
        "type": "recipient_delivery_report_sms",
        "batch_id": hook.carrier_id,
        "recipient": hook.customer.removeprefix("+"),
        "code": int(hook.error or "0"),
        "status": hook.status,
        "at": "2026-01-02T03:04:05.123Z",
        "client_reference": hook.ref,
    }
    return _signed(hook, "/carriers/sinch/status", event)


KIT = Kit(
    name="sinch",
    carrier="sinch",
    settings={
        "SERVICE_PLAN_ID": "plan1",
        "API_TOKEN": "plan-token",
        "WEBHOOK_SECRET": "first-of-the-two-secrets-of-the-suite",
    },
    secret="WEBHOOK_SECRET",
    inbound=inbound,
    report=report,
    spoil=spoil_header(SIGNATURE),
    required=("id", "from", "to", "body"),
    states={
        "Queued": "queued",
        "Dispatched": "sent",
        "DELIVERED": "delivered",
        "Failed": "undelivered",
        "Expired": "undelivered",
        "Rejected": "failed",
        "Unknown": "sent",
        "A word of tomorrow": "queued",
    },
    failure=("Rejected", "402"),
    has_plus=False,
    send_path="/xms/v1/plan1/batches",
    answers={
        "accepted": Told(status=201, body={"id": "b1", "to": ["12025550123"]}),
        "refused": Told(
            status=400,
            body={"code": "syntax_invalid_parameter_format", "text": "+12025550123"},
            kind=Refused,
            code="syntax_invalid_parameter_format",
        ),
        "credentials": Told(status=401, body={}, kind=CredentialsRefused),
        "busy": Told(status=429, body={}, kind=TryLater),
        "fault": Told(status=500, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=201, body={"id": None}, kind=OutcomeUnknown),
    },
)
