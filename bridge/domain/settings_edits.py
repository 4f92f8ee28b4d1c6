"""One entry of the settings changed by hand: checked as the file is, told of by its fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from bridge.domain.directory import (
    AutoReply,
    CarrierWords,
    Document,
    Entry,
    Hours,
    KeywordEntry,
    List,
    Named,
    Sender,
    Template,
)
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_file import explain, rule_faults, told_once
from bridge.domain.settings_references import reply_clash
from bridge.domain.templates import unknown_placeholder
from bridge.errors import BridgeError

D = TypeVar("D", bound=Document)
E = TypeVar("E", bound=Entry)
N = TypeVar("N", bound=Named)


class Faulty(BridgeError):
    """An entry that can't be taken: `faults` says why, by field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {why}" for field, why in faults.items()))
        self.faults = faults


def unshown(entries: Iterable[Entry], key: str | None, shown: Collection[str]) -> dict[str, Any]:
    """What a form that shows these keys doesn't show of this entry: it stays as it was."""
    for entry in entries:
        if entry.key == key:
            return entry.model_dump(exclude={*shown}, exclude_defaults=True)
    return {}


def with_rule(documents: Documents, content: Mapping[str, Any], *, old: str | None) -> Documents:
    """The documents with this rule in the place of the old one, or behind all. Raises Faulty.

    `old` is the key of the rule that it takes the place of.
    """
    rule = _read(KeywordEntry, content)
    faults = dict(reversed([*_misfits(documents, rule, old), *rule_faults(rule)]))
    if faults:
        raise Faulty(faults)
    return replace(documents, keywords=_put(documents.keywords, rule, old))


def _misfits(
    documents: Documents, rule: KeywordEntry, old: str | None
) -> Iterator[tuple[str, str]]:
    """Where a rule speaks of what isn't there, or claims what another has."""
    known = {entry.name for entry in documents.lists}
    for key in ("lists", "unsubscribe"):
        for name in set(getattr(rule, key)) - known:
            yield key, f'there is no list "{name}"'
    for address in set(rule.senders) - {sender.address for sender in documents.senders}:
        yield "senders", f"{address} is no sender"
    if rule.hours not in {None, *(entry.name for entry in documents.hours)}:
        yield "hours", f'there are no hours "{rule.hours}"'
    for other in documents.keywords:
        shared = set(other.compared) & set(rule.compared)
        if other.key != old and other.scope == rule.scope and shared:
            yield "words", f'"{min(shared)}" has a rule already, for the same numbers: {other.key}'


def without_rule(documents: Documents, key: str) -> Documents:
    """The documents without this rule."""
    return replace(documents, keywords=_without(documents.keywords, key))


def with_list(documents: Documents, name: str) -> Documents:
    """The documents with one more list. Raises Faulty."""
    entry = _read(List, {"name": name})
    return replace(documents, lists=_put_named(documents.lists, entry, None, "there is a list"))


def without_list(documents: Documents, name: str) -> Documents:
    """The documents without this list. Raises Faulty while a rule speaks of it."""
    users = [rule.key for rule in documents.keywords if name in (*rule.lists, *rule.unsubscribe)]
    if users:
        raise Faulty({"name": f"the keyword rule {users[0]} uses it: change that first"})
    return replace(documents, lists=_without(documents.lists, name))


def with_sender(
    documents: Documents, content: Mapping[str, Any], carriers: CarrierWords, *, old: str | None
) -> Documents:
    """The documents with this sender in the place of the old one, or behind all. Raises Faulty."""
    sender = _read(Sender, content, whole="number")
    if sender.carrier not in carriers:
        raise Faulty({"carrier": f"is one of {', '.join(sorted(carriers))}"})
    if sender.address != old and any(one.address == sender.address for one in documents.senders):
        raise Faulty({"number": "is a sender already"})
    if sender.hours not in {None, *(entry.name for entry in documents.hours)}:
        raise Faulty({"hours": f'there are no hours "{sender.hours}"'})
    if old is not None and sender.address != old:
        raise Faulty({"number": "stays what it is: add the other one, then remove this"})
    return replace(documents, senders=_put(documents.senders, sender, old))


