"""Carriers' webhooks: verify, parse, store, and only then the carrier's own idea of success."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from bridge.carriers.contract import Carrier, Event, InboundText, WebhookAnswer
from bridge.web.parts import PARTS, WebParts
from bridge.web.requests import read_webhook


def add_routes(app: web.Application) -> None:
    """Add /carriers/NAME/inbound and /carriers/NAME/status."""
    for path, handler in (
        ("/carriers/{name}/inbound", take_inbound),
        ("/carriers/{name}/status", take_status),
    ):
        app.router.add_post(path, handler)
        app.router.add_get(path, handler, allow_head=False)


async def take_inbound(request: web.Request) -> web.Response:
    """Take a customer's text."""
    parts, carrier = _addressed(request)
    webhook = await read_webhook(request, parts.public_url)
    carrier.verify(webhook)
    await _take(parts, carrier, carrier.parse_inbound(webhook))
    return _success(carrier.inbound_answer)


async def take_status(request: web.Request) -> web.Response:
    """Take a delivery report."""
    parts, carrier = _addressed(request)
    webhook = await read_webhook(request, parts.public_url)
    carrier.verify(webhook)
    await _take(parts, carrier, carrier.parse_report(webhook))
    return _success(carrier.status_answer)


async def _take(parts: WebParts, carrier: Carrier, events: Sequence[Event]) -> None:
    """Take what one webhook brought, whichever way it came: some carriers have one address for
    texts and reports. Where one can't be kept, all come again, and those kept are known."""
    for event in events:
        if isinstance(event, InboundText):
            await parts.take_text(carrier.name, event)
        else:
            await parts.take_report(carrier.name, event)


def _addressed(request: web.Request) -> tuple[WebParts, Carrier]:
    parts = request.app[PARTS]
    carrier = parts.carriers.get(request.match_info["name"])
    if carrier is None:
        raise web.HTTPNotFound
    methods = carrier.capabilities.webhook_methods
    if request.method not in methods:
        raise web.HTTPMethodNotAllowed(request.method, sorted(methods))
    return parts, carrier


def _success(answer: WebhookAnswer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type}
    )
