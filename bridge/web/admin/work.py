"""Failed and waiting work: why it stands, what was tried; try again, or give up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from bridge.errors import UserMistake
from bridge.store import failed, listing, todo, work
from bridge.store.database import Transaction
from bridge.store.failed import FailedWork
from bridge.store.listing import Attempt, Message
from bridge.store.todo import Work
from bridge.web.admin.console import VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.paging import ASK_FOR, link_to, number_mark, page_of
from bridge.web.admin.routes import get, post
from bridge.web.parts import PARTS

LIST: Final = "/admin/work"


async def list_work(request: web.Request) -> web.Response:
    """What failed, newest first; or what waits, what is due first."""
    if request.query.get("show") == "waiting":
        return await _show_waiting(request)
    marks = _marks(request)

    def find(tx: Transaction) -> tuple[list[FailedWork], int]:
        found = failed.list_failed(tx, before=marks, limit=ASK_FOR)
        return found, work.backlog(tx)[0]

    found, waiting = await request.app[PARTS].database.read(find)
    page = page_of(found)
    last = page.rows[-1] if page.more else None
    following = None if last is None else link_to(LIST, at=last.since_ms, id=last.id)
    return show(
        request, "failed.html", rows=page.rows, next=following, waiting=waiting, kind="failed"
    )


async def show_work(request: web.Request) -> web.Response:
    """One piece of work, with each attempt."""
    ref = request.match_info["ref"]

    def find(tx: Transaction) -> tuple[Work, list[Attempt], Message | None] | None:
        found = todo.work_by_ref(tx, ref)
        if found is None:
            return None
        one, attempts = found
        about = listing.message_by_id(tx, one.message_id) if one.message_id else None
        return one, list(attempts), about

    found = await request.app[PARTS].database.read(find)
    if found is None:
        raise web.HTTPNotFound
    one, attempts, about = found
    return show(request, "work.html", work=one, attempts=attempts, message=about)


async def retry(request: web.Request) -> web.Response:
    """Have it tried again, now."""
    ref, by = request.match_info["ref"], request[VISIT].author
    await _write(request, lambda tx: failed.retry(tx, ref, by))
    request.app[PARTS].wake()
    return go(LIST, said="retried")


async def retry_all(request: web.Request) -> web.Response:
    """Have everything that failed tried again."""
    by = request[VISIT].author
    await _write(request, lambda tx: failed.retry_all(tx, by))
    request.app[PARTS].wake()
    return go(LIST, said="retried-all")


async def give_up(request: web.Request) -> web.Response:
    """Give it up for good."""
    ref, by = request.match_info["ref"], request[VISIT].author
    await _write(request, lambda tx: failed.drop(tx, ref, by))
    return go(LIST, said="given-up")


async def _write(request: web.Request, change: Callable[[Transaction], object]) -> None:
    try:
        await request.app[PARTS].database.write(change)
    except UserMistake as mistake:
        if "there is no" in str(mistake):
            raise web.HTTPNotFound from mistake
        raise


async def _show_waiting(request: web.Request) -> web.Response:
    marks = _marks(request)
    found = await request.app[PARTS].database.read(
        lambda tx: todo.list_waiting(tx, after=marks, limit=ASK_FOR)
    )
    page = page_of(found)
    last = page.rows[-1] if page.more else None
    following = None
    if last is not None:
        following = link_to(LIST, show="waiting", at=last.due_at_ms, id=last.id)
    return show(request, "waiting.html", rows=page.rows, next=following, waiting=0, kind="waiting")


def _marks(request: web.Request) -> tuple[int, int] | None:
    at, number = number_mark(request, "at"), number_mark(request, "id")
    return None if at is None or number is None else (at, number)


ROUTES = (
    get("work", list_work, needs="viewer"),
    get("work/{ref}", show_work, needs="viewer"),
    post("work/retry-all", retry_all, needs="manager"),
    post("work/{ref}/retry", retry, needs="manager"),
    post("work/{ref}/give-up", give_up, needs="manager"),
)
