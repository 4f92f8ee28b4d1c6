"""What was tried for each piece of work, and how it ended: the answer to "why?"."""

from __future__ import annotations

from typing import Literal

from bridge.store.database import Transaction
from bridge.store.work import Item

Outcome = Literal["done", "later", "refused", "unknown", "crashed", "fault"]


def note_attempt(
    tx: Transaction, item: Item, *, outcome: Outcome, words: str, began_ms: int
) -> None:
    """Keep what was tried and how it ended: the answer to "why?"."""
    if item.kind == "sweep" and outcome == "done":
        return  # every minute, about no message
    tx.run(
        "INSERT INTO attempts (work_ref, message_id, kind, outcome, words, at, took_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(item.ref, item.message_id, item.kind, outcome, words, began_ms),
        max(0, tx.now_ms() - began_ms),
    )


def count_faults(tx: Transaction, item: Item) -> int:
    """How often this has ended in a fault of ours."""
    row = tx.first(
        "SELECT count(*) AS faults FROM attempts WHERE work_ref = $1 AND outcome = 'fault'",
        item.ref,
    )
    return 0 if row is None else int(row["faults"])
