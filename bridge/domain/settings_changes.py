"""What an import would change: the file against what is stored, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from bridge.domain.directory import (
    AutoReply,
    CarrierWords,
    Entry,
    Hours,
    KeywordEntry,
    List,
    Scope,
    Sender,
    Template,
)
from bridge.domain.keywords import normalise, overlaps
from bridge.domain.settings_file import SettingsFile
from bridge.domain.settings_references import resolve
from bridge.domain.wishes import wish_to_stop
from bridge.domain.words import is_reserved

E = TypeVar("E", bound=Entry)
Section = Literal["senders", "lists", "keywords", "hours", "auto_replies", "templates"]

SINGULAR: Final[Mapping[Section, str]] = {
    "senders": "sender",
    "lists": "list",
    "keywords": "keyword rule",
    "hours": "hours",
    "auto_replies": "auto-reply",
    "templates": "template",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """All that an admin has set, in the order in which it counts."""

    senders: tuple[Sender, ...] = ()
    lists: tuple[List, ...] = ()
    keywords: tuple[KeywordEntry, ...] = ()
    hours: tuple[Hours, ...] = ()
    auto_replies: tuple[AutoReply, ...] = ()
    templates: tuple[Template, ...] = ()

    def sections(self) -> dict[Section, tuple[Entry, ...]]:
        """The same by section, in the order of the settings file."""
        return {
            "senders": self.senders,
            "lists": self.lists,
            "keywords": self.keywords,
            "hours": self.hours,
            "auto_replies": self.auto_replies,
            "templates": self.templates,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that an import changes; `what` says how: "added", "changed reply".

    `before` and `after` are the entry's keys that differ, None where there is no such entry.
    """

    section: Section
    name: str
    what: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @property
    def subject(self) -> str:
        """What kind of thing changes: "keyword rule"."""
        return SINGULAR[self.section]

    def __str__(self) -> str:
        return f"{SINGULAR[self.section]} {self.name}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be stored, how that differs from now, and what an admin should look at."""

    documents: Documents
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def plan_import(
    stored: Documents, file: SettingsFile, carriers: CarrierWords, *, prune: bool
) -> Plan:
    """Work out an import: each entry that the file names becomes just what the file says.

    A word is what identifies a rule among those of the same match and senders: a rule of the
    file takes its words over. Raises UserMistake where the file speaks of what doesn't exist.
    """
    kept = Documents() if prune else stored
    senders = _merge(kept.senders, file.senders)
    lists = _merge(kept.lists, file.lists)
    hours = _merge(kept.hours, file.hours)
    named = resolve(file, senders, lists, hours, kept.auto_replies)
    documents = Documents(
        senders=senders,
        lists=lists,
        keywords=_take_over(kept.keywords, named.keywords),
        hours=hours,
        auto_replies=_merge(kept.auto_replies, named.auto_replies),
        templates=_merge(kept.templates, file.templates),
    )
    return plan_of(stored, documents, carriers)


def plan_of(stored: Documents, wanted: Documents, carriers: CarrierWords) -> Plan:
    """What it means to store these documents in the place of the others."""
    changes: list[Change] = []
    before = stored.sections()
    for section, entries in wanted.sections().items():
        partners: Mapping[str, Entry] = _same_key(before[section], entries)
        if section == "keywords":
            partners = _same_words(stored.keywords, wanted.keywords)
        changes += _compare(section, before[section], entries, partners)
    return Plan(documents=wanted, changes=tuple(changes), warnings=tuple(_warn(wanted, carriers)))


def _merge(old: Sequence[E], named: Sequence[E]) -> tuple[E, ...]:
    """The old entries with the named ones in their places, in the order of the file."""
    names = {entry.key for entry in named}
    return _fill([None if entry.key in names else entry for entry in old], named)


def _fill(places: Sequence[E | None], named: Sequence[E]) -> tuple[E, ...]:
    """Put the named entries into the empty places, in order, and the rest behind."""
    waiting = iter(named)
    filled: list[E] = []
    for place in places:
        entry = place or next(waiting, None)
        if entry is not None:
            filled.append(entry)
    return tuple(filled) + tuple(waiting)


def _take_over(
    old: Sequence[KeywordEntry], rules: Sequence[KeywordEntry]
) -> tuple[KeywordEntry, ...]:
    taken = {(rule.scope, word): rule for rule in rules for word in rule.compared}
    places = [_without(entry, taken) for entry in old]
    return _fill(places, rules)


def _without(
    entry: KeywordEntry, taken: Mapping[tuple[Scope, str], KeywordEntry]
) -> KeywordEntry | None:
    """The rule without the words that were taken over; None where none is left."""
    words = tuple(word for word in entry.words if (entry.scope, normalise(word)) not in taken)
    return entry.model_copy(update={"words": words}) if words else None


