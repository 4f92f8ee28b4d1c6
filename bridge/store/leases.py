"""Claims of our own that ended with the database away: given back before their time is over."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.work import Claim


def take_back(tx: Transaction, claims: Iterable[Claim], *, pause_ms: int) -> int:
    """Make these lanes due after a pause, those of them that still have our lease.

    Who took one over meanwhile keeps it. Returns how many lanes it was.
    """
    taken = 0
    for claimed in claims:
        held = tx.run(
            "UPDATE lanes SET due_at = $1, lease = NULL WHERE lane = $2 AND lease = $3",
            *(tx.now_ms() + pause_ms, claimed.lane, claimed.lease),
        )
        if held:
            taken += 1
            # The item did not crash anything: it could not be saved, whatever came of it.
            tx.run(
                "UPDATE work SET starts = starts - 1 WHERE id = $1 AND starts > 0", claimed.item.id
            )
    if taken:
        tx.announce(work.WORK)
    return taken
