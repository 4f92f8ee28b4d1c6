"""Which ticket a text goes to, by the status of the conversation's linked ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["new", "open", "pending", "hold", "solved", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on the linked ticket; `reopen` sets it to open."""

    reopen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A new ticket that follows the closed one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A new ticket. `note` is a private note on it: what the agent should know."""

    note: str | None = None


Choice = Comment | FollowUp | New


def choose(status: Status | None) -> Choice:
    """Choose by the linked ticket's status; None: there is none, or it is out of reach.

    The bridge writes as an agent, so Zendesk's own reopening on a customer's comment does not
    happen by itself: it is asked for. A new ticket stays new.
    """
    match status:
        case None:
            return New()
        case "new" | "open":
            return Comment(reopen=False)
        case "pending" | "hold" | "solved":
            return Comment(reopen=True)
        case "closed":
            return FollowUp()
