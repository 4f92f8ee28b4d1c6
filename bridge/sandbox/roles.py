"""A page that leads into the sandbox's console as whomever one likes to play."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from bridge.errors import BadRequest
from bridge.sandbox.brand import USERS
from bridge.sandbox.page import HEADERS, STATIC, guarded
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions, users
from bridge.store.database import Transaction
from bridge.web.admin.console import CONSOLE
from bridge.web.admin.gate import SESSION, set_cookie
from bridge.web.admin.pages import HOME
from bridge.web.parts import PARTS

CHOOSER: Final = "/sandbox/console"
NAMES: Final[Mapping[str, str]] = dict(USERS)


def add_roles(app: web.Application) -> None:
    """Mount the page, and have the console's own pages lead back to it."""
    app.router.add_get(CHOOSER, _show)
    app.router.add_post(CHOOSER, guarded(_enter))
    app[CONSOLE].templates.globals["roles_page"] = CHOOSER


async def _show(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "roles.html", headers=HEADERS)


async def _enter(request: web.Request, fields: Mapping[str, object]) -> web.Response:
    """Sign in as the one who has this role."""
    role = fields.get("role")
    name = NAMES.get(role) if isinstance(role, str) else None
    if name is None:
        raise BadRequest("role", "one of " + ", ".join(NAMES))
    token = new_token()

    def begin(tx: Transaction) -> bool:
        user = users.by_name(tx, name)
        # Whoever plays the admin may have taken away the others.
        if user is None or user.disabled_at is not None or user.role != role:
            return False
        sessions.begin(tx, fingerprint(token), user.id)
        return True

    if not await request.app[PARTS].database.write(begin):
        raise BadRequest("role", f"one that is left: {name} is {role} no more")
    answer = web.json_response({"url": HOME}, headers=HEADERS)
    set_cookie(request, answer, SESSION, token)
    return answer
