"""Typographic characters as plain ones, where that makes a text fit GSM-7 and saves segments.

One curly quote has a whole text sent as UCS-2, of which less than half fits into a segment.
"""

from __future__ import annotations

import re
import unicodedata

from bridge.domain.segments import GSM_BASIC, GSM_EXTENSION, measure

_PLAIN = {
    # double and single quotes of all languages, primes, accents that stand alone
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u301d\u301e\uff02", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032`\u00b4\u02bc\uff07", "'"),
    # hyphens and dashes, minus
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\uff0d", "-"),
    # bullets and middle dots
    **dict.fromkeys("\u2022\u2023\u25cf\u25aa\u00b7\u2219", "-"),
    # spaces of all widths, tab
    **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008", " "),
    **dict.fromkeys("\u2009\u200a\u202f\u205f\u3000", " "),
    # what takes no room: zero-width space, word joiner, soft hyphen, byte order mark
    **dict.fromkeys("\u200b\u2060\u00ad\ufeff", ""),
    **dict.fromkeys("\u2028\u2029", "\n"),
    "\u2026": "...",
    "\u2044": "/",
    "\u00d7": "x",
    "\u2122": "(TM)",
    "\u00ae": "(R)",
    "\u00a9": "(C)",
    "\u2190": "<-",
    "\u2192": "->",
}
_GSM = GSM_BASIC | GSM_EXTENSION
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


def to_gsm(text: str) -> str:
    """The text with plain characters, or just as it was where it would not fit GSM-7 even so.

    Letters stay what they are (only ligatures and full-width forms are undone), and so do
    addresses.
    """
    if all(character in _GSM for character in text):
        return text
    words = []
    end = 0
    for url in _URL.finditer(text):
        words += [_plain(text[end : url.start()]), url[0]]
        end = url.end()
    plain = "".join([*words, _plain(text[end:])])
    is_gsm = bool(plain.strip()) and all(character in _GSM for character in plain)
    return plain if is_gsm and measure(plain).segments <= measure(text).segments else text


def _plain(text: str) -> str:
    # "e" and a combining accent are one letter, and GSM-7 has it as that one only.
    composed = unicodedata.normalize("NFC", text)
    return "".join(map(_plain_character, composed))


def _plain_character(character: str) -> str:
    if character in _GSM:
        return character
    known = _PLAIN.get(character)
    if known is not None:
        return known
    compatible = unicodedata.normalize("NFKC", character)
    return compatible if all(one in _GSM for one in compatible) else character
