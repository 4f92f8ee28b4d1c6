"""Scripts, styles and pictures of the console, from memory."""

from __future__ import annotations

from aiohttp import web

from bridge.web.admin.console import CONSOLE
from bridge.web.admin.routes import get

YEAR_S = 365 * 24 * 3600


async def serve(request: web.Request) -> web.Response:
    """One file; under the address with its version it never changes."""
    file = request.app[CONSOLE].files.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    is_current = request.query.get("v") == file.version
    caching = f"public, max-age={YEAR_S}, immutable" if is_current else "no-cache"
    headers = {"Cache-Control": caching, "Content-Type": file.content_type}
    return web.Response(body=file.body, headers=headers)


ROUTES = (get("static/{name}", serve, needs="anyone", quiet=True),)
