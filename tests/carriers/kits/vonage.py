"""Vonage's kits, one for each of its APIs: the shapes are those of its SDK and API description."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import (
    Hook,
    Kit,
    Spoilt,
    Told,
    as_form,
    as_json,
    changed,
    post,
    spoil_header,
    without,
)

SETTINGS = {
    "API_KEY": "abcd1234",
    "API_SECRET": "api-secret",
    "SIGNATURE_SECRET": "first-of-the-two-secrets-of-the-suite",
}


def _bare(number: str) -> str:
    return number.removeprefix("+")


def _part(record: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(record).encode()).rstrip(b"=")


def _jwt(hook: Hook, body: bytes) -> str:
    claims = {
        "iat": hook.signed_s,
        "jti": "j1",
        "iss": "Vonage",
        "api_key": "abcd1234",
        "payload_hash": hashlib.sha256(body).hexdigest(),
    }
    signed = _part({"alg": "HS256", "typ": "JWT"}) + b"." + _part(claims)
    mac = hmac.new(hook.secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def _posted_json(hook: Hook, path: str, record: dict[str, object]) -> WebhookRequest:
    body = as_json(record)
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {_jwt(hook, body)}",
    }
    return post(path, base=hook.base, body=body, headers=headers)


def inbound_messages(hook: Hook) -> WebhookRequest:
    record: dict[str, object] = {
        "message_uuid": hook.carrier_id,
        "channel": "sms",
        "message_type": "text",
        "to": _bare(hook.sender),
        "from": _bare(hook.customer),
        "timestamp": "2026-01-02T03:04:05Z",
        "text": hook.body,
        "sms": {"num_messages": "1", "keyword": "HELLO"},
    }
    return _posted_json(hook, "/carriers/vonage/inbound", without(record, hook.missing))


def report_messages(hook: Hook) -> WebhookRequest:
    record: dict[str, object] = {
        "message_uuid": hook.carrier_id,
        "to": _bare(hook.customer),
        "from": _bare(hook.sender),
        "timestamp": "2026-01-02T03:04:05Z",
        "status": hook.status,
        "channel": "sms",
        "client_ref": hook.ref,
    }
    if hook.error:
        kind = f"https://developer.vonage.com/api-errors/messages#{hook.error}"
        record["error"] = {"type": kind, "title": hook.error, "detail": "words"}
    return _posted_json(hook, f"/carriers/vonage/status?ref={hook.ref}", record)


def _posted_form(hook: Hook, path: str, fields: dict[str, str]) -> WebhookRequest:
    fields.pop(hook.missing, None)
    fields |= {"api-key": "abcd1234", "timestamp": str(hook.signed_s), "nonce": "n1"}
    text = "".join(
        f"&{name}={fields[name].replace('&', '_').replace('=', '_')}" for name in sorted(fields)
    )
    sig = hmac.new(hook.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = as_form({**fields, "sig": sig.upper()})
    return post(path, base=hook.base, body=body, headers=headers)


def inbound_sms(hook: Hook) -> WebhookRequest:
    fields = {
        "msisdn": _bare(hook.customer),
        "to": _bare(hook.sender),
        "messageId": hook.carrier_id,
        "text": hook.body,
        "type": "text",
        "keyword": "HELLO",
        "message-timestamp": "2026-01-02 03:04:05",
    }
    if hook.piece is not None:
        number, total = hook.piece
        fields |= {
            "concat": "true",
            "concat-ref": "42",
            "concat-part": str(number),
            "concat-total": str(total),
        }
    return _posted_form(hook, "/carriers/vonage/inbound", fields)


def report_sms(hook: Hook) -> WebhookRequest:
    fields = {
        "msisdn": _bare(hook.customer),
        "to": _bare(hook.sender),
        "messageId": hook.carrier_id,
        "status": hook.status,
        "err-code": hook.error.removeprefix("dlr-") or "0",
        "client-ref": hook.ref,
        "message-timestamp": "2026-01-02 03:04:05",
    }
    return _posted_form(hook, "/carriers/vonage/status", fields)


def spoil_sms(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
    pairs = request.body.split(b"&")
    if how == "unsigned":
        return changed(request, body=b"&".join(one for one in pairs if one[:4] != b"sig="))
    if how == "other_body":
        return changed(request, body=request.body.replace(b"messageId=text", b"messageId=tEXt"))
    sig = next(one for one in pairs if one[:4] == b"sig=")
    other = sig[:-1] + (b"0" if sig[-1:] != b"0" else b"1")
    return changed(request, body=request.body.replace(sig, other))


def _problem(code: str) -> dict[str, object]:
    return {
        "type": f"https://developer.vonage.com/api-errors/messages#{code}",
        "title": "t",
        "detail": "about +12025550123",
    }


def _parts(*statuses: str) -> dict[str, object]:
    return {
        "message-count": str(len(statuses)),
        "messages": [{"status": status, "message-id": f"m{status}"} for status in statuses],
    }


MESSAGES = Kit(
    name="vonage-messages",
    carrier="vonage",
    settings=SETTINGS,
    secret="SIGNATURE_SECRET",
    inbound=inbound_messages,
    report=report_messages,
    spoil=spoil_header("authorization"),
    required=("message_uuid", "from", "to", "text"),
    states={
        "submitted": "sent",
        "delivered": "delivered",
        "rejected": "failed",
        "undeliverable": "undelivered",
        "a-word-of-tomorrow": "queued",
    },
    failure=("undeliverable", "1190"),
    has_plus=False,
    api_settings=("API_URL", "SMS_API_URL"),
    send_path="/v1/messages",
    answers={
        "accepted": Told(status=202, body={"message_uuid": "m1"}),
        "refused": Told(status=422, body=_problem("1120"), kind=Refused, code="1120"),
        "opted_out": Told(status=422, body=_problem("1240"), kind=Refused, code="1240"),
        "bad_number": Told(status=422, body=_problem("1170"), kind=Refused, code="1170"),
        "credentials": Told(status=401, body={"title": "no"}, kind=CredentialsRefused),
        "busy": Told(status=429, body=_problem("1000"), kind=TryLater),
        "fault": Told(status=500, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=202, body={"message_uuid": 5}, kind=OutcomeUnknown),
    },
)
SMS = Kit(
    name="vonage-sms",
    carrier="vonage",
    settings={**SETTINGS, "API": "sms"},
    secret="SIGNATURE_SECRET",
    inbound=inbound_sms,
    report=report_sms,
    spoil=spoil_sms,
    required=("messageId", "msisdn", "to", "text"),
    states={
        "accepted": "sent",
        "buffered": "sent",
        "delivered": "delivered",
        "expired": "undelivered",
        "failed": "undelivered",
        "rejected": "failed",
        "unknown": "sent",
        "a-word-of-tomorrow": "queued",
    },
    failure=("failed", "dlr-3"),
    has_plus=False,
    id_is_ref=True,
    api_settings=("API_URL", "SMS_API_URL"),
    send_path="/sms/json",
    answers={
        "accepted": Told(status=200, body=_parts("0")),
        "accepted_in_parts": Told(status=200, body=_parts("0", "0")),
        "refused": Told(status=200, body=_parts("6"), kind=Refused, code="sms-6"),
        "bad_number": Told(status=200, body=_parts("3"), kind=Refused, code="sms-3"),
        "credentials": Told(status=200, body=_parts("4"), kind=CredentialsRefused),
        "throttled": Told(status=200, body=_parts("1"), kind=TryLater),
        "internal": Told(status=200, body=_parts("5"), kind=OutcomeUnknown),
        "busy": Told(status=429, body={}, kind=TryLater),
        "fault": Told(status=502, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=200, body={"messages": []}, kind=OutcomeUnknown),
    },
)
