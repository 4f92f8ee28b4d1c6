"""Which keyword rule a text meets: comparing words, and the rules compiled for quick look-up."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import combinations
from typing import Literal

Match = Literal["message", "first_word", "any_word"]

_PRECEDENCE: tuple[Match, ...] = ("message", "first_word", "any_word")

_ACCENTED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
# Straight, curly, modifier letter, prime and backtick: phones write any of them.
_APOSTROPHES = frozenset("'`\u00b4\u2018\u2019\u02bc\u02b9\u2032")
_TATWEEL = "\u0640"
_DOTLESS_I = "\u0131"
# What stays of ASCII: most texts are nothing else, and a table takes 2 us where categories take 20.
_ASCII = {
    code: None if chr(code) in _APOSTROPHES else chr(code) if chr(code).isalnum() else " "
    for code in range(128)
}
_DOTTED_INITIALS = re.compile(r"\b[^\W\d_](?:\.[^\W\d_])+\b")


@lru_cache(maxsize=64)  # judging asks for the same text four times
def normalise(text: str) -> str:
    """Return `text` as it is compared: no case, accents, punctuation, symbols or emoji.

    Punctuation parts words ("opt-out" is "opt out"), an apostrophe within one vanishes, and so
    do the dots of "S.T.O.P.". Accents go from Latin, Greek and Cyrillic letters only: elsewhere
    the marks are vowels. Normalising again changes nothing.
    """
    if text.isascii():
        return " ".join(_without_dots(text.lower()).translate(_ASCII).split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    initials = _without_dots(folded)
    return " ".join(unicodedata.normalize("NFC", "".join(_kept(initials))).split())


def _without_dots(text: str) -> str:
    if "." not in text:
        return text
    return _DOTTED_INITIALS.sub(lambda found: found[0].replace(".", ""), text)


def _kept(text: str) -> Iterator[str]:
    """Yield what stays of each character, decomposed; a blank for what parts words."""
    base = ""
    for character in unicodedata.normalize("NFD", text):
        category = unicodedata.category(character)
        if character in _APOSTROPHES or character == _TATWEEL or category == "Cf":
            continue
        if category[0] == "M":
            # Without a letter before it, it belonged to an emoji ("1" + keycap, a heart's colour).
            if base and category != "Me" and not _loses_accents(base):
                yield character
            continue
        base = character if category[0] == "L" else ""
        if category == "Nd":
            yield str(unicodedata.decimal(character))
        elif character == _DOTLESS_I:
            yield "i"
        elif category[0] in "LN":
            yield character
        else:
            yield " "


@cache
def _loses_accents(base: str) -> bool:
    return unicodedata.name(base, "").startswith(_ACCENTED_SCRIPTS)


def matches(text: str, words: Sequence[str], match: Match) -> str | None:
    """Return the first of `words`, as it was given, that `text` meets, or None.

    `message`: the whole text is the keyword. `first_word`: the text begins with the keyword's
    words. `any_word`: the keyword's words stand somewhere in it, one after the other.
    """
    keys = {word: normalise(word) for word in words}
    longest = max((len(key.split()) for key in keys.values()), default=0)
    said = set(_phrases(normalise(text), match, longest))
    return next((word for word, key in keys.items() if key in said), None)


def _phrases(text: str, match: Match, longest: int) -> Iterator[str]:
    """Yield every keyword a normalised text would meet, of at most `longest` words."""
    tokens = text.split()
    if match == "message":
        yield from [text] if text else []
        return
    starts = range(len(tokens)) if match == "any_word" else range(min(len(tokens), 1))
    for start in starts:
        for stop in range(start + 1, min(len(tokens), start + longest) + 1):
            yield " ".join(tokens[start:stop])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordRule:
    """One keyword rule of the settings. `senders` holds addresses; None means every sender.

    `lists` are subscribed to and `unsubscribe` left; `confirm` is the question of a double
    opt-in, asked before either; `hours` names the hours in which the rule holds.
    """

    name: str
    words: tuple[str, ...]
    match: Match = "message"
    senders: frozenset[str] | None = None
    lists: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    set_tags: tuple[str, ...] = ()
    set_fields: Mapping[str, str] = field(default_factory=dict)
    reply: str | None = None
    ticket: bool = False
    confirm: str | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two rules that one text can meet on the same number: `word` is the longer of their keywords.

    `wholly`: `loser` is never met by this word at all, as `winner` always comes first; else only
    on some senders, or by some texts.
    """

    winner: str
    loser: str
    word: str
    wholly: bool


# A rule by its place in the settings, and the keyword as the admin wrote it.
_Entry = tuple[int, KeywordRule, str]


