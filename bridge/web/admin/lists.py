"""Lists that customers subscribe to, and who is on them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.clock import rfc3339
from bridge.domain.numbers import display
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_edits import Faulty, with_list, without_list
from bridge.store import people, settings
from bridge.store.database import Transaction
from bridge.store.people import Person
from bridge.web.admin.console import FORM
from bridge.web.admin.csv import csv_answer
from bridge.web.admin.entries import edit_settings, entry_of
from bridge.web.admin.pages import go, show
from bridge.web.admin.paging import ASK_FOR, link_to, page_of
from bridge.web.admin.routes import get, post
from bridge.web.parts import PARTS

LIST: Final = "/admin/lists"
MOST_EXPORTED: Final = 100_000


async def show_lists(request: web.Request) -> web.Response:
    """All lists with their sizes, and the rules that fill them."""
    return await _page(request)


async def add_list(request: web.Request) -> web.Response:
    """Add a list."""
    name = request[FORM].get("name", "").strip()
    try:
        await edit_settings(request, lambda stored: with_list(stored, name))
    except Faulty as error:
        return await _page(request, fault=error.faults["name"], name=name)
    return go(LIST, said="changed")


async def remove_list(request: web.Request) -> web.Response:
    """Take a list away; who was on it stays in the ledger."""
    name = request[FORM].get("name", "")
    try:
        await edit_settings(request, lambda stored: without_list(stored, name))
    except Faulty as error:
        return await _page(request, fault=error.faults["name"])
    return go(LIST, said="removed")


async def show_members(request: web.Request) -> web.Response:
    """Who is on a list."""
    name = request.query.get("name", "")
    after = request.query.get("after")

    def find(tx: Transaction) -> tuple[list[Person], dict[str, int]]:
        entry_of(settings.load_documents(tx).lists, name)
        found = people.on_list(tx, name, state="subscribed", after=after, limit=ASK_FOR)
        return found, people.list_sizes(tx, name)

    found, sizes = await request.app[PARTS].database.read(find)
    page = page_of(found)
    following = None
    if page.more:
        following = link_to(f"{LIST}/members", name=name, after=page.rows[-1].address)
    return show(request, "list.html", name=name, people=page.rows, sizes=sizes, next=following)


async def export_members(request: web.Request) -> web.Response:
    """Who is on a list, as CSV."""
    name = request.query.get("name", "")

    def find(tx: Transaction) -> list[Person]:
        entry_of(settings.load_documents(tx).lists, name)
        return people.on_list(tx, name, state="subscribed", after=None, limit=MOST_EXPORTED)

    found = await request.app[PARTS].database.read(find)
    rows = [
        (
            *(display(one.address), one.name),
            *("yes" if one.opted_out_at_ms else "no", rfc3339(one.created_at_ms)),
        )
        for one in found
    ]
    headings = ("number", "name", "opted out", "known since")
    return csv_answer(headings, rows, name=f"list-{name}")


async def _page(request: web.Request, *, fault: str | None = None, name: str = "") -> web.Response:
    def find(tx: Transaction) -> tuple[Documents, dict[str, dict[str, int]]]:
        documents = settings.load_documents(tx)
        return documents, {one.name: people.list_sizes(tx, one.name) for one in documents.lists}

    documents, sizes = await request.app[PARTS].database.read(find)
    rules = {
        one.name: [
            rule.key
            for rule in documents.keywords
            if one.name in rule.lists or one.name in rule.unsubscribe
        ]
        for one in documents.lists
    }
    return show(
        request,
        "lists.html",
        status=422 if fault else 200,
        lists=documents.lists,
        sizes=sizes,
        rules=rules,
        fault=fault,
        name=name,
    )


ROUTES = (
    get("lists", show_lists, needs="viewer"),
    post("lists", add_list, needs="manager"),
    post("lists/remove", remove_list, needs="manager"),
    get("lists/members", show_members, needs="viewer"),
    get("lists/members.csv", export_members, needs="manager"),
)
