"""Zendesk's webhook: a hint that there is something to read, never the thing itself."""

from __future__ import annotations

from aiohttp import web

from bridge.desks.zendesk import events
from bridge.errors import Forged
from bridge.web.parts import PARTS
from bridge.web.requests import read_webhook

UNSIGNED = (
    "no webhook secret is known: run `bridge zendesk setup`, or set BRIDGE_ZENDESK_WEBHOOK_SECRET"
)


def add_routes(app: web.Application) -> None:
    """Add /desks/zendesk/events."""
    app.router.add_post("/desks/zendesk/events", take_event)


async def take_event(request: web.Request) -> web.Response:
    """Take a hint; 200 also for what concerns no ticket of ours, lest Zendesk stop calling."""
    parts = request.app[PARTS]
    webhook = await read_webhook(request, parts.public_url)
    secrets = parts.webhook_secrets()
    if not secrets:
        raise Forged(UNSIGNED)
    events.verify(webhook.headers, webhook.body, secrets=secrets, now_ms=parts.clock.now_ms())
    hint = events.parse_hint(webhook.body)
    if hint is not None:
        await parts.take_hint(hint)
    return web.json_response({"status": "ok"})
