"""Failed work: shown, tried again, or given up."""

from __future__ import annotations

from aiohttp import web

from bridge.errors import UserMistake
from bridge.store import failed
from bridge.store.changes import Author
from bridge.web.api.answers import respond, show_failed
from bridge.web.api.openapi import Endpoint
from bridge.web.api.reading import read_number_cursor, read_query, write_cursor
from bridge.web.api.schemas import FailedPage, FailedQuery, Revived
from bridge.web.parts import PARTS
from bridge.web.problems import problem

CURSOR = "failed"
THE_TOKEN = Author(how="api")  # whoever holds it


async def list_failed(request: web.Request) -> web.Response:
    """Failed work, newest first."""
    query = read_query(request, FailedQuery)
    marks = read_number_cursor(CURSOR, query.cursor, 2)
    found = await request.app[PARTS].database.read(
        lambda tx: failed.list_failed(
            tx, before=None if marks is None else (marks[0], marks[1]), limit=query.limit + 1
        )
    )
    page = found[: query.limit]
    more = len(found) > len(page)
    shown = {
        "failed": [show_failed(work) for work in page],
        "next": write_cursor(CURSOR, page[-1].since_ms, page[-1].id) if more else None,
    }
    return respond(FailedPage.model_validate(shown))


async def retry_failed(request: web.Request) -> web.Response:
    """Let it be tried again at once; asking twice does no harm."""
    parts = request.app[PARTS]
    ref = request.match_info["id"]
    try:
        await parts.database.write(lambda tx: failed.retry(tx, ref, THE_TOKEN))
    except UserMistake as error:
        return problem(404, detail=str(error))
    parts.wake()
    return respond(Revived(id=ref, state="waiting"))


async def drop_failed(request: web.Request) -> web.Response:
    """Give it up for good; its message stays, as failed."""
    ref = request.match_info["id"]
    try:
        await request.app[PARTS].database.write(lambda tx: failed.drop(tx, ref, THE_TOKEN))
    except UserMistake as error:
        return problem(404, detail=str(error))
    return web.Response(status=204)


ENDPOINTS = (
    Endpoint(
        name="list_failed",
        method="GET",
        path="/api/v1/failed",
        summary="Failed work, newest first",
        handler=list_failed,
        query=FailedQuery,
        answers={200: FailedPage},
        problems=(400,),
    ),
    Endpoint(
        name="retry_failed",
        method="POST",
        path="/api/v1/failed/{id}/retry",
        summary="Try failed work again",
        handler=retry_failed,
        answers={200: Revived},
        problems=(404, 503),
    ),
    Endpoint(
        name="drop_failed",
        method="DELETE",
        path="/api/v1/failed/{id}",
        summary="Give failed work up",
        handler=drop_failed,
        answers={204: None},
        problems=(404, 503),
    ),
)
