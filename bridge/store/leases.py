"""Claims that a process left behind when it died."""

from __future__ import annotations

from collections.abc import Callable

from bridge.store.database import Transaction

HELD = """
SELECT lane, (
    SELECT starts FROM work WHERE work.lane = lanes.lane AND state = 'waiting' ORDER BY id LIMIT 1
) AS starts
FROM lanes WHERE lease IS NOT NULL
"""


def forget_leases(tx: Transaction, pause_ms: Callable[[int], int]) -> int:
    """Make every claimed lane due again: for a start after which no other process can hold one.

    `pause_ms` says how long what was begun so often, and never ended, is to wait first.
    """
    held = tx.all(HELD)
    for row in held:
        due = tx.now_ms() + pause_ms(row["starts"] or 0)
        tx.run("UPDATE lanes SET due_at = $1, lease = NULL WHERE lane = $2", due, row["lane"])
    return len(held)
