"""Twilio's kit; tests/carriers/test_twilio_*.py hold what is peculiar to it."""

from __future__ import annotations

import base64
import hashlib
import hmac

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import Hook, Kit, Told, as_form, post, spoil_header

ACCOUNT = "AC" + "0" * 32
SIGNATURE = "x-twilio-signature"


def _signed(hook: Hook, path: str, fields: dict[str, str]) -> WebhookRequest:
    fields.pop(hook.missing, None)
    message = f"{hook.base}{path}" + "".join(name + fields[name] for name in sorted(fields))
    mac = hmac.new(hook.secret.encode(), message.encode(), hashlib.sha1)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        SIGNATURE: base64.b64encode(mac.digest()).decode(),
    }
    return post(path, base=hook.base, body=as_form(fields), headers=headers)


def inbound(hook: Hook) -> WebhookRequest:
    fields = {
        "MessageSid": hook.carrier_id,
        "AccountSid": ACCOUNT,
        "From": hook.customer,
        "To": hook.sender,
        "Body": hook.body,
        "NumMedia": "0",
        "FromState": "",
    }
    return _signed(hook, "/carriers/twilio/inbound", fields)


def report(hook: Hook) -> WebhookRequest:
    fields = {
        "MessageSid": hook.carrier_id,
        "AccountSid": ACCOUNT,
        "MessageStatus": hook.status,
        "ErrorCode": hook.error,
    }
    return _signed(hook, f"/carriers/twilio/status?ref={hook.ref}", fields)


KIT = Kit(
    name="twilio",
    carrier="twilio",
    settings={"ACCOUNT_SID": ACCOUNT, "AUTH_TOKEN": "first-of-the-two-secrets-of-the-suite"},
    secret="AUTH_TOKEN",
    inbound=inbound,
    report=report,
    spoil=spoil_header(SIGNATURE),
    required=("MessageSid", "From", "To", "Body"),
    states={
        "queued": "queued",
        "sending": "sending",
        "sent": "sent",
        "delivered": "delivered",
        "undelivered": "undelivered",
        "failed": "failed",
        "a-word-of-tomorrow": "queued",
    },
    failure=("undelivered", "30003"),
    send_path=f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
    answers={
        "accepted": Told(status=201, body={"sid": "SM1", "status": "queued"}),
        "refused": Told(status=400, body={"code": 21612}, kind=Refused, code="21612"),
        "opted_out": Told(status=400, body={"code": 21610}, kind=Refused, code="21610"),
        "bad_number": Told(status=400, body={"code": 21211}, kind=Refused, code="21211"),
        "credentials": Told(status=401, body={"code": 20003}, kind=CredentialsRefused),
        "busy": Told(status=429, body={"code": 20429}, kind=TryLater),
        "fault": Told(status=503, body={}, kind=OutcomeUnknown),
        "nonsense": Told(status=201, body={"status": "queued"}, kind=OutcomeUnknown),
    },
)
