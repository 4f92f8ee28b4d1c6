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
from bridge.domain.wish_phrases import (
    AND,
    BEFORE,
    BEHIND,
    CLAUSES,
    GAPLESS,
    NOUNS,
    OATHS,
    WHOLE,
)

LONGEST_CLAUSE: Final = 200  # characters: nobody wishes at such length, and matching takes time
LONGEST_TOLD: Final = 160

_SENTENCE: Final = re.compile(r"[.!?;\u2026\r\n\u2028\u2029\u3002\uff01\uff1f\uff1b\u061f]+")
_CLAUSE: Final = re.compile(
    r"[,:()\uff08\uff09\u060c\u3001\uff0c\uff1a]|\s[-\u2013\u2014]+\s|[\u2013\u2014]"
)
_PIECE: Final = re.compile(r"[()\[\]|,]|[^()\[\]|,\s]+")
_SIGNS: Final = {"(": "(?:", "[": "(?:", ")": ")", "]": ")?", "|": "|"}
_NOUN: Final = re.compile(r"\{(\w+)\}")
_GAP: Final = re.compile("[ ,]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A wish to stop: `said` is the sentence. `is_all`: the text says nothing else."""

    said: str
    is_all: bool


def wish_to_stop(text: str) -> Wish | None:
    """The wish to get no more texts that is in `text`, None where there is none."""
    said = [one for one in map(_bare, _SENTENCE.split(_parted(text))) if one]
    spoken = [[_spoken(clause) for clause in _CLAUSE.split(one)] for one in said]
    read = [_read([clause for clause in clauses if clause]) for clauses in spoken]
    found = next((one for one, (is_wish, _) in zip(said, read, strict=True) if is_wish), None)
    if found is not None:
        if chatter_in(text) is not None:  # a reaction quotes somebody else's words
            return None
        return Wish(said=_told(found), is_all=not any(rest for _, rest in read))
    # What alone would be as good as STOP.
    whole = ", ".join(clause for clauses in spoken for clause in clauses if clause)
    if len(whole) <= LONGEST_CLAUSE and _ALONE.fullmatch(whole):
        return Wish(said=_told(text), is_all=True)
    return None


def _read(clauses: Sequence[str]) -> tuple[bool, bool]:
    """Whether a sentence holds a wish, and whether it says anything else."""
    if _is_wish(", ".join(clauses)):
        return True, False
    kinds = [(_is_wish(one), _is_filler(one)) for one in clauses]
    found = any(is_wish for is_wish, _ in kinds)
    return found, not all(is_wish or is_filler for is_wish, is_filler in kinds)


def _is_wish(spoken: str) -> bool:
    if len(spoken) > LONGEST_CLAUSE:
        return False
    if _SPACED.fullmatch(spoken):
        return True
    return not spoken.isascii() and _GAPLESS.fullmatch(_GAP.sub("", spoken)) is not None


def _is_filler(spoken: str) -> bool:
    return len(spoken) <= LONGEST_CLAUSE and _FILLER.fullmatch(spoken) is not None


def _spoken(clause: str) -> str:
    """The clause as it is compared: each word with a blank behind it, no oaths."""
    words = normalise(clause)
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


def _any_of(phrases: list[str], gap: str = " ") -> str:
    return "|".join(f"(?:{_compile(one, gap)})" for one in phrases if one.strip())


def _compile(phrase: str, gap: str = " ") -> str:
    """A phrase as a regular expression over words that each have a gap behind them."""
    whole = _NOUN.sub(lambda found: f"({_noun(found[1])})", phrase)
    return "".join(_pieces(whole, gap))


def _noun(name: str) -> str:
    return _NOUN.sub(lambda found: f"({_noun(found[1])})", NOUNS[name])


def _pieces(phrase: str, gap: str) -> Iterator[str]:
    for piece in _PIECE.findall(phrase):
        if piece in _SIGNS:
            yield _SIGNS[piece]
        elif piece == ",":
            yield ", "
        else:
            yield "".join(f"{re.escape(word)}{gap}" for word in normalise(piece).split())


_LEAD: Final = f"(?:{_any_of(BEFORE.split(','))}|, )*"
_TAIL: Final = f"(?:{_any_of(BEHIND.split(','))}|, )*"
_SPACED: Final = re.compile(
    f"(?:{_LEAD}(?:{_any_of(CLAUSES.splitlines())}){_TAIL}(?:{_compile(AND)})?)+"
)
_ALONE: Final = re.compile(f"{_LEAD}(?:{_any_of(WHOLE.splitlines())}){_TAIL}")
_FILLER: Final = re.compile(f"(?:{_any_of([*BEFORE.split(','), *BEHIND.split(',')])}|, )*")
_GAPLESS: Final = re.compile(_any_of(GAPLESS.splitlines(), gap=""))
_OATHS: Final = re.compile(rf"\b(?:the )?(?:{_any_of(OATHS.split(','), gap='')})\b ?")
