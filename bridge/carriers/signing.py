"""Who sent a webhook: what carriers' ways of proving it have in common."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from bridge.carriers.contract import WebhookRequest
from bridge.carriers.fields import query_of, read_pairs
from bridge.clock import Clock
from bridge.errors import Forged

WINDOW_S = 300  # how old or how far ahead a signed time may be

_DEFAULT_PORTS = {"https": "443", "http": "80"}
# Explaining a refusal costs some hundred hashes, and anybody can ask for it: only of small bodies.
_LARGEST_EXPLAINED = 16 * 1024


class Parts(NamedTuple):
    """An address in the parts that can differ; `login` and `port` keep their delimiters."""

    scheme: str
    login: str
    host: str
    port: str
    path: str  # path and query, raw

    @property
    def whole(self) -> str:
        """The address as it was written."""
        return f"{self.scheme}://{self.login}{self.host}{self.port}{self.path}"


def one_header(request: WebhookRequest, name: str) -> str:
    """A header that decides. Raises Forged where it is missing, or there twice."""
    given = request.headers.get(name, "").strip()
    if not given:
        raise Forged("missing")
    if "," in given:  # two headers of one name arrive joined
        raise Forged("duplicate")
    return given


def hmac_sha256(secret: str, message: bytes) -> bytes:
    """The digest of a message."""
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def ed25519_check(public_key: bytes) -> Callable[[bytes, bytes], bool]:
    """A check of (signature, message) by this key (32 bytes, RFC 8032). Raises ValueError."""
    # 7 MB of memory, which only a carrier that signs so has to pay for.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    key = Ed25519PublicKey.from_public_bytes(public_key)

    def is_by(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return is_by


def base64_of(digest: bytes) -> str:
    """A digest as it travels."""
    return b64encode(digest).decode()


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Whether `given` is among these, in a time that says nothing about how near it came."""
    found = False
    for one in expected:
        found |= hmac.compare_digest(one.encode(), given.encode("utf-8", "surrogateescape"))
    return found


def check_age(written: str, clock: Clock, *, window_s: int = WINDOW_S) -> None:
    """Check a signed time (seconds since 1970). Raises Forged("stale") or Forged("time")."""
    if not (written.isascii() and written.isdecimal()) or len(written) > 12:
        raise Forged("time")
    if abs(clock.now_ms() / 1000 - int(written)) > window_s:
        raise Forged("stale")


def check_basic(request: WebhookRequest, logins: Sequence[tuple[str, str]]) -> None:
    """Check user and password of a webhook. Raises Forged."""
    kind, _, written = one_header(request, "authorization").partition(" ")
    if kind.lower() != "basic":
        raise Forged("missing")
    try:
        given = b64decode(written.strip(), validate=True).decode()
    except (NotBase64, UnicodeDecodeError, ValueError) as error:
        raise Forged("token") from error
    if not is_one_of(given, [f"{user}:{password}" for user, password in logins]):
        raise Forged("token")


def mark_of(token: str, ref: str) -> str:
    """What a report's address shows that we made it, for this text."""
    return hmac_sha256(token, ref.encode()).hex()[:32]


def check_secret_address(request: WebhookRequest, tokens: Sequence[str]) -> None:
    """Check a webhook of a carrier that signs nothing: a secret in the address stands for that.

    Texts come to an address with `token`, reports to one that we made, with a `mark` of its `ref`.
    Raises Forged.
    """
    pairs = read_pairs(query_of(request.url))
    given = {name: value.decode("utf-8", "replace") for name, value in pairs}
    if len(given) != len(pairs):
        raise Forged("duplicate")
    if split(request.url).path.partition("?")[0].endswith("/status"):
        expected = [mark_of(token, given.get(b"ref", "")) for token in tokens]
        found = given.get(b"mark", "")
    else:
        expected, found = list(tokens), given.get(b"token", "")
    if not found:
        raise Forged("missing")
    if not is_one_of(found, expected):
        raise Forged("token")


def check_address(request: WebhookRequest, matches: Callable[[Parts], bool]) -> None:
    """Check a signature that covers the address.

    Raises Forged; its reason is the parts in which the configured address differs from the
    signed one ("host", "port", "scheme", "path"), or "token" where nothing else explains it.
    """
    ours = split(request.url)
    if matches(ours):
        return
    if len(request.body) <= _LARGEST_EXPLAINED:
        for changed, other in _variants(ours, split(request.seen_url)):
            if matches(other):
                raise Forged(", ".join(changed))
    raise Forged("token")


def with_and_without_port(parts: Parts) -> Iterator[Parts]:
    """The address as a carrier may have signed it that adds and drops ports at will."""
    default = _DEFAULT_PORTS.get(parts.scheme.lower())
    for port in dict.fromkeys(["", parts.port or (f":{default}" if default else "")]):
        yield parts._replace(port=port)


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


def _variants(ours: Parts, seen: Parts) -> Iterator[tuple[tuple[str, ...], Parts]]:
    differing = [
        name
        for name in ("host", "port", "scheme", "path")
        if getattr(ours, name) != getattr(seen, name)
    ]
    for size in range(1, len(differing) + 1):
        for names in combinations(differing, size):
            yield names, ours._replace(**{name: getattr(seen, name) for name in names})
