"""What Zendesk sends us: is it really Zendesk, and which ticket is it about."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.clock import from_rfc3339
from bridge.desks.contract import CommentId, TicketId
from bridge.desks.zendesk.records import Record, record_of
from bridge.errors import BadRequest, Forged

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
TAG = "sms_bridge"  # the tag the bridge's own rules go by
EVENT_PREFIX = "zen:event-type:"
LONGEST_ID = 19  # digits of a 64-bit number
# Zendesk signs with this until a webhook is saved; it stands in its documentation for all to see.
_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - public


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A ticket to look at. `kind` is "trigger" or an event's type such as "ticket.comment_added".

    `tagged` tells whether the ticket has our tag, None where the webhook doesn't say.
    """

    ticket_id: TicketId
    comment_id: CommentId | None
    kind: str
    tagged: bool | None


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a webhook: base64 of HMAC-SHA256 over timestamp and raw body.

    The secret looks like base64 but is used as it is written.
    """
    signed = timestamp.encode("utf-8", "surrogateescape") + body
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode("ascii")


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[str],
    now_ms: int,
    tolerance_s: float = 300,
) -> None:
    """Check that Zendesk sent exactly these bytes, lately.

    Any of `secrets` will do (two while one is rotated). Raises Forged.
    """
    given = _only(headers, SIGNATURE)
    timestamp = _only(headers, TIMESTAMP)
    usable = [secret for secret in secrets if secret and secret != _TEST_SECRET]
    if not usable:
        raise Forged("no webhook secret is set")
    _check_age(timestamp, now_ms=now_ms, tolerance_s=tolerance_s)
    matches = [_equal(sign(secret, timestamp, body), given) for secret in usable]
    if not any(matches):
        if _equal(sign(_TEST_SECRET, timestamp, body), given):
            raise Forged("signed with the public test secret: save the webhook first")
        raise Forged("the signature does not match")


def _only(headers: Mapping[str, str], name: str) -> str:
    # A mapping with repeated names (aiohttp's) yields each of them.
    found = [value for key, value in headers.items() if key.lower() == name]
    if len(found) != 1 or not found[0]:
        raise Forged(f"{name} is missing" if not any(found) else f"{name} comes twice")
    return found[0]


def _check_age(timestamp: str, *, now_ms: int, tolerance_s: float) -> None:
    try:
        signed_at_ms = from_rfc3339(timestamp)
    except (ValueError, OverflowError) as error:
        raise Forged("the signature's timestamp is not a time") from error
    if abs(now_ms - signed_at_ms) > tolerance_s * 1000:
        raise Forged(f"the signature's timestamp is over {tolerance_s:g} s off our clock")


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def parse_hint(body: bytes) -> Hint | None:
    """Read our trigger's payload or one of Zendesk's events; None: it is about no ticket.

    Raises BadRequest, which names the field.
    """
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("body", "expected JSON") from error
    if not isinstance(record, dict):
        raise BadRequest("body", "expected a JSON object")
    if "type" in record or "detail" in record:
        return _event(record)
    return Hint(
        ticket_id=TicketId(_id(record.get("ticket_id"), "ticket_id")),
        comment_id=_comment_id(record.get("comment_id"), "comment_id"),
        kind="trigger",
        tagged=None,
    )


def _event(record: Record) -> Hint | None:
    kind = record.get("type")
    if not isinstance(kind, str) or not kind.startswith(EVENT_PREFIX):
        raise BadRequest("type", "expected an event of Zendesk's")
    if not kind.startswith(EVENT_PREFIX + "ticket."):
        return None  # a webhook subscribed to more than tickets
    detail = record_of(record, "detail")
    tags = detail.get("tags")
    comment = record_of(record_of(record, "event"), "comment")
    return Hint(
        ticket_id=TicketId(_id(detail.get("id"), "detail.id")),
        comment_id=_comment_id(comment.get("id"), "event.comment.id"),
        kind=kind.removeprefix(EVENT_PREFIX),
        tagged=TAG in tags if isinstance(tags, list) else None,
    )


def _comment_id(value: object, field: str) -> CommentId | None:
    # A placeholder that Zendesk does not know becomes the empty text.
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return CommentId(_id(value, field))


def _id(value: object, field: str) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        text = text.strip()
        if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID and int(text) > 0:
            return int(text)
    raise BadRequest(field, "expected the number of a ticket or comment")
