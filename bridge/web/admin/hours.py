"""Business hours with their holidays, and what is answered by itself outside of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import AutoReply, Hours
from bridge.domain.hours import is_open
from bridge.domain.settings_changes import Documents, plan_of
from bridge.domain.settings_edits import (
    Faulty,
    with_auto_reply,
    with_hours,
    without_auto_reply,
    without_hours,
)
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.rule_form import CARRIERS
from bridge.web.parts import PARTS

LIST: Final = "/admin/hours"
REPLIES: Final = "/admin/auto-replies"
_APART: Final = re.compile(r"[,;\n\r]+")
E = TypeVar("E", Hours, AutoReply)
Edit = Callable[[Documents], Documents]


async def show_all(request: web.Request) -> web.Response:
    """All hours, whether somebody is there now, and all auto-replies."""
    documents = await _documents(request)
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


async def show_new_hours(request: web.Request) -> web.Response:
    """An empty form for hours."""
    return _hours_form(request, {"open": ("Mon-Fri 09:00-17:00",), "zone": "UTC"}, None)


async def show_hours(request: web.Request) -> web.Response:
    """The hours of one name."""
    name = request.match_info["name"]
    documents = await _documents(request)
    found = _find(documents.hours, name)
    return _hours_form(request, found.model_dump(mode="json"), name)


async def save_new_hours(request: web.Request) -> web.Response:
    """Add hours."""
    return await _save_hours(request, None)


async def save_hours(request: web.Request) -> web.Response:
    """Change hours."""
    return await _save_hours(request, request.match_info["name"])


async def remove_hours(request: web.Request) -> web.Response:
    """Take hours away, where nothing goes by them."""
    name = request.match_info["name"]
    return await _remove(request, lambda stored: without_hours(stored, name))


async def show_new_reply(request: web.Request) -> web.Response:
    """An empty form for an auto-reply."""
    return await _reply_form(request, {"quiet_hours": 12}, None)


async def show_reply(request: web.Request) -> web.Response:
    """One auto-reply."""
    name = request.match_info["name"]
    documents = await _documents(request)
    found = _find(documents.auto_replies, name)
    return await _reply_form(request, found.model_dump(mode="json"), name)


async def save_new_reply(request: web.Request) -> web.Response:
    """Add an auto-reply."""
    return await _save_reply(request, None)


async def save_reply(request: web.Request) -> web.Response:
    """Change an auto-reply."""
    return await _save_reply(request, request.match_info["name"])


async def remove_reply(request: web.Request) -> web.Response:
    """Take an auto-reply away."""
    name = request.match_info["name"]
    return await _remove(request, lambda stored: without_auto_reply(stored, name))


async def _documents(request: web.Request) -> Documents:
    return await request.app[PARTS].database.read(settings.load_documents)


def _find(entries: Iterable[E], name: str) -> E:
    for entry in entries:
        if entry.name == name:
            return entry
    raise web.HTTPNotFound


def _users(documents: Documents, name: str) -> list[str]:
    """What goes by these hours."""
    senders = [one.name or one.address for one in documents.senders if one.hours == name]
    return senders + [rule.key for rule in documents.keywords if rule.hours == name]


async def _save_hours(request: web.Request, old: str | None) -> web.Response:
    content = _hours_content(request[FORM])
    try:
        changed = await _store(request, lambda stored: with_hours(stored, content, old=old))
    except Faulty as error:
        return _hours_form(request, content, old, status=422, faults=error.faults)
    return go(LIST, said="changed" if changed else "nothing")


async def _save_reply(request: web.Request, old: str | None) -> web.Response:
    content = _reply_content(request[FORM])
    try:
        changed = await _store(request, lambda stored: with_auto_reply(stored, content, old=old))
    except Faulty as error:
        return await _reply_form(request, content, old, status=422, faults=error.faults)
    return go(LIST, said="changed" if changed else "nothing")


async def _remove(request: web.Request, edit: Edit) -> web.Response:
    try:
        changed = await _store(request, edit)
    except Faulty as error:
        raise UserMistake("; ".join(error.faults.values())) from error
    if not changed:
        raise web.HTTPNotFound
    return go(LIST, said="removed")


async def _store(request: web.Request, edit: Edit) -> bool:
    by = request[VISIT].author

    def save(tx: Transaction) -> bool:
        stored = settings.load_documents(tx)
        plan = plan_of(stored, edit(stored), CARRIERS)
        settings.save_plan(tx, plan, by)
        return bool(plan.changes)

    return await request.app[PARTS].database.write(save)


def _hours_content(form: MultiDict[str]) -> dict[str, Any]:
    """The hours as the settings file would have them."""
    return {
        "name": form.get("name", "").strip(),
        "zone": form.get("zone", "").strip(),
        "open": _several(form.get("open", "")),
        "holidays": _several(form.get("holidays", "")),
    }


def _reply_content(form: MultiDict[str]) -> dict[str, Any]:
    """The auto-reply as the settings file would have it; empty fields are left out."""
    content: dict[str, Any] = {
        "name": form.get("name", "").strip(),
        "senders": tuple(form.getall("senders", [])),
    }
    for key in ("greeting", "out_of_hours"):
        if text := form.get(key, "").replace("\r\n", "\n").strip():
            content[key] = text
    if given := form.get("quiet_hours", "").strip():  # what is no number the model tells of
        is_number = given.isascii() and given.isdigit() and len(given) < 10
        content["quiet_hours"] = int(given) if is_number else given
    return content


def _several(given: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _APART.split(given) if part.strip())


def _hours_form(
    request: web.Request,
    content: Mapping[str, Any],
    old: str | None,
    *,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    return show(
        request,
        "hours_form.html",
        status=status,
        entry=content,
        old=old,
        action=f"{LIST}/new" if old is None else f"{LIST}/{quote(old, safe='')}",
        faults=faults or {},
    )


async def _reply_form(
    request: web.Request,
    content: Mapping[str, Any],
    old: str | None,
    *,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    documents = await _documents(request)
    return show(
        request,
        "auto_reply.html",
        status=status,
        entry=content,
        old=old,
        action=f"{REPLIES}/new" if old is None else f"{REPLIES}/{quote(old, safe='')}",
        senders=documents.senders,
        faults=faults or {},
    )


ROUTES = (
    get("hours", show_all, needs="viewer"),
    get("hours/new", show_new_hours, needs="manager"),
    post("hours/new", save_new_hours, needs="manager"),
    get("hours/{name}", show_hours, needs="viewer"),
    post("hours/{name}", save_hours, needs="manager"),
    post("hours/{name}/remove", remove_hours, needs="manager"),
    get("auto-replies/new", show_new_reply, needs="manager"),
    post("auto-replies/new", save_new_reply, needs="manager"),
    get("auto-replies/{name}", show_reply, needs="viewer"),
    post("auto-replies/{name}", save_reply, needs="manager"),
    post("auto-replies/{name}/remove", remove_reply, needs="manager"),
)
