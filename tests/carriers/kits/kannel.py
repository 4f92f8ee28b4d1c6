"""Kannel's kit, as its smsbox was seen to write (1.4.5)."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlencode

from bridge.carriers.contract import WebhookRequest
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from tests.carriers.kits.kit import (
    Hook,
    Kit,
    Spoilt,
    Told,
    changed,
    get,
    post,
    spoil_address,
)


def inbound(hook: Hook) -> WebhookRequest:
    query = {
        "token": hook.secret,
        "id": hook.carrier_id,
        "time": str(hook.signed_s),
        "from": hook.customer,
        "to": hook.sender,
    }
    query.pop(hook.missing, None)
    if hook.body.isascii():
        charset, body = "UTF-8", hook.body.encode()
    else:
        charset, body = "UTF-16BE", hook.body.encode("utf-16-be")
    path = f"/carriers/kannel/inbound?{urlencode(query)}&charset={charset}"
    headers = {"content-type": f'text/plain; charset="{charset}"'}
    return post(path, base=hook.base, body=body, headers=headers)


def report(hook: Hook) -> WebhookRequest:
    mark = hmac.new(hook.secret.encode(), hook.ref.encode(), hashlib.sha256).hexdigest()[:32]
    query = f"ref={hook.ref}&mark={mark}&status={hook.status}&answer=ACK%2F&time={hook.signed_s}"
    return get(f"/carriers/kannel/status?{query}", base=hook.base)


def spoil(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
    name = "mark" if "/status" in request.url else "token"
    if how == "other_body":  # the mark of one text does for no other
        return changed(
            request, url=request.url.replace("ref=part-1", "ref=part-2").replace("token", "tokem")
        )
    return spoil_address(name)(request, how)


KIT = Kit(
    name="kannel",
    carrier="kannel",
    settings={
        "USERNAME": "bridge",
        "PASSWORD": "sendsms-password",
        "WEBHOOK_TOKEN": "first-of-the-two-secrets-of-the-suite",
    },
    secret="WEBHOOK_TOKEN",
    inbound=inbound,
    report=report,
    spoil=spoil,
    required=("id", "from", "to"),
    states={
        "1": "delivered",
        "2": "undelivered",
        "4": "sent",
        "8": "sent",
        "16": "failed",
        "64": "queued",
    },
    failure=("2", "not_delivered"),
    id_is_ref=True,
    send_path="/cgi-bin/sendsms",
    answers={
        "accepted": Told(status=202, body=b"0: Accepted for delivery"),
        "queued": Told(status=202, body=b"3: Queued for later delivery"),
        "refused": Told(
            status=403,
            body=b"Not routable. Do not try again.",
            kind=Refused,
            code="unroutable",
        ),
        "bad_number": Told(
            status=400,
            body=b"Number(s) has/have been denied by white- and/or black-lists.",
            kind=Refused,
            code="denied",
        ),
        "credentials": Told(
            status=403, body=b"Authorization failed for sendsms", kind=CredentialsRefused
        ),
        "busy": Told(status=503, body=b"Temporal failure, try again later.", kind=TryLater),
        "fault": Told(status=500, body=b"", kind=OutcomeUnknown),
        "nonsense": Told(status=200, body=b"<html>", kind=OutcomeUnknown),
    },
)
