"""How long a text is on the air, and where a longer one may be cut.

Tables and sizes: GSM 03.38 (3GPP TS 23.038) and the concatenation header of TS 23.040.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_Φ"
    "ΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./"
    "0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")  # an escape and a character: two septets

_SINGLE: dict[Encoding, int] = {"GSM-7": 160, "UCS-2": 70}
_JOINED: dict[Encoding, int] = {"GSM-7": 153, "UCS-2": 67}  # the header takes the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A text's size on the air. `units`: septets in GSM-7, UTF-16 units in UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def measure(text: str) -> Measure:
    """Return how `text` will be encoded and billed. Even an empty text is one segment."""
    if all(character in GSM_BASIC or character in GSM_EXTENSION for character in text):
        return _measure("GSM-7", [2 if character in GSM_EXTENSION else 1 for character in text])
    return _measure("UCS-2", [_units(character) for character in text])


def _measure(encoding: Encoding, sizes: list[int]) -> Measure:
    units = sum(sizes)
    if units <= _SINGLE[encoding]:
        return Measure(encoding=encoding, units=units, segments=1)
    room, segments, used = _JOINED[encoding], 1, 0
    for size in sizes:
        # A pair of units is one character and moves to the next segment as a whole.
        if used + size > room:
            segments, used = segments + 1, 0
        used += size
    return Measure(encoding=encoding, units=units, segments=segments)


def _units(character: str) -> int:
    return 2 if character > "\uffff" else 1


def length(text: str) -> int:
    """Return the length in UTF-16 units, which is what carriers' limits count."""
    return sum(map(_units, text))


# A no-break space is no place to break.
_BLANK_RUN = re.compile("[^\\S\u00a0\u2007\u202f]+")
_URL = re.compile(r"https?://[!#-;=?-~]+", re.IGNORECASE)  # ASCII without quote, < and >


def split(text: str, longest_units: int) -> list[str]:
    """Cut `text` into parts of at most `longest_units` UTF-16 units (2 or more), in order.

    Cuts fall at the end of a paragraph, else of a line (either in a part's second half), else of
    a word; a word too long for any part is cut between characters as a reader sees them, before
    a URL in it rather than inside.
    White space at a cut goes, nothing else does. A text that fits is returned as it is, one of
    white space alone gives no part. Raises ValueError for a limit under 2.
    """
    if longest_units < 2:
        raise ValueError(f"a part must hold at least 2 units, not {longest_units}")
    parts: list[str] = []
    rest = text
    while length(rest) > longest_units:
        end, begin = _cut(rest, _fitting(rest, longest_units), longest_units)
        parts.append(rest[:end])
        rest = rest[begin:]
    return [part for part in [*parts, rest] if part.strip()]


def _fitting(text: str, longest_units: int) -> int:
    """Return how many code points of a text that is too long fit."""
    used = 0
    for place, character in enumerate(text):
        used += _units(character)
        if used > longest_units:
            return place
    return len(text)


def _cut(text: str, window: int, longest_units: int) -> tuple[int, int]:
    """Return where the first part ends and where the rest begins; `window` code points fit."""
    best: re.Match[str] | None = None
    for run in _BLANK_RUN.finditer(text):
        if run.start() > window:
            break
        if is_border(text, run.end()) and _rank(run, window) >= (
            _rank(best, window) if best else 0
        ):
            best = run
    if best is not None and _word_fits(text, best.end(), longest_units):
        return best.span()
    place = _border_before(text, window)
    return place, place


def _rank(run: re.Match[str], window: int) -> int:
    """Return 2 for a paragraph's end, 1 for a line's, 0 for a word's.

    One in the first half counts as a word's: a part should not go out half empty for its looks.
    """
    return 0 if 2 * run.start() < window else min(run[0].count("\n"), 2)


def _word_fits(text: str, begin: int, longest_units: int) -> bool:
    """Whether the word that begins here fits into a part: if not, it need not be kept whole."""
    following = _BLANK_RUN.search(text, begin)
    end = following.start() if following else len(text)
    return end - begin <= longest_units and length(text[begin:end]) <= longest_units


def _border_before(text: str, window: int) -> int:
    """Return the last place up to `window` that cuts no visible character, nor a URL that fits."""
    place = next((at for at in range(window, 0, -1) if is_border(text, at)), window)
    for url in _URL.finditer(text):
        if url.start() >= place:
            break
        if url.start() > 0 and place < url.end() <= url.start() + window:
            return url.start()
    return place


_JOINER = "\u200d"
_VIRAMA = 9  # the combining class of the signs that bind Indic consonants together
# Format and letter characters that a reader sees as part of the one before: joiners, Thai and Lao
# AM, halfwidth voicing marks.
_CLINGING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")


def is_border(text: str, place: int) -> bool:
    """Whether a reader sees two characters, not one, on either side of `place`.

    The rules of UAX #29 that texts are made of: combining marks, emoji with joiners, skin tones
    and tags, flags, Hangul syllables, Indic conjuncts, CR LF.
    """
    if not 0 < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    if before in "\r\n":
        return (before, after) != ("\r", "\n")
    if _clings(after) or (before == _JOINER and unicodedata.category(after) == "So"):
        return False
    if _is_flag_letter(before) and _is_flag_letter(after):
        return _flag_letters_before(text, place) % 2 == 0
    if unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(after) != "Lo"
    return not _is_one_syllable(before, after)


def _clings(character: str) -> bool:
    return (
        unicodedata.category(character)[0] == "M"
        or character in _CLINGING
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # tags: the flags of Scotland, Wales
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, place: int) -> int:
    first = place
    while first > 0 and _is_flag_letter(text[first - 1]):
        first -= 1
    return place - first


def _is_one_syllable(before: str, after: str) -> bool:
    """Whether these are parts of one Hangul syllable: lead, vowel and tail."""
    if "\u1100" <= before <= "\u115f":
        return "\u1100" <= after <= "\u11a7" or "\uac00" <= after <= "\ud7a3"
    in_syllable = "\u1160" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return in_syllable and "\u1160" <= after <= "\u11ff"
