"""One change of a ticket, as triggers and webhooks see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.records import Comment, Ticket, User


@dataclass(slots=True, kw_only=True)
class Happening:
    """A ticket was created or changed: by whom, through what, and what was there before.

    `before` holds the old values of the fields that changed.
    """

    ticket: Ticket
    updater: User
    channel: str
    created: bool
    comment: Comment | None = None
    before: dict[str, Any] = field(default_factory=dict)
