"""Signing in with an OpenID provider: out to it, and back with its word."""

from __future__ import annotations

import hmac
from typing import Final

import structlog
from aiohttp import web

from bridge.errors import UserMistake
from bridge.secrets import fingerprint, new_token
from bridge.sign_on import NotSignedOn, SignOn, state_of
from bridge.store import identities, sessions
from bridge.store.users import User
from bridge.web.admin.gate import cookie_name, forget_cookie, set_cookie
from bridge.web.admin.pages import HOME
from bridge.web.admin.routes import get
from bridge.web.admin.sign_in import (
    TOO_MANY,
    TRIES_BY_ADDRESS,
    begin_session,
    caller_of,
    sign_in_page,
)
from bridge.web.parts import PARTS

log = structlog.get_logger()

KEY: Final = "bridge_sign_on"
BACK: Final = "/admin/sign-on/done"
NOT_NOW: Final = "The provider can't be asked just now. Try again, or use a password."
STALE: Final = "This sign-on was begun elsewhere, or too long ago. Begin it anew."
NOT_PROVEN: Final = "The provider's answer does not prove who you are. Begin it anew."


async def begin(request: web.Request) -> web.Response:
    """Send the browser to the provider, with a cookie that only it can come back with."""
    provider, key = _provider(request), new_token()
    try:
        where = await provider.address(key, _back(request))
    except NotSignedOn as error:
        log.warning("console.refused", reason=str(error))
        return sign_in_page(request, status=503, fault=NOT_NOW)
    answer = web.Response(status=303, headers={"Location": where})
    set_cookie(request, answer, KEY, key)
    return answer


async def finish(request: web.Request) -> web.Response:
    """Take the provider's word, if it is meant for this browser, and sign in."""
    provider, database = _provider(request), request.app[PARTS].database
    key = request.cookies.get(cookie_name(request, KEY), "")
    given, code = request.query.get("state", ""), request.query.get("code", "")
    limits = {fingerprint(f"address {caller_of(request)}"): TRIES_BY_ADDRESS}
    if not key or not hmac.compare_digest(fingerprint(given), fingerprint(state_of(key))):
        return _refuse(request, 403, STALE, "state")
    if not code:
        return _refuse(request, 403, NOT_PROVEN, "the provider gave no code")
    if not await database.write(lambda tx: sessions.may_try(tx, limits)):
        return _refuse(request, 429, TOO_MANY, "too many tries")
    try:
        person = await provider.redeem(key, code, _back(request))
        user: User = await database.write(
            lambda tx: identities.recognise(
                tx,
                issuer=person.issuer,
                subject=person.subject,
                email=person.email,
                newcomers_are_viewers=provider.newcomers_are_viewers,
            )
        )
    except NotSignedOn as error:
        return _refuse(request, 403, NOT_PROVEN, str(error))
    except UserMistake as error:
        return _refuse(request, 403, str(error), "nobody who may sign in")
    answer = await begin_session(request, user, HOME)
    forget_cookie(request, answer, KEY)
    return answer


def _refuse(request: web.Request, status: int, words: str, reason: str) -> web.Response:
    log.warning("console.refused", reason=reason)
    answer = sign_in_page(request, status=status, fault=words)
    forget_cookie(request, answer, KEY)
    return answer


def _provider(request: web.Request) -> SignOn:
    provider = request.app[PARTS].sign_on
    if provider is None:
        raise web.HTTPNotFound
    return provider


def _back(request: web.Request) -> str:
    return f"{request.app[PARTS].public_url}{BACK}"


ROUTES = (
    get("sign-on", begin, needs="anyone"),
    get("sign-on/done", finish, needs="anyone"),
)
