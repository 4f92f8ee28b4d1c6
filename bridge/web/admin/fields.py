"""What a form's fields hold, as the settings file would have it."""

from __future__ import annotations

import re
from typing import Final

from multidict import MultiDict

_APART: Final = re.compile(r"[,;\n\r]+")


def text_in(form: MultiDict[str], name: str) -> str:
    """A text of one line or several, which a browser ends with CR and LF."""
    return form.get(name, "").replace("\r\n", "\n").strip()


def several_in(form: MultiDict[str], name: str) -> tuple[str, ...]:
    """What stands in all fields of the name, commas, semicolons or lines apart; each once."""
    parts = [part.strip() for given in form.getall(name, []) for part in _APART.split(given)]
    return tuple(dict.fromkeys(part for part in parts if part))


def number_in(form: MultiDict[str], name: str) -> int | str:
    """A whole number, or as it stands there: the model tells of what is none."""
    given = form.get(name, "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 else given
