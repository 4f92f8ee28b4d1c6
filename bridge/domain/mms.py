"""Which files may go along with a text (MMS), and which go as links instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NORTH_AMERICA: Final = frozenset({"US", "CA"})
AUSTRALIA: Final = frozenset({"AU"})

# Those that each carrier with MMS names; whatever else a carrier takes, it says itself.
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/gif"})
OTHERS: Final = frozenset(
    {
        "application/pdf",
        "audio/amr",
        "audio/mpeg",
        "text/calendar",
        "text/vcard",
        "video/3gpp",
        "video/mp4",
    }
)

NO_MMS: Final = "texts go without files here"
ELSEWHERE: Final = "files can't be texted from this number to that country"
TOO_MANY: Final = "there are more files than one text takes"
WRONG_KIND: Final = "it is of a kind that the carrier doesn't take"
TOO_LARGE: Final = "it is larger than the carrier takes"


@dataclass(frozen=True, slots=True, kw_only=True)
class MmsLimits:
    """What a carrier takes along with one text; sizes are bytes.

    A text with files goes between the countries of one region. `most_bytes` is for all files
    together, `smaller` for one file of some types, `toll_free_bytes` for all from a toll-free
    number.
    """

    most_files: int
    most_bytes: int
    types: frozenset[str] = PICTURES
    regions: tuple[frozenset[str], ...] = (NORTH_AMERICA,)
    smaller: Mapping[str, int] = field(default_factory=dict)
    toll_free_bytes: int | None = None

    def joins(self, ours: str | None, theirs: str | None) -> bool:
        """Whether files go between numbers of these two countries."""
        return any(ours in region and theirs in region for region in self.regions)

    def room(self, kind: str) -> int:
        """The most bytes that a sender of this kind may send with one text."""
        if kind == "toll_free" and self.toll_free_bytes is not None:
            return min(self.most_bytes, self.toll_free_bytes)
        return self.most_bytes

    def why_not(self, content_type: str, size: int, *, kind: str, beside: list[int]) -> str | None:
        """Why a file goes as a link, None where it goes along with those `beside` it (sizes)."""
        if content_type not in self.types:
            return WRONG_KIND
        if len(beside) >= self.most_files:
            return TOO_MANY
        if size > min(self.room(kind) - sum(beside), self.smaller.get(content_type, size)):
            return TOO_LARGE
        return None
