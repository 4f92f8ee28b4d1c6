"""The part of Zendesk that `zendesk setup` writes to: webhooks, triggers, views, fields ..."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

SHELVES = {
    "webhooks": "webhook",
    "triggers": "trigger",
    "views": "view",
    "ticket_fields": "ticket_field",
    "automations": "automation",
    "trigger_categories": "trigger_category",
}
Record = dict[str, Any]


class Shelves:
    """Keeps records by kind and id, adds to them what Zendesk adds, and counts the writes."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in SHELVES}
        self.writes: list[str] = []
        self.fail_next: str | None = None  # a kind of which the next POST works, but says 500
        self.has_categories = True
        self.missing: set[str] = set()  # kinds that this account's plan has not
        self._next = 360_000_000_000
        application = web.Application()
        application.router.add_get("/api/v2/{kind}", self._list)
        application.router.add_post("/api/v2/{kind}", self._create)
        application.router.add_route("PUT", "/api/v2/{kind}/{id}", self._change)
        application.router.add_route("PATCH", "/api/v2/{kind}/{id}", self._change)
        application.router.add_delete("/api/v2/{kind}/{id}", self._delete)
        application.router.add_get("/api/v2/webhooks/{id}/signing_secret", self._secret)
        self._server = TestServer(application, host="127.0.0.1")

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    def add(self, kind: str, record: Record) -> str:
        """Put a record there, as if an admin had made it; returns its id."""
        self._next += 1
        number = self._next
        identity = f"01HW{number}" if kind == "webhooks" else str(number)
        shown = {**record, "id": identity if kind == "webhooks" else number}
        shown |= {"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"}
        shown |= {"url": f"{self.url}/api/v2/{kind}/{identity}", "position": number}
        self.records[kind][identity] = _as_shown(kind, {"active": True, **shown})
        return identity

    def only(self, kind: str) -> Record:
        """The only record of a kind."""
        (record,) = self.records[kind].values()
        return record

    async def _list(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind in self.missing or (kind == "trigger_categories" and not self.has_categories):
            return web.json_response({"error": "InvalidEndpoint"}, status=404)
        # Pages of one: whoever reads only the first page shall be found out.
        every = list(self.records[kind].values())
        start = int(request.query.get("page[after]", "0"))
        more = start + 1 < len(every)
        meta = {"has_more": more, "after_cursor": str(start + 1) if more else None}
        return web.json_response({kind: every[start : start + 1], "meta": meta})

    async def _create(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind in self.missing:
            return web.json_response({"error": "InvalidEndpoint"}, status=404)
        record = json.loads(await request.read())[SHELVES[kind]]
        identity = self.add(kind, record)
        self.writes.append(f"POST {kind}")
        if self.fail_next == kind:
            self.fail_next = None
            return web.json_response({}, status=500)
        return web.json_response({SHELVES[kind]: self.records[kind][identity]}, status=201)

    async def _change(self, request: web.Request) -> web.Response:
        kind, identity = request.match_info["kind"], request.match_info["id"]
        change = json.loads(await request.read())[SHELVES[kind]]
        found = self.records[kind].get(identity)
        if found is None:
            return web.json_response({"error": "RecordNotFound"}, status=404)
        if "subscriptions" in change:
            return web.json_response({"error": "RecordInvalid"}, status=422)
        found.update(_as_shown(kind, change))
        self.writes.append(f"{request.method} {kind}")
        if kind == "webhooks":
            return web.Response(status=204)
        return web.json_response({SHELVES[kind]: found})

    async def _delete(self, request: web.Request) -> web.Response:
        kind, identity = request.match_info["kind"], request.match_info["id"]
        used = any(identity in json.dumps(each) for each in self.records["triggers"].values())
        if kind == "webhooks" and used:
            return web.json_response({"error": "WebhookInUse"}, status=400)
        if self.records[kind].pop(identity, None) is None:
            return web.json_response({"error": "RecordNotFound"}, status=404)
        self.writes.append(f"DELETE {kind}")
        return web.Response(status=204)

    async def _secret(self, request: web.Request) -> web.Response:
        secret = {"secret": f"secret-of-{request.match_info['id']}", "algorithm": "SHA256"}
        return web.json_response({"signing_secret": secret})


def _as_shown(kind: str, record: Record) -> Record:
    if kind != "views" or "all" not in record:
        return record
    shown = {name: value for name, value in record.items() if name not in {"all", "any", "output"}}
    conditions = {"all": record["all"], "any": record.get("any", [])}
    return shown | {"conditions": conditions, "execution": {"columns": []}}
