"""What the handlers work with, handed in whole when the application is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from bridge.carriers.contract import Carrier, DeliveryReport, InboundText
from bridge.clock import Clock
from bridge.desks.zendesk.events import Hint
from bridge.domain.directory import TicketsFrom
from bridge.metrics import Metrics
from bridge.sign_on import SignOn
from bridge.store.database import Database
from bridge.web.connections import Connections

MessageKind = Literal["conversation", "campaign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A text that another program wants sent, or (`send` false) recorded as sent elsewhere.

    `sender` and `customer` are addresses. A short code written without its country comes as
    "ZZ:50500": compare senders by `numbers.display`.
    """

    sender: str
    customer: str
    body: str
    kind: MessageKind
    send: bool
    idempotency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything that handlers need.

    - `take_text`, `take_report`, `take_hint`: durable when they return. Raise NotDurable.
    - `webhook_secrets`: Zendesk's signing secrets that count now, none where none is set.
    - `note_forgery(source, reason)`: remember a refused webhook for `doctor`; never raises.
    - `queue_message`: answers at least {"id"}, and {"created": False} where the idempotency key
      had been used for the same message. Raises BadRequest, NotDurable.
    - `sign_on`: the OpenID provider, None where only passwords open the console.
    - `media_key`: what addresses of files are signed with; empty where there are none.
    - `halted`: whether an admin keeps every text back.
    - `tickets_from`: whose texts become tickets where a sender doesn't say otherwise.
    - `wake`: there is work to do. `ready`: None, or why nothing can be stored.
    """

    database: Database
    carriers: Mapping[str, Carrier]
    public_url: str
    api_token: str | None
    clock: Clock
    metrics: Metrics
    take_text: Callable[[str, InboundText], Awaitable[None]]
    take_report: Callable[[str, DeliveryReport], Awaitable[None]]
    take_hint: Callable[[Hint], Awaitable[None]]
    webhook_secrets: Callable[[], Sequence[str]]
    note_forgery: Callable[[str, str], None]
    queue_message: Callable[[NewMessage], Awaitable[Mapping[str, Any]]]
    wake: Callable[[], None]
    ready: Callable[[], Awaitable[str | None]]
    tickets_from: TicketsFrom = "anyone"
    sign_on: SignOn | None = None
    media_key: bytes = b""
    halted: Callable[[], bool] = lambda: False


PARTS = web.AppKey("parts", WebParts)
CONNECTIONS = web.AppKey("connections", Connections)
REQUEST_ID = web.RequestKey("request_id", str)
