"""Phrases compiled into an automaton over words: a text costs its words, never ways to read it.

A regular expression that tries one reading after the other takes exponential time where a word
stands in several phrases; here all readings are followed at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bridge.domain.keywords import normalise

_PIECE: Final = re.compile(r"[()\[\]|,]|[^()\[\]|,\s]+")
_NOUN: Final = re.compile(r"\{(\w+)\}")


@dataclass(slots=True, eq=False)
class State:
    """A point in phrases: the states that each word leads to, and whether a text may end here."""

    ends: bool = False
    steps: dict[str, list[State]] = field(default_factory=dict)

    def add(self, entries: Iterable[State]) -> None:
        """Take over where `entries` lead."""
        for entry in entries:
            self.ends = self.ends or entry.ends
            for word, states in entry.steps.items():
                self.steps.setdefault(word, []).extend(states)


@dataclass(frozen=True, slots=True)
class _Word:
    word: str


@dataclass(frozen=True, slots=True)
class _Choice:
    ways: tuple[tuple[_Word | _Choice, ...], ...]
    may_be_left_out: bool


def fits(start: State, words: Iterable[str]) -> bool:
    """Whether the words, all of them, lead from `start` to an end."""
    reached = {start}
    for word in words:
        reached = {there for state in reached for there in state.steps.get(word, ())}
        if not reached:
            return False
    return any(state.ends for state in reached)


def compile_phrases(
    phrases: Iterable[str], behind: State, nouns: Mapping[str, str]
) -> Iterator[State]:
    """Yield where the phrases begin; each leads to `behind`. Their form: wish_phrases.py."""
    for phrase in dict.fromkeys(" ".join(one.split()) for one in phrases):
        if phrase:
            pieces = _PIECE.findall(_spelt(phrase, nouns))
            yield from _compile(_parse(iter(pieces), may_be_left_out=False), [behind])


def _spelt(phrase: str, nouns: Mapping[str, str]) -> str:
    return _NOUN.sub(lambda found: f"({_spelt(nouns[found[1]], nouns)})", phrase)


def _parse(pieces: Iterator[str], *, may_be_left_out: bool) -> _Choice:
    """Read up to the bracket that closes this choice, or to the end."""
    ways: list[list[_Word | _Choice]] = [[]]
    for piece in pieces:
        if piece in ")]":
            break
        if piece in "([":
            ways[-1].append(_parse(pieces, may_be_left_out=piece == "["))
        elif piece == "|":
            ways.append([])
        else:
            words = [","] if piece == "," else normalise(piece).split()
            ways[-1].extend(_Word(word) for word in words)
    return _Choice(tuple(map(tuple, ways)), may_be_left_out)


def _compile(choice: _Choice, behind: list[State]) -> list[State]:
    """The states that a choice is entered by, where `behind` are those that come after it."""
    entries = list(behind) if choice.may_be_left_out else []
    for way in choice.ways:
        following = behind
        for piece in reversed(way):
            if isinstance(piece, _Word):
                following = [State(steps={piece.word: following})]
            else:
                following = _compile(piece, following)
        entries += following
    return list(dict.fromkeys(entries))
