"""Merging, deleting and restoring tickets, from the API as from the agent's screen."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.answers import invalid
from bridge.sandbox.zendesk.wishes import Wish, make_comment_wish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.sandbox.zendesk.records import Json, Source, Ticket, User
    from bridge.sandbox.zendesk.state import Account
    from bridge.sandbox.zendesk.writing import TicketWriter


class Merger:
    """What ends a ticket's life other than closing it. `told` hears of each such event."""

    def __init__(self, account: Account, writer: TicketWriter) -> None:
        self.account = account
        self.writer = writer
        self.told: Callable[[str, Ticket, User, Json], None] = lambda *_: None

    def merge(
        self,
        sources: Sequence[Ticket],
        target: Ticket,
        *,
        updater: User,
        source_comment: str | None = None,
        target_comment: str | None = None,
        source_public: bool = False,
        target_public: bool = False,
    ) -> Json:
        """Close the sources in favour of the target; a comment on either side tells of it.
        Returns the job. Raises ZendeskRefusal 422 for a closed ticket."""
        if any(ticket.status == "closed" for ticket in [*sources, target]):
            raise invalid("status", "Status: closed prevents ticket update", "ClosedTicket")
        for ticket in sources:
            public = source_public and ticket.is_public and target.is_public
            text = source_comment or (
                f'This request was closed and merged into request #{target.id} "{target.subject}".'
            )
            told = make_comment_wish(body=text)
            told.public, told.author_id = public, updater.id
            wish = Wish(comment=told)
            wish.fields = {"status": "closed", "tags": [*ticket.tags, "closed_by_merge"]}
            ticket.merged_into = target.id
            self.writer.update(ticket, wish, updater=updater, source="merge")
            self._tell_target(ticket, target, updater, target_comment, public=target_public)
            self.told("merged", ticket, updater, {"target_ticket": {"id": str(target.id)}})
        job = uuid.uuid4().hex
        self.account.jobs[job] = {
            "id": job,
            "job_type": "Bulk Update Ticket",
            "url": f"{self.account.url}/api/v2/job_statuses/{job}.json",
            "total": len(sources),
            "progress": 0,
            "status": "queued",
            "message": None,
            "results": None,
        }
        return self.account.jobs[job]

    def _tell_target(
        self, ticket: Ticket, target: Ticket, updater: User, text: str | None, *, public: bool
    ) -> None:
        last = ticket.comments[-2].plain_body if len(ticket.comments) > 1 else ""
        words = text or (
            f'Request #{ticket.id} "{ticket.subject}" was closed and merged into this request. '
            f"Last comment in request #{ticket.id}:\n\n{last}"
        )
        told = make_comment_wish(body=words)
        told.public = public and ticket.is_public and target.is_public
        told.author_id = updater.id
        self.writer.update(target, Wish(comment=told), updater=updater, source="merge")

    def delete(self, ticket: Ticket, updater: User, *, source: Source) -> None:
        """Delete softly."""
        ticket.deleted, ticket.deleted_ms = True, self.account.now_ms()
        ticket.deleted_by = updater.id
        ticket.generated_ms = self.account.now_ms()
        self.account.wrote("delete", source, ticket_id=ticket.id, user_id=updater.id)
        self.told("soft_deleted", ticket, updater, {})

    def restore(self, ticket: Ticket, updater: User, *, source: Source) -> None:
        """Bring a deleted ticket back."""
        ticket.deleted, ticket.deleted_ms = False, None
        ticket.updated_ms = ticket.generated_ms = self.account.now_ms()
        self.account.wrote("restore", source, ticket_id=ticket.id, user_id=updater.id)
        self.told("undeleted", ticket, updater, {})

    def mark_as_spam(self, ticket: Ticket, updater: User) -> None:
        """Suspend the requester and delete the ticket."""
        requester = self.account.users[ticket.requester_id]
        requester.suspended = True
        requester.updated_ms = self.account.now_ms()
        self.told("marked_as_spam", ticket, updater, {})
        self.delete(ticket, updater, source="api")
