"""How far each far side has been swept, and which tickets a sweep has to have looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.work import Item

LATEST_MESSAGES = 500  # among these the conversations that are active now are sought


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far we have looked. `position` is the far side's own; what is older than `since_ms` is
    history. `asked_at_ms` is the last call, `done_at_ms` when nothing was left to ask for."""

    position: str | None
    since_ms: int
    asked_at_ms: int | None
    done_at_ms: int | None


def lane_of(account: str) -> str:
    """The lane of the sweeps of one far side: two never run at once."""
    return f"sweep:{account}"


def plan(tx: Transaction, account: str, *, delay_ms: int = 0, running: int | None = None) -> None:
    """Plan the next sweep of a far side, unless one waits beside the `running` item."""
    waiting = tx.first(
        "SELECT id FROM work WHERE lane = $1 AND state = 'waiting' AND id <> $2 LIMIT 1",
        *(lane_of(account), running or 0),
    )
    if waiting is None:
        work.put(tx, lane=lane_of(account), account=account, kind="sweep", delay_ms=delay_ms)


def plan_now(tx: Transaction, account: str) -> None:
    """Plan a sweep for now; one that the far side has put off keeps its time."""
    plan(tx, account)
    planned = tx.run(
        "UPDATE work SET due_at = $1 WHERE lane = $2 AND state = 'waiting' AND attempts = 0",
        *(tx.now_ms(), lane_of(account)),
    )
    if planned:
        work.hurry(tx, lane_of(account))


def drop_failed(tx: Transaction, item: Item) -> None:
    """Of the sweeps that failed, only this one is worth keeping."""
    sql = "DELETE FROM work WHERE lane = $1 AND state = 'failed' AND id <> $2"
    tx.run(sql, item.lane, item.id)


def begin(
    tx: Transaction, account: str, part: str = "", *, since_ms: int | None = None
) -> Position:
    """How far this has been swept; the first time it starts here and now (or at `since_ms`)."""
    tx.run(
        "INSERT INTO sweeps (account, part, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        *(account, part, tx.now_ms() if since_ms is None else since_ms),
    )
    row = tx.first("SELECT * FROM sweeps WHERE account = $1 AND part = $2", account, part)
    assert row is not None, "just made"  # noqa: S101 - the primary key sees to it
    return Position(
        position=row["position"],
        since_ms=row["since"],
        asked_at_ms=row["asked_at"],
        done_at_ms=row["done_at"],
    )


def move(
    tx: Transaction, account: str, part: str = "", *, position: str | None, is_done: bool
) -> None:
    """Keep how far a call has come, and whether there was nothing left to ask for."""
    now = tx.now_ms()
    tx.run(
        "UPDATE sweeps SET position = $1, asked_at = $2, "
        "done_at = CASE WHEN $3 = 1 THEN $2 ELSE done_at END WHERE account = $4 AND part = $5",
        *(position, now, int(is_done), account, part),
    )


def keep_only(tx: Transaction, account: str, parts: Collection[str]) -> None:
    """Forget the parts that are there no more: should one come back, it starts anew."""
    for row in tx.all("SELECT part FROM sweeps WHERE account = $1", account):
        if row["part"] not in parts:
            tx.run("DELETE FROM sweeps WHERE account = $1 AND part = $2", account, row["part"])


def ages(tx: Transaction) -> dict[str, int]:
    """Per account, when all of it had last been swept (where never: since when it should be)."""
    rows = tx.all(
        "SELECT account, min(coalesce(done_at, since)) AS done FROM sweeps GROUP BY account"
    )
    return {str(row["account"]): int(row["done"]) for row in rows}


def active_tickets(tx: Transaction, since_ms: int, most: int) -> Sequence[int]:
    """The tickets of conversations in which something was said lately, the latest first."""
    rows = tx.all(
        "SELECT c.ticket_id FROM "
        "(SELECT seq, conversation_id, created_at FROM messages ORDER BY seq DESC LIMIT $1) m "
        "JOIN conversations c ON c.id = m.conversation_id "
        "WHERE c.ticket_id IS NOT NULL AND m.created_at >= $2 "
        "GROUP BY c.ticket_id ORDER BY max(m.seq) DESC LIMIT $3",
        *(LATEST_MESSAGES, since_ms, most),
    )
    return [int(row["ticket_id"]) for row in rows]


def is_linked(tx: Transaction, ticket_id: int) -> bool:
    """Whether a conversation is or was on this ticket."""
    return tx.first("SELECT 1 FROM tickets WHERE ticket_id = $1 LIMIT 1", ticket_id) is not None


def has_seen(tx: Transaction, ticket_id: int, changed_at_ms: int) -> bool:
    """Whether a sweep has had this change of a linked ticket looked at."""
    row = tx.first(
        "SELECT 1 FROM tickets WHERE ticket_id = $1 AND swept_change >= $2 LIMIT 1",
        *(ticket_id, changed_at_ms),
    )
    return row is not None


def note_seen(tx: Transaction, ticket_id: int, changed_at_ms: int) -> None:
    """Remember that this change is being looked at."""
    tx.run(
        "UPDATE tickets SET swept_change = $1 WHERE ticket_id = $2",
        *(changed_at_ms, ticket_id),
    )
