"""Comments that we have written or met, and how far each ticket has been read."""

from __future__ import annotations

from typing import Literal

from bridge.store.database import Transaction

Origin = Literal["ours", "agent", "other"]


def meet(
    tx: Transaction,
    *,
    comment_id: int,
    ticket_id: int,
    origin: Origin,
    outcome: str,
    message_id: str | None = None,
    at_ms: int | None = None,
) -> bool:
    """Keep a comment and what becomes of it. Returns false where it was known: the unique key,
    not a look before it, decides that a reply is sent once. `at_ms` is when it was written."""
    row = tx.first(
        "INSERT INTO comments (comment_id, ticket_id, origin, outcome, message_id, at) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (comment_id) DO NOTHING RETURNING comment_id",
        *(comment_id, ticket_id, origin, outcome, message_id),
        tx.now_ms() if at_ms is None else at_ms,
    )
    return row is not None


def is_known(tx: Transaction, comment_id: int) -> bool:
    """Whether this comment has been met before."""
    return tx.first("SELECT 1 FROM comments WHERE comment_id = $1", comment_id) is not None


def written_at(tx: Transaction, comment_id: int) -> int:
    """When a comment was written, 0 where it is not known."""
    row = tx.first("SELECT at FROM comments WHERE comment_id = $1", comment_id)
    return 0 if row is None else int(row["at"])


def read_to(tx: Transaction, ticket_id: int) -> int | None:
    """The time of the newest comment seen on a ticket, None where it was never read."""
    row = tx.first("SELECT read_to FROM cursors WHERE ticket_id = $1", ticket_id)
    return None if row is None else int(row["read_to"])


def set_read_to(tx: Transaction, ticket_id: int, at_ms: int) -> None:
    """Move a ticket's cursor forward."""
    tx.run(
        "INSERT INTO cursors (ticket_id, read_to) VALUES ($1, $2) ON CONFLICT (ticket_id) "
        "DO UPDATE SET read_to = CASE WHEN excluded.read_to > cursors.read_to "
        "THEN excluded.read_to ELSE cursors.read_to END",
        *(ticket_id, at_ms),
    )
