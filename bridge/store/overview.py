"""The console's first page in numbers: what came and went lately, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.store import tallies, work
from bridge.store.database import Transaction
from bridge.store.tallies import DAY_MS

WISHES = "SELECT count(*) AS n FROM contacts WHERE stop_wish IS NOT NULL"

UNKNOWN = """
SELECT sender, count(*) AS n FROM messages WHERE state = 'waiting'
GROUP BY sender ORDER BY n DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """An account that is not called until then, and why."""

    account: str
    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One day in numbers. Times from a text to its ticket are in ms, None where there were none.

    `unknown` are numbers that were texted and are no senders, with how many texts wait; `wishes`
    counts the customers who may want no more texts, where nobody has decided yet.
    """

    received: int
    ticketed: int
    sent: int
    delivered: int
    not_delivered: int
    usual_ms: int | None
    slow_ms: int | None
    waiting: int
    failed: int
    oldest_at_ms: int | None
    pauses: tuple[Pause, ...]
    unknown: Mapping[str, int]
    wishes: int

    @property
    def delivery_rate(self) -> float | None:
        """The share of texts with a known end that arrived, 0 to 1."""
        known = self.delivered + self.not_delivered
        return self.delivered / known if known else None


def overview(tx: Transaction) -> Overview:
    """The last 24 hours, and how things stand."""
    day = tallies.last(tx, DAY_MS)
    total = day.total
    waiting, failed, oldest = work.backlog(tx)
    return Overview(
        received=total.received,
        ticketed=sum(day.took_ms.values()),
        sent=total.sent,
        delivered=total.delivered,
        not_delivered=total.lost,
        usual_ms=day.took(0.5),
        slow_ms=day.took(0.95),
        waiting=waiting,
        failed=failed,
        oldest_at_ms=oldest,
        pauses=tuple(
            Pause(account=account, until_ms=until, reason=reason)
            for account, (until, reason) in work.pauses(tx).items()
            if until > tx.now_ms()
        ),
        unknown={str(row["sender"]): int(row["n"]) for row in tx.all(UNKNOWN)},
        wishes=sum(int(row["n"]) for row in tx.all(WISHES)),
    )
