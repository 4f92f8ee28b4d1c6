"""Whether a comment on a linked ticket is a reply that goes to the customer's phone.

Who wrote it proves nothing (an account's only agent may be the one whose token the bridge uses);
the bridge's own writes are known by their mark and their stored ids alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

AUTOMATIC = 4  # Zendesk's flag for comments that no person wrote
REPLY_MARK = "reply-"  # begins the mark of what somebody wrote in the console's reply box
NOT_BY_PEOPLE = frozenset({"rule", "merge", "closed_ticket"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What the decision needs of a comment."""

    public: bool
    type: str
    via: str
    flags: Collection[int]
    author_is_staff: bool
    is_ours: bool
    created_at_ms: int


def is_by_bridge(mark: str | None) -> bool:
    """Whether a comment with this mark is the bridge's own word, and not a person's through it."""
    return mark is not None and not mark.startswith(REPLY_MARK)


def why_not(comment: Met, *, replies_from_ms: int) -> str | None:
    """Why this comment isn't texted, None where it is. One of a few fixed phrases."""
    reasons = (
        (comment.is_ours, "written by the bridge"),
        (not comment.public, "a private note"),
        (comment.type != "Comment", "not a written comment"),
        (comment.via in NOT_BY_PEOPLE, "written by a rule or a merge"),
        (AUTOMATIC in comment.flags, "written by a machine"),
        (not comment.author_is_staff, "not written by an agent"),
        (comment.created_at_ms < replies_from_ms, "older than the conversation on this ticket"),
    )
    return next((words for applies, words in reasons if applies), None)
