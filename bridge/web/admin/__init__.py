"""/admin/: the console. One table of routes says what there is and who may have it."""

from __future__ import annotations

from aiohttp import web

from bridge.web.admin import (
    assets,
    changes,
    contacts,
    conversations,
    hours,
    lists,
    open_id,
    overview,
    reply_templates,
    replying,
    rule_tester,
    rules,
    senders,
    sending,
    settings_file,
    sign_in,
    users,
    work,
)
from bridge.web.admin.console import CONSOLE, make_console
from bridge.web.admin.pages import HOME, go
from bridge.web.admin.routes import Route


async def _send_home(_request: web.Request) -> web.Response:
    return go(HOME)


ROUTES: tuple[Route, ...] = (
    Route(method="GET", path=HOME.rstrip("/"), handler=_send_home, needs="anyone", quiet=True),
    *assets.ROUTES,
    *sign_in.ROUTES,
    *open_id.ROUTES,
    *overview.ROUTES,
    *conversations.ROUTES,
    *replying.ROUTES,
    *contacts.ROUTES,
    *work.ROUTES,
    *rule_tester.ROUTES,
    *rules.ROUTES,
    *lists.ROUTES,
    *senders.ROUTES,
    *sending.ROUTES,
    *hours.ROUTES,
    *reply_templates.ROUTES,
    *settings_file.ROUTES,
    *users.ROUTES,
    *changes.ROUTES,
)


def add_routes(app: web.Application) -> None:
    """Add every page, and what they share."""
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    app[CONSOLE] = make_console({(route.method, route.path): route for route in ROUTES})
