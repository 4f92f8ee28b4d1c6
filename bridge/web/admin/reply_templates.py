"""Templates: words that replies are written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import LONGEST_TEXT, Template
from bridge.domain.settings_changes import Documents, plan_of
from bridge.domain.settings_edits import Faulty, with_template, without_template
from bridge.domain.templates import PLACEHOLDERS, Filled, fill, unknown_placeholder, values_of
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.rule_form import CARRIERS
from bridge.web.parts import PARTS

LIST: Final = "/admin/templates"
# Whom a template is shown with: somebody of whom everything is known.
EXAMPLE: Final = values_of(
    name="Maya Lindqvist",
    customer="+12025550123",
    fields={},
    ticket_id=35436,
    sender_name="Acme",
    sender="+12025550100",
)
Edit = Callable[[Documents], Documents]


async def list_templates(request: web.Request) -> web.Response:
    """All templates."""
    documents = await request.app[PARTS].database.read(settings.load_documents)
    return show(request, "reply_templates.html", entries=documents.templates)


async def show_new(request: web.Request) -> web.Response:
    """An empty form."""
    return _form(request, {}, None)


async def show_template(request: web.Request) -> web.Response:
    """One template."""
    name = request.match_info["name"]
    documents = await request.app[PARTS].database.read(settings.load_documents)
    return _form(request, _find(documents, name).model_dump(), name)


async def save_new(request: web.Request) -> web.Response:
    """Add a template."""
    return await _save(request, None)


async def save_template(request: web.Request) -> web.Response:
    """Change a template."""
    return await _save(request, request.match_info["name"])


async def remove_template(request: web.Request) -> web.Response:
    """Take a template away; what was written with it stays."""
    name = request.match_info["name"]
    if not await _store(request, lambda stored: without_template(stored, name)):
        raise web.HTTPNotFound
    return go(LIST, said="removed")


async def try_template(request: web.Request) -> web.Response:
    """A template filled in for somebody made up, with what it costs."""
    text = _text(request[FORM])
    fault = unknown_placeholder(text)
    return show(request, "reply_template_tried.html", filled=_filled(text), fault=fault)


async def _save(request: web.Request, old: str | None) -> web.Response:
    form = request[FORM]
    content = {"name": form.get("name", "").strip(), "text": _text(form)}

    def edit(stored: Documents) -> Documents:
        if old is not None:
            _find(stored, old)
        return with_template(stored, content, old=old)

    try:
        changed = await _store(request, edit)
    except Faulty as error:
        return _form(request, content, old, status=422, faults=error.faults)
    return go(LIST, said="changed" if changed else "nothing")


async def _store(request: web.Request, edit: Edit) -> bool:
    by = request[VISIT].author

    def save(tx: Transaction) -> bool:
        stored = settings.load_documents(tx)
        plan = plan_of(stored, edit(stored), CARRIERS)
        settings.save_plan(tx, plan, by)
        return bool(plan.changes)

    return await request.app[PARTS].database.write(save)


def _find(documents: Documents, name: str) -> Template:
    for template in documents.templates:
        if template.name == name:
            return template
    raise web.HTTPNotFound


def _text(form: MultiDict[str]) -> str:
    return form.get("text", "")[: 2 * LONGEST_TEXT].replace("\r\n", "\n").strip()


def _filled(text: str) -> Filled | None:
    """None where there is nothing to show."""
    return fill(text, EXAMPLE) if text and not unknown_placeholder(text) else None


def _form(
    request: web.Request,
    content: Mapping[str, str],
    old: str | None,
    *,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    return show(
        request,
        "reply_template.html",
        status=status,
        entry=content,
        old=old,
        action=f"{LIST}/new" if old is None else f"{LIST}/{quote(old, safe='')}",
        placeholders=PLACEHOLDERS,
        faults=faults or {},
        filled=_filled(content.get("text", "")),
        fault=None,
    )


ROUTES = (
    get("templates", list_templates, needs="viewer"),
    post("templates/try", try_template, needs="viewer"),
    get("templates/new", show_new, needs="manager"),
    post("templates/new", save_new, needs="manager"),
    get("templates/{name}", show_template, needs="viewer"),
    post("templates/{name}", save_template, needs="manager"),
    post("templates/{name}/remove", remove_template, needs="manager"),
)
