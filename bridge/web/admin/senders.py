"""Senders: the numbers that customers text."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import OptOutWord
from bridge.domain.halt import Halt
from bridge.domain.numbers import display
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_edits import unshown, with_sender, without_sender
from bridge.domain.words import default_text
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.entries import Content, EntryPages
from bridge.web.admin.fields import number_in, text_in
from bridge.web.admin.pages import show
from bridge.web.admin.routes import get
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
WORDS: Final[tuple[OptOutWord, ...]] = ("STOP", "START", "HELP")
SHOWN: Final = frozenset({*TEXTS, *IDS, *SWITCHES, "tags", "answers", "texts"})


async def list_senders(request: web.Request) -> web.Response:
    """All senders."""

    def load(tx: Transaction) -> tuple[Documents, Halt]:
        return settings.load_documents(tx), settings.load_halt(tx)

    documents, halt = await request.app[PARTS].database.read(load)
    return show(request, "senders.html", senders=documents.senders, halt=halt)


def _content(form: MultiDict[str]) -> dict[str, Any]:
    """The sender as the settings file would have it; empty fields are left out."""
    texts_given = {name: text_in(form, name) for name in TEXTS}
    given = {**texts_given, **{name: number_in(form, name) for name in IDS}}
    content: dict[str, Any] = {name: value for name, value in given.items() if value != ""}
    content["tags"] = tuple(part for part in form.get("tags", "").replace(",", " ").split() if part)
    content |= {name: bool(form.get(name)) for name in SWITCHES}
    if form.get("answers_set"):
        content["answers"] = tuple(word for word in WORDS if word in form.getall("answers", []))
    texts = {word.lower(): text_in(form, f"text_{word}") for word in WORDS}
    if any(texts.values()):
        content["texts"] = {word: text for word, text in texts.items() if text}
    return content


def _new(request: web.Request) -> Content:
    """An empty form, or one with the number that the address names."""
    number = display(request.query.get("number", "")[:80])
    carrier = next(iter(request.app[PARTS].carriers), next(iter(CARRIERS)))
    return {"number": number, "carrier": carrier, "keep_signature": True}


def _put(documents: Documents, content: Content, *, old: str | None) -> Documents:
    whole = {**unshown(documents.senders, old, SHOWN), **content}
    return with_sender(documents, whole, CARRIERS, old=old)


def _more(documents: Documents, content: Content) -> dict[str, object]:
    brand = str(content.get("name") or content.get("number") or "")
    hours = [(one.name, one.name) for one in documents.hours]
    return {
        "carriers": [(name, name) for name in sorted(CARRIERS)],
        "words": [(word, default_text(word, brand)) for word in WORDS],
        "hours": [("", "none: somebody is always there"), *hours],
    }


SENDERS: Final = EntryPages(
    section="senders",
    path="senders",
    key="address",
    template="sender.html",
    back=LIST,
    needs="admin",
    new=_new,
    read=_content,
    put=_put,
    without=without_sender,
    more=_more,
)
ROUTES = (get("senders", list_senders, needs="viewer"), *SENDERS.routes())
