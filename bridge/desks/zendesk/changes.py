"""Which tickets changed: by the incremental export, or by search where that is not allowed.

Both come with a delay (the export leaves out the last minute, the search's index lags), so
tickets that matter now are asked for by their ids besides.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.clock import rfc3339
from bridge.desks.contract import Change, Changes, TicketId
from bridge.desks.zendesk.answers import ZendeskRefused, well_formed
from bridge.desks.zendesk.api import Params, ZendeskApi
from bridge.desks.zendesk.events import TAG
from bridge.desks.zendesk.records import (
    Malformed,
    Record,
    id_of,
    optional_text,
    records_of,
    time_of,
)

EXPORT, SEARCH = "export:", "search:"  # what a cursor of ours begins with
NOT_FOR_US = (403, 404)  # no admin; not in the account's plan
EXPORT_PAGE = 500  # of 1,000 at most: whole tickets come, and an answer has to end in time
SEARCH_PAGE = 100
SEARCH_PAGES = 10  # a search shows 1,000 results and not one more
INDEX_LAG_MS = 600_000  # how late a change may come into the search's index


class ChangeFeed:
    """The changed tickets of one account, page by page."""

    def __init__(self, api: ZendeskApi) -> None:
        self._api = api
        self._may_export = True

    async def changed_tickets(self, cursor: str | None, *, since_ms: int) -> Changes:
        """The next page; `since_ms` is where to start without a usable cursor."""
        if self._may_export:
            try:
                return await self._export(cursor, since_ms)
            except ZendeskRefused as error:
                if error.status not in NOT_FOR_US:
                    raise
                self._may_export = False  # for admins alone: not asked again before a restart
        return await self._search(cursor, since_ms)

    async def changes_of(self, ticket_ids: Sequence[TicketId]) -> Sequence[Change]:
        """When these tickets last changed."""
        if not ticket_ids:
            return ()
        ids = ",".join(str(ticket_id) for ticket_id in ticket_ids)
        answer = await self._api.get("/api/v2/tickets/show_many", {"ids": ids}, expect="tickets")
        return _changes(answer, "tickets")

    async def _export(self, cursor: str | None, since_ms: int) -> Changes:
        start: Params = {"start_time": since_ms // 1000}
        if cursor is not None and cursor.startswith(EXPORT):
            try:
                return await self._page({"cursor": cursor.removeprefix(EXPORT)})
            except ZendeskRefused as error:
                if error.status in NOT_FOR_US:
                    raise
                # A cursor that has had its time: once more over what may have been missed.
        return await self._page(start)

    async def _page(self, params: Params) -> Changes:
        asked = {**params, "per_page": EXPORT_PAGE}
        path = "/api/v2/incremental/tickets/cursor"
        answer = await self._api.get(path, asked, expect="tickets")
        after = optional_text(answer, "after_cursor") or str(params.get("cursor") or "")
        return Changes(
            changes=_changes(answer, "tickets"),
            cursor=f"{EXPORT}{after}" if after else "",
            more=answer.get("end_of_stream") is False,
        )

    async def _search(self, cursor: str | None, since_ms: int) -> Changes:
        """By time, with an overlap for what came late into the index."""
        reached_ms = _reached(cursor, since_ms)
        from_ms = reached_ms - INDEX_LAG_MS
        found: list[Change] = []
        for page in range(1, SEARCH_PAGES + 1):
            answer = await self._api.get(
                "/api/v2/search",
                {
                    "query": f"type:ticket tags:{TAG} updated>={rfc3339(from_ms)[:19]}Z",
                    "sort_by": "updated_at",
                    "sort_order": "asc",
                    "per_page": SEARCH_PAGE,
                    "page": page,
                },
                expect="results",
            )
            changes = _changes(answer, "results")
            found += changes
            if len(changes) < SEARCH_PAGE:
                break
        newest_ms = max((change.changed_at_ms for change in found), default=reached_ms)
        more = len(found) == SEARCH_PAGE * SEARCH_PAGES
        # The next search starts an overlap before: where this one was cut, exactly where it ended.
        next_ms = newest_ms + INDEX_LAG_MS if more else max(newest_ms, reached_ms)
        return Changes(changes=tuple(found), cursor=f"{SEARCH}{next_ms}", more=more)


def _reached(cursor: str | None, since_ms: int) -> int:
    text = (cursor or "").removeprefix(SEARCH)
    return int(text) if text.isascii() and text.isdecimal() else since_ms


def _changes(answer: Record, key: str) -> tuple[Change, ...]:
    with well_formed(write=False):
        return tuple(_change(record) for record in records_of(answer, key))


def _change(record: Record) -> Change:
    tags = record.get("tags")
    try:
        changed_at_ms = time_of(record, "updated_at")
    except Malformed:
        changed_at_ms = 0  # then it can't be known as seen, and is looked at
    return Change(
        ticket_id=TicketId(id_of(record, "id")),
        changed_at_ms=changed_at_ms,
        tagged=isinstance(tags, list) and TAG in tags,
    )
