"""Tickets: create with an idempotency key, read, update, tags, delete, restore, merge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import (
    ZendeskRefusal,
    bad_attribute,
    id_list,
    integer,
    invalid,
    not_found,
    page,
    read_json,
    read_wrapped,
    warn_unknown,
)
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.records import Json, Ticket, iso
from bridge.sandbox.zendesk.wishes import (
    KNOWN_ON_CREATE,
    KNOWN_ON_UPDATE,
    Wish,
    read_tags,
    read_wish,
)

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.limits import Limits
    from bridge.sandbox.zendesk.merging import Merger
    from bridge.sandbox.zendesk.people import People
    from bridge.sandbox.zendesk.state import Account
    from bridge.sandbox.zendesk.writing import TicketWriter

KEY_LIFE_MS = 2 * 3600 * 1000
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What an idempotency key stands for, and until when."""

    body: Json
    answer: Json
    location: str
    at_ms: int


class Tickets:
    """The handlers of /api/v2/tickets and its neighbours."""

    def __init__(
        self,
        account: Account,
        writer: TicketWriter,
        limits: Limits,
        merger: Merger,
        people: People,
    ) -> None:
        self.account = account
        self.writer = writer
        self.limits = limits
        self.merger = merger
        self.people = people
        self._keys: dict[str, Remembered] = {}

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        one = r"tickets/{id:\d+}"
        return [
            ("GET", "tickets", self.list_tickets),
            ("POST", "tickets", self.create),
            ("GET", "tickets/show_many", self.show_many),
            ("GET", "tickets/count", self.count),
            ("GET", one, self.show),
            ("PUT", one, self.update),
            ("DELETE", one, self.delete),
            ("GET", f"{one}/tags", self.show_tags),
            ("PUT", f"{one}/tags", self.add_tags),
            ("POST", f"{one}/tags", self.set_tags),
            ("DELETE", f"{one}/tags", self.remove_tags),
            ("POST", f"{one}/merge", self.merge),
            ("PUT", f"{one}/mark_as_spam", self.mark_as_spam),
            ("GET", "deleted_tickets", self.list_deleted),
            ("PUT", r"deleted_tickets/{id:\d+}/restore", self.restore),
            ("GET", r"job_statuses/{job}", self.show_job),
            ("GET", r"users/{id:\d+}/tickets/requested", self.requested),
        ]

    def forget_keys(self) -> None:
        """Know no idempotency key any more, as after two hours."""
        self._keys.clear()

    async def create(self, request: web.Request) -> web.Response:
        """POST tickets."""
        caller = request[CALLER]
        key = request.headers.get("Idempotency-Key")
        body = await read_json(request)
        if key is not None:
            known = self._look_up(key, body)
            if known is not None:
                headers = {"x-idempotency-lookup": "hit", "Location": known.location}
                return web.json_response(known.answer, status=201, headers=headers)
        given = body.get("ticket")
        if not isinstance(given, dict):
            raise bad_attribute("ticket", "an object")
        wish = self._read_new(given)
        ticket, audit = self.writer.create(wish, updater=caller.user)
        answer = {
            "ticket": self.account.ticket_json(ticket),
            "audit": self.account.audit_json(audit),
        }
        location = f"{self.account.url}/api/v2/tickets/{ticket.id}.json"
        headers = {"Location": location, **warn_unknown(given, KNOWN_ON_CREATE, "ticket")}
        if key is not None:
            headers["x-idempotency-lookup"] = "miss"
            self._keys[key] = Remembered(
                body=body, answer=answer, location=location, at_ms=self.account.now_ms()
            )
        return web.json_response(answer, status=201, headers=headers)

    def _look_up(self, key: str, body: Json) -> Remembered | None:
        if len(key) > LONGEST_KEY:
            raise ZendeskRefusal(
                400,
                {
                    "error": "IdempotentRequestError",
                    "description": "The Idempotency-Key is longer than 255 characters",
                },
            )
        known = self._keys.get(key)
        if known is None or self.account.now_ms() - known.at_ms >= KEY_LIFE_MS:
            return None
        if json.dumps(known.body, sort_keys=True) != json.dumps(body, sort_keys=True):
            raise ZendeskRefusal(
                400,
                {
                    "error": "IdempotentRequestError",
                    "description": "Request parameters do not match those of the "
                    "Idempotency-Key's first request",
                },
            )
        return known

    def _read_new(self, given: Json) -> Wish:
        if "comment" not in given and given.get("description"):
            given = {**given, "comment": {"body": given["description"]}}
        wish = read_wish(self.account, given)
        if wish.requester is None and given.get("requester") is not None:
            wish.requester = self.people.from_ticket(given["requester"])
        if given.get("via_followup_source_id") is not None:
            wish.followup_of = integer(given["via_followup_source_id"], "via_followup_source_id")
        return wish

    async def show(self, request: web.Request) -> web.Response:
        """GET a ticket; `include=users` adds the people."""
        ticket = self._ticket(request)
        answer: Json = {"ticket": self.account.ticket_json(ticket)}
        if "users" in request.query.get("include", "").split(","):
            ids = {ticket.requester_id, ticket.submitter_id, ticket.assignee_id} - {None}
            answer["users"] = [
                self.account.user_json(self.account.users[key]) for key in ids if key is not None
            ]
        return web.json_response(answer)

    async def update(self, request: web.Request) -> web.Response:
        """PUT a ticket."""
        caller, ticket = request[CALLER], self._ticket(request)
        self.limits.count_update(caller.user.id, ticket.id)
        given = await read_wrapped(request, "ticket")
        self._check_stamp(ticket, given)
        wish = read_wish(self.account, given)
        if wish.requester is None and given.get("requester") is not None:
            wish.requester = self.people.from_ticket(given["requester"])
        audit = self.writer.update(ticket, wish, updater=caller.user)
        answer: Json = {"ticket": self.account.ticket_json(ticket)}
        if audit is not None:
            answer["audit"] = self.account.audit_json(audit)
        headers = warn_unknown(given, KNOWN_ON_UPDATE, "ticket")
        return web.json_response(answer, headers=headers)

    def _check_stamp(self, ticket: Ticket, given: Json) -> None:
        # `safe_update: false` acts like true: only leaving it out forces the update.
        if "safe_update" not in given:
            return
        try:
            stamp = datetime.fromisoformat(str(given.get("updated_stamp")))
        except ValueError:
            raise bad_attribute("updated_stamp", "a time") from None
        if int(stamp.timestamp()) != ticket.updated_ms // 1000:
            raise ZendeskRefusal(
                409,
                {
                    "error": "UpdateConflict",
                    "description": "Safe Update prevented the update due to outdated ticket data. "
                    "Please fetch the latest ticket data and try again.",
                },
            )

    async def list_tickets(self, request: web.Request) -> web.Response:
        """GET tickets, by external id."""
        wanted = request.query.get("external_id")
        found = [
            ticket
            for ticket in self.account.tickets.values()
            if not ticket.deleted and (wanted is None or ticket.external_id == wanted)
        ]
        return self._page(request, found)

    async def requested(self, request: web.Request) -> web.Response:
        """GET the tickets that a user asked for."""
        user = self.account.user(int(request.match_info["id"]))
        found = [
            ticket
            for ticket in self.account.tickets.values()
            if not ticket.deleted and ticket.requester_id == user.id
        ]
        return self._page(request, found)

    async def show_many(self, request: web.Request) -> web.Response:
        """GET several tickets; those that are not there are left out."""
        tickets = self.account.tickets
        found = [
            tickets[key]
            for key in id_list(request.query.get("ids", ""))
            if key in tickets and not tickets[key].deleted
        ]
        return self._page(request, found)

    async def count(self, _request: web.Request) -> web.Response:
        """GET how many tickets there are."""
        number = sum(not ticket.deleted for ticket in self.account.tickets.values())
        now = iso(self.account.now_ms())
        return web.json_response({"count": {"value": number, "refreshed_at": now}})

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a ticket (for 30 days it can be restored)."""
        self.merger.delete(self._ticket(request), request[CALLER].user, source="api")
        return web.Response(status=204)

    async def list_deleted(self, request: web.Request) -> web.Response:
        """GET the deleted tickets."""
        found = [ticket for ticket in self.account.tickets.values() if ticket.deleted]

        def write(ticket: Ticket) -> Json:
            return {
                "id": ticket.id,
                "subject": ticket.subject,
                "description": ticket.description,
                "actor": {"id": ticket.deleted_by},
                "deleted_at": iso(ticket.deleted_ms),
                "previous_state": ticket.status,
            }

        return web.json_response(
            page(request, "deleted_tickets", found, write, lambda ticket: ticket.id)
        )

    async def restore(self, request: web.Request) -> web.Response:
        """PUT a deleted ticket back."""
        ticket = self.account.tickets.get(int(request.match_info["id"]))
        if ticket is None or not ticket.deleted:
            raise not_found()
        self.merger.restore(ticket, request[CALLER].user, source="api")
        return web.json_response({})

    async def show_tags(self, request: web.Request) -> web.Response:
        """GET the tags."""
        return web.json_response({"tags": sorted(self._ticket(request).tags)})

    async def add_tags(self, request: web.Request) -> web.Response:
        """PUT: add tags."""
        return await self._change_tags(request, lambda old, new: old | new, 200)

    async def set_tags(self, request: web.Request) -> web.Response:
        """POST: replace the tags."""
        return await self._change_tags(request, lambda _old, new: new, 201)

    async def remove_tags(self, request: web.Request) -> web.Response:
        """DELETE: take tags away."""
        return await self._change_tags(request, lambda old, new: old - new, 200)

    async def _change_tags(
        self, request: web.Request, combine: object, status: int
    ) -> web.Response:
        caller, ticket = request[CALLER], self._ticket(request)
        given = await read_json(request)
        if "tags" not in given:
            raise bad_attribute("tags", "an array of strings")
        self._check_stamp(ticket, given)
        tags = combine(set(ticket.tags), set(read_tags(given["tags"])))  # type: ignore[operator]
        self.writer.update(ticket, Wish(fields={"tags": sorted(tags)}), updater=caller.user)
        return web.json_response({"tags": sorted(ticket.tags)}, status=status)

    async def merge(self, request: web.Request) -> web.Response:
        """POST: merge other tickets into this one; answers with a job."""
        target, given = self._ticket(request), await read_json(request)
        ids = given.get("ids")
        if not isinstance(ids, list) or not ids:
            raise bad_attribute("ids", "an array of integers")
        sources = [self.account.ticket(integer(one, "ids")) for one in ids]
        if target in sources:
            raise invalid("base", "A ticket can't be merged into itself")
        job = self.merger.merge(
            sources,
            target,
            updater=request[CALLER].user,
            source_comment=_text(given.get("source_comment")),
            target_comment=_text(given.get("target_comment")),
            source_public=given.get("source_comment_is_public") is True,
            target_public=given.get("target_comment_is_public") is True,
        )
        return web.json_response({"job_status": job})

    async def mark_as_spam(self, request: web.Request) -> web.Response:
        """PUT: the requester is suspended and the ticket deleted."""
        ticket = self._ticket(request)
        self.merger.mark_as_spam(ticket, request[CALLER].user)
        return web.json_response({})

    async def show_job(self, request: web.Request) -> web.Response:
        """GET what became of a job."""
        job = self.account.jobs.get(request.match_info["job"].removesuffix(".json"))
        if job is None:
            raise not_found()
        return web.json_response({"job_status": job | {"status": "completed", "progress": 1}})

    def _ticket(self, request: web.Request) -> Ticket:
        return self.account.ticket(int(request.match_info["id"]))

    def _page(self, request: web.Request, found: list[Ticket]) -> web.Response:
        write = self.account.ticket_json
        return web.json_response(page(request, "tickets", found, write, lambda one: one.id))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
