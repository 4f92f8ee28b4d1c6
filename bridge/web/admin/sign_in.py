"""Signing in and out, and the one-time links by which a user sets a password."""

from __future__ import annotations

import ipaddress
from typing import Final

import structlog
from aiohttp import web

from bridge.domain.passwords import why_weak
from bridge.errors import UserMistake
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions, users
from bridge.store.changes import Author
from bridge.store.database import Transaction
from bridge.store.users import Link, User
from bridge.web.admin.console import CONSOLE, FORM, VISIT, Visit
from bridge.web.admin.gate import FORM_KEY, SESSION, forget_cookie, set_cookie
from bridge.web.admin.pages import HOME, SIGN_IN, go, show
from bridge.web.admin.routes import PREFIX, get, post
from bridge.web.parts import PARTS

log = structlog.get_logger()

TRIES_BY_NAME: Final = 10  # in a quarter of an hour
TRIES_BY_ADDRESS: Final = 40  # many may share one
RETRY_AFTER_S: Final = 15 * 60
WRONG: Final = "This name and password don't belong together."
TOO_MANY: Final = "There were too many tries. Wait a quarter of an hour, then try again."
LONGEST_PASSWORD: Final = 1024  # of what is looked at: hashing more would only cost time


async def show_sign_in(request: web.Request) -> web.Response:
    """The page to sign in."""
    if request[VISIT].user is not None:
        return go(HOME)
    return sign_in_page(request)


async def sign_in(request: web.Request) -> web.Response:
    """Sign in: a new session, whatever there was before.

    What is answered is the same whether the name exists or not.
    """
    form, console = request[FORM], request.app[CONSOLE]
    # Spelt as it is looked up, or each spelling would have tries of its own.
    name, password = " ".join(form.get("name", "").split()), form.get("password", "")
    database = request.app[PARTS].database

    def begin(tx: Transaction) -> tuple[bool, User | None]:
        return sessions.may_try(tx, limits_of(request, name)), users.by_name(tx, name)

    may_try, user = await database.write(begin)
    if not may_try:
        log.warning("console.refused", reason="too many tries")
        page = sign_in_page(request, status=429, fault=TOO_MANY, name=name)
        page.headers["Retry-After"] = str(RETRY_AFTER_S)
        return page
    hashed = None if user is None or user.disabled_at is not None else user.password
    fits = len(password) <= LONGEST_PASSWORD and await console.passwords.fits(password, hashed)
    if not fits or user is None or hashed is None:
        log.warning("console.refused", reason="password")
        return sign_in_page(request, status=401, fault=WRONG, name=name)
    if console.passwords.is_outdated(hashed):
        stronger = await console.passwords.hash(password)
        await database.write(lambda tx: users.rehash(tx, user.id, stronger))
    await database.write(lambda tx: sessions.forget_tries(tx, tries_of(name)))
    return await begin_session(request, user, _safe_next(form.get("next", "")))


async def sign_out(request: web.Request) -> web.Response:
    """End this session."""
    kept = fingerprint(request[VISIT].key)
    await request.app[PARTS].database.write(lambda tx: sessions.end(tx, kept))
    answer = go(SIGN_IN, said="signed-out")
    forget_cookie(request, answer, SESSION)
    return answer


async def show_welcome(request: web.Request) -> web.Response:
    """What a one-time link leads to. Looking at it uses nothing up."""
    link = await _find_link(request)
    return show(request, "welcome.html", link=link, faults={}, name="")