def _same_key(old: Sequence[E], new: Sequence[E]) -> dict[str, E]:
    """For each new entry, by key, the old one that it takes the place of."""
    before = {entry.key: entry for entry in old}
    return {entry.key: before[entry.key] for entry in new if entry.key in before}


def _same_words(
    old: Sequence[KeywordEntry], new: Sequence[KeywordEntry]
) -> dict[str, KeywordEntry]:
    """As `_same_key`, for rules, which go on when their first word, and so their key, changes."""
    owner = {(entry.scope, word): entry for entry in old for word in entry.compared}
    found: dict[str, KeywordEntry] = {}
    used: set[str] = set()
    # First those that only lost words, so that the rule that took them is the new one.
    for only_words in (True, False):
        for entry in new:
            for word in entry.compared:
                before = owner.get((entry.scope, word))
                if before is None or before.key in used or entry.key in found:
                    continue
                if not only_words or entry == before.model_copy(update={"words": entry.words}):
                    found[entry.key] = before
                    used.add(before.key)
    return found


def _compare(
    section: Section, old: Sequence[Entry], new: Sequence[Entry], partners: Mapping[str, Entry]
) -> Iterator[Change]:
    for entry in new:
        before = partners.get(entry.key)
        if before is None:
            yield Change(section=section, name=entry.key, what="added", after=_shown(entry))
        elif entry != before:
            what = f"changed {', '.join(_differences(before, entry))}"
            old_keys, new_keys = _differing(_shown(before), _shown(entry))
            yield Change(
                section=section, name=entry.key, what=what, before=old_keys, after=new_keys
            )
    gone_on = [partners[entry.key].key for entry in new if entry.key in partners]
    for entry in old:
        if entry.key not in gone_on:
            yield Change(section=section, name=entry.key, what="removed", before=_shown(entry))
    if gone_on != [entry.key for entry in old if entry.key in gone_on]:
        yield Change(section=section, name="(all)", what="changed order")


def _shown(entry: Entry) -> dict[str, Any]:
    return entry.model_dump(mode="json", exclude_defaults=True)


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both only the keys in which they differ."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return (
        {key: before[key] for key in keys if key in before},
        {key: after[key] for key in keys if key in after},
    )


def _differences(before: Entry, after: Entry) -> Iterator[str]:
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name == "words":
            steps = [f"+{word}" for word in new if word not in old]
            steps += [f"-{word}" for word in old if word not in new]
            yield f"words ({', '.join(steps) or 'order'})"
        else:
            yield name


def _warn(documents: Documents, carriers: CarrierWords) -> Iterator[str]:
    yield from _warn_of_auto_replies(documents)
    for rule in documents.keywords:
        if not rule.does_something:
            yield f"keyword rule {rule.key} does nothing: its texts are kept and shown, no more"
        for word in filter(wish_to_stop, rule.words):
            yield f"keyword rule {rule.key}: “{word}” is a wish to stop, which comes first"
    yield from _warn_of_overlaps(documents.keywords)
    for sender in documents.senders:
        if _help_is_the_carriers(sender, carriers) and _has_help_reply(sender, documents.keywords):
            yield (
                f"sender {sender.address}: {sender.carrier} answers HELP itself, so the reply set "
                'for it is not sent; add answers = ["HELP"] once the carrier leaves it to you'
            )


def _warn_of_auto_replies(documents: Documents) -> Iterator[str]:
    with_hours = {sender.address for sender in documents.senders if sender.hours is not None}
    for reply in documents.auto_replies:
        if reply.greeting is None and reply.out_of_hours is None:
            yield f"auto-reply {reply.name} does nothing: it has neither text"
        elif reply.out_of_hours is not None:
            for address in sorted({*reply.senders} - with_hours):
                yield f"sender {address} has no hours, so it is never out of hours"


def _warn_of_overlaps(rules: Sequence[KeywordEntry]) -> Iterator[str]:
    shared: dict[tuple[str, str, bool], list[str]] = {}
    for overlap in overlaps([rule.compiled() for rule in rules]):
        pair = (overlap.winner, overlap.loser, overlap.wholly)
        shared.setdefault(pair, []).append(overlap.word)
    for (winner, loser, wholly), words in shared.items():
        extent = "never" if wholly else "not always"
        yield (
            f"keyword rules {winner} and {loser} overlap on {', '.join(words)}: the first wins, "
            f"and the second is {extent} met"
        )


def _help_is_the_carriers(sender: Sender, carriers: CarrierWords) -> bool:
    if "HELP" in (sender.answers or ()):
        return False
    return bool(carriers.get(sender.carrier, {}).get(sender.kind, {}).get("HELP"))


def _has_help_reply(sender: Sender, rules: Sequence[KeywordEntry]) -> bool:
    return sender.texts.help is not None or any(
        is_reserved(rule.words[0]) == "help"
        and (not rule.senders or sender.address in rule.senders)
        for rule in rules
        if rule.reply
    )
