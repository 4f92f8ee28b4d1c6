"""What a text costs to send, and what makes it dearer than it has to be.

Carriers bill by the segment (bridge/domain/segments.py). A text is in the cheap encoding, GSM-7,
as long as every character is; one that isn't has all of it sent in UCS-2, at less than half the
room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bridge.domain.directory import LONGEST_TEXT
from bridge.domain.segments import GSM_BASIC, GSM_EXTENSION, Encoding, measure, split
from bridge.domain.typography import to_gsm

CostClass = Literal["low", "middle", "high"]
MIDDLE: Final = 3  # segments: so many and it is still usual, with more it is a letter
_GSM: Final = GSM_BASIC | GSM_EXTENSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a text costs. `segments` is what is billed; `dear` are the characters that keep it from
    GSM-7, each once; `plain` is the text with plain ones in their places, None where that doesn't
    make it GSM-7, and `plain_segments` what it would cost then."""

    encoding: Encoding
    segments: int
    dear: tuple[str, ...] = ()
    plain: str | None = None
    plain_segments: int | None = None

    @property
    def cost_class(self) -> CostClass:
        """One segment is low, two or three are middle, more are high."""
        if self.segments == 1:
            return "low"
        return "middle" if self.segments <= MIDDLE else "high"


def cost_of(text: str, *, plain: bool = False, longest: int = LONGEST_TEXT) -> Cost:
    """What it costs to send a text. `plain`: the sender makes characters plain by itself;
    `longest` is what its carrier takes in one go, in UTF-16 units."""
    said = to_gsm(text) if plain else text
    dear = tuple(dict.fromkeys(one for one in said if one not in _GSM))
    instead = to_gsm(said) if dear else said
    return Cost(
        encoding="UCS-2" if dear else "GSM-7",
        segments=_segments(said, longest),
        dear=dear,
        plain=None if instead == said else instead,
        plain_segments=None if instead == said else _segments(instead, longest),
    )


def _segments(text: str, longest: int) -> int:
    return sum(measure(part).segments for part in split(text, longest)) or 1
