"""The bearer token of the API. Whatever lies under /api/ needs it."""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bridge.web.parts import PARTS
from bridge.web.problems import problem

PREFIX = "/api/"


@web.middleware
async def authorize(request: web.Request, handler: Handler) -> web.StreamResponse:
    """401 for whatever comes under /api/ without the token, addresses that don't exist included."""
    if _is_guarded(request) and not _holds(request, request.app[PARTS].api_token):
        return problem(
            401,
            detail="a valid bearer token is needed",
            headers={"WWW-Authenticate": 'Bearer realm="bridge"'},
            close=True,
        )
    return await handler(request)


def _is_guarded(request: web.Request) -> bool:
    # By the route that matched, not by the path as written: the two can differ in escapes.
    resource = request.match_info.route.resource
    path = request.path if resource is None else resource.canonical
    return path.startswith(PREFIX)


def _holds(request: web.Request, token: str | None) -> bool:
    given = request.headers.getall(hdrs.AUTHORIZATION, [])
    scheme, _, presented = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    # Digests are of equal length, so the comparison tells nothing about the token's.
    fits = hmac.compare_digest(_digest(presented.strip()), _digest(token or ""))
    return bool(token) and scheme.lower() == "bearer" and fits


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
