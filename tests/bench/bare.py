"""The yardstick: an aiohttp handler that parses the same form and stores nothing."""

from __future__ import annotations

import sys

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    """Parse and acknowledge."""
    form = await request.post()
    return web.Response(text="" if form["MessageSid"] else "?", content_type="text/xml")


async def say_ready(_request: web.Request) -> web.Response:
    """It needs nothing that it would have to wait for."""
    return web.Response()


def main() -> None:
    """Serve on the port given."""
    app = web.Application()
    app.router.add_post("/carriers/twilio/inbound", answer)
    app.router.add_get("/readyz", say_ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
