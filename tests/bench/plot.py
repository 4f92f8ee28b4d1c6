"""Draws the figures that have a goal, each against its own, and the peers: a small SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from tests.bench.figures import Figure, shown

LABELS: Final = 430  # where bars begin
SCALE: Final = 180  # pixels of a bar that reaches its goal
WIDEST: Final = 2.2  # times its goal; what is better still is cut there
ROW: Final = 24
WIDTH: Final = 1000
FONT: Final = 'font-family="sans-serif" font-size="12"'
GOOD, POOR, PLAIN = "#2e7d52", "#b5532a", "#4a6fa5"


def draw(found: Sequence[Figure]) -> str:
    """One drawing of all that has a goal, and of the peers' accepted texts."""
    goals = [one for one in found if one.goal is not None]
    peers = [one for one in found if one.part == "P10" and one.name.endswith(".accepted")]
    height = 60 + ROW * len(goals) + (50 + ROW * len(peers) if peers else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_goals(goals),
        *(_peers(peers, 60 + ROW * len(goals)) if peers else ()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def reach(one: Figure, value: float) -> float:
    """How far a value is on the way to the goal: 1 is there, more is better."""
    assert one.goal is not None
    if value <= 0:
        return WIDEST if not one.goal.at_least else 0.0
    return value / one.goal.value if one.goal.at_least else one.goal.value / value


def _goals(found: Sequence[Figure]) -> Iterator[str]:
    bottom = 40 + ROW * len(found)
    yield _text(10, 20, "Each figure against its goal; further right is better", weight="bold")
    for number, one in enumerate(found):
        top = 36 + ROW * number
        length = SCALE * min(WIDEST, reach(one, one.median))
        colour = GOOD if one.is_met else POOR
        yield _text(10, top + 14, f"{one.part}  {one.what}"[:72])
        yield _bar(top, length, colour, f"{one.what}: {shown(one)}")
        ends = sorted(SCALE * min(WIDEST, reach(one, value)) for value in (one.least, one.most))
        yield (
            f'<line x1="{LABELS + ends[0]:.0f}" x2="{LABELS + ends[1]:.0f}" y1="{top + 9}" '
            f'y2="{top + 9}" stroke="#222222"/>'
        )
        yield _text(LABELS + SCALE * WIDEST + 10, top + 14, shown(one))
    yield (
        f'<line x1="{LABELS + SCALE}" x2="{LABELS + SCALE}" y1="30" y2="{bottom}" '
        'stroke="#222222" stroke-dasharray="4 3"/>'
    )
    yield _text(LABELS + SCALE - 12, bottom + 12, "goal")


def _peers(found: Sequence[Figure], top: int) -> Iterator[str]:
    most = max(one.median for one in found)
    yield _text(10, top + 20, "Texts accepted a second, 64 connections, one core", weight="bold")
    for number, one in enumerate(found):
        at = top + 34 + ROW * number
        yield _text(10, at + 14, one.what)
        yield _bar(at, SCALE * WIDEST * one.median / most, PLAIN, f"{one.what}: {shown(one)}")
        yield _text(LABELS + SCALE * WIDEST + 10, at + 14, shown(one))


def _bar(top: int, length: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{LABELS}" y="{top + 2}" width="{length:.0f}" height="{ROW - 8}" '
        f'fill="{colour}"><title>{escape(title)}</title></rect>'
    )


def _text(x: float, y: float, words: str, *, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}" fill="#222222">'
        f"{escape(words)}</text>"
    )
