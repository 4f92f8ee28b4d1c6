"""Twilio's webhook signature: an HMAC over the address and the sorted form fields.

Bytes throughout: sorting UTF-8 bytes is sorting by code point, and a field that is not UTF-8 can
be told from a forged one. Source: Twilio's "Webhooks Security" and its SDK's RequestValidator.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from bridge.carriers.contract import WebhookRequest
from bridge.carriers.fields import query_of, read_pairs
from bridge.carriers.signing import (
    Parts,
    check_address,
    is_one_of,
    one_header,
    with_and_without_port,
)
from bridge.carriers.twilio_api import RETRIES
from bridge.errors import Forged

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
_HASHES = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}

Fields = Sequence[tuple[bytes, bytes]]


def sign(secret: str, url: str, fields: Iterable[tuple[bytes, bytes]], algorithm: str) -> str:
    """The signature, base64, of exactly this address with these decoded form fields."""
    message = _encode(url) + b"".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.digest(secret.encode(), message, _HASHES[algorithm])
    return base64.b64encode(digest).decode()


def verify(request: WebhookRequest, *, tokens: Sequence[str], keys: Mapping[str, str]) -> None:
    """Check the signature of a request.

    `tokens` are the account's own (two while one is rotated), `keys` the secrets of shared keys
    by id. Raises Forged; its reason is "missing", "duplicate", "key", "algorithm", "body", or the
    parts of the address in which the configured one differs from the signed one ("host", "port",
    "scheme", "path"), or "token" where nothing else explains it.
    """
    given = one_header(request, SIGNATURE_HEADER)
    secrets, algorithm = _secrets(request, tokens, keys)
    fields = _signed_fields(request)
    check_address(request, lambda parts: _matches(given, parts, fields, secrets, algorithm))


def _spellings(parts: Parts) -> Iterator[str]:
    """The address as Twilio may have signed it, if not as it stands.

    Its back end adds and drops ports at will, and whether the fragment that asks for repeats is
    signed isn't documented.
    """
    path, mark, query = parts.path.partition("?")
    # An apostrophe in a query is signed escaped by one of its services.
    queries = dict.fromkeys([mark + query, mark + query.replace("'", "%27")])
    for fragment in ("", f"#{RETRIES}"):
        for spelt in with_and_without_port(parts):
            for ending in queries:
                yield spelt._replace(path=path + ending + fragment).whole


def _matches(
    given: str, parts: Parts, fields: Fields, secrets: Sequence[str], algorithm: str
) -> bool:
    return any(
        is_one_of(given, [sign(secret, url, fields, algorithm) for secret in secrets])
        for url in chain([parts.whole], _spellings(parts))
    )


def _secrets(
    request: WebhookRequest, tokens: Sequence[str], keys: Mapping[str, str]
) -> tuple[Sequence[str], str]:
    settings: dict[str, str] = {}
    for part in request.headers.get(SETTINGS_HEADER, "").split(","):
        name, _, value = part.partition("=")
        settings[name.strip().lower()] = value.strip()
    algorithm = settings.get("algorithm", "").upper() or "HMAC_SHA1"
    if algorithm not in _HASHES:
        raise Forged("algorithm")
    key = settings.get("key", "")
    if not key:
        if algorithm != "HMAC_SHA1":  # only shared keys sign with anything else
            raise Forged("key")
        return tokens, algorithm
    if key not in keys:
        raise Forged("key")
    return [keys[key]], algorithm


def _signed_fields(request: WebhookRequest) -> Fields:
    if request.method.upper() != "POST":
        return []  # a GET's fields are in the address
    if is_form(request):
        return read_pairs(request.body)
    query = dict(read_pairs(query_of(request.url)))
    actual = hashlib.sha256(request.body).hexdigest().encode()
    if not hmac.compare_digest(query.get(b"bodySHA256", b""), actual):
        raise Forged("body")
    return []


def _encode(text: str) -> bytes:
    # A request line may hold any byte; the server keeps what is not UTF-8 as surrogates.
    return text.encode("utf-8", "surrogateescape")


def is_form(request: WebhookRequest) -> bool:
    """Whether the body is an urlencoded form; without a type it is one, unless a hash is sent."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind:
        return "bodySHA256=" not in request.url
    return kind == "application/x-www-form-urlencoded"
