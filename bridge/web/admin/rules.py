"""Keyword rules: the list, the editor, and saving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import web

from bridge.domain.directory import KeywordEntry
from bridge.domain.settings_changes import Documents, plan_of
from bridge.domain.settings_edits import without_rule
from bridge.domain.words import WordClass, words_of
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.entries import documents_of, remove_entry
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.rule_form import (
    CARRIERS,
    RuleForm,
    clashes,
    documents_with,
    form_of,
    read_rule,
)
from bridge.web.parts import PARTS

LIST: Final = "/admin/rules"
STALE: Final = (
    "Somebody has changed the settings while this page was open. Your words are all here: "
    "look through the rule and save it again."
)
OPT_OUT_WORDS: Final = (
    "The law and the carriers keep these for ending all texts: whoever sends one is opted out, at "
    "every number of yours, gets one confirmation and then nothing. No rule may use them."
)
OPT_IN_WORDS: Final = "They lift an opt-out, and nothing else does. No rule may use them."
YES_WORDS: Final = (
    "A yes confirms a sign-up that was asked for, or lifts an opt-out; from anybody else it is an "
    "ordinary text, as an agent may have asked something. No rule may use them."
)
HELP_WORDS: Final = (
    "They are answered and always make a ticket, as somebody needs help. A rule may set the "
    "reply, and no more."
)
RESERVED: Final[tuple[tuple[WordClass, str, str], ...]] = (
    ("STOP", "Stop all texts", OPT_OUT_WORDS),
    ("START", "Let texts come again", OPT_IN_WORDS),
    ("YES", "Answer a question to confirm", YES_WORDS),
    ("HELP", "Ask for help", HELP_WORDS),
)


async def list_rules(request: web.Request) -> web.Response:
    """All rules in the order in which they are tried, and the words that are kept."""
    documents = await documents_of(request)
    return show(
        request,
        "rules.html",
        rules=documents.keywords,
        clashes=clashes(documents),
        reserved=[(cls, title, why, words_of(cls)) for cls, title, why in RESERVED],
        names=_names(documents),
    )


async def show_new(request: web.Request) -> web.Response:
    """An empty editor, or one with the words that the address names."""
    words = tuple(word for word in request.query.getall("words", []) if word)[:20]
    return await _editor(request, RuleForm(words=words))


async def show_rule(request: web.Request) -> web.Response:
    """One rule in the editor."""
    key = request.match_info["key"]
    documents = await documents_of(request)
    entry = _find(documents, key)
    return await _editor(request, form_of(entry), key=key)


async def save_new(request: web.Request) -> web.Response:
    """Add a rule."""
    return await _save(request, None)


async def save_rule(request: web.Request) -> web.Response:
    """Change a rule."""
    return await _save(request, request.match_info["key"])


async def remove_rule(request: web.Request) -> web.Response:
    """Take a rule away."""
    key = request.match_info["key"]

    def edit(stored: Documents) -> Documents:
        return without_rule(stored, _find(stored, key).key)

    return await remove_entry(request, edit, back=LIST)


async def _save(request: web.Request, key: str | None) -> web.Response:
    form, by = request[FORM], request[VISIT].author
    rule = read_rule(form)
    version = form.get("version", "")

    def save(tx: Transaction) -> tuple[Mapping[str, str], bool, bool]:
        stored = settings.load_documents(tx)
        if key is not None:
            _find(stored, key)
        wanted, faults = documents_with(stored, rule, key)
        is_stale = version != str(settings.settings_version(tx))
        if faults or is_stale:
            return faults, is_stale, False
        plan = plan_of(stored, wanted, CARRIERS)
        settings.save_plan(tx, plan, by)
        return {}, False, bool(plan.changes)

    faults, is_stale, changed = await request.app[PARTS].database.write(save)
    if faults or is_stale:
        warning = STALE if is_stale else None
        status = 409 if is_stale else 422
        return await _editor(request, rule, key=key, status=status, faults=faults, warning=warning)
    return go(LIST, said="changed" if changed else "nothing")


async def _editor(
    request: web.Request,
    rule: RuleForm,
    *,
    key: str | None = None,
    status: int = 200,
    faults: Mapping[str, str] | None = None,
    warning: str | None = None,
) -> web.Response:
    def find(tx: Transaction) -> tuple[Documents, int]:
        return settings.load_documents(tx), settings.settings_version(tx)

    documents, version = await request.app[PARTS].database.read(find)
    return show(
        request,
        "rule.html",
        status=status,
        rule=rule,
        key=key,
        hours=documents.hours,
        action=f"{LIST}/new" if key is None else f"{LIST}/{quote(key, safe='')}",
        version=version,
        senders=documents.senders,
        lists=[entry.name for entry in documents.lists],
        clashes=clashes(documents).get(key or "", []),
        faults=faults or {},
        warning=warning,
    )


def _find(documents: Documents, key: str) -> KeywordEntry:
    for entry in documents.keywords:
        if entry.key == key:
            return entry
    raise UserMistake("this rule is not there any more: somebody has renamed or removed it")


def _names(documents: Documents) -> dict[str, str]:
    return {sender.address: sender.name or sender.address for sender in documents.senders}


ROUTES = (
    get("rules", list_rules, needs="viewer"),
    get("rules/new", show_new, needs="manager"),
    post("rules/new", save_new, needs="manager"),
    get("rules/{key}", show_rule, needs="viewer"),
    post("rules/{key}", save_rule, needs="manager"),
    post("rules/{key}/remove", remove_rule, needs="manager"),
)
