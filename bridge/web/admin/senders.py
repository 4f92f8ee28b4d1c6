"""Senders: the numbers that customers text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import Sender
from bridge.domain.halt import Halt
from bridge.domain.numbers import display
from bridge.domain.settings_changes import Documents, plan_of
from bridge.domain.settings_edits import Faulty, with_sender, without_sender
from bridge.domain.words import default_text
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.rule_form import CARRIERS
from bridge.web.parts import PARTS

LIST: Final = "/admin/senders"
TEXTS: Final = (
    "number",
    "carrier",
    "country",
    "kind",
    "name",
    "tickets_from",
    "on_uncertain",
    "on_stop_wish",
    "hours",
)
IDS: Final = ("brand_id", "group_id", "ticket_form_id")
SWITCHES: Final = ("reopen_on_failure", "reopen_on_chatter", "keep_signature")
WORDS: Final = ("STOP", "START", "HELP")
SHOWN: Final = frozenset({*TEXTS, *IDS, *SWITCHES, "tags", "answers", "texts"})


async def list_senders(request: web.Request) -> web.Response:
    """All senders."""

    def load(tx: Transaction) -> tuple[Documents, Halt]:
        return settings.load_documents(tx), settings.load_halt(tx)

    documents, halt = await request.app[PARTS].database.read(load)
    return show(request, "senders.html", senders=documents.senders, halt=halt)


async def show_new(request: web.Request) -> web.Response:
    """An empty form, or one with the number that the address names."""
    number = display(request.query.get("number", "")[:80])
    carrier = next(iter(request.app[PARTS].carriers), next(iter(CARRIERS)))
    empty = {"number": number, "carrier": carrier, "keep_signature": True}
    return await _form(request, empty, None)


async def show_sender(request: web.Request) -> web.Response:
    """One sender."""
    address = request.match_info["address"]
    documents = await request.app[PARTS].database.read(settings.load_documents)
    return await _form(request, _find(documents, address).model_dump(mode="json"), address)


async def save_new(request: web.Request) -> web.Response:
    """Add a sender; texts that wait for it are worked off."""
    return await _save(request, None)


async def save_sender(request: web.Request) -> web.Response:
    """Change a sender."""
    return await _save(request, request.match_info["address"])


async def remove_sender(request: web.Request) -> web.Response:
    """Take a sender away: texts to it are kept and wait."""
    address, by = request.match_info["address"], request[VISIT].author

    def remove(tx: Transaction) -> None:
        stored = settings.load_documents(tx)
        _find(stored, address)
        settings.save_plan(tx, plan_of(stored, without_sender(stored, address), CARRIERS), by)

    try:
        await request.app[PARTS].database.write(remove)
    except Faulty as error:
        raise UserMistake("; ".join(error.faults.values())) from error
    return go(LIST, said="removed")


async def _save(request: web.Request, old: str | None) -> web.Response:
    content, by = _content(request[FORM]), request[VISIT].author

    def save(tx: Transaction) -> bool:
        stored = settings.load_documents(tx)
        kept = {} if old is None else _find(stored, old).model_dump(exclude_defaults=True)
        # What the form doesn't show stays as it was.
        whole = {key: value for key, value in kept.items() if key not in SHOWN} | content
        plan = plan_of(stored, with_sender(stored, whole, CARRIERS, old=old), CARRIERS)
        settings.save_plan(tx, plan, by)
        return bool(plan.changes)

    try:
        changed = await request.app[PARTS].database.write(save)
    except Faulty as error:
        return await _form(request, content, old, status=422, faults=error.faults)
    return go(LIST, said="changed" if changed else "nothing")


def _content(form: MultiDict[str]) -> dict[str, Any]:
    """The sender as the settings file would have it; empty fields are left out."""
    content: dict[str, Any] = {
        name: form[name].strip() for name in TEXTS if form.get(name, "").strip()
    }
    for name in IDS:
        given = form.get(name, "").strip()
        if given:  # what is no number is told of by the model
            content[name] = int(given) if given.isascii() and given.isdigit() else given
    content["tags"] = tuple(part for part in form.get("tags", "").replace(",", " ").split() if part)
    content |= {name: bool(form.get(name)) for name in SWITCHES}
    if form.get("answers_set"):
        content["answers"] = tuple(word for word in WORDS if word in form.getall("answers", []))
    texts = {
        word.lower(): form[f"text_{word}"].replace("\r\n", "\n").strip()
        for word in WORDS
        if form.get(f"text_{word}", "").strip()
    }
    if texts:
        content["texts"] = texts
    return content


async def _form(
    request: web.Request,
    content: Mapping[str, Any],
    old: str | None,
    *,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    documents = await request.app[PARTS].database.read(settings.load_documents)
    brand = str(content.get("name") or content.get("number") or "")
    return show(
        request,
        "sender.html",
        status=status,
        sender=content,
        old=old,
        action=f"{LIST}/new" if old is None else f"{LIST}/{quote(old, safe='')}",
        carriers=[(name, name) for name in sorted(CARRIERS)],
        words=[(word, default_text(word, brand)) for word in ("STOP", "START", "HELP")],
        hours=[("", "none: somebody is always there")]
        + [(one.name, one.name) for one in documents.hours],
        faults=faults or {},
    )


def _find(documents: Documents, address: str) -> Sender:
    for sender in documents.senders:
        if sender.address == address:
            return sender
    raise web.HTTPNotFound


ROUTES = (
    get("senders", list_senders, needs="viewer"),
    get("senders/new", show_new, needs="admin"),
    post("senders/new", save_new, needs="admin"),
    get("senders/{address}", show_sender, needs="viewer"),
    post("senders/{address}", save_sender, needs="admin"),
    post("senders/{address}/remove", remove_sender, needs="admin"),
)
