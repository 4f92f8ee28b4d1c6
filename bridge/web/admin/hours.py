"""Business hours with their holidays, and what is answered by itself outside of them."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

from bridge.domain.hours import is_open
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_edits import (
    with_auto_reply,
    with_hours,
    without_auto_reply,
    without_hours,
)
from bridge.web.admin.entries import EntryPages, documents_of
from bridge.web.admin.fields import number_in, several_in, text_in
from bridge.web.admin.pages import show
from bridge.web.admin.routes import get
from bridge.web.parts import PARTS

LIST: Final = "/admin/hours"


async def show_all(request: web.Request) -> web.Response:
    """All hours, whether somebody is there now, and all auto-replies."""
    documents = await documents_of(request)
    now_ms = request.app[PARTS].clock.now_ms()
    return show(
        request,
        "hours.html",
        hours=[
            (one, is_open(one.compiled(), now_ms), _users(documents, one.name))
            for one in documents.hours
        ],
        replies=documents.auto_replies,
        names={sender.address: sender.name or sender.address for sender in documents.senders},
    )


def _users(documents: Documents, name: str) -> list[str]:
    """What goes by these hours."""
    senders = [one.name or one.address for one in documents.senders if one.hours == name]
    return senders + [rule.key for rule in documents.keywords if rule.hours == name]


def _hours_content(form: MultiDict[str]) -> dict[str, Any]:
    """The hours as the settings file would have them."""
    return {
        "name": text_in(form, "name"),
        "zone": text_in(form, "zone"),
        "open": several_in(form, "open"),
        "holidays": several_in(form, "holidays"),
    }


def _reply_content(form: MultiDict[str]) -> dict[str, Any]:
    """The auto-reply as the settings file would have it; empty fields are left out."""
    texts = {key: text_in(form, key) for key in ("greeting", "out_of_hours")}
    given = {**texts, "quiet_hours": number_in(form, "quiet_hours")}
    return {
        "name": text_in(form, "name"),
        "senders": tuple(form.getall("senders", [])),
        **{key: value for key, value in given.items() if value != ""},
    }


HOURS: Final = EntryPages(
    section="hours",
    path="hours",
    template="hours_form.html",
    back=LIST,
    needs="manager",
    new=lambda _request: {"open": ("Mon-Fri 09:00-17:00",), "zone": "UTC"},
    read=_hours_content,
    put=with_hours,
    without=without_hours,
)
REPLIES: Final = EntryPages(
    section="auto_replies",
    path="auto-replies",
    template="auto_reply.html",
    back=LIST,
    needs="manager",
    new=lambda _request: {"quiet_hours": 12},
    read=_reply_content,
    put=with_auto_reply,
    without=without_auto_reply,
    more=lambda documents, _content: {"senders": documents.senders},
)
ROUTES = (get("hours", show_all, needs="viewer"), *HOURS.routes(), *REPLIES.routes())
