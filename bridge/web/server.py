"""The web application, put together; and how it is served."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from bridge.web import carriers, desks, media, probes
from bridge.web.admin import add_routes as add_admin_routes
from bridge.web.admin.gate import guard
from bridge.web.api import add_routes as add_api_routes
from bridge.web.api.auth import authorize
from bridge.web.connections import Connections, Site, most_and_backlog
from bridge.web.middleware import add_headers, explain, identify
from bridge.web.parts import CONNECTIONS, PARTS, NewMessage, WebParts
from bridge.web.requests import LARGEST_BODY

__all__ = ["PARTS", "NewMessage", "WebParts", "create_app", "create_runner", "create_site"]

KEEP_ALIVE_S = 75.0
SHUTDOWN_S = 15.0
LINGER_S = 2.0  # how long what is left of a refused body is read away, so that the answer arrives


def create_app(parts: WebParts) -> web.Application:
    """Build the application: webhooks, probes, /api/v1, the console."""
    app = web.Application(
        middlewares=[identify, explain, authorize, guard], client_max_size=LARGEST_BODY
    )
    app[PARTS] = parts
    app[CONNECTIONS] = Connections()
    app.on_response_prepare.append(add_headers)
    carriers.add_routes(app)
    desks.add_routes(app)
    media.add_routes(app)
    probes.add_routes(app)
    add_api_routes(app)
    add_admin_routes(app)
    return app


def create_runner(app: web.Application) -> web.AppRunner:
    """A runner with limits of its own, whose logs hold no path, query or body."""
    return web.AppRunner(app, **runner_options())


def create_site(runner: web.AppRunner, host: str, port: int) -> web.BaseSite:
    """What listens for a runner that is set up."""
    connections = runner.app[CONNECTIONS]
    connections.most, backlog = most_and_backlog()
    return Site(runner, connections, host, port, backlog)


def runner_options() -> dict[str, Any]:
    """How aiohttp is told to serve; tests serve so as well."""
    logger = logging.getLogger("bridge.web.protocol")
    logger.addFilter(_drop_details)
    return {
        "access_log": None,  # its lines hold paths and queries: numbers
        "auto_decompress": False,  # a coded body is refused, not unpacked
        "keepalive_timeout": KEEP_ALIVE_S,
        "lingering_time": LINGER_S,
        "logger": logger,
        "shutdown_timeout": SHUTDOWN_S,
    }


def _drop_details(record: logging.LogRecord) -> bool:
    # aiohttp logs a request it can't parse together with the bytes that it choked on.
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = f"{record.exc_info[0].__name__} outside of any handler", ()
    record.exc_info = None
    return True
