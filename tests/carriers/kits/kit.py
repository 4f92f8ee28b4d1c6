"""What a carrier's kit has to offer to the shared suite.

A kit is written from the carrier's own documentation, beside the code that it tests: it signs with
the standard library, and shares no line with `bridge/carriers/`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from bridge.carriers.contract import DeliveryState, WebhookRequest
from bridge.errors import FarSideError

PUBLIC_URL = "https://bridge.example"
NOW_S = 1_767_323_045  # 2026-01-02T03:04:05Z, the suite's moment
Spoilt = Literal["unsigned", "other_body", "other_secret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook that is to be made: what it says, when it is signed, and with which secret."""

    customer: str = "+12025550123"
    sender: str = "+12025550100"
    body: str = "hello"
    carrier_id: str = "text-1"
    ref: str = "part-1"
    status: str = ""  # the carrier's own word, for a report
    error: str = ""
    signed_s: int = NOW_S
    secret: str = "first-of-the-two-secrets-of-the-suite"
    base: str = PUBLIC_URL
    missing: str = ""  # a field to be left out
    piece: tuple[int, int] | None = None  # number, total


Maker = Callable[[Hook], WebhookRequest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer to a send, and what it means."""

    status: int
    body: object
    kind: type[FarSideError] | None = None  # None: it was taken
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """One carrier, or one of its ways.

    `settings` are variables without `BRIDGE_NAME_`; `secret` names the one that webhooks are
    signed with. `required` are fields of an inbound text, as faults name them.
    """

    name: str
    carrier: str
    settings: Mapping[str, str]
    secret: str
    inbound: Maker
    report: Maker
    spoil: Callable[[WebhookRequest, Spoilt], WebhookRequest]
    required: tuple[str, ...]
    states: Mapping[str, DeliveryState]  # the carrier's words, and what they mean here
    failure: tuple[str, str]  # a word for a failed text, with a code
    answers: Mapping[str, Told]
    send_path: str
    api_settings: tuple[str, ...] = ("API_URL",)
    has_plus: bool = True  # numbers come as E.164 with a plus
    id_is_ref: bool = False  # our own reference is the text's id there
    webhook_secret: Callable[[str], str] = field(default=lambda secret: secret)


def post(
    path: str, *, base: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> WebhookRequest:
    """A POST to us."""
    return WebhookRequest(
        method="POST", url=base + path, seen_url=base + path, headers=dict(headers or {}), body=body
    )


def get(path: str, *, base: str, headers: Mapping[str, str] | None = None) -> WebhookRequest:
    """A GET to us."""
    return WebhookRequest(
        method="GET", url=base + path, seen_url=base + path, headers=dict(headers or {}), body=b""
    )


def as_json(record: object) -> bytes:
    """JSON as a carrier writes it."""
    return json.dumps(record).encode()


def as_form(fields: Mapping[str, str]) -> bytes:
    """A form as a carrier writes it."""
    return urlencode(fields).encode()


def without(record: Mapping[str, object], missing: str) -> dict[str, object]:
    """The same without a field."""
    return {name: value for name, value in record.items() if name != missing}


def digest(secret: str, message: bytes) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def changed(
    request: WebhookRequest,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    url: str | None = None,
) -> WebhookRequest:
    """The same request with something else in it."""
    return WebhookRequest(
        method=request.method,
        url=url or request.url,
        seen_url=url or request.seen_url,
        headers=request.headers if headers is None else headers,
        body=request.body if body is None else body,
    )


def spoil_header(*names: str) -> Callable[[WebhookRequest, Spoilt], WebhookRequest]:
    """Spoils what is signed in headers, over a body."""

    def spoil(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
        if how == "unsigned":
            kept = {name: value for name, value in request.headers.items() if name not in names}
            return changed(request, headers=kept)
        if how == "other_body":
            return changed(request, body=request.body.replace(b"hello", b"HELLO"))
        wrong = {name: _flipped(request.headers[name]) for name in names[:1]}
        return changed(request, headers={**request.headers, **wrong})

    return spoil


def _flipped(value: str) -> str:
    """The value with one letter changed, of the same length."""
    at = len(value) // 2
    return value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]


def spoil_address(name: str) -> Callable[[WebhookRequest, Spoilt], WebhookRequest]:
    """Spoils a secret that stands in the address; the body is not covered there."""

    def spoil(request: WebhookRequest, how: Spoilt) -> WebhookRequest:
        path, _, query = request.url.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&")]
        if how == "unsigned":
            kept = [pair for pair in pairs if pair[0] != name]
        else:
            kept = [
                (one, "=", _flipped(value) if one == name else value) for one, _, value in pairs
            ]
        return changed(request, url=f"{path}?{'&'.join(''.join(pair) for pair in kept)}")

    return spoil
