"""The overview's charts in figures: what is drawn, on which scale, and what a table of it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.store import tallies
from bridge.store.database import Transaction
from bridge.store.tallies import HOUR_MS, Tally, Traffic
from bridge.web.admin.wording import count, span

MOST_BARS: Final = 10  # of a list of bars; a table of hundreds is for another page
SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A stretch of time up to now: how many columns, of how many hours each."""

    words: str
    columns: int
    hours: int

    @property
    def steps(self) -> str:
        """What one column stands for."""
        return {1: "by the hour", 24: "by the day"}.get(
            self.hours, f"in steps of {self.hours} hours"
        )


RANGES: Final[Mapping[str, Range]] = {
    "24h": Range(words="24 hours", columns=24, hours=1),
    "7d": Range(words="7 days", columns=28, hours=6),
    "30d": Range(words="30 days", columns=30, hours=24),
}
USUAL_RANGE: Final = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One row of values over time; `shares` are their heights from 0 to 100, None for a gap."""

    name: str
    tone: str
    words: Sequence[str]
    shares: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Values over time. `marks` are the words at its scale's top, middle and foot."""

    key: str
    title: str
    about: str
    lines: bool
    begins: Sequence[int]
    series: Sequence[Series]
    marks: Sequence[str]
    is_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a list of bars: `share` is its length from 0 to 100."""

    name: str
    share: float
    words: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """All that the overview draws. `missing` hours are still to be counted."""

    range: Range
    over_time: Sequence[Chart]
    delivery: Sequence[Bar]
    failures: Sequence[Bar]
    missing: int
    is_empty: bool


def draw(tx: Transaction, chosen: Range) -> Charts:
    """The charts of a stretch of time, from the hourly counts alone."""
    width = chosen.hours * HOUR_MS
    newest = tx.now_ms() // width * width
    begins = [newest - width * back for back in range(chosen.columns - 1, -1, -1)]
    found, missing = tallies.since(tx, begins[0], width=width)
    stretches = [found.get(begin, Tally()) for begin in begins]
    whole = tallies.together(stretches)
    total = whole.total
    return Charts(
        range=chosen,
        over_time=(
            _texts(chosen, begins, stretches),
            _times(chosen, begins, stretches, whole),
            _waiting(chosen, begins, stretches),
        ),
        delivery=_delivery(whole),
        failures=_failures(whole),
        missing=missing,
        is_empty=not (total.received or total.sent or total.lost),
    )


def _texts(chosen: Range, begins: Sequence[int], stretches: Sequence[Tally]) -> Chart:
    totals = [one.total for one in stretches]
    received, sent = [one.received for one in totals], [one.sent for one in totals]
    top = round_up(max(*received, *sent))
    return Chart(
        key="texts",
        title="Texts in and out",
        about=f"{count(sum(received))} in and {count(sum(sent))} out, {chosen.steps}.",
        lines=False,
        begins=begins,
        series=(
            _series("In", "first", received, top, count),
            _series("Out", "second", sent, top, count),
        ),
        marks=count_marks(top),
        is_empty=not any((*received, *sent)),
    )


def _times(chosen: Range, begins: Sequence[int], stretches: Sequence[Tally], whole: Tally) -> Chart:
    usual, slow = [one.took(0.5) for one in stretches], [one.took(0.95) for one in stretches]
    top = max(SECOND_MS, round_up(max((one for one in slow if one is not None), default=0)))
    return Chart(
        key="times",
        title="From text to ticket",
        about=f"Half of all texts were a ticket or comment within {span(whole.took(0.5))}, "
        f"19 of 20 within {span(whole.took(0.95))}; {chosen.steps}.",
        lines=True,
        begins=begins,
        series=(
            _series("Half within (p50)", "first", usual, top, span),
            _series("19 of 20 within (p95)", "second", slow, top, span),
        ),
        marks=(span(top), span(top / 2), "0"),
        is_empty=not whole.took_ms,
    )


def _waiting(chosen: Range, begins: Sequence[int], stretches: Sequence[Tally]) -> Chart:
    most = [one.waiting for one in stretches]
    top = round_up(max(most))
    return Chart(
        key="waiting",
        title="Waiting work",
        about=f"The most that waited at once, {chosen.steps}: up to {count(max(most))}.",
        lines=False,
        begins=begins,
        series=(_series("Waiting at most", "third", most, top, count),),
        marks=count_marks(top),
        is_empty=not any(most),
    )


def _series(
    name: str,
    tone: str,
    values: Sequence[int | None],
    top: int,
    words: Callable[[int], str],
) -> Series:
    return Series(
        name=name,
        tone=tone,
        words=["" if one is None else words(one) for one in values],
        shares=[None if one is None else round(100 * one / top, 1) for one in values],
    )


def _delivery(whole: Tally) -> list[Bar]:
    def known(traffic: Traffic) -> int:
        return traffic.delivered + traffic.lost

    busy = sorted(whole.senders.items(), key=lambda one: (-known(one[1]), one[0]))
    return [
        Bar(
            name=number,
            share=round(100 * traffic.delivered / known(traffic), 1),
            words=f"{100 * traffic.delivered / known(traffic):.1f} %",
            more=f"{count(traffic.delivered)} of {count(known(traffic))}",
        )
        for number, traffic in busy[:MOST_BARS]
        if known(traffic)
    ]


def _failures(whole: Tally) -> list[Bar]:
    often = sorted(whole.reasons.items(), key=lambda one: (not one[0], -one[1], one[0]))
    shown = dict(often[:MOST_BARS])
    rest = sum(whole.reasons.values()) - sum(shown.values())
    if rest:
        shown[""] = shown.get("", 0) + rest
    most = max(shown.values(), default=1)
    return [
        Bar(
            name=reason or "other reasons, or none given",
            share=round(100 * texts / most, 1),
            words=count(texts),
            more="",
        )
        for reason, texts in shown.items()
    ]


def count_marks(top: int) -> tuple[str, str, str]:
    """A scale of whole things: its middle has words only where it is a whole number."""
    return count(top), "" if top % 2 else count(top // 2), "0"


def round_up(value: int) -> int:
    """The end of a scale that holds this value: 1, 2 or 5 and noughts."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if step * size >= value:
                return step * size
        size *= 10
