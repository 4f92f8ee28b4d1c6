"""The one gate before every page of the console: session, role, and forms that are our own.

It goes by the table of routes and fails closed: an address that is not in the table is nobody's.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import parse_qsl, quote

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import MultiDict
from yarl import URL

from bridge.domain.roles import allows
from bridge.errors import BadRequest, NotDurable, UserMistake
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions
from bridge.web.admin.console import CONSOLE, FORM, VISIT, Visit
from bridge.web.admin.pages import SIGN_IN, show_error
from bridge.web.admin.routes import PREFIX, Route
from bridge.web.parts import PARTS
from bridge.web.requests import read_body

log = structlog.get_logger()

MOST_FIELDS: Final = 2000
FORM_TYPE: Final = "application/x-www-form-urlencoded"
SESSION: Final = "bridge_session"
FORM_KEY: Final = "bridge_form"
TOKEN_FIELD: Final = "form_token"  # noqa: S105 - a field's name
STALE = "This page was open for too long, or was not ours. Go back, load it anew and try again."

# Nothing from elsewhere, nothing inline, in nobody's frame: a text can't run, load or send
# anything. "same-origin", as with "no-referrer" a browser would hide the Origin from ourselves.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class StaleForm(web.HTTPForbidden):
    """A form that doesn't carry this session's token."""


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through whoever may; turn errors into pages."""
    if not _is_ours(request):
        return await handler(request)
    request[VISIT] = Visit(user=None, key="")
    try:
        response = await _let_in(request, handler)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = show_error(
            request, error.status, STALE if isinstance(error, StaleForm) else None
        )
    except BadRequest as error:
        response = show_error(request, 400, str(error))
    except UserMistake as error:
        response = show_error(request, 409, str(error))
    except NotDurable as error:
        log.warning("not_durable", why=str(error))
        response = show_error(request, 503)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    visit = request[VISIT]
    if visit.is_new:
        set_cookie(request, response, FORM_KEY, visit.key)
    return response


async def _let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is None:
        return await handler(request)  # raises 404 or 405
    route = request.app[CONSOLE].routes.get((request.method, resource.canonical))
    if route is None:
        raise web.HTTPNotFound
    request[VISIT] = visit = await _recognise(request, route)
    if route.needs != "anyone":
        if visit.user is None:
            return _ask_to_sign_in(request)
        if not allows(visit.user.role, route.needs):
            log.warning("console.refused", reason="role")
            raise web.HTTPForbidden
    if request.method != "GET":
        request[FORM] = await _read_form(request, visit)
    return await handler(request)


async def _recognise(request: web.Request, route: Route) -> Visit:
    if route.needs == "anyone" and route.quiet:
        return Visit(user=None, key="")  # a file: the same for everybody
    token = request.cookies.get(cookie_name(request, SESSION))
    if token:
        database, kept = request.app[PARTS].database, fingerprint(token)
        found = await database.read(lambda tx: sessions.find(tx, kept))
        if found is not None:
            user, is_due = found
            if is_due and not route.quiet:
                await database.write(lambda tx: sessions.touch(tx, kept))
            return Visit(user=user, key=token)
    key = request.cookies.get(cookie_name(request, FORM_KEY))
    return Visit(user=None, key=key or new_token(), is_new=not key)


async def _read_form(request: web.Request, visit: Visit) -> MultiDict[str]:
    """The form's fields. Raises BadRequest; HTTPForbidden where another site's page sent it."""
    if not is_same_origin(request):
        log.warning("console.refused", reason="origin")
        raise web.HTTPForbidden
    if request.content_type != FORM_TYPE:
        raise web.HTTPUnsupportedMediaType
    body = await read_body(request)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise BadRequest("form", f"UTF-8, and at most {MOST_FIELDS} fields") from error
    form = MultiDict(pairs)
    given = fingerprint(form.get(TOKEN_FIELD, ""))
    if not hmac.compare_digest(given, fingerprint(visit.form_token)):
        log.warning("console.refused", reason="form token")
        raise StaleForm
    return form


def is_same_origin(request: web.Request) -> bool:
    """Whether a page of ours sent this: every browser says so with a POST, in one way or both."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site is not None
    public = URL(request.app[PARTS].public_url)
    return origin in {str(public.origin()), f"{request.scheme}://{request.host}"}


def cookie_name(request: web.Request, name: str) -> str:
    """With https under a prefix that browsers hold to: for this host alone, never over http."""
    return f"__Host-{name}" if _is_https(request) else name


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Set a cookie that no script can read and no other site can send along with a form."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_is_https(request),
    )


def forget_cookie(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Take a cookie away."""
    response.del_cookie(
        cookie_name(request, name), path="/", secure=_is_https(request), httponly=True
    )


def _is_https(request: web.Request) -> bool:
    return request.app[PARTS].public_url.startswith("https://")


def _is_ours(request: web.Request) -> bool:
    # By the route that matched, not by the path as written: the two can differ in escapes.
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    return path.startswith(PREFIX) or path == PREFIX.rstrip("/")


def _ask_to_sign_in(request: web.Request) -> web.Response:
    if "HX-Request" in request.headers:
        return web.Response(status=401, headers={"HX-Redirect": SIGN_IN})
    if request.method != "GET":
        return show_error(request, 401)
    return web.Response(
        status=303, headers={"Location": f"{SIGN_IN}?next={quote(request.path_qs, safe='')}"}
    )
