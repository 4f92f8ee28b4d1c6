"""The first page: how it stands, what needs a person, and charts of what came and went."""

from __future__ import annotations

from aiohttp import web

from bridge.domain.halt import Halt
from bridge.store import failed, settings
from bridge.store.database import Transaction
from bridge.store.failed import FailedWork
from bridge.store.overview import Overview, overview
from bridge.web.admin.charts import RANGES, USUAL_RANGE, Charts, draw
from bridge.web.admin.pages import show
from bridge.web.admin.routes import get
from bridge.web.parts import PARTS

MOST_FAILED = 5


async def show_overview(request: web.Request) -> web.Response:
    """Today in numbers, and the charts of a range."""
    chosen = RANGES.get(request.query.get("range", ""), RANGES[USUAL_RANGE])
    drawn = await request.app[PARTS].database.read(lambda tx: draw(tx, chosen))
    return await _show(request, "overview.html", drawn)


async def refresh_overview(request: web.Request) -> web.Response:
    """The numbers alone, for a page that stays open."""
    return await _show(request, "overview_now.html")


async def _show(request: web.Request, template: str, drawn: Charts | None = None) -> web.Response:
    def find(tx: Transaction) -> tuple[Overview, list[FailedWork], bool, Halt]:
        senders, halt = settings.load_documents(tx).senders, settings.load_halt(tx)
        newest = failed.list_failed(tx, before=None, limit=MOST_FAILED)
        return overview(tx), newest, bool(senders), halt

    numbers, newest, has_senders, halt = await request.app[PARTS].database.read(find)
    return show(
        request,
        template,
        numbers=numbers,
        failed=newest,
        has_senders=has_senders,
        halt=halt,
        charts=drawn,
        RANGES=RANGES,
    )


ROUTES = (
    get("", show_overview, needs="viewer"),
    get("overview/now", refresh_overview, needs="viewer", quiet=True),
)
