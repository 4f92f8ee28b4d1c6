"""Entries of the settings that have a form each: shown, added, changed and taken away alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from aiohttp import web
from multidict import MultiDict

from bridge.domain.directory import Entry
from bridge.domain.roles import Role
from bridge.domain.settings_changes import Documents, Section, plan_of
from bridge.domain.settings_edits import Faulty
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import PREFIX, Route, get, post
from bridge.web.admin.rule_form import CARRIERS
from bridge.web.parts import PARTS

E = TypeVar("E", bound=Entry)
Edit = Callable[[Documents], Documents]
Content = Mapping[str, Any]  # an entry as the settings file would have it


class Put(Protocol):
    """Puts an entry in the place of the old one, or behind all."""

    def __call__(self, documents: Documents, content: Content, *, old: str | None) -> Documents:
        """Return the documents with it. Raises Faulty."""
        ...


async def documents_of(request: web.Request) -> Documents:
    """The settings as they are."""
    return await request.app[PARTS].database.read(settings.load_documents)


def entry_of(entries: Iterable[E], key: str) -> E:
    """The entry with this key; 404 where there is none."""
    for entry in entries:
        if entry.key == key:
            return entry
    raise web.HTTPNotFound


async def edit_settings(request: web.Request, edit: Edit) -> bool:
    """Store what the edit makes of the settings, in the visitor's name.

    Returns whether that changed anything. What the edit raises is raised, nothing stored.
    """
    by = request[VISIT].author

    def save(tx: Transaction) -> bool:
        stored = settings.load_documents(tx)
        plan = plan_of(stored, edit(stored), CARRIERS)
        settings.save_plan(tx, plan, by)
        return bool(plan.changes)

    return await request.app[PARTS].database.write(save)


async def remove_entry(request: web.Request, edit: Edit, *, back: str) -> web.Response:
    """Take an entry away; 404 where there is none, 409 while another goes by it."""
    try:
        changed = await edit_settings(request, edit)
    except Faulty as error:
        raise UserMistake("; ".join(error.faults.values())) from error
    if not changed:
        raise web.HTTPNotFound
    return go(back, said="removed")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPages:
    """The pages of one section, at addresses that begin with `path` and name the entry's `key`.

    `back` is the page that lists the entries, `needs` the least role that may change them.
    `new` says what an empty form holds, `read` what a form's fields say, `more` what the
    template shows besides the entry.
    """

    section: Section
    path: str
    key: str = "name"
    template: str
    back: str
    needs: Role
    new: Callable[[web.Request], Content]
    read: Callable[[MultiDict[str]], Content]
    put: Put
    without: Callable[[Documents, str], Documents]
    more: Callable[[Documents, Content], Mapping[str, object]] = lambda _documents, _content: {}

    def routes(self) -> tuple[Route, ...]:
        """An empty form, a form for each entry, and what they send."""
        new, one = f"{self.path}/new", f"{self.path}/{{{self.key}}}"
        return (
            get(new, self._show_new, needs=self.needs),
            post(new, self._save_new, needs=self.needs),
            get(one, self._show_one, needs="viewer"),
            post(one, self._save_one, needs=self.needs),
            post(f"{one}/remove", self._remove, needs=self.needs),
        )

    async def _show_new(self, request: web.Request) -> web.Response:
        return self._form(request, await documents_of(request), self.new(request), None)

    async def _show_one(self, request: web.Request) -> web.Response:
        key = request.match_info[self.key]
        documents = await documents_of(request)
        entry = entry_of(documents.sections()[self.section], key)
        return self._form(request, documents, entry.model_dump(mode="json"), key)

    async def _save_new(self, request: web.Request) -> web.Response:
        return await self._save(request, None)

    async def _save_one(self, request: web.Request) -> web.Response:
        return await self._save(request, request.match_info[self.key])

    async def _remove(self, request: web.Request) -> web.Response:
        key = request.match_info[self.key]
        return await remove_entry(request, lambda stored: self.without(stored, key), back=self.back)

    async def _save(self, request: web.Request, old: str | None) -> web.Response:
        content = self.read(request[FORM])

        def edit(stored: Documents) -> Documents:
            if old is not None:
                entry_of(stored.sections()[self.section], old)
            return self.put(stored, content, old=old)

        try:
            changed = await edit_settings(request, edit)
        except Faulty as error:
            documents = await documents_of(request)
            return self._form(request, documents, content, old, faults=error.faults)
        return go(self.back, said="changed" if changed else "nothing")

    def _form(
        self,
        request: web.Request,
        documents: Documents,
        content: Content,
        old: str | None,
        *,
        faults: Mapping[str, str] | None = None,
    ) -> web.Response:
        return show(
            request,
            self.template,
            status=422 if faults else 200,
            entry=content,
            old=old,
            action=f"{PREFIX}{self.path}/{'new' if old is None else quote(old, safe='')}",
            faults=faults or {},
            **self.more(documents, content),
        )
