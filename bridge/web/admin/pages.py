"""Answers of the console: a page, a piece of one, the way to another, an error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.web.admin.console import CONSOLE, VISIT
from bridge.web.admin.navigation import entries_for
from bridge.web.parts import PARTS, REQUEST_ID

HOME: Final = "/admin/"
SIGN_IN: Final = "/admin/sign-in"

# What a page can be told to say at its top, by a word in its address.
NOTICES: Final = {
    "changed": "Saved.",
    "nothing": "Nothing had changed, so nothing was saved.",
    "retried": "It is being tried again.",
    "retried-all": "Everything that had failed is being tried again.",
    "given-up": "Given up. The message stays, marked as failed.",
    "removed": "Removed.",
    "signed-out": "You are signed out.",
    "password": "The password is changed, and every other session of yours has ended.",
    "sent": "Your reply is on its way to the ticket; from there it goes to the phone.",
    "imported": "The settings are in force.",
}
ERRORS: Final = {
    400: ("That can't be read", "Something in the request was not as it should be."),
    401: ("Sign in first", "Your session has ended. Sign in, and do it once more."),
    403: ("Not for you", "Your role doesn't allow this. An admin can change that."),
    404: ("Not here", "There is nothing at this address, or it has been taken away."),
    409: ("That can't be done", "Something stands in the way."),
    429: ("Too many tries", "Wait a quarter of an hour, then try again."),
    503: ("Not now", "The database can't be reached just now. Try again in a moment."),
}


def show(
    request: web.Request, template: str, *, status: int = 200, **context: object
) -> web.Response:
    """A page, or the piece of one that a template without a layout is."""
    console, visit = request.app[CONSOLE], request[VISIT]
    text = console.templates.get_template(template).render(
        visit=visit,
        form_token=visit.form_token,
        path=request.path,
        navigation=entries_for(visit, request.path),
        notice=NOTICES.get(request.query.get("said", "")),
        now_ms=request.app[PARTS].clock.now_ms(),
        **context,
    )
    return web.Response(status=status, text=text, content_type="text/html")


def show_error(request: web.Request, status: int, words: str | None = None) -> web.Response:
    """A page that says what went wrong."""
    title, usual = ERRORS.get(status, (HTTPStatus(status).phrase, "That did not work."))
    return show(
        request,
        "error.html",
        status=status,
        title=title,
        words=words or usual,
        request_id=request.get(REQUEST_ID, ""),
    )


def go(path: str, *, said: str | None = None, **query: str) -> web.Response:
    """Send the browser on to another page, which may say one of the NOTICES."""
    asked = {**query, **({"said": said} if said else {})}
    location = f"{path}?{urlencode(asked)}" if asked else path
    return web.Response(status=303, headers={"Location": location})
