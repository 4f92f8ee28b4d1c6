"""What came and went, by the hour: kept beside the texts, so that a chart reads no texts at all.

An hour is counted from the texts that came in it. What becomes of them is known later, so it is
counted anew at twice its age each time, and left alone after three days.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.store.database import Transaction

HOUR_MS: Final = 3600 * 1000
KEPT_HOURS: Final = 31 * 24
CURRENT_EVERY_MS: Final = 60 * 1000  # how often the hour that still runs is counted
SETTLED_AFTER_MS: Final = 3 * 24 * HOUR_MS
MOST_REASONS: Final = 20  # of an hour; the rest are counted together, under ""
LONGEST_REASON: Final = 120

COUNT = """
SELECT direction, sender, state,
    CASE WHEN state IN ('failed', 'undelivered', 'refused')
        THEN coalesce(reason, error, '') ELSE '' END AS why, count(*) AS n
FROM messages WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2, 3, 4
"""
# Times in steps of a tenth or less of themselves. The conditions stand in a CASE so that no
# planner takes the index of states for them: nearly every text is done.
TIMES = """
SELECT CASE WHEN took < 1000 THEN took / 10 * 10 WHEN took < 10000 THEN took / 100 * 100
    WHEN took < 100000 THEN took / 1000 * 1000 WHEN took < 1000000 THEN took / 10000 * 10000
    ELSE took / 100000 * 100000 END AS about, count(*) AS n