def without_sender(documents: Documents, address: str) -> Documents:
    """The documents without this sender. Raises Faulty while a rule is limited to it."""
    users = [rule.key for rule in documents.keywords if address in rule.senders]
    if users:
        raise Faulty({"number": f"the keyword rule {users[0]} is for it: change that first"})
    replies = [reply.name for reply in documents.auto_replies if address in reply.senders]
    if replies:
        raise Faulty({"number": f"the auto-reply {replies[0]} is for it: change that first"})
    return replace(documents, senders=_without(documents.senders, address))


def with_hours(documents: Documents, content: Mapping[str, Any], *, old: str | None) -> Documents:
    """The documents with these hours in the place of the old ones, or behind all. Raises Faulty."""
    entry = _read(Hours, content, whole="name")
    return replace(documents, hours=_put_named(documents.hours, entry, old, "there are hours"))


def without_hours(documents: Documents, name: str) -> Documents:
    """The documents without these hours. Raises Faulty while something goes by them."""
    users = [f"the sender {sender.address}" for sender in documents.senders if sender.hours == name]
    users += [f"the keyword rule {rule.key}" for rule in documents.keywords if rule.hours == name]
    if users:
        raise Faulty({"name": f"{users[0]} goes by them: change that first"})
    return replace(documents, hours=_without(documents.hours, name))


def with_auto_reply(
    documents: Documents, content: Mapping[str, Any], *, old: str | None
) -> Documents:
    """The documents with this auto-reply in the place of the old one, or behind all. Raises
    Faulty."""
    entry = _read(AutoReply, content, whole="name")
    replies = _put_named(documents.auto_replies, entry, old, "there is an auto-reply")
    for address in set(entry.senders) - {sender.address for sender in documents.senders}:
        raise Faulty({"senders": f"{address} is no sender"})
    if why := reply_clash(entry, documents.auto_replies):
        raise Faulty({"senders": why})
    return replace(documents, auto_replies=replies)


def without_auto_reply(documents: Documents, name: str) -> Documents:
    """The documents without this auto-reply."""
    return replace(documents, auto_replies=_without(documents.auto_replies, name))


def with_template(
    documents: Documents, content: Mapping[str, Any], *, old: str | None
) -> Documents:
    """The documents with this template in the place of the old one, or behind all. Raises
    Faulty."""
    entry = _read(Template, content, whole="name")
    templates = _put_named(documents.templates, entry, old, "there is a template")
    if why := unknown_placeholder(entry.text):
        raise Faulty({"text": why})
    return replace(documents, templates=templates)


def without_template(documents: Documents, name: str) -> Documents:
    """The documents without this template."""
    return replace(documents, templates=_without(documents.templates, name))


def _put_named(entries: tuple[N, ...], entry: N, old: str | None, there_is: str) -> tuple[N, ...]:
    """As `_put`. Raises Faulty where the name is another's, or not the one that it was."""
    if old is not None and entry.name != old:
        raise Faulty({"name": "stays what it is: add the other, then remove this"})
    if old is None and entry.name.casefold() in {one.name.casefold() for one in entries}:
        raise Faulty({"name": f"{there_is} of this name already"})
    return _put(entries, entry, old)


def _put(entries: tuple[E, ...], entry: E, old: str | None) -> tuple[E, ...]:
    """The entries with this one in the place of the one whose key was `old`, or behind all."""
    if any(one.key == old for one in entries):
        return tuple(entry if one.key == old else one for one in entries)
    return (*entries, entry)


def _without(entries: tuple[E, ...], key: str) -> tuple[E, ...]:
    return tuple(one for one in entries if one.key != key)


def _read(model: type[D], content: Mapping[str, Any], whole: str = "words") -> D:
    """Raises Faulty; what concerns no single key is told of under `whole`."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for detail in told_once(error.errors(include_url=False)):
            field = str(detail["loc"][0]) if detail["loc"] else whole
            faults.setdefault(field, explain(detail, model))
        raise Faulty(faults) from error
