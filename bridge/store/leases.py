"""Claims that nobody works on any more: given back before their time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.work import Claim


def take_back(tx: Transaction, claims: Iterable[Claim], *, pause_ms: int) -> int:
    """Make these lanes due after a pause, those of them that still have our lease.

    Who took one over meanwhile keeps it. Returns how many lanes it was.
    """
    taken = 0
    accounts = set()
    for claimed in claims:
        held = tx.run(
            "UPDATE lanes SET due_at = $1, lease = NULL WHERE lane = $2 AND lease = $3",
            *(tx.now_ms() + pause_ms, claimed.lane, claimed.lease),
        )
        if held:
            taken += 1
            accounts.add(claimed.item.account)
            # The item did not crash anything: it could not be saved, whatever came of it.
            tx.run(
                "UPDATE work SET starts = starts - 1 WHERE id = $1 AND starts > 0", claimed.item.id
            )
    for account in accounts:
        tx.announce(work.topic_of(account))
    return taken


def forget_leases(tx: Transaction, pause_ms: Callable[[int], int]) -> int:
    """Make every claimed lane due again: for a start after which no other process can hold one.

    `pause_ms` says how long what was begun so often, and never ended, is to wait first.
    """
    held = tx.all(
        "SELECT lane, coalesce((SELECT starts FROM work WHERE work.lane = lanes.lane "
        "AND state = 'waiting' ORDER BY id LIMIT 1), 0) AS starts "
        "FROM lanes WHERE lease IS NOT NULL"
    )
    for row in held:
        due = tx.now_ms() + pause_ms(int(row["starts"]))
        tx.run("UPDATE lanes SET due_at = $1, lease = NULL WHERE lane = $2", due, row["lane"])
    return len(held)
