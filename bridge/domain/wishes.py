"""A wish to stop in other words than STOP: "please don't text me any more".

Known are the clauses of bridge/domain/wish_phrases.py, with what politeness puts around them, and
only as whole clauses: a word that isn't known there ("please stop by the shop", "don't text me
before nine") makes it an ordinary text, which a person reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.domain.keywords import normalise
from bridge.domain.machines import chatter_in
from bridge.domain.phrases import State, compile_phrases, fits
from bridge.domain.wish_phrases import (
    AND,
    BARE,
    BEFORE,
    BEHIND,
    CLAUSES,
    GAPLESS,
    NOUNS,
    OATHS,
    WHOLE,
)

LONGEST_CLAUSE: Final = 200  # characters: nobody wishes at such length
READ_TO: Final = 2_000  # characters of a text: more than a phone sends, and bounded work
LONGEST_TOLD: Final = 160

_SENTENCE: Final = re.compile(r"[.!?;\u2026\r\n\u2028\u2029\u3002\uff01\uff1f\uff1b\u061f]+")
_CLAUSE: Final = re.compile(
    r"[,:()\uff08\uff09\u060c\u3001\uff0c\uff1a]|\s[-\u2013\u2014]+\s|[\u2013\u2014]"
)
_PIECE: Final = re.compile(r"[()\[\]|]|[^()\[\]|\s]+")
_SIGNS: Final = {"(": "(?:", "[": "(?:", ")": ")", "]": ")?", "|": "|"}
_GAP: Final = re.compile("[ ,]")
_DRAWN_OUT: Final = re.compile(r"\bst(?:op{2,}|o{3,}p+)\b")  # "stoppp", "stoooop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A wish to stop: `said` is the sentence. `is_all`: the text says nothing else."""

    said: str
    is_all: bool


def wish_to_stop(text: str) -> Wish | None:
    """The wish to get no more texts that is in `text`, None where there is none."""
    if len(text) > READ_TO:
        return None
    said = [one for one in map(_bare, _SENTENCE.split(_parted(text))) if one]
    spoken = [[one for one in map(_spoken, _CLAUSE.split(sentence)) if one] for sentence in said]
    # What alone would be as good as STOP.
    if _fits(_ALONE, ", ".join(clause for clauses in spoken for clause in clauses)):
        return Wish(said=_told(text), is_all=True)
    read = [_read(clauses) for clauses in spoken]
    found = next((one for one, (is_wish, _) in zip(said, read, strict=True) if is_wish), None)
    if found is None or chatter_in(text) is not None:  # a reaction quotes somebody else's words
        return None
    return Wish(said=_told(found), is_all=not any(rest for _, rest in read))


def _read(clauses: Sequence[str]) -> tuple[bool, bool]:
    """Whether a sentence holds a wish, and whether it says anything else."""
    if _is_wish(", ".join(clauses)):
        return True, False
    kinds = [(_is_wish(one) or _fits(_BARE, one), _fits(_FILLER, one)) for one in clauses]
    found = any(is_wish for is_wish, _ in kinds)
    return found, not all(is_wish or is_filler for is_wish, is_filler in kinds)


def _is_wish(spoken: str) -> bool:
    if _fits(_CLAUSES, spoken):
        return True
    if spoken.isascii() or len(spoken) > LONGEST_CLAUSE:
        return False
    return _GAPLESS.fullmatch(_GAP.sub("", spoken)) is not None


def _fits(start: State, spoken: str) -> bool:
    return len(spoken) <= LONGEST_CLAUSE and fits(start, spoken.split())


def _spoken(clause: str) -> str:
    """The clause as it is compared: each word with a blank behind it, no oaths."""
    words = _DRAWN_OUT.sub("stop", normalise(clause))
    return _OATHS.sub("", f"{words} ").lstrip() if words else ""


def _parted(text: str) -> str:
    """The text with an emoji, too, as the end of a sentence."""
    if text.isascii():
        return text
    return "".join("." if unicodedata.category(one) == "So" else one for one in text)


def _bare(sentence: str) -> str:
    return sentence.strip().strip("\"'\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019").strip()


def _told(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= LONGEST_TOLD else f"{line[: LONGEST_TOLD - 1]}…"


def _fillers(behind: State, *lists: str) -> Iterator[State]:
    phrases = [",", *(one for some in lists for one in some.split(","))]
    return compile_phrases(phrases, behind, NOUNS)


def _state_of_wishes(clauses: str, *, many: bool) -> State:
    """Politeness, a clause, politeness; `many`: and so on, with or without an "and"."""
    start, tail = State(), State(ends=True)
    start.add(_fillers(start, BEFORE))
    start.add(compile_phrases(clauses.splitlines(), tail, NOUNS))
    tail.add(_fillers(tail, BEHIND))
    if many:
        tail.add([start, *compile_phrases([AND], start, NOUNS)])
    return start


def _state_of_fillers() -> State:
    start = State(ends=True)
    start.add(_fillers(start, BEFORE, BEHIND))
    return start


def _any_of(phrases: Sequence[str]) -> str:
    """Phrases without blanks as a regular expression: it has no loops, so it ends soon."""
    return "|".join(f"(?:{''.join(_pieces(one))})" for one in phrases if one.strip())


def _pieces(phrase: str) -> Iterator[str]:
    for piece in _PIECE.findall(phrase):
        yield _SIGNS.get(piece) or re.escape(normalise(piece).replace(" ", ""))


_CLAUSES: Final = _state_of_wishes(CLAUSES, many=True)
_ALONE: Final = _state_of_wishes(f"{WHOLE}\n{BARE}", many=False)
_BARE: Final = _state_of_wishes(BARE, many=False)
_FILLER: Final = _state_of_fillers()
_GAPLESS: Final = re.compile(_any_of(GAPLESS.splitlines()))
_OATHS: Final = re.compile(rf"\b(?:the )?(?:{_any_of(OATHS.split(','))})\b ?")
