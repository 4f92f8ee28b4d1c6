"""Incremental exports: tickets by cursor, ticket events by time. For admins only."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import ZendeskRefusal, number
from bridge.sandbox.zendesk.auth import CALLER

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.limits import Limits
    from bridge.sandbox.zendesk.records import Audit, Json, Ticket
    from bridge.sandbox.zendesk.state import Account

LARGEST_PAGE = 1000


class Exports:
    """The handlers of /api/v2/incremental."""

    def __init__(self, account: Account, limits: Limits) -> None:
        self.account = account
        self.limits = limits

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        return [
            ("GET", "incremental/tickets/cursor", self.tickets),
            ("GET", "incremental/ticket_events", self.ticket_events),
        ]

    async def tickets(self, request: web.Request) -> web.Response:
        """GET the tickets changed since a time or cursor, deleted ones too."""
        request[CALLER].require_admin()
        self.limits.count_export()
        cursor = request.query.get("cursor")
        after = _read_cursor(cursor) if cursor else (self._start_ms(request), -1)
        found = sorted(
            (ticket.generated_ms, ticket.id)
            for ticket in self.account.tickets.values()
            if (ticket.generated_ms, ticket.id) > after and ticket.generated_ms <= self._newest_ms()
        )
        size = number(request.query.get("per_page", str(LARGEST_PAGE)), LARGEST_PAGE)
        window = found[:size]
        last = window[-1] if window else after
        next_cursor = _write_cursor(last)
        url = f"{self.account.url}/api/v2/incremental/tickets/cursor.json?cursor={next_cursor}"
        return web.json_response(
            {
                "tickets": [self._ticket_json(self.account.tickets[key]) for _, key in window],
                "after_cursor": next_cursor,
                "after_url": url,
                "before_cursor": None,
                "before_url": None,
                "end_of_stream": len(found) <= size,
            }
        )

    async def ticket_events(self, request: web.Request) -> web.Response:
        """GET what changed since a time; `include=comment_events` adds the comments."""
        request[CALLER].require_admin()
        self.limits.count_export()
        start = self._start_ms(request)
        with_comments = "comment_events" in request.query.get("include", "")
        audits = sorted(
            (
                audit
                for ticket in self.account.tickets.values()
                for audit in ticket.audits
                if audit.created_ms // 1000 * 1000 >= start
                and audit.created_ms <= self._newest_ms()
            ),
            key=lambda audit: audit.id,
        )
        size = number(request.query.get("per_page", str(LARGEST_PAGE)), LARGEST_PAGE)
        window = audits[:size]
        end = window[-1].created_ms // 1000 if window else start // 1000
        url = request.url.update_query(start_time=end)
        return web.json_response(
            {
                "ticket_events": [self._event_json(one, comments=with_comments) for one in window],
                "next_page": str(url),
                "count": len(window),
                "end_time": end,
                "end_of_stream": len(audits) <= size,
            }
        )

    def _start_ms(self, request: web.Request) -> int:
        text = request.query.get("start_time", "")
        if not text.isdigit():
            raise ZendeskRefusal(
                400, {"error": "InvalidValue", "description": "start_time must be Unix time"}
            )
        start = int(text) * 1000
        if start > self._newest_ms():
            raise ZendeskRefusal(
                422,
                {
                    "error": "InvalidValue",
                    "description": "Too recent start_time. Use a start_time older than 60 seconds",
                },
            )
        return start

    def _newest_ms(self) -> int:
        return self.account.now_ms() - int(self.account.export_lag_s * 1000)

    def _ticket_json(self, ticket: Ticket) -> Json:
        written = self.account.ticket_json(ticket)
        return written | {"status": "deleted"} if ticket.deleted else written

    def _event_json(self, audit: Audit, *, comments: bool) -> Json:
        children: list[Json] = [
            {"id": one["id"], "event_type": one["type"], one["field_name"]: one["value"]}
            for one in audit.changes
        ]
        if audit.comment is not None and comments:
            child = self.account.comment_json(audit.comment)
            children.append({**child, "event_type": "Comment", "via_reference_id": None})
        elif audit.comment is not None:
            children.append(
                {
                    "id": audit.comment.id,
                    "event_type": "Comment",
                    "comment_present": True,
                    "comment_public": audit.comment.public,
                }
            )
        return {
            "id": audit.id,
            "ticket_id": audit.ticket_id,
            "timestamp": audit.created_ms // 1000,
            "created_at": self.account.audit_json(audit)["created_at"],
            "updater_id": audit.author_id,
            "via": audit.via["channel"],
            "event_type": "Audit",
            "system": {},
            "child_events": children,
        }


def _write_cursor(position: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode(f"{position[0]}|{position[1]}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        time_ms, _, key = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return int(time_ms), int(key)
    except (binascii.Error, ValueError):
        raise ZendeskRefusal(
            400, {"error": "InvalidValue", "description": "cursor is not valid"}
        ) from None
