"""The switch that keeps every text back."""

from __future__ import annotations

from aiohttp import web

from bridge.store import settings
from bridge.web.admin.console import VISIT
from bridge.web.admin.pages import go
from bridge.web.admin.routes import post
from bridge.web.admin.senders import LIST
from bridge.web.parts import PARTS


async def halt(request: web.Request) -> web.Response:
    """Keep every text back from now on."""
    return await _set(request, on=True)


async def resume(request: web.Request) -> web.Response:
    """Let texts leave again."""
    return await _set(request, on=False)


async def _set(request: web.Request, *, on: bool) -> web.Response:
    by = request[VISIT].author
    changed = await request.app[PARTS].database.write(
        lambda tx: settings.save_halt(tx, on=on, by=by)
    )
    return go(LIST, said="changed" if changed else "nothing")


ROUTES = (
    post("sending/halt", halt, needs="admin"),
    post("sending/resume", resume, needs="admin"),
)
