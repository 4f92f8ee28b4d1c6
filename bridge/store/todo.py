"""Work as the console shows it: what waits, and all that is known of one piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.store.database import Row, Transaction
from bridge.store.listing import Attempt

COLUMNS = (
    "id, ref, kind, account, state, message_id, conversation_id, ticket_id, attempts, reason, "
    "due_at, created_at, failed_at"
)
BEFORE_ALL = (-1, -1)

WAITING = f"""
SELECT {COLUMNS} FROM work
WHERE state = 'waiting' AND (due_at, id) > ($1, $2) AND kind <> 'sweep'
ORDER BY due_at, id LIMIT $3
"""  # noqa: S608 - our own words

ONE = f"SELECT {COLUMNS} FROM work WHERE ref = $1"  # noqa: S608 - our own words

ATTEMPTS = """
SELECT work_ref, kind, outcome, words, at AS at_ms, took_ms FROM attempts
WHERE work_ref = $1 ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A piece of work. `failed_at_ms` is None while it waits."""

    id: int
    ref: str
    kind: str
    account: str
    state: str
    message_id: str | None
    conversation_id: str | None
    ticket_id: int | None
    attempts: int
    reason: str | None
    due_at_ms: int
    since_ms: int
    failed_at_ms: int | None


def list_waiting(tx: Transaction, *, after: tuple[int, int] | None, limit: int) -> list[Work]:
    """Waiting work, what is due first; `after` is (due_at_ms, id) of the last one seen."""
    due_at, number = after or BEFORE_ALL
    return [_work(row) for row in tx.all(WAITING, due_at, number, limit)]


def work_by_ref(tx: Transaction, ref: str) -> tuple[Work, Sequence[Attempt]] | None:
    """One piece of work with every attempt, oldest first; None where it is done or gone."""
    row = tx.first(ONE, ref)
    if row is None:
        return None
    return _work(row), [Attempt(**attempt) for attempt in tx.all(ATTEMPTS, ref)]


def _work(row: Row) -> Work:
    return Work(
        id=row["id"],
        ref=row["ref"],
        kind=row["kind"],
        account=row["account"],
        state=row["state"],
        message_id=row["message_id"],
        conversation_id=row["conversation_id"],
        ticket_id=row["ticket_id"],
        attempts=row["attempts"],
        reason=row["reason"],
        due_at_ms=row["due_at"],
        since_ms=row["created_at"],
        failed_at_ms=row["failed_at"],
    )
