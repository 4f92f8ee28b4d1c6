"""What the fake Twilio keeps: numbers, messages, media, and what reached which phone."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal

NumberKind = Literal["long_code", "toll_free", "short_code"]
API_VERSION = "2010-04-01"
FINISHED = {"delivered", "undelivered", "failed", "received", "canceled", "sent"}
MMS_COUNTRIES = {"US", "CA", "AU"}  # pictures go out only from numbers of these

Json = dict[str, Any]


def new_sid(prefix: str) -> str:
    """Make a resource id: two letters and 32 hexadecimal digits."""
    return prefix + uuid.uuid4().hex


def rfc2822(ms: int | None) -> str | None:
    """Write a time as Twilio does: RFC 2822 in whole seconds, +0000."""
    if ms is None:
        return None
    return format_datetime(datetime.fromtimestamp(ms // 1000, UTC))


@dataclass(slots=True, kw_only=True)
class Number:
    """A number of the account. `advanced_opt_out`: it is in a service that has it switched on."""

    sid: str
    number: str
    sms_url: str
    kind: NumberKind = "long_code"
    country: str = "US"
    sms_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    friendly_name: str = ""
    advanced_opt_out: bool = False
    service_sid: str | None = None
    created_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Media:
    """A picture or file of a message."""

    sid: str
    content_type: str
    content: bytes
    created_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Message:
    """A message resource, either direction."""

    sid: str
    sender: str
    to: str
    body: str
    direction: str
    status: str
    created_ms: int
    updated_ms: int
    sent_ms: int | None = None
    segments: int = 1
    media: list[Media] = field(default_factory=list)
    media_urls: tuple[str, ...] = ()
    status_callback: str | None = None
    error_code: int | None = None
    service_sid: str | None = None
    listed: bool = True
    payload: dict[str, str] = field(default_factory=dict)  # of an inbound one's webhook

    def to_json(self, account_sid: str) -> Json:
        """Write the resource as the API does."""
        path = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{self.sid}"
        media_count = len(self.media) or len(self.media_urls)
        return {
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(self.created_ms),
            "date_sent": rfc2822(self.sent_ms),
            "date_updated": rfc2822(self.updated_ms),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": ERROR_MESSAGES.get(self.error_code or 0),
            "from": self.sender,
            "messaging_service_sid": self.service_sid,
            "num_media": str(media_count),
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": self.to,
            "uri": f"{path}.json",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SentText:
    """One line of the ledger: a message that was accepted for sending."""

    sid: str
    sender: str
    customer: str
    body: str
    media_urls: tuple[str, ...]
    status_callback: str | None
    direction: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandsetText:
    """A text as it stands on a customer's phone. `media` holds (content type, bytes)."""

    sender: str
    body: str
    at_ms: int
    sid: str
    media: tuple[tuple[str, bytes], ...] = ()
    by_carrier: bool = False  # Twilio's or the network's own answer to a word


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundResult:
    """What became of a customer's text: the message, and the HTTP answers to its webhooks.

    A status of 0 means that no answer came.
    """

    sid: str
    statuses: tuple[int, ...] = ()
    bodies: tuple[str, ...] = ()


ERROR_MESSAGES = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Carrier violation",
    30008: "Unknown error",
    30019: "Content size exceeds carrier limit",
    30034: "Message from an unregistered number",
    11200: "HTTP retrieval failure",
    12300: "Invalid Content-Type",
}

_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = set("^{}\\[~]|€\f")


def count_segments(body: str) -> int:
    """Count what Twilio would bill (3GPP TS 23.038): 160/153 septets or 70/67 UTF-16 units."""
    if all(char in _BASIC or char in _EXTENDED for char in body):
        length = sum(2 if char in _EXTENDED else 1 for char in body)
        return 1 if length <= 160 else -(-length // 153)
    length = len(body.encode("utf-16-be")) // 2
    return 1 if length <= 70 else -(-length // 67)
