"""Templates: words that replies are written with."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import LONGEST_TEXT
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_edits import with_template, without_template
from bridge.domain.templates import PLACEHOLDERS, Filled, fill, unknown_placeholder, values_of
from bridge.web.admin.console import FORM
from bridge.web.admin.entries import Content, EntryPages, documents_of
from bridge.web.admin.fields import text_in
from bridge.web.admin.pages import show
from bridge.web.admin.routes import get, post

# Whom a template is shown with: somebody of whom everything is known.
EXAMPLE: Final = values_of(
    name="Maya Lindqvist",
    customer="+12025550123",
    fields={},
    ticket_id=35436,
    sender_name="Acme",
    sender="+12025550100",
)


async def list_templates(request: web.Request) -> web.Response:
    """All templates."""
    documents = await documents_of(request)
    return show(request, "reply_templates.html", entries=documents.templates)


async def try_template(request: web.Request) -> web.Response:
    """A template filled in for somebody made up, with what it costs."""
    text = _text(request[FORM])
    fault = unknown_placeholder(text)
    return show(request, "reply_template_tried.html", filled=_filled(text), fault=fault)


def _content(form: MultiDict[str]) -> dict[str, str]:
    """The template as the settings file would have it."""
    return {"name": text_in(form, "name"), "text": _text(form)}


def _text(form: MultiDict[str]) -> str:
    return text_in(form, "text")[: 2 * LONGEST_TEXT]


def _filled(text: str) -> Filled | None:
    """None where there is nothing to show."""
    return fill(text, EXAMPLE) if text and not unknown_placeholder(text) else None


def _more(_documents: Documents, content: Content) -> dict[str, object]:
    filled = _filled(content.get("text", ""))
    return {"placeholders": PLACEHOLDERS, "filled": filled, "fault": None}


TEMPLATES: Final = EntryPages(
    section="templates",
    path="templates",
    template="reply_template.html",
    back="/admin/templates",
    needs="manager",
    new=lambda _request: {},
    read=_content,
    put=with_template,
    without=without_template,
    more=_more,
)
ROUTES = (
    get("templates", list_templates, needs="viewer"),
    post("templates/try", try_template, needs="viewer"),
    *TEMPLATES.routes(),
)
