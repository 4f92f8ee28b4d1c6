"""Probes: does the process turn, can it store, what has it counted."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import web

from bridge.errors import NotDurable
from bridge.metrics import CONTENT_TYPE, Backlog
from bridge.store.work import backlog
from bridge.web.parts import PARTS

READY_WITHIN_S = 5.0


def add_routes(app: web.Application) -> None:
    """Add /healthz, /readyz and /metrics."""
    app.router.add_get("/healthz", show_health)
    app.router.add_get("/readyz", show_readiness)
    app.router.add_get("/metrics", show_metrics)


async def show_health(_request: web.Request) -> web.Response:
    """200 as long as the loop turns; asks nothing of anybody, or an outage would restart us."""
    return web.json_response({"status": "ok"})


async def show_readiness(request: web.Request) -> web.Response:
    """200 when a message could be stored now, else 503 with the reason."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            reason = await request.app[PARTS].ready()
    except TimeoutError:
        reason = f"the database did not answer within {READY_WITHIN_S:g} s"
    if reason is None:
        halted = request.app[PARTS].halted()
        # No fault: whoever halted it knows, and texts of customers are taken in as ever.
        return web.json_response({"status": "ready"} | ({"sending": "halted"} if halted else {}))
    return web.json_response({"status": "not ready", "reason": reason}, status=503)


async def show_metrics(request: web.Request) -> web.Response:
    """Everything counted, in Prometheus' text format."""
    parts = request.app[PARTS]
    with suppress(NotDurable):  # what is known without the database is worth showing then
        waiting, failed, oldest_ms = await parts.database.read(backlog)
        age_s = 0.0 if oldest_ms is None else max(0, parts.clock.now_ms() - oldest_ms) / 1000
        parts.metrics.set_backlog(Backlog(waiting=waiting, failed=failed, oldest_s=age_s))
    parts.metrics.set_halted(halted=parts.halted())
    return web.Response(body=parts.metrics.render(), headers={"Content-Type": CONTENT_TYPE})
