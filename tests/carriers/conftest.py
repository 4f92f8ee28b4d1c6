"""A far side that says what a test wrote down, on loopback, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bridge.carriers.contract import Carrier, DeliveryReport, InboundText, WebhookRequest
from bridge.http import HttpClient


def text_in(carrier: Carrier, request: WebhookRequest) -> InboundText:
    """The one text that a webhook brings."""
    [event] = carrier.parse_inbound(request)
    assert isinstance(event, InboundText)
    return event


def report_in(carrier: Carrier, request: WebhookRequest) -> DeliveryReport:
    """The one report that a webhook brings."""
    [event] = carrier.parse_report(request)
    assert isinstance(event, DeliveryReport)
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str  # raw, with the query
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Scripted:
    """A server with its answers in order; the last one is repeated."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[web.Response | None] = field(default_factory=list)

    def say(self, status: int, body: object = None, **headers: str) -> None:
        """Answer the next request with JSON (or with bytes as they are)."""
        raw = isinstance(body, bytes)
        self.answers.append(
            web.Response(
                status=status,
                body=body if raw else web.json_response(body).body,
                content_type="text/html" if raw else "application/json",
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )
        )

    def hang_up(self) -> None:
        """Read the next request and cut the connection."""
        self.answers.append(None)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            Asked(
                method=request.method,
                path=request.raw_path,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.read(),
            )
        )
        prepared = self.answers.pop(0)
        if prepared is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return prepared


@pytest.fixture
async def far_side() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", scripted.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    scripted.url = f"http://{host}:{port}"
    yield scripted
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(timeout_s=2)
    await client.open()
    yield client
    await client.close()
