"""Comments and audits: lists by cursor, privacy, redaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import (
    bad_attribute,
    integer,
    invalid,
    not_found,
    page,
    read_json,
)
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.markup import html_to_text, text_to_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.zendesk.limits import Limits
    from bridge.sandbox.zendesk.records import Audit, Comment, Json, Ticket, User
    from bridge.sandbox.zendesk.state import Account

BLOCK = "▇"


class Comments:
    """The handlers. `told` hears of comments made private and redacted."""

    def __init__(self, account: Account, limits: Limits) -> None:
        self.account = account
        self.limits = limits
        self.told: Callable[[str, Ticket, User, Json], None] = lambda *_: None

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        one = r"tickets/{id:\d+}"
        return [
            ("GET", f"{one}/comments", self.list_comments),
            ("GET", f"{one}/comments/count", self.count_comments),
            ("PUT", one + r"/comments/{comment:\d+}/make_private", self.make_private),
            ("PUT", one + r"/comments/{comment:\d+}/redact", self.redact_text),
            ("PUT", r"comment_redactions/{comment:\d+}", self.redact_marked),
            ("GET", f"{one}/audits", self.list_audits),
            ("GET", one + r"/audits/{audit:\d+}", self.show_audit),
        ]

    async def list_comments(self, request: web.Request) -> web.Response:
        """GET the comments, oldest first unless asked otherwise."""
        ticket = self.account.ticket(int(request.match_info["id"]))
        comments = list(ticket.comments)
        if self._is_descending(request):
            comments.reverse()
        written = page(request, "comments", comments, self.account.comment_json, lambda one: one.id)
        included = request.query.get("include", "").split(",")
        if "users" in included and self.account.side_loads_users:
            authors = dict.fromkeys(one["author_id"] for one in written["comments"])
            written["users"] = [
                self.account.user_json(self.account.users[author]) for author in authors
            ]
        return web.json_response(written)

    async def count_comments(self, request: web.Request) -> web.Response:
        """GET how many comments there are."""
        ticket = self.account.ticket(int(request.match_info["id"]))
        return web.json_response({"count": {"value": len(ticket.comments)}})

    async def make_private(self, request: web.Request) -> web.Response:
        """PUT: a public comment becomes a note."""
        ticket, comment = self._comment(request)
        self.hide(ticket, comment, request[CALLER].user)
        return web.json_response({})

    def hide(self, ticket: Ticket, comment: Comment, updater: User) -> None:
        """Make a comment private, whoever asks."""
        comment.public = False
        ticket.updated_ms = ticket.generated_ms = self.account.now_ms()
        self.account.wrote(
            "make_private", "api", ticket_id=ticket.id, comment_id=comment.id, user_id=updater.id
        )
        self.told("comment_made_private", ticket, updater, {"comment": {"id": str(comment.id)}})

    async def redact_text(self, request: web.Request) -> web.Response:
        """PUT {"text"}: the words are blacked out; not on a closed ticket."""
        ticket, comment = self._comment(request)
        if ticket.status == "closed":
            raise invalid("status", "Status: closed prevents ticket update", "ClosedTicket")
        text = (await read_json(request)).get("text")
        if not isinstance(text, str) or not text:
            raise bad_attribute("text", "a string")
        blocks = BLOCK * len(text)
        self._black_out(
            request, ticket, comment, comment.plain_body.replace(text, blocks), html=None
        )
        return web.json_response({"comment": self.account.comment_json(comment)})

    async def redact_marked(self, request: web.Request) -> web.Response:
        """PUT {"ticket_id", "html_body"} with <redact> around what shall go; closed ones too."""
        given = await read_json(request)
        ticket = self.account.ticket(integer(given.get("ticket_id"), "ticket_id"))
        comment = self._find(ticket, int(request.match_info["comment"]))
        html = given.get("html_body")
        if html is not None:
            blacked = re.sub(
                r"<redact>(.*?)</redact>",
                lambda match: BLOCK * len(html_to_text(match[1])),
                str(html),
                flags=re.DOTALL,
            )
            self._black_out(request, ticket, comment, html_to_text(blacked), html=blacked)
        gone = given.get("external_attachment_urls", [])
        comment.attachments = [
            one
            for one in comment.attachments
            if one.to_json(self.account.url)["content_url"] not in gone
        ]
        return web.json_response({"comment": self.account.comment_json(comment)})

    def _black_out(
        self, request: web.Request, ticket: Ticket, comment: Comment, text: str, *, html: str | None
    ) -> None:
        updater = request[CALLER].user
        self.limits.count_update(updater.id, ticket.id)
        comment.body = comment.plain_body = text
        comment.html_body = html if html is not None else text_to_html(text)
        ticket.updated_ms = ticket.generated_ms = self.account.now_ms()
        self.account.wrote(
            "redact", "api", ticket_id=ticket.id, comment_id=comment.id, user_id=updater.id
        )
        self.told("comment_redacted", ticket, updater, {"comment": {"id": str(comment.id)}})

    async def list_audits(self, request: web.Request) -> web.Response:
        """GET the audits; `filter_events[]=Comment` keeps those with a comment."""
        ticket = self.account.ticket(int(request.match_info["id"]))
        wanted = set(request.query.getall("filter_events[]", []))
        audits = [audit for audit in ticket.audits if not wanted or _types(audit) & wanted]
        if self._is_descending(request):
            audits.reverse()
        return web.json_response(
            page(request, "audits", audits, self.account.audit_json, lambda one: one.id)
        )

    async def show_audit(self, request: web.Request) -> web.Response:
        """GET one audit."""
        ticket = self.account.ticket(int(request.match_info["id"]))
        for audit in ticket.audits:
            if audit.id == int(request.match_info["audit"]):
                return web.json_response({"audit": self.account.audit_json(audit)})
        raise not_found()

    def _is_descending(self, request: web.Request) -> bool:
        if not self.account.sorts_newest_first:
            return False
        # `sort` belongs to cursor pages, `sort_order` to offset pages; the other one is ignored.
        if any(part.startswith("page[") for part in request.query):
            return request.query.get("sort", "").startswith("-")
        return request.query.get("sort_order") == "desc"

    def _comment(self, request: web.Request) -> tuple[Ticket, Comment]:
        ticket = self.account.ticket(int(request.match_info["id"]))
        return ticket, self._find(ticket, int(request.match_info["comment"]))

    def _find(self, ticket: Ticket, comment_id: int) -> Comment:
        for comment in ticket.comments:
            if comment.id == comment_id:
                return comment
        raise not_found()


def _types(audit: Audit) -> set[str]:
    found = {str(change["type"]) for change in audit.changes}
    return found | {"Comment"} if audit.comment is not None else found
