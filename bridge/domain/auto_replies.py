"""Whether an ordinary text is answered by itself: the greeting, or that nobody is there now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

HOUR_MS: Final = 3_600_000
Occasion = Literal["greeting", "out_of_hours"]
IN_WORDS: Final[dict[Occasion, str]] = {
    "greeting": "to be greeted",
    "out_of_hours": "to be told that nobody is there now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoTexts:
    """What a sender answers by itself, and how long it is quiet then."""

    greeting: str | None
    out_of_hours: str | None
    quiet_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How a text meets its sender. `is_first`: nothing was said either way before it; `is_quiet`:
    such an answer has gone to this customer within the quiet period."""

    texts: AutoTexts
    is_first: bool
    is_open: bool
    is_quiet: bool


def choose(moment: Moment) -> tuple[Occasion, str] | None:
    """What is answered to an ordinary text, if anything is.

    Out of hours somebody new is told that, and not greeted as well: one text, not two.
    """
    if moment.is_quiet:
        return None
    if not moment.is_open and moment.texts.out_of_hours is not None:
        return "out_of_hours", moment.texts.out_of_hours
    if moment.is_first and moment.texts.greeting is not None:
        return "greeting", moment.texts.greeting
    return None
