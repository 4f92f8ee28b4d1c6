"""The settings file as it is written: read, checked entry by entry, each fault with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.domain.directory import (
    AutoReply,
    CarrierWords,
    Document,
    Hours,
    KeywordEntry,
    List,
    Sender,
    Template,
)
from bridge.domain.templates import unknown_placeholder
from bridge.domain.toml_lines import Place, index_lines, line_of
from bridge.domain.words import Reserved, is_reserved
from bridge.errors import UserMistake

D = TypeVar("D", bound=Document)

# Named in the settings file's description, and not in this version.
ABSENT_SECTIONS: Final = (
    "fields",
    "sequences",
    "sinks",
)
_SECTIONS: Final = ("senders", "lists", "keywords", "hours", "auto_replies", "templates")
_WHY_RESERVED: Final[Mapping[Reserved | None, str]] = {
    "opt_out": "an opt-out word: the law and the carriers keep it for stopping all texts",
    "opt_in": "an opt-in word: it lifts an opt-out or answers a question to confirm",
}
_HELP_KEYS: Final = frozenset({"words", "senders", "reply"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """A file without a fault in itself; whether it fits what is stored is another question."""

    senders: tuple[Sender, ...]
    lists: tuple[List, ...]
    keywords: tuple[KeywordEntry, ...]
    hours: tuple[Hours, ...]
    auto_replies: tuple[AutoReply, ...]
    templates: tuple[Template, ...]
    lines: Mapping[Place, int]


def parse(text: str, carriers: CarrierWords) -> SettingsFile:
    """Read a settings file. Raises UserMistake with one line for each fault."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserMistake(_explain_syntax(str(error), text)) from error
    lines = index_lines(text)
    faults: list[tuple[Place, str]] = list(_section_faults(content))
    senders = _read_entries(Sender, "senders", content, faults)
    lists = _read_entries(List, "lists", content, faults)
    keywords = _read_entries(KeywordEntry, "keywords", content, faults)
    hours = _read_entries(Hours, "hours", content, faults)
    auto_replies = _read_entries(AutoReply, "auto_replies", content, faults)
    templates = _read_entries(Template, "templates", content, faults)
    faults += _sender_faults(senders, carriers)
    for section, named in (
        *(("lists", lists), ("hours", hours)),
        *(("auto_replies", auto_replies), ("templates", templates)),
    ):
        names = {at: entry.key.casefold() for at, entry in named.items()}
        faults += _repeats(section, "name", names)
    for at, rule in keywords.items():
        faults += [(("keywords", at, key), reason) for key, reason in rule_faults(rule)]
    for at, template in templates.items():
        if why := unknown_placeholder(template.text):
            faults.append((("templates", at, "text"), why))
    refuse(faults, lines)
    return SettingsFile(
        senders=tuple(senders.values()),
        lists=tuple(lists.values()),
        keywords=tuple(keywords.values()),
        hours=tuple(hours.values()),
        auto_replies=tuple(auto_replies.values()),
        templates=tuple(templates.values()),
        lines=lines,
    )


def refuse(faults: Collection[tuple[Place, str]], lines: Mapping[Place, int]) -> None:
    """Raise UserMistake where there are faults: line, key and reason of each, in their order."""
    if not faults:
        return
    told = sorted({(line_of(lines, place) or 0, _name_place(place), why) for place, why in faults})
    raise UserMistake("\n".join(f"line {line}: {name}: {why}" for line, name, why in told))


def suggest(wrong: str, known: Collection[str]) -> str:
    """The nearest of the known names, as the end of a sentence; nothing where none is near."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _name_place(place: Place) -> str:
    """("keywords", 1, "words", 0) as people count: "keywords 2, words"."""
    section, *rest = place
    number = f" {rest[0] + 1}" if rest and isinstance(rest[0], int) else ""
    keys = ".".join(part for part in rest if isinstance(part, str))
    return f"{section}{number}{', ' if keys else ''}{keys}"


def _explain_syntax(error: str, text: str) -> str:
    found = re.fullmatch(r"(.*) \(at (.*)\)", error, re.DOTALL)
    if found is None:
        return f"not TOML: {error}"
    last = f"line {text.rstrip().count(chr(10)) + 1}"
    return f"{last if found[2] == 'end of document' else found[2]}: not TOML: {found[1]}"


def _section_faults(content: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    for section, entries in content.items():
        if section in ABSENT_SECTIONS:
            yield (section,), "this version does not have this section yet; leave it out"
        elif section not in _SECTIONS:
            yield (section,), f"there is no such section{suggest(section, _SECTIONS)}"
        elif not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            yield (section,), f"must be entries, each headed by [[{section}]]"


def _read_entries(
    model: type[D], section: str, content: Mapping[str, Any], faults: list[tuple[Place, str]]
) -> dict[int, D]:
    """The sound entries of a section by their place in it; what is wrong goes to the faults."""
    found: dict[int, D] = {}
    entries = content.get(section, [])
    for at, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict):
            continue
        try:
            found[at] = model.model_validate(entry)
        except ValidationError as error:
            for detail in told_once(error.errors(include_url=False)):
                # What concerns several keys of a sender is about its number.
                where = detail["loc"] or ("number",)
                faults.append(((section, at, *where), explain(detail, model)))
    return found


def told_once(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "too short" about a list that is short of the items which are told of anyway."""
    inside = {detail["loc"][:-1] for detail in details}
    return [one for one in details if one["type"] != "too_short" or one["loc"] not in inside]


def explain(detail: ErrorDetails, model: type[Document]) -> str:
    """A fault that pydantic found, in words."""
    if detail["type"] == "extra_forbidden":
        return f"there is no such key{suggest(str(detail['loc'][-1]), model.model_fields)}"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    explain = _REASONS.get(detail["type"])
    return explain(detail.get("ctx", {})) if explain else detail["msg"]


_REASONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is missing",
    "string_type": lambda _: "must be text, in quotes",
    "string_too_long": lambda limits: f"is longer than {limits['max_length']} characters",
    "literal_error": lambda limits: f"must be {limits['expected']}",
    "bool_type": lambda _: "must be true or false, without quotes",
    "int_type": lambda _: "must be a whole number, without quotes",
    "float_type": lambda _: "must be a number, without quotes",
    "greater_than": lambda limits: f"must be above {limits['gt']}",
    "less_than": lambda limits: f"must be below {limits['lt']}",
    "less_than_equal": lambda limits: f"must be at most {limits['le']}",
    "greater_than_equal": lambda limits: f"must be at least {limits['ge']}",
    "tuple_type": lambda _: 'must be a list, such as ["one", "two"]',
    "too_short": lambda limits: f"must hold at least {limits['min_length']}",
    "too_long": lambda limits: f"must hold at most {limits['max_length']}",
    "dict_type": lambda _: 'must be a table, such as {size = "L"}',
    "model_type": lambda _: 'must be a table, such as {stop = "..."}',
}


def _sender_faults(
    senders: Mapping[int, Sender], carriers: CarrierWords
) -> Iterator[tuple[Place, str]]:
    for at, sender in senders.items():
        if sender.carrier not in carriers:
            available = ", ".join(sorted(carriers)) or "none"
            yield (
                ("senders", at, "carrier"),
                f'"{sender.carrier}" is not a carrier of this version (there is: {available})',
            )
        elif (kinds := carriers[sender.carrier]) and sender.kind not in kinds:
            yield ("senders", at, "kind"), f"{sender.carrier} has no {sender.kind}"
    yield from _repeats("senders", "number", {at: one.address for at, one in senders.items()})


def _repeats(section: str, key: str, names: Mapping[int, str]) -> Iterator[tuple[Place, str]]:
    first: dict[str, int] = {}
    for at, name in names.items():
        if name in first:
            yield (section, at, key), f"stands in {section} {first[name] + 1} already"
        first.setdefault(name, at)


def rule_faults(rule: KeywordEntry) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule in itself, by key."""
    helps = [word for word in rule.words if is_reserved(word) == "help"]
    for word in rule.words:
        reserved = is_reserved(word)
        if reserved in _WHY_RESERVED:
            yield "words", f'"{word}" is {_WHY_RESERVED[reserved]}, so no rule may use it'
    if helps and len(helps) < len(rule.words):
        yield "words", f'"{helps[0]}" asks for help: it needs a rule without other words'
    elif helps:
        for key in sorted(rule.model_fields_set - _HELP_KEYS):
            if getattr(rule, key) != type(rule).model_fields[key].default:
                yield key, f'a rule on "{helps[0]}" sets a reply only: it always makes a ticket'
    if both := set(rule.lists) & set(rule.unsubscribe):
        yield "unsubscribe", f'"{min(both)}" stands in lists, too'
    if rule.confirm is not None and not rule.lists:
        yield "confirm", "asks to confirm a sign-up, so lists is needed"
