"""What somebody may mean by what they typed into a search field."""

from __future__ import annotations

import re
from typing import Final

from bridge.domain.directory import Directory
from bridge.domain.numbers import country_of, is_number, is_short_code, read_address

_NUMBERISH: Final = re.compile(r"[+(]?[\d\s().\-/]{3,25}")


def addresses_meant(words: str, directory: Directory) -> list[str]:
    """The addresses that may be meant, as they begin: in full or as written at home.

    None where it is no number. Home is wherever our own numbers are.
    """
    if not _NUMBERISH.fullmatch(words):
        return []
    countries = {country_of(address) for address in directory.senders}
    read = [read_address(words, country) for country in (None, *sorted(filter(None, countries)))]
    found = [address for address in read if is_number(address) or is_short_code(address)]
    if words.startswith("+"):
        found.append("+" + "".join(character for character in words if character.isdigit()))
    return list(dict.fromkeys(found))
