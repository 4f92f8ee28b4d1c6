"""Templates for replies: words with placeholders, as Zendesk writes them.

`{{ contact.name }}` is what is known of the customer; `{{ contact.name | default: "there" }}` says
what stands there where nothing is known. What is filled in is never read for placeholders again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.domain.directory import FIELD_NAME
from bridge.domain.numbers import pretty

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "contact.name": "the customer\u2019s name, as Zendesk has it",
    "contact.first_name": "the first word of it",
    "contact.number": "their number",
    "contact.fields.…": "a field that a keyword rule has set, such as contact.fields.size",
    "ticket.id": "the number of the ticket",
    "sender.name": "your brand, as the sender has it",
    "sender.number": "your number that they text",
}
_FIELD: Final = "contact.fields."
_ANY: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_WELL_FORMED: Final = re.compile(
    r"""\s*(?P<name>[a-z_.0-9]+)\s*(?:\|\s*default:\s*(?:"(?P<one>[^"]*)"|'(?P<two>[^']*)')\s*)?"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A template filled in. `missing` are the placeholders that nothing is known for."""

    text: str
    missing: tuple[str, ...]


def unknown_placeholder(text: str) -> str | None:
    """Why a template's text can't be taken, None where it can."""
    for inside in _ANY.findall(text):
        found = _WELL_FORMED.fullmatch(inside)
        if found is None:
            return (
                f"{{{{{inside}}}}} is not like {{{{ contact.name }}}} or "
                '{{ contact.name | default: "there" }}'
            )
        if not _is_known(found["name"]):
            known = ", ".join(PLACEHOLDERS)
            return f"there is no {{{{ {found['name']} }}}}; there is {known}"
    if _ANY.sub("", text).find("{{") >= 0:
        return "{{ has no }} behind it"
    return None


def values_of(
    *,
    name: str | None,
    customer: str,
    fields: Mapping[str, str],
    ticket_id: int | None,
    sender_name: str | None,
    sender: str,
) -> Mapping[str, str | None]:
    """What is known for each placeholder of one conversation; `customer` and `sender` are
    addresses."""
    named = name if name and not name.startswith("+") else None  # a number is nobody's name
    return {
        "contact.name": named,
        "contact.first_name": named.split()[0] if named and named.split() else None,
        "contact.number": pretty(customer),
        "ticket.id": None if ticket_id is None else str(ticket_id),
        "sender.name": sender_name,
        "sender.number": pretty(sender),
        **{f"{_FIELD}{field}": value for field, value in fields.items()},
    }


def fill(text: str, values: Mapping[str, str | None]) -> Filled:
    """The text with the values in the places of their names; without one, its default or nothing.

    A blank beside a placeholder that stays empty goes with it.
    """
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        asked = _WELL_FORMED.fullmatch(found[1])
        if asked is None:
            return found[0]
        known = values.get(asked["name"])
        if known:
            return known
        instead = asked["one"] if asked["one"] is not None else asked["two"]
        if instead is None:
            missing.append(asked["name"])
        return instead or ""

    pieces = _pieces(text, value)
    return Filled(text="".join(pieces).strip(), missing=tuple(dict.fromkeys(missing)))


def _pieces(text: str, value: Callable[[re.Match[str]], str]) -> Iterator[str]:
    end = 0
    for found in _ANY.finditer(text):
        said = value(found)
        before = text[end : found.start()]
        end = found.end()
        if not said and before.endswith(" "):
            before = before[:-1]
        yield before
        yield said
    yield text[end:]


def _is_known(name: str) -> bool:
    if name.startswith(_FIELD):
        return FIELD_NAME.fullmatch(name.removeprefix(_FIELD)) is not None
    return name in PLACEHOLDERS
