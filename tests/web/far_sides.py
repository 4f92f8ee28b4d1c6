"""A carrier and a bridge behind the web layer that write down what reaches them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.carriers.contract import (
    Accepted,
    Capabilities,
    DeliveryReport,
    Event,
    Finding,
    InboundText,
    OutgoingText,
    WebhookAnswer,
    WebhookRequest,
)
from bridge.carriers.errors import CarrierError, ErrorTable
from bridge.desks.zendesk.events import Hint
from bridge.errors import BadRequest, Forged
from bridge.web.parts import NewMessage

KEY = b"paper"
SECRET = "c2VjcmV0"


def sign(url: str, body: bytes) -> str:
    """What the paper carrier signs a webhook with."""
    return hmac.new(KEY, url.encode() + body, hashlib.sha256).hexdigest()


class PaperCarrier:
    """The contract with the plainest of protocols: a signed JSON object."""

    inbound_answer = WebhookAnswer(content_type="text/xml", body=b"<Response/>")
    status_answer = WebhookAnswer(status=202)

    def __init__(
        self,
        name: str,
        *,
        methods: frozenset[str],
        codes: Mapping[str, CarrierError] | None = None,
    ) -> None:
        self.name = name
        self.media = None
        self.errors = ErrorTable(carrier=name, title=name.title(), codes=codes or {})
        self.capabilities = Capabilities(
            longest_text=1600,
            mms=None,
            delivery_reports=True,
            idempotency_key=False,
            can_find_sent=False,
            webhook_methods=methods,
        )

    def verify(self, request: WebhookRequest) -> None:
        given = request.headers.get("x-paper-signature", "")
        if not hmac.compare_digest(sign(request.url, request.body), given):
            raise Forged(f"signed for another address than {request.url}, seen {request.seen_url}")

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        record = _record(request)
        text = InboundText(
            carrier_id=_string(record, "id"),
            sender=_string(record, "to"),
            customer=_string(record, "from"),
            body=_string(record, "body"),
        )
        return [text]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        record = _record(request)
        return [DeliveryReport(carrier_id=_string(record, "id"), ref=None, state="delivered")]

    async def send(self, text: OutgoingText) -> Accepted:
        raise AssertionError("nothing is sent from here")

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        raise AssertionError("nothing is looked for from here")

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        raise AssertionError("nothing is listed from here")

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        return ()


def _record(request: WebhookRequest) -> dict[str, Any]:
    if request.method == "GET":
        query = request.url.partition("?")[2]
        return dict(pair.split("=", 1) for pair in query.split("&"))
    try:
        record = json.loads(request.body)
    except ValueError as error:
        raise BadRequest("body", "JSON") from error
    assert isinstance(record, dict)
    return record


def _string(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise BadRequest(name, "a string")
    return value


@dataclass(slots=True)
class Taken:
    """What the web layer handed on. `fault`, once set, is raised instead of taking."""

    texts: list[tuple[str, InboundText]] = field(default_factory=list)
    reports: list[tuple[str, DeliveryReport]] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    forgeries: list[tuple[str, str]] = field(default_factory=list)
    orders: list[NewMessage] = field(default_factory=list)
    order_answer: dict[str, Any] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=lambda: [SECRET])
    wakes: int = 0
    unready: str | None = None
    fault: Exception | None = None
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    async def take_text(self, carrier_name: str, text: InboundText) -> None:
        self._fail()
        self.texts.append((carrier_name, text))

    async def take_report(self, carrier_name: str, report: DeliveryReport) -> None:
        self._fail()
        self.reports.append((carrier_name, report))

    async def take_hint(self, hint: Hint) -> None:
        self._fail()
        self.hints.append(hint)

    async def queue_message(self, order: NewMessage) -> Mapping[str, Any]:
        self._fail()
        self.orders.append(order)
        return self.order_answer

    def note_forgery(self, source: str, reason: str) -> None:
        self.forgeries.append((source, reason))

    def wake(self) -> None:
        self.wakes += 1

    async def ready(self) -> str | None:
        await self.answering.wait()
        return self.unready

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault
