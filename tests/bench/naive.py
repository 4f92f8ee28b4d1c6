"""The other yardstick: the form is parsed, and each text is a durable commit of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import aiosqlite
from aiohttp import web

from tests.bench.bare import say_ready

STORE = web.AppKey("store", aiosqlite.Connection)
TURN = web.AppKey("turn", asyncio.Lock)
TABLE = "CREATE TABLE texts (id TEXT PRIMARY KEY, sender TEXT, customer TEXT, body TEXT)"


async def answer(request: web.Request) -> web.Response:
    """Parse, store, acknowledge."""
    form = await request.post()
    values = [str(form[name]) for name in ("MessageSid", "To", "From", "Body")]
    store = request.app[STORE]
    async with request.app[TURN]:
        await store.execute("INSERT OR IGNORE INTO texts VALUES (?, ?, ?, ?)", values)
        await store.commit()
    return web.Response(content_type="text/xml")


async def open_store(app: web.Application) -> AsyncIterator[None]:
    """The file given, for as long as the server runs."""
    async with aiosqlite.connect(sys.argv[2]) as store:
        await store.execute("PRAGMA journal_mode = WAL")
        await store.execute("PRAGMA synchronous = FULL")
        await store.execute(TABLE)
        await store.commit()
        app[STORE] = store
        app[TURN] = asyncio.Lock()
        yield


def main() -> None:
    """Serve on the port given, storing in the file given."""
    app = web.Application()
    app.cleanup_ctx.append(open_store)
    app.router.add_post("/carriers/twilio/inbound", answer)
    app.router.add_get("/readyz", say_ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
