"""Plivo's kits, one for each way in which it signs."""

from __future__ import annotations

import zlib
from dataclasses import replace

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import (
    Hook,
    Kit,
    Spoilt,
    Told,
    as_form,
    changed,
    digest,
    post,
    spoil_header,
)

V2, V3 = "x-plivo-signature-v2", "x-plivo-signature-v3"


def _posted(hook: Hook, path: str, fields: dict[str, str], *, version: str) -> WebhookRequest:
    fields.pop(hook.missing, None)
    base, _, query = f"{hook.base}{path}".partition("?")
    said = "".join(name + fields[name] for name in sorted(fields))
    dot = "." if query else ""
    nonce = str(zlib.crc32(said.encode()))  # another for each thing said
    signed = f"{base}?{query}{dot}{said}.{nonce}" if version == V3 else base + nonce
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        version: digest(hook.secret, signed.encode()),
        f"{version}-nonce": nonce,
    }
    return post(path, base=hook.base, body=as_form(fields), headers=headers)


def _inbound(hook: Hook) -> dict[str, str]:
    return {
        "MessageUUID": hook.carrier_id,
        "From": hook.customer.removeprefix("+"),
        "To": hook.sender.removeprefix("+"),
        "Text": hook.body,
        "Type": "sms",
        "Units": "1",
        "MediaCount": "0",
    }


def _report(hook: Hook) -> dict[str, str]:
    return {
        "MessageUUID": hook.carrier_id,
        "Status": hook.status,
        "ErrorCode": hook.error or "000",
        "Sequence": "2",
    }


def inbound(hook: Hook) -> WebhookRequest:
    return _posted(hook, "/carriers/plivo/inbound", _inbound(hook), version=V3)


def report(hook: Hook) -> WebhookRequest:
    return _posted(hook, f"/carriers/plivo/status?ref={hook.ref}", _report(hook), version=V3)


def inbound_v2(hook: Hook) -> WebhookRequest:
    return _posted(hook, "/carriers/plivo/inbound", _inbound(hook), version=V2)


def report_v2(hook: Hook) -> WebhookRequest:
    return _posted(hook, f"/carriers/plivo/status?ref={hook.ref}", _report(hook), version=V2)


def spoil_v2(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
    if how == "other_body":  # V2 doesn't cover the body; the address, it does
        return changed(request, url=request.url.replace("/plivo/", "/plivo//"))
    return spoil_header(V2)(request, how)


KIT = Kit(
    name="plivo",
    carrier="plivo",
    settings={"AUTH_ID": "MA" + "A" * 18, "AUTH_TOKEN": "first-of-the-two-secrets-of-the-suite"},
    secret="AUTH_TOKEN",
    inbound=inbound,
    report=report,
    spoil=spoil_header(V3),
    required=("MessageUUID", "From", "To", "Text"),
    states={
        "queued": "queued",
        "sent": "sent",
        "delivered": "delivered",
        "read": "delivered",
        "undelivered": "undelivered",
        "failed": "failed",
        "a-word-of-tomorrow": "queued",
    },
    failure=("undelivered", "50"),
    has_plus=False,
    send_path=f"/v1/Account/MA{'A' * 18}/Message/",
    answers={
        "accepted": Told(status=202, body={"message_uuid": ["m1"], "api_id": "a"}),
        "refused": Told(status=400, body={"error": "no"}, kind=Refused, code="HTTP 400"),
        "credentials": Told(status=401, body={"error": "no"}, kind=CredentialsRefused),
        "busy": Told(status=429, body={"error": "slow"}, kind=TryLater),
        "fault": Told(status=500, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=202, body={"message_uuid": []}, kind=OutcomeUnknown),
    },
)
KIT_V2 = replace(KIT, name="plivo-v2", inbound=inbound_v2, report=report_v2, spoil=spoil_v2)