FROM (
    SELECT updated_at - created_at AS took FROM messages
    WHERE created_at >= $1 AND created_at < $2
    AND CASE WHEN direction = 'inbound' AND state = 'done' AND verdict = 'ticket'
        THEN 1 ELSE 0 END = 1
) AS taken GROUP BY 1
"""
KEEP = """
INSERT INTO tallies (hour, counts, waiting, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (hour) DO UPDATE SET counts = excluded.counts, due_at = excluded.due_at,
    waiting = CASE WHEN excluded.waiting > tallies.waiting
        THEN excluded.waiting ELSE tallies.waiting END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Texts of one of our numbers. `lost` are those that certainly did not arrive."""

    received: int = 0
    sent: int = 0
    delivered: int = 0
    lost: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            received=self.received + other.received,
            sent=self.sent + other.sent,
            delivered=self.delivered + other.delivered,
            lost=self.lost + other.lost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One hour, or several together. `took_ms`: how many texts became a ticket in that time.

    `reasons`: why texts failed, and how many did; "" for those that gave none or a rare one.
    """

    senders: Mapping[str, Traffic] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    took_ms: Mapping[int, int] = field(default_factory=dict)
    waiting: int = 0

    @property
    def total(self) -> Traffic:
        """All numbers together."""
        return sum(self.senders.values(), Traffic())

    def took(self, share: float) -> int | None:
        """The time in ms that this share of the texts did not exceed; None where there is none."""
        left = share * sum(self.took_ms.values())
        last = None
        for took_ms, texts in sorted(self.took_ms.items()):
            last = took_ms
            left -= texts
            if left < 0:
                break
        return last


def hour_of(ms: int) -> int:
    """When the hour of a time began."""
    return ms - ms % HOUR_MS


def hours_to_count(tx: Transaction, *, most: int) -> list[int]:
    """Hours that were never counted, the newest first, then those to be counted anew."""
    current = hour_of(tx.now_ms())
    oldest = tx.first("SELECT min(created_at) AS at FROM messages")
    first = current if oldest is None or oldest["at"] is None else hour_of(int(oldest["at"]))
    first = max(first, current - (KEPT_HOURS - 1) * HOUR_MS)
    counted = {
        int(row["hour"]) for row in tx.all("SELECT hour FROM tallies WHERE hour >= $1", first)
    }
    missing = [hour for hour in range(current, first - 1, -HOUR_MS) if hour not in counted]
    due = tx.all(
        "SELECT hour FROM tallies WHERE due_at <= $1 ORDER BY due_at LIMIT $2", tx.now_ms(), most
    )
    return [*missing, *(int(row["hour"]) for row in due)][:most]


def count_hour(tx: Transaction, hour: int) -> Tally:
    """Count the texts of an hour."""
    span = (hour, hour + HOUR_MS)
    senders: dict[str, Traffic] = {}
    reasons: Counter[str] = Counter()
    for row in tx.all(COUNT, *span):
        number, texts, state = str(row["sender"]), int(row["n"]), row["state"]
        found = _traffic(row["direction"], state, texts)
        senders[number] = senders.get(number, Traffic()) + found
        if state in {"failed", "undelivered", "refused"}:
            reasons[str(row["why"])[:LONGEST_REASON]] += texts
    often = dict(reasons.most_common(MOST_REASONS))
    rare = reasons.total() - sum(often.values())
    if rare:
        often[""] = often.get("", 0) + rare
    times = {int(row["about"]): int(row["n"]) for row in tx.all(TIMES, *span)}
    return Tally(senders=senders, reasons=often, took_ms=times)


def _traffic(direction: str, state: str, texts: int) -> Traffic:
    if direction == "inbound":
        return Traffic(received=texts)
    return Traffic(
        sent=texts if state in {"sent", "delivered", "undelivered"} else 0,
        delivered=texts if state == "delivered" else 0,
        lost=texts if state in {"undelivered", "failed"} else 0,
    )


def keep(tx: Transaction, tallies: Mapping[int, Tally], *, waiting: int = 0) -> None:
    """Keep hours as they were counted; `waiting`: the work that waited in the current one."""
    now_ms = tx.now_ms()
    current = hour_of(now_ms)
    for hour, tally in tallies.items():
        most = waiting if hour == current else 0
        tx.run(KEEP, hour, _written(tally), most, _due_at(hour, now_ms))
    tx.run("DELETE FROM tallies WHERE hour < $1", current - KEPT_HOURS * HOUR_MS)


def _due_at(hour: int, now_ms: int) -> int | None:
    age_ms = now_ms - (hour + HOUR_MS)
    if age_ms >= SETTLED_AFTER_MS:
        return None
    return now_ms + max(CURRENT_EVERY_MS, age_ms)


def since(tx: Transaction, first: int) -> tuple[dict[int, Tally], int]:
    """The hours from this one on as they were counted, and how many are still to be counted.

    The current hour is counted on the spot where it never was.
    """
    rows = tx.all("SELECT hour, counts, waiting FROM tallies WHERE hour >= $1", first)
    found = {int(row["hour"]): _read(row["counts"], int(row["waiting"])) for row in rows}
    current = hour_of(tx.now_ms())
    if current not in found:
        found[current] = count_hour(tx, current)
    oldest = tx.first("SELECT min(created_at) AS at FROM messages")
    if oldest is None or oldest["at"] is None:
        return found, 0
    begin = max(first, hour_of(int(oldest["at"])))
    missing = sum(hour not in found for hour in range(begin, current + 1, HOUR_MS))
    return found, missing


def together(tallies: Sequence[Tally]) -> Tally:
    """Several hours as one."""
    if len(tallies) == 1:
        return tallies[0]
    senders: dict[str, Traffic] = {}
    reasons: Counter[str] = Counter()
    took: Counter[int] = Counter()
    for one in tallies:
        for number, traffic in one.senders.items():
            senders[number] = senders.get(number, Traffic()) + traffic
        reasons.update(one.reasons)
        took.update(one.took_ms)
    most = max((one.waiting for one in tallies), default=0)
    return Tally(senders=senders, reasons=reasons, took_ms=took, waiting=most)


def _written(tally: Tally) -> str:
    senders = {
        number: [one.received, one.sent, one.delivered, one.lost]
        for number, one in tally.senders.items()
    }
    document = {
        "senders": senders,
        "reasons": dict(tally.reasons),
        "took_ms": list(tally.took_ms.items()),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _read(written: str, waiting: int) -> Tally:
    document: dict[str, Any] = json.loads(written)
    senders = {
        number: Traffic(received=received, sent=sent, delivered=delivered, lost=lost)
        for number, (received, sent, delivered, lost) in document["senders"].items()
    }
    return Tally(
        senders=senders,
        reasons=document["reasons"],
        took_ms=dict(document["took_ms"]),
        waiting=waiting,
    )
