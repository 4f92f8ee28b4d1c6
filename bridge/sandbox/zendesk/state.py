"""The account behind the fake Zendesk: its tables, ledgers and clock."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.answers import not_found
from bridge.sandbox.zendesk.records import (
    Attachment,
    Audit,
    Comment,
    Email,
    Identity,
    Json,
    Ticket,
    User,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.clock import Clock

FIRST_ID = 360_000_000_000  # ids of a real account are of this size; tickets count from 1


class Account:
    """State in memory, shared by all handlers. The knobs are plain attributes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.url = ""
        self.id = 12_514_403
        self._ids = itertools.count(FIRST_ID + 1)
        self._ticket_ids = itertools.count(1)
        self.users: dict[int, User] = {}
        self.tickets: dict[int, Ticket] = {}
        self.uploads: dict[str, list[Attachment]] = {}
        self.upload_made_ms: dict[str, int] = {}
        self.files: dict[str, Attachment] = {}
        self.jobs: dict[str, Json] = {}
        self.writes: list[Write] = []
        self.emails_sent: list[Email] = []
        self.on_change: list[Callable[[Json], None]] = []
        # Found by title or key in the installer's lists; name of the list -> records in order.
        self.resources: dict[str, dict[int, Json]] = {}
        self.api_user_id = 0
        # knobs
        self.index_lag_s = 0.0  # how far search is behind for new users and tickets
        self.export_lag_s = 60.0  # the part of the past that incremental exports leave out
        self.validate_phones = False
        self.merge_channel = "merge"
        self.merge_says_so = True  # `via.source.rel` of a merge's comments
        self.sorts_newest_first = True  # False: `sort` and `sort_order` are ignored
        self.side_loads_users = True  # False: `include=users` is ignored
        self.most_comments = 5000
        self.upload_life_s = 3600.0

    def now_ms(self) -> int:
        """Return the time, UTC milliseconds."""
        return self.clock.now_ms()

    def new_id(self) -> int:
        """Return the next id of anything but a ticket."""
        return next(self._ids)

    def new_ticket_id(self) -> int:
        """Return the next ticket number."""
        return next(self._ticket_ids)

    def changed(self, kind: str, **details: object) -> None:
        """Tell everybody who watches."""
        for listener in self.on_change:
            listener({"far_side": "zendesk", "kind": kind, "at_ms": self.now_ms(), **details})

    def wrote(self, kind: str, source: str, **details: object) -> None:
        """Add a line to the ledger of writes, and tell it."""
        write = Write(at_ms=self.now_ms(), kind=kind, source=source, **details)  # type: ignore[arg-type] # the fields of Write
        self.writes.append(write)
        self.changed(
            kind,
            source=source,
            ticket_id=write.ticket_id,
            comment_id=write.comment_id,
            user_id=write.user_id,
        )

    @property
    def custom_status_ids(self) -> dict[str, int]:
        """The default custom status of each category."""
        return {
            status["status_category"]: key
            for key, status in self.resources.get("custom_statuses", {}).items()
        }

    def ticket(self, ticket_id: int) -> Ticket:
        """Find a ticket. Raises ZendeskRefusal 404 for a deleted one, too."""
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.deleted:
            raise not_found()
        return ticket

    def user(self, user_id: int) -> User:
        """Find a user, deleted ones too. Raises ZendeskRefusal 404."""
        user = self.users.get(user_id)
        if user is None:
            raise not_found()
        return user

    def comment(self, comment_id: int) -> Comment:
        """Find a comment. Raises ZendeskRefusal 404."""
        for ticket in self.tickets.values():
            for comment in ticket.comments:
                if comment.id == comment_id and not ticket.deleted:
                    return comment
        raise not_found()

    def ticket_json(self, ticket: Ticket) -> Json:
        """Write a ticket."""
        return ticket.to_json(self.url, self.custom_status_ids)

    def user_json(self, user: User) -> Json:
        """Write a user."""
        return user.to_json(self.url)

    def audit_json(self, audit: Audit) -> Json:
        """Write an audit."""
        return audit.to_json(self.url)

    def comment_json(self, comment: Comment) -> Json:
        """Write a comment."""
        return comment.to_json(self.url)

    def new_identity(self, kind: str, value: str, *, primary: bool, verified: bool) -> Identity:
        """Make an identity."""
        now = self.now_ms()
        return Identity(
            id=self.new_id(),
            type=kind,
            value=value,
            primary=primary,
            verified=verified,
            created_ms=now,
            updated_ms=now,
        )
