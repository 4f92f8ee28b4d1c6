"""What a measurement gives: a median over rounds with the least and the most, and its goal."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RATIO: Final = "×"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where a figure should be: at least, or at most, this."""

    value: float
    at_least: bool

    def is_met_by(self, value: float) -> bool:
        """Whether it is there, by the figure as it is shown."""
        shown = float(f"{value:.3g}")
        return shown >= self.value if self.at_least else shown <= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the results. `part` is the goal's name (P1), `name` is for programs."""

    part: str
    name: str
    what: str
    unit: str
    median: float
    least: float
    most: float
    goal: Goal | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether its goal is met, None where it has none."""
        return None if self.goal is None else self.goal.is_met_by(self.median)


def at_least(value: float) -> Goal:
    """A goal from below."""
    return Goal(value=value, at_least=True)


def at_most(value: float) -> Goal:
    """A goal from above."""
    return Goal(value=value, at_least=False)


def figure(
    part: str,
    name: str,
    what: str,
    unit: str,
    values: Sequence[float],
    *,
    goal: Goal | None = None,
) -> Figure:
    """A figure of what several rounds gave; it is said at once."""
    made = Figure(
        part=part,
        name=name,
        what=what,
        unit=unit,
        median=statistics.median(values),
        least=min(values),
        most=max(values),
        goal=goal,
    )
    print(line(made))
    sys.stdout.flush()
    return made


def line(one: Figure) -> str:
    """One line for a terminal."""
    asked = "" if one.goal is None else f"   goal {shown_goal(one)}: {verdict(one)}"
    column = f", {one.name.partition('.')[2]}" if one.part == "P10" else ""
    return f"{one.part:4}{one.what}{column}: {shown(one)}{asked}"


def verdict(one: Figure) -> str:
    """In a word."""
    return {True: "met", False: "missed", None: ""}[one.is_met]


def shown(one: Figure) -> str:
    """The median and, where rounds differ, from what to what."""
    if one.least == one.most:
        return f"{_number(one.median)} {one.unit}"
    return f"{_number(one.median)} ({_number(one.least)}–{_number(one.most)}) {one.unit}"


def shown_goal(one: Figure) -> str:
    """Its goal with sign and unit, nothing where there is none."""
    if one.goal is None:
        return ""
    return f"{'≥' if one.goal.at_least else '≤'} {one.goal.value:g} {one.unit}"


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