class RuleBook:
    """The rules of all senders, compiled: finding one costs the same however many there are."""

    def __init__(self, rules: Sequence[KeywordRule]) -> None:
        """Compile `rules`, given in the order in which they are to be tried."""
        entries: defaultdict[tuple[Match, str | None, str], list[_Entry]] = defaultdict(list)
        self._longest = 1
        for place, rule in enumerate(rules):
            for word in rule.words:
                key = normalise(word)
                self._longest = max(self._longest, len(key.split()))
                for sender in sorted(rule.senders) if rule.senders is not None else [None]:
                    entries[rule.match, sender, key].append((place, rule, word))
        self._entries: Mapping[tuple[Match, str | None, str], Sequence[_Entry]] = dict(entries)
        self._kinds = [match for match in _PRECEDENCE if any(key[0] == match for key in entries)]

    def candidates(self, text: str, sender: str) -> Iterator[tuple[KeywordRule, str]]:
        """Yield each rule that `text` to `sender` meets, with the keyword, the strongest first.

        Whole message before first word before any word, then rules for this very sender before
        those for all, those with hours before those for always, then the order given. A rule
        comes once.
        """
        said = normalise(text)
        for match in self._kinds:
            phrases = list(_phrases(said, match, self._longest))
            for whose in (sender, None):
                met: dict[int, _Entry] = {}
                for phrase in phrases:
                    for entry in self._entries.get((match, whose, phrase), ()):
                        met.setdefault(entry[0], entry)
                # What holds in certain hours goes before what holds always.
                for place in sorted(met, key=lambda at: (met[at][1].hours is None, at)):
                    yield met[place][1], met[place][2]

    def find(
        self, text: str, sender: str, open_hours: Container[str] | None = None
    ) -> tuple[KeywordRule, str] | None:
        """Return the strongest rule that `text` to `sender` meets and the keyword, or None.

        `open_hours` names the hours that it is within now; None: within all of them.
        """
        for rule, word in self.candidates(text, sender):
            if rule.hours is None or open_hours is None or rule.hours in open_hours:
                return rule, word
        return None


def overlaps(rules: Sequence[KeywordRule]) -> list[Overlap]:
    """Return each pair of rules that one word meets on one sender, in the order of `rules`.

    Two words meet where they are the same, or where one holds the other ("JOIN NOW" and "JOIN").
    """
    by_word: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for place, rule in enumerate(rules):
        for word in rule.words:
            if key := normalise(word):
                by_word[key].setdefault(place, word)
    found = [
        (first, second, _overlap(rules[first], rules[second], words[first]))
        for words in by_word.values()
        for first, second in combinations(sorted(words), 2)
        if _meet(rules[first].senders, rules[second].senders)
    ]
    found += _held(rules, by_word)
    return [overlap for _, _, overlap in sorted(found, key=lambda pair: pair[:2])]


def _held(
    rules: Sequence[KeywordRule], by_word: Mapping[str, Mapping[int, str]]
) -> Iterator[tuple[int, int, Overlap]]:
    """Overlaps of a keyword of several words with one that it holds."""
    for longer, places in by_word.items():
        for shorter, begins in _inside(longer.split()):
            pairs = [(one, two) for one in places for two in by_word.get(shorter, {}) if one != two]
            for long, short in pairs:
                holder, held = rules[long], rules[short]
                both = held.match == "any_word" or (held.match == "first_word" and begins)
                if both and _meet(holder.senders, held.senders):
                    first, second = sorted((long, short))
                    overlap = _overlap(rules[first], rules[second], places[long], held)
                    yield first, second, overlap


def _inside(tokens: Sequence[str]) -> list[tuple[str, bool]]:
    """The keywords that a longer one holds, and whether it begins with them."""
    count = len(tokens)
    spans = [(start, stop) for start in range(count) for stop in range(start + 1, count + 1)]
    found = {
        (" ".join(tokens[start:stop]), start == 0) for start, stop in spans if stop - start < count
    }
    return sorted(found)


def _meet(some: frozenset[str] | None, others: frozenset[str] | None) -> bool:
    return some is None or others is None or not some.isdisjoint(others)


def _overlap(
    earlier: KeywordRule, later: KeywordRule, word: str, shorter: KeywordRule | None = None
) -> Overlap:
    """`shorter` has a keyword that the other's holds: only it can take all of the other's texts."""
    # The sort is stable: between equals the rule given first wins.
    winner, loser = sorted((earlier, later), key=_rank)
    covers = winner.senders is None or (
        loser.senders is not None and loser.senders <= winner.senders
    )
    return Overlap(
        winner=winner.name,
        loser=loser.name,
        word=word,
        wholly=covers
        and winner.match == loser.match
        and winner.hours is None
        and (shorter is None or shorter is winner),
    )


def _rank(rule: KeywordRule) -> tuple[int, bool, bool]:
    return _PRECEDENCE.index(rule.match), rule.senders is None, rule.hours is None