async def accept_welcome(request: web.Request) -> web.Response:
    """Set the password that a one-time link is for, and sign in."""
    link = await _find_link(request)
    form, console = request[FORM], request.app[CONSOLE]
    name = link.user.name if link.user is not None else form.get("name", "").strip()
    faults = check_new_password(name, form.get("password", ""), form.get("again", ""))
    if not name:
        faults["name"] = "is missing"
    if faults:
        return show(request, "welcome.html", status=422, link=link, faults=faults, name=name)
    hashed = await console.passwords.hash(form["password"])
    kept = fingerprint(request.match_info["token"])

    def accept(tx: Transaction) -> User:
        found = users.find_link(tx, kept)  # somebody else may have been quicker
        if found is None:
            raise web.HTTPNotFound
        by = Author(how="console", who=name)
        user = found.user or users.add(tx, name, "admin", by)
        users.set_password(tx, user.id, hashed, by)
        return user

    try:
        user = await request.app[PARTS].database.write(accept)
    except UserMistake as mistake:
        faults = {"name": str(mistake)}
        return show(request, "welcome.html", status=422, link=link, faults=faults, name=name)
    return await begin_session(request, user, HOME)


def check_new_password(name: str, password: str, again: str) -> dict[str, str]:
    """What is wrong with a new password, by the field that says so."""
    weak = why_weak(password, name)
    if weak is not None:
        return {"password": weak}
    return {} if password == again else {"again": "is not the same as above"}


def tries_of(name: str) -> str:
    """What tries at the password of this name are counted under."""
    return fingerprint(f"name {name.casefold()}")


def limits_of(request: web.Request, name: str) -> dict[str, int]:
    """How many tries at a password there are: for this name, and from this address."""
    caller = fingerprint(f"address {caller_of(request)}")
    return {tries_of(name): TRIES_BY_NAME, caller: TRIES_BY_ADDRESS}


def caller_of(request: web.Request) -> str:
    """Whose tries these are: the peer, or whom a proxy beside us saw.

    The header is believed only where the peer is on this machine or its own network. Whoever is
    there already could write it, but the limit by name holds for them too.
    """
    peer = request.remote or "unknown"
    try:
        is_near = ipaddress.ip_address(peer.partition("%")[0]).is_private
    except ValueError:
        return peer
    seen = request.headers.getall("X-Forwarded-For", [""])[-1].rpartition(",")[2].strip()
    return seen[:64] if is_near and seen else peer


async def _find_link(request: web.Request) -> Link:
    kept = fingerprint(request.match_info["token"])
    link = await request.app[PARTS].database.read(lambda tx: users.find_link(tx, kept))
    if link is None:
        raise web.HTTPNotFound
    return link


async def begin_session(request: web.Request, user: User, target: str) -> web.Response:
    """Start a session under a new token and go on; the one there was before ends."""
    token = new_token()
    kept = fingerprint(token)
    before = fingerprint(request[VISIT].key) if request[VISIT].user is not None else None

    def begin(tx: Transaction) -> None:
        if before is not None:
            sessions.end(tx, before)
        sessions.begin(tx, kept, user.id)

    await request.app[PARTS].database.write(begin)
    log.info("console.signed_in", user=user.id)
    request[VISIT] = Visit(user=user, key=token)
    answer = go(target)
    set_cookie(request, answer, SESSION, token)
    forget_cookie(request, answer, FORM_KEY)
    return answer


def sign_in_page(
    request: web.Request, *, status: int = 200, fault: str | None = None, name: str = ""
) -> web.Response:
    """The page to sign in, perhaps with what went wrong."""
    asked = request.get(FORM, request.query)
    return show(
        request,
        "sign_in.html",
        status=status,
        fault=fault,
        name=name,
        next=_safe_next(asked.get("next", "")),
        has_sign_on=request.app[PARTS].sign_on is not None,
    )


def _safe_next(target: str) -> str:
    """A page of the console to go to, never an address elsewhere."""
    plain = target.isascii() and target.isprintable() and "\\" not in target and "//" not in target
    return target if plain and target.startswith(PREFIX) else HOME


ROUTES = (
    get("sign-in", show_sign_in, needs="anyone"),
    post("sign-in", sign_in, needs="anyone"),
    post("sign-out", sign_out, needs="viewer"),
    get("welcome/{token}", show_welcome, needs="anyone"),
    post("welcome/{token}", accept_welcome, needs="anyone"),
)
