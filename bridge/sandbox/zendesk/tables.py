"""The usual calls on records that an admin sets up: list, show, create, change, delete."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bridge.sandbox.zendesk.answers import invalid, not_found, page, read_wrapped
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.records import Json, iso
from bridge.sandbox.zendesk.state import Account


class Collection:
    """One table with the usual five calls."""

    def __init__(
        self,
        account: Account,
        table: str,
        single: str,
        read: Callable[[Json, Json | None], Json],
    ) -> None:
        self.account = account
        self.table = table
        self.single = single
        self.read = read

    def routes(self, *, writable: bool) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        one = self.table + r"/{id:\d+}"
        found: list[tuple[str, str, object]] = [
            ("GET", self.table, self.list_all),
            ("GET", f"{self.table}/active", self.list_active),
            ("GET", f"{self.table}/search", self.search),
            ("GET", one, self.show),
        ]
        if writable:
            found += [
                ("POST", self.table, self.create),
                ("PUT", one, self.update),
                ("DELETE", one, self.delete),
            ]
        return found

    @property
    def rows(self) -> dict[int, Json]:
        """The records, by id."""
        return self.account.resources[self.table]

    async def list_all(self, request: web.Request) -> web.Response:
        """GET all, `?active=` narrows."""
        wanted = request.query.get("active")
        rows = list(self.rows.values())
        if wanted is not None:
            rows = [one for one in rows if one.get("active", True) is (wanted == "true")]
        return self._page(request, rows)

    async def list_active(self, request: web.Request) -> web.Response:
        """GET those that are active."""
        return self._page(request, [one for one in self.rows.values() if one.get("active", True)])

    async def search(self, request: web.Request) -> web.Response:
        """GET those with the words in the title."""
        words = request.query.get("query", "").lower()
        rows = [one for one in self.rows.values() if words in str(one.get("title", "")).lower()]
        return self._page(request, rows)

    async def show(self, request: web.Request) -> web.Response:
        """GET one."""
        return web.json_response({self.single: self._row(request)})

    async def create(self, request: web.Request) -> web.Response:
        """POST one."""
        request[CALLER].require_admin()
        read = self.read(await read_wrapped(request, self.single), None)
        now, key = iso(self.account.now_ms()), self.account.new_id()
        row: Json = {
            "id": str(key) if self.table == "trigger_categories" else key,
            "url": f"{self.account.url}/api/v2/{self.table}/{key}.json",
            "created_at": now,
            "updated_at": now,
            **read,
        }
        self.rows[key] = row
        self.account.wrote(self.single, "api", fields=(str(row.get("title", row.get("name"))),))
        return web.json_response({self.single: row}, status=201)

    async def update(self, request: web.Request) -> web.Response:
        """PUT one; lists inside are replaced whole."""
        request[CALLER].require_admin()
        row = self._row(request)
        row.update(self.read(await read_wrapped(request, self.single), row))
        row["updated_at"] = iso(self.account.now_ms())
        self.account.wrote(self.single, "api", fields=(str(row.get("title", row.get("name"))),))
        return web.json_response({self.single: row})

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE one."""
        request[CALLER].require_admin()
        row = self._row(request)
        if row.get("removable") is False:
            raise invalid("base", "System fields can't be deleted")
        del self.rows[int(row["id"])]
        self.account.wrote(f"delete_{self.single}", "api", fields=(str(row.get("title")),))
        return web.Response(status=204)

    def _row(self, request: web.Request) -> Json:
        row = self.rows.get(int(request.match_info["id"]))
        if row is None:
            raise not_found()
        return row

    def _page(self, request: web.Request, rows: list[Json]) -> web.Response:
        return web.json_response(
            page(request, self.table, rows, lambda one: one, lambda one: int(one["id"]))
        )
