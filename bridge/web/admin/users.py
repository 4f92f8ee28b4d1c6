"""Users and their roles; one's own password."""

from __future__ import annotations

import structlog
from aiohttp import web

from bridge.domain.roles import ROLES, Role
from bridge.errors import BadRequest, UserMistake
from bridge.invitations import link_for
from bridge.store import sessions, users
from bridge.store.database import Transaction
from bridge.store.users import User
from bridge.web.admin.console import CONSOLE, FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.sign_in import (
    LONGEST_PASSWORD,
    RETRY_AFTER_S,
    TOO_MANY,
    begin_session,
    check_new_password,
    limits_of,
    tries_of,
)
from bridge.web.parts import PARTS

log = structlog.get_logger()

LIST = "/admin/users"
ME = "/admin/me"


async def show_users(request: web.Request) -> web.Response:
    """Everybody who may use the console."""
    return await _page(request)


async def add_user(request: web.Request) -> web.Response:
    """Add a user, and show the link by which they set a password: once, as it isn't kept."""
    form, by = request[FORM], request[VISIT].author
    name, role = form.get("name", ""), _role(form.get("role", ""))

    def add(tx: Transaction) -> tuple[User, str]:
        user = users.add(tx, name, role, by)
        return user, link_for(tx, request.app[PARTS].public_url, user.id)

    try:
        user, link = await request.app[PARTS].database.write(add)
    except UserMistake as mistake:
        return await _page(request, status=422, faults={"name": str(mistake)}, name=name)
    return await _page(request, link=link, link_for=user.name)


async def make_link(request: web.Request) -> web.Response:
    """Show a new link for a user who has lost the password, or never set one."""
    user_id, by = request.match_info["id"], request[VISIT].author

    def make(tx: Transaction) -> tuple[User, str]:
        user = users.get(tx, user_id)
        users.note_link(tx, user, by)
        return user, link_for(tx, request.app[PARTS].public_url, user.id)

    user, link = await request.app[PARTS].database.write(make)
    return await _page(request, link=link, link_for=user.name)


async def set_role(request: web.Request) -> web.Response:
    """Give a user another role."""
    user_id, by = request.match_info["id"], request[VISIT].author
    role = _role(request[FORM].get("role", ""))
    await request.app[PARTS].database.write(lambda tx: users.set_role(tx, user_id, role, by))
    return go(LIST, said="changed")


async def disable(request: web.Request) -> web.Response:
    """Let a user in no more."""
    user_id, by = request.match_info["id"], request[VISIT].author
    await request.app[PARTS].database.write(lambda tx: users.disable(tx, user_id, by))
    return go(LIST, said="changed")


async def enable(request: web.Request) -> web.Response:
    """Let a disabled user in again."""
    user_id, by = request.match_info["id"], request[VISIT].author
    await request.app[PARTS].database.write(lambda tx: users.enable(tx, user_id, by))
    return go(LIST, said="changed")


async def show_me(request: web.Request) -> web.Response:
    """One's own account."""
    return show(request, "me.html", faults={})


async def change_password(request: web.Request) -> web.Response:
    """Change one's own password; every session ends but a new one of this browser's.

    Tries at the old password are counted as tries to sign in: whoever finds a browser signed in
    gets no more of them.
    """
    form, visit, passwords = request[FORM], request[VISIT], request.app[CONSOLE].passwords
    user, database = _signed_in(request), request.app[PARTS].database
    faults = check_new_password(user.name, form.get("password", ""), form.get("again", ""))
    old, limits = form.get("old", ""), limits_of(request, user.name)
    if not await database.write(lambda tx: sessions.may_try(tx, limits)):
        log.warning("console.refused", reason="too many tries")
        page = show(request, "me.html", status=429, faults={"old": TOO_MANY})
        page.headers["Retry-After"] = str(RETRY_AFTER_S)
        return page
    if len(old) > LONGEST_PASSWORD or not await passwords.fits(old, user.password):
        faults["old"] = "is not your password"
    else:
        await database.write(lambda tx: sessions.forget_tries(tx, tries_of(user.name)))
    if faults:
        return show(request, "me.html", status=422, faults=faults)
    hashed = await passwords.hash(form["password"])
    await database.write(lambda tx: users.set_password(tx, user.id, hashed, visit.author))
    return await begin_session(request, user, f"{ME}?said=password")


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """End all one's sessions but this one."""
    user = _signed_in(request)
    await request.app[PARTS].database.write(lambda tx: sessions.end_all(tx, user.id))
    return await begin_session(request, user, f"{ME}?said=changed")


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    faults: dict[str, str] | None = None,
    name: str = "",
    link: str | None = None,
    link_for: str = "",
) -> web.Response:
    found = await request.app[PARTS].database.read(users.list_users)
    return show(
        request,
        "users.html",
        status=status,
        users=found,
        faults=faults or {},
        name=name,
        link=link,
        link_for=link_for,
    )


def _signed_in(request: web.Request) -> User:
    user = request[VISIT].user
    assert user is not None, "the gate lets nobody else in"  # noqa: S101 - a fault of ours
    return user


def _role(given: str) -> Role:
    if given not in ROLES:
        raise BadRequest("role", f"one of {', '.join(ROLES)}")
    return given


ROUTES = (
    get("users", show_users, needs="admin"),
    post("users", add_user, needs="admin"),
    post("users/{id}/link", make_link, needs="admin"),
    post("users/{id}/role", set_role, needs="admin"),
    post("users/{id}/disable", disable, needs="admin"),
    post("users/{id}/enable", enable, needs="admin"),
    get("me", show_me, needs="viewer"),
    post("me/password", change_password, needs="viewer"),
    post("me/sign-out", sign_out_everywhere, needs="viewer"),
)
