"""Errors as RFC 9457 problem details, the one form in which a caller learns of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from bridge.errors import BadRequest

CONTENT_TYPE = "application/problem+json"
# Refusals with the rest of the body still to come, in words.
BODY_UNREAD = {
    408: "the body did not come in time",
    413: "the body is over 1 MiB",
    415: "this address takes no such Content-Type or Content-Encoding",
}
RETRY_AFTER_S = 5  # Zendesk repeats a 503 only where it names a pause below a minute


def problem(
    status: int,
    *,
    title: str | None = None,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
    **more: str,
) -> web.Response:
    """An answer with problem details; `more` are further members (RFC 9457, section 3.2).

    `close` ends the connection: what is left of the request shall not be read.
    """
    members: dict[str, object] = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
    }
    if detail is not None:
        members["detail"] = detail
    response = web.Response(
        status=status,
        body=json.dumps({**members, **more}).encode(),
        headers=headers,
        content_type=CONTENT_TYPE,
    )
    if close:
        response.force_close()
    return response


def bad_request(error: BadRequest) -> web.Response:
    """400, naming the field and what it should have held."""
    return problem(400, detail=str(error), field=error.field, expected=error.expected)


def forbidden() -> web.Response:
    """403 without a reason: a forger learns nothing."""
    return problem(403, title="forbidden", close=True)


def unavailable(detail: str) -> web.Response:
    """503 with a pause, so that the far side keeps what it has and tries again."""
    return problem(503, detail=detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def from_http(error: web.HTTPException) -> web.Response:
    """Refusals of aiohttp itself (404, 405, 413 ...) in this form, with the headers they need."""
    kept = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
    detail = BODY_UNREAD.get(error.status)
    return problem(error.status, detail=detail, headers=kept, close=detail is not None)
