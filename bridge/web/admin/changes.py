"""The log of changes: who, when, what, and how it was before."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.store import changes
from bridge.web.admin.pages import show
from bridge.web.admin.paging import ASK_FOR, link_to, number_mark, page_of
from bridge.web.admin.routes import get
from bridge.web.parts import PARTS

LIST: Final = "/admin/changes"
SUBJECTS: Final = (
    *(
        "keyword rule",
        "list",
        "sender",
        "user",
        "contact",
        "failed work",
        "desk",
        "reply",
        "sending",
    ),
)


async def show_changes(request: web.Request) -> web.Response:
    """Changes, newest first."""
    subject = request.query.get("subject", "")
    before = number_mark(request, "before")

    found = await request.app[PARTS].database.read(
        lambda tx: changes.list_changes(tx, subject=subject or None, before=before, limit=ASK_FOR)
    )
    page = page_of(found)
    following = None
    if page.more:
        following = link_to(LIST, subject=subject, before=page.rows[-1].id)
    return show(
        request,
        "changes.html",
        changes=page.rows,
        next=following,
        subject=subject,
        subjects=SUBJECTS,
    )


ROUTES = (get("changes", show_changes, needs="viewer"),)
