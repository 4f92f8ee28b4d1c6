"""A keyword rule as a form has it, and the settings as they would be with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from multidict import MultiDict

from bridge.carriers.registry import CAPABILITIES
from bridge.domain.directory import CarrierWords, KeywordEntry
from bridge.domain.keywords import overlaps
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_edits import Faulty, unshown, with_rule
from bridge.domain.wishes import wish_to_stop
from bridge.web.admin.fields import several_in, text_in

CARRIERS: Final[CarrierWords] = {name: can.answers for name, can in CAPABILITIES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """What the fields hold, faulty or not."""

    words: tuple[str, ...] = ()
    match: str = "message"
    senders: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    set_tags: tuple[str, ...] = ()
    set_fields: tuple[tuple[str, str], ...] = ()
    hours: str = ""
    reply: str = ""
    confirm: str = ""
    ticket: bool = False

    def content(self) -> dict[str, Any]:
        """The rule as the settings file would have it."""
        found: dict[str, Any] = {
            "words": self.words,
            "match": self.match,
            "senders": self.senders,
            "lists": self.lists,
            "unsubscribe": self.unsubscribe,
            "set_tags": self.set_tags,
            "set_fields": dict(self.set_fields),
            "hours": self.hours or None,
            "reply": self.reply or None,
            "confirm": self.confirm or None,
            "ticket": self.ticket,
        }
        # Left out where it says nothing: a rule on HELP may have a reply and no more.
        usual = KeywordEntry.model_fields
        return {key: value for key, value in found.items() if value != usual[key].default}


SHOWN: Final = frozenset(field.name for field in fields(RuleForm))


def read_rule(form: MultiDict[str]) -> RuleForm:
    """The rule out of a form's fields."""
    return RuleForm(
        words=several_in(form, "words"),
        match=form.get("match", "message"),
        senders=tuple(form.getall("senders", [])),
        lists=tuple(form.getall("lists", [])),
        unsubscribe=tuple(form.getall("unsubscribe", [])),
        set_tags=several_in(form, "set_tags"),
        set_fields=_pairs(form.get("set_fields", "")),
        hours=form.get("hours", ""),
        reply=text_in(form, "reply"),
        confirm=text_in(form, "confirm"),
        ticket=bool(form.get("ticket")),
    )


def form_of(entry: KeywordEntry) -> RuleForm:
    """The form that a stored rule fills."""
    return RuleForm(
        words=entry.words,
        match=entry.match,
        senders=entry.senders,
        lists=entry.lists,
        unsubscribe=entry.unsubscribe,
        set_tags=entry.set_tags,
        set_fields=tuple(entry.set_fields.items()),
        hours=entry.hours or "",
        reply=entry.reply or "",
        confirm=entry.confirm or "",
        ticket=entry.ticket,
    )


def documents_with(
    stored: Documents, form: RuleForm, old: str | None
) -> tuple[Documents, Mapping[str, str]]:
    """The settings with this rule and no faults, or as they are and why not, by field."""
    whole = {**unshown(stored.keywords, old, SHOWN), **form.content()}
    try:
        return with_rule(stored, whole, old=old), {}
    except Faulty as error:
        return stored, error.faults


def clashes(documents: Documents) -> dict[str, list[str]]:
    """For each rule, by its key, what to know about others that meet the same texts."""
    found: dict[str, list[str]] = {}
    for one in overlaps([entry.compiled() for entry in documents.keywords]):
        always = "always" if one.wholly else "for some texts or numbers"
        won = f"“{one.word}”: this rule comes before {one.loser}, {always}."
        lost = f"“{one.word}”: the rule {one.winner} comes first, {always}."
        found.setdefault(one.winner, []).append(won)
        found.setdefault(one.loser, []).append(lost)
    for entry in documents.keywords:
        for word in filter(wish_to_stop, entry.words):
            told = f"“{word}” is a wish to stop: that comes before every rule, always."
            found.setdefault(entry.key, []).append(told)
        if not entry.does_something:
            found.setdefault(entry.key, []).append("It does nothing yet: texts are only kept.")
    return found


def _pairs(given: str) -> tuple[tuple[str, str], ...]:
    """Lines such as "size = L"; a line without the sign has no value."""
    lines = [line.partition("=") for line in given.splitlines() if line.strip()]
    return tuple((name.strip(), value.strip()) for name, _, value in lines)
