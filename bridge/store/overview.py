"""The console's first page in numbers: what came and went lately, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.store import work
from bridge.store.database import Transaction

DAY_MS: Final = 24 * 3600 * 1000
MOST_TIMED: Final = 500  # texts whose way to a ticket is timed: the newest ones

COUNTS = """
SELECT direction, state, verdict, count(*) AS n FROM messages
WHERE created_at >= $1 GROUP BY direction, state, verdict
"""

# The states are put together so that no index on them is taken: by the one on time, the newest
# few are found without looking at the rest.
TIMES = """
SELECT updated_at - created_at AS took FROM messages
WHERE created_at >= $1 AND direction || ' ' || state || ' ' || verdict = 'inbound done ticket'
ORDER BY created_at DESC LIMIT $2
"""

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
    since = tx.now_ms() - DAY_MS
    rows = tx.all(COUNTS, since)

    def total(direction: str, *states: str, verdict: str | None = None) -> int:
        return sum(
            row["n"]
            for row in rows
            if row["direction"] == direction
            and (not states or row["state"] in states)
            and (verdict is None or row["verdict"] == verdict)
        )

    times = sorted(int(row["took"]) for row in tx.all(TIMES, since, MOST_TIMED))
    waiting, failed, oldest = work.backlog(tx)
    return Overview(
        received=total("inbound"),
        ticketed=total("inbound", verdict="ticket"),
        sent=total("outbound", "sent", "delivered", "undelivered"),
        delivered=total("outbound", "delivered"),
        not_delivered=total("outbound", "undelivered", "failed"),
        usual_ms=quantile(times, 0.5),
        slow_ms=quantile(times, 0.95),
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


def quantile(ordered: list[int], share: float) -> int | None:
    """The value that this share of an ordered list does not exceed; None of an empty one."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
