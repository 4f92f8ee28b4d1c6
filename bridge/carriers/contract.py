"""What a carrier declares and does. One file per carrier implements this; no other file knows it.

A carrier never sees the store or aiohttp's request: webhooks come as plain values, and a send
gives one of the four outcomes of `bridge.errors` (a return value is "done").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from bridge.carriers.errors import ErrorTable
from bridge.carriers.media import MediaSource
from bridge.domain.mms import MmsLimits

SenderKind = Literal["long_code", "toll_free", "short_code"]
EVERY_KIND: frozenset[SenderKind] = frozenset({"long_code", "toll_free", "short_code"})
OptOutWord = Literal["STOP", "START", "HELP"]
DeliveryState = Literal["queued", "sending", "sent", "delivered", "undelivered", "failed"]


class CarrierSettings(BaseModel):
    """One account, as its operator sets it. A field without a default is needed.

    `BRIDGE_`, the carrier's name and the field's, upper-cased, are the variable; a field's
    description says what is expected, and is what a fault is told with.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A carrier's or desk's HTTP request as plain values.

    `url` is the public address (BRIDGE_PUBLIC_URL plus raw path and query, as sent),
    `seen_url` the address as this request itself claims it (scheme, Host header, raw path):
    signatures are checked against `url` only; `seen_url` serves to say what differs.
    `headers` have lower-case names. `body` holds the raw bytes.
    """

    method: str
    url: str
    seen_url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or file of a text: where the carrier keeps it, and its declared type."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Which part of a long text this is, where the carrier hands it on in parts.

    `number` counts from 1; `ref` is the same in all parts of one text.
    """

    ref: str
    number: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundText:
    """One text from a customer, numbers already as addresses (see domain/numbers.py)."""

    carrier_id: str
    sender: str
    customer: str
    body: str
    media: tuple[Media, ...] = ()
    carrier_handled: OptOutWord | None = None  # the carrier said that it has dealt with this word
    sent_at_ms: int | None = None
    withheld: bool = False  # the carrier calls no webhook for it, as it looks machine-written
    piece: Piece | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What became of a text we sent. `ref` is our own id, from our callback address."""

    carrier_id: str
    ref: str | None
    state: DeliveryState
    error: str | None = None
    reason: str | None = None  # the error in words


Event = InboundText | DeliveryReport


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingText:
    """One text to send: `ref` is our own id for it, echoed back by the status callback.

    The same text has the same `ref` however often it is tried: it serves as idempotency key.
    """

    ref: str
    sender: str
    customer: str
    body: str
    status_url: str
    media_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The carrier took the text."""

    carrier_id: str
    state: DeliveryState
    segments: int | None = None
    error: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """What this carrier wants to hear on success."""

    status: int = 200
    content_type: str = "text/plain"
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a carrier can do, as data."""

    longest_text: int  # UTF-16 units
    mms: MmsLimits | None  # the files that go along with a text; None: none do
    delivery_reports: bool
    idempotency_key: bool  # a send may be repeated under its `ref` for a day, and goes out once
    can_find_sent: bool
    finds_state: bool = False  # what is found so says whether it has arrived
    can_list: bool = False  # texts whose webhook never came can be listed
    signs_time: bool = False  # a webhook's age is checked, so an old one can't be played again
    joins_parts: bool = True  # a long text comes as one; else in parts, see `Piece`
    kinds: frozenset[SenderKind] = EVERY_KIND
    webhook_methods: frozenset[str] = frozenset({"POST"})  # how its webhooks may come: GET, POST
    # words (upper case) that the carrier answers by itself, per kind of sender and class of word
    answers: Mapping[SenderKind, Mapping[OptOutWord, frozenset[str]]] = field(default_factory=dict)
    # segments a second that a sender of this kind may send, where an admin sets no other pace
    pace: Mapping[SenderKind, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `bridge doctor`: what was checked, whether it holds, and how to mend it."""

    check: str
    ok: bool
    detail: str
    mend: str = ""


class Carrier(Protocol):
    """One account at a carrier."""

    @property
    def name(self) -> str:
        """What it is called in paths, settings and the store."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        ...

    @property
    def errors(self) -> ErrorTable:
        """Its error codes in words."""
        ...

    @property
    def media(self) -> MediaSource | None:
        """Where inbound pictures and files are fetched from; None where it hands on none."""
        ...

    inbound_answer: WebhookAnswer
    status_answer: WebhookAnswer

    def verify(self, request: WebhookRequest) -> None:
        """Check who sent it; called by the framework before any parsing. Raises Forged."""
        ...

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read what came to /inbound. Raises BadRequest naming the field.

        What is no business of ours (another kind of event) gives nothing.
        """
        ...

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read what came to /status. Raises BadRequest naming the field."""
        ...

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        ...

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Texts at the carrier that are this one, created at or after `since_ms` (allowing for
        whole seconds), oldest first. Raises TryLater or Refused."""
        ...

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Texts to these numbers of ours that the carrier got at or after `since_ms`, oldest
        first, each with `sent_at_ms`. Raises TryLater or Refused."""
        ...

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """What `bridge doctor` wants to know: credentials, numbers, webhook addresses, clock."""
        ...
