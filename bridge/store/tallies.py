"""What came and went, by the hour: kept beside the texts, so that a chart reads no texts at all.

An hour is counted from the texts that came in it. What becomes of them is known later, so it is
counted anew: every ten minutes on its first day, at twice its age each time from then on, and it
is left alone after three days.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.store.database import Transaction

HOUR_MS: Final = 3600 * 1000
KEPT_HOURS: Final = 31 * 24
CURRENT_EVERY_MS: Final = 60 * 1000  # how often the hour that still runs is counted
DAY_MS: Final = 24 * HOUR_MS
TODAYS_EVERY_MS: Final = 10 * 60 * 1000  # how often, at least, the hours of the last day are
SETTLED_AFTER_MS: Final = 3 * DAY_MS
MOST_REASONS: Final = 20  # of an hour; the rest are counted together, under ""
LONGEST_REASON: Final = 120

COUNT = """
SELECT direction, sender, state,
    CASE WHEN state IN ('failed', 'undelivered', 'refused')
        THEN coalesce(reason, error, '') ELSE '' END AS why, count(*) AS n
FROM messages WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2, 3, 4
"""
# Times in steps of a tenth or less of themselves; `_about` makes the steps wider. The conditions
# stand in a CASE so that no planner takes the index of states for them: nearly every text is done.
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
    return count_between(tx, hour, hour + HOUR_MS)


def count_between(tx: Transaction, begin: int, end: int) -> Tally:
    """Count the texts from `begin` to just before `end`: each is read, so let it be short."""
    span = (begin, end)
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
    times: Counter[int] = Counter()
    for row in tx.all(TIMES, *span):
        times[_about(int(row["about"]))] += int(row["n"])
    return Tally(senders=senders, reasons=often, took_ms=times)


def _about(took_ms: int) -> int:
    """A time as it is counted: 35 steps to a power of ten, each a tenth of it or less."""
    size = 1
    while took_ms >= 100 * size:
        size *= 10
    lead = took_ms // size
    step = 1 if lead < 20 else 2 if lead < 50 else 5
    return lead // step * step * size


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
    if age_ms < DAY_MS:
        return now_ms + min(max(CURRENT_EVERY_MS, age_ms), TODAYS_EVERY_MS)
    return now_ms + age_ms


def since(tx: Transaction, first: int, *, width: int = HOUR_MS) -> tuple[dict[int, Tally], int]:
    """The time from this hour on in stretches of `width` ms (whole hours, in UTC), as it was
    counted, and how many of its hours are still to be counted.

    The current hour is counted on the spot where it never was.
    """
    found: dict[int, _Sum] = {}
    hours = set()
    for row in tx.all("SELECT hour, counts, waiting FROM tallies WHERE hour >= $1", first):
        hour = int(row["hour"])
        hours.add(hour)
        stretch = found.setdefault(hour // width * width, _Sum())
        stretch.add_written(row["counts"], int(row["waiting"]))
    current = hour_of(tx.now_ms())
    if current not in hours:
        hours.add(current)
        found.setdefault(current // width * width, _Sum()).add(count_hour(tx, current))
    oldest = tx.first("SELECT min(created_at) AS at FROM messages")
    missing = 0
    if oldest is not None and oldest["at"] is not None:
        begin = max(first, hour_of(int(oldest["at"])))
        missing = sum(hour not in hours for hour in range(begin, current + 1, HOUR_MS))
    return {begin: stretch.tally() for begin, stretch in found.items()}, missing


def last(tx: Transaction, span_ms: int) -> Tally:
    """The time up to this moment. The newest hour and what is no whole hour are counted now, the
    rest as it was counted last, or now where it never was."""
    now_ms = tx.now_ms()
    begin, newest = now_ms - span_ms, hour_of(now_ms) - HOUR_MS
    first = hour_of(begin - 1) + HOUR_MS
    whole = _Sum()
    hours = set()
    sql = "SELECT hour, counts, waiting FROM tallies WHERE hour >= $1 AND hour < $2"
    for row in tx.all(sql, first, newest):
        hours.add(int(row["hour"]))
        whole.add_written(row["counts"], int(row["waiting"]))
    for hour in range(first, newest, HOUR_MS):
        if hour not in hours:
            whole.add(count_hour(tx, hour))
    whole.add(count_between(tx, begin, first))
    whole.add(count_between(tx, newest, now_ms + 1))
    return whole.tally()


def together(tallies: Sequence[Tally]) -> Tally:
    """Several stretches as one."""
    whole = _Sum()
    for one in tallies:
        whole.add(one)
    return whole.tally()


class _Sum:
    """Adds hours up. A month has seven hundred, of which a page must not make objects."""

    def __init__(self) -> None:
        self._senders: dict[str, list[int]] = {}
        self._reasons: Counter[str] = Counter()
        self._took: dict[int, int] = {}
        self._waiting = 0

    def add(self, one: Tally) -> None:
        """Add what has been counted."""
        for number, traffic in one.senders.items():
            self._add_sender(number, _figures(traffic))
        self._reasons.update(one.reasons)
        self._add_times(one.took_ms.items())
        self._waiting = max(self._waiting, one.waiting)

    def add_written(self, counts: str, waiting: int) -> None:
        """Add an hour as it is kept."""
        document: dict[str, Any] = json.loads(counts)
        for number, figures in document["senders"].items():
            self._add_sender(number, figures)
        self._reasons.update(document["reasons"])
        self._add_times(document["took_ms"])
        self._waiting = max(self._waiting, waiting)

    def tally(self) -> Tally:
        """All of it."""
        senders = {
            number: Traffic(received=received, sent=sent, delivered=delivered, lost=lost)
            for number, (received, sent, delivered, lost) in self._senders.items()
        }
        return Tally(
            senders=senders,
            reasons=self._reasons,
            took_ms=self._took,
            waiting=self._waiting,
        )

    def _add_sender(self, number: str, figures: Sequence[int]) -> None:
        known = self._senders.get(number)
        if known is None:
            self._senders[number] = list(figures)
            return
        for place, figure in enumerate(figures):
            known[place] += figure

    def _add_times(self, times: Iterable[Sequence[int]]) -> None:
        took = self._took
        for took_ms, texts in times:
            took[took_ms] = took.get(took_ms, 0) + texts


def _figures(traffic: Traffic) -> tuple[int, int, int, int]:
    return traffic.received, traffic.sent, traffic.delivered, traffic.lost


def _written(tally: Tally) -> str:
    document = {
        "senders": {number: _figures(one) for number, one in tally.senders.items()},
        "reasons": dict(tally.reasons),
        "took_ms": list(tally.took_ms.items()),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
