"""Each sender's time on the air: how far it is spoken for, and who has been given which turn."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Until when a sender is busy (UTC milliseconds): with all that leaves, and with campaign texts
    that have their turns."""

    free_at: int = 0
    queue_at: int = 0


def get(tx: Transaction, sender: str) -> Spoken:
    """How far this sender's time is spoken for."""
    row = tx.first("SELECT free_at, queue_at FROM paces WHERE sender = $1", sender)
    return Spoken() if row is None else Spoken(free_at=row["free_at"], queue_at=row["queue_at"])


def put(tx: Transaction, sender: str, spoken: Spoken) -> None:
    """Note how far it is spoken for now."""
    tx.run(
        "INSERT INTO paces (sender, free_at, queue_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (sender) DO UPDATE SET free_at = excluded.free_at, "
        "queue_at = excluded.queue_at",
        *(sender, spoken.free_at, spoken.queue_at),
    )


def turn_of(tx: Transaction, part_id: str) -> int | None:
    """When this part may leave, None where it has been given no turn."""
    row = tx.first("SELECT at FROM turns WHERE part_id = $1", part_id)
    return None if row is None else int(row["at"])


def give_turn(tx: Transaction, part_id: str, at: int) -> None:
    """Give this part a turn."""
    tx.run("INSERT INTO turns (part_id, at) VALUES ($1, $2)", part_id, at)


def end_turn(tx: Transaction, part_id: str) -> None:
    """It leaves, or never will."""
    tx.run("DELETE FROM turns WHERE part_id = $1", part_id)


def sent_since(tx: Transaction, sender: str, since_ms: int, *, customer: str | None = None) -> int:
    """How many texts have left from a sender since then, to one customer or to all."""
    to_one = "" if customer is None else " AND customer = $3"
    row = tx.first(
        "SELECT count(*) AS found FROM messages WHERE sender = $1 AND direction = 'outbound' "  # noqa: S608
        "AND created_at >= $2 AND state IN ('sending', 'sent', 'delivered', 'undelivered', "
        f"'uncertain'){to_one}",
        *((sender, since_ms) if customer is None else (sender, since_ms, customer)),
    )
    return 0 if row is None else int(row["found"])
