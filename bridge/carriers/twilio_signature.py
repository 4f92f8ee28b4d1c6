"""Twilio's webhook signature: an HMAC over the address and the sorted form fields.

Bytes throughout: sorting UTF-8 bytes is sorting by code point, and a field that is not UTF-8 can
be told from a forged one. Source: Twilio's "Webhooks Security" and its SDK's RequestValidator.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from bridge.carriers.contract import WebhookRequest
from bridge.errors import Forged

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
_HASHES = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}
_DEFAULT_PORTS = {"https": "443", "http": "80"}
# Explaining a refusal costs some hundred hashes, and anybody can ask for it: only of small bodies.
_LARGEST_EXPLAINED = 16 * 1024

Fields = Sequence[tuple[bytes, bytes]]


class Parts(NamedTuple):
    """An address in the parts that can differ; `login` and `port` keep their delimiters."""

    scheme: str
    login: str
    host: str
    port: str
    path: str  # path and query, raw


def sign(secret: str, url: str, fields: Iterable[tuple[bytes, bytes]], algorithm: str) -> str:
    """The signature, base64, of exactly this address with these decoded form fields."""
    message = _encode(url) + b"".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(secret.encode(), message, _HASHES[algorithm]).digest()
    return base64.b64encode(digest).decode()


def read_fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Split an urlencoded form or query; empty values stay, the bytes are decoded from %XX."""
    fields = []
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            fields.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return fields


def verify(request: WebhookRequest, *, tokens: Sequence[str], keys: Mapping[str, str]) -> None:
    """Check the signature of a request.

    `tokens` are the account's own (two while one is rotated), `keys` the secrets of shared keys
    by id. Raises Forged; its reason is "missing", "duplicate", "key", "algorithm", "body", or the
    parts of the address in which the configured one differs from the signed one ("host", "port",
    "scheme", "path"), or "token" where nothing else explains it.
    """
    given = request.headers.get(SIGNATURE_HEADER, "")
    if not given:
        raise Forged("missing")
    if "," in given:  # two headers of one name arrive joined; base64 has no comma
        raise Forged("duplicate")
    secrets, algorithm = _secrets(request, tokens, keys)
    fields = _signed_fields(request)
    parts = split(request.url)
    if _matches(given, parts, fields, secrets, algorithm):
        return
    seen = split(request.seen_url)
    if len(request.body) <= _LARGEST_EXPLAINED:
        for changed, other in _variants(parts, seen):
            if _matches(given, other, fields, secrets, algorithm):
                raise Forged(", ".join(changed))
    raise Forged("token")


def split(url: str) -> Parts:
    """Cut an address into parts, as written: nothing is normalised, the fragment is dropped."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    end = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority, path = rest[:end], rest[end:]
    login, at, place = authority.rpartition("@")
    bracket = place.find("]")  # IPv6
    colon = place.find(":", bracket + 1)
    host, port = (place, "") if colon < 0 else (place[:colon], place[colon:])
    return Parts(scheme, login + at, host, port if len(port) > 1 else "", path)


def _spellings(parts: Parts) -> Iterator[str]:
    """The address as Twilio may have signed it: its back end adds and drops ports at will."""
    default = _DEFAULT_PORTS.get(parts.scheme.lower())
    ports = ["", parts.port or (f":{default}" if default else "")]
    path, mark, query = parts.path.partition("?")
    # An apostrophe in a query is signed escaped by one of its services.
    queries = dict.fromkeys([mark + query, mark + query.replace("'", "%27")])
    for port in dict.fromkeys(ports):
        for ending in queries:
            yield f"{parts.scheme}://{parts.login}{parts.host}{port}{path}{ending}"


def _matches(
    given: str, parts: Parts, fields: Fields, secrets: Sequence[str], algorithm: str
) -> bool:
    found = False
    for secret in secrets:
        for url in _spellings(parts):
            expected = sign(secret, url, fields, algorithm)
            found |= hmac.compare_digest(expected.encode(), _encode(given))
    return found


def _variants(ours: Parts, seen: Parts) -> Iterator[tuple[tuple[str, ...], Parts]]:
    differing = [
        name
        for name in ("host", "port", "scheme", "path")
        if getattr(ours, name) != getattr(seen, name)
    ]
    for size in range(1, len(differing) + 1):
        for names in combinations(differing, size):
            yield names, ours._replace(**{name: getattr(seen, name) for name in names})


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
        return read_fields(request.body)
    query = dict(read_fields(query_of(request.url)))
    actual = hashlib.sha256(request.body).hexdigest().encode()
    if not hmac.compare_digest(query.get(b"bodySHA256", b""), actual):
        raise Forged("body")
    return []


def query_of(url: str) -> bytes:
    """The raw query of an address."""
    return _encode(split(url).path.partition("?")[2])


def _encode(text: str) -> bytes:
    # A request line may hold any byte; the server keeps what is not UTF-8 as surrogates.
    return text.encode("utf-8", "surrogateescape")


def is_form(request: WebhookRequest) -> bool:
    """Whether the body is an urlencoded form; without a type it is one, unless a hash is sent."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind:
        return "bodySHA256=" not in request.url
    return kind == "application/x-www-form-urlencoded"
