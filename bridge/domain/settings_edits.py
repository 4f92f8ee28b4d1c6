"""One entry of the settings changed by hand: checked as the file is, told of by its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

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
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_file import explain, rule_faults, told_once
from bridge.domain.settings_references import reply_clash
from bridge.domain.templates import unknown_placeholder
from bridge.errors import BridgeError

D = TypeVar("D", bound=Document)


class Faulty(BridgeError):
    """An entry that can't be taken: `faults` says why, by field."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {why}" for field, why in faults.items()))
        self.faults = faults


def with_rule(documents: Documents, content: Mapping[str, Any], *, old: str | None) -> Documents:
    """The documents with this rule in the place of the old one, or behind all. Raises Faulty.

    `old` is the key of the rule that it takes the place of.
    """
    rule = _read(KeywordEntry, content)
    faults = dict(reversed([*_misfits(documents, rule, old), *rule_faults(rule)]))
    if faults:
        raise Faulty(faults)
    if any(entry.key == old for entry in documents.keywords):
        rules = tuple(rule if entry.key == old else entry for entry in documents.keywords)
    else:
        rules = (*documents.keywords, rule)
    return replace(documents, keywords=rules)


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
    rules = tuple(entry for entry in documents.keywords if entry.key != key)
    return replace(documents, keywords=rules)


def with_list(documents: Documents, name: str) -> Documents:
    """The documents with one more list. Raises Faulty."""
    entry = _read(List, {"name": name})
    if any(other.name.casefold() == entry.name.casefold() for other in documents.lists):
        raise Faulty({"name": "there is a list of this name already"})
    return replace(documents, lists=(*documents.lists, entry))


def without_list(documents: Documents, name: str) -> Documents:
    """The documents without this list. Raises Faulty while a rule speaks of it."""
    users = [rule.key for rule in documents.keywords if name in (*rule.lists, *rule.unsubscribe)]
    if users:
        raise Faulty({"name": f"the keyword rule {users[0]} uses it: change that first"})
    return replace(documents, lists=tuple(entry for entry in documents.lists if entry.name != name))


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
    if old is None:
        return replace(documents, senders=(*documents.senders, sender))
    senders = tuple(sender if one.address == old else one for one in documents.senders)
    return replace(documents, senders=senders)


def without_sender(documents: Documents, address: str) -> Documents:
    """The documents without this sender. Raises Faulty while a rule is limited to it."""
    users = [rule.key for rule in documents.keywords if address in rule.senders]
    if users:
        raise Faulty({"number": f"the keyword rule {users[0]} is for it: change that first"})
    replies = [reply.name for reply in documents.auto_replies if address in reply.senders]
    if replies:
        raise Faulty({"number": f"the auto-reply {replies[0]} is for it: change that first"})
    return replace(
        documents, senders=tuple(one for one in documents.senders if one.address != address)
    )


def with_hours(documents: Documents, content: Mapping[str, Any], *, old: str | None) -> Documents:
    """The documents with these hours in the place of the old ones, or behind all. Raises Faulty."""
    entry = _read(Hours, content, whole="name")
    _check_name(entry.name, [one.name for one in documents.hours], old, "hours")
    if old is None:
        return replace(documents, hours=(*documents.hours, entry))
    hours = tuple(entry if one.name == old else one for one in documents.hours)
    return replace(documents, hours=hours)


def without_hours(documents: Documents, name: str) -> Documents:
    """The documents without these hours. Raises Faulty while something goes by them."""
    users = [f"the sender {sender.address}" for sender in documents.senders if sender.hours == name]
    users += [f"the keyword rule {rule.key}" for rule in documents.keywords if rule.hours == name]
    if users:
        raise Faulty({"name": f"{users[0]} goes by them: change that first"})
    return replace(documents, hours=tuple(one for one in documents.hours if one.name != name))


def with_auto_reply(
    documents: Documents, content: Mapping[str, Any], *, old: str | None
) -> Documents:
    """The documents with this auto-reply in the place of the old one, or behind all. Raises
    Faulty."""
    entry = _read(AutoReply, content, whole="name")
    _check_name(entry.name, [one.name for one in documents.auto_replies], old, "an auto-reply")
    for address in set(entry.senders) - {sender.address for sender in documents.senders}:
        raise Faulty({"senders": f"{address} is no sender"})
    if why := reply_clash(entry, documents.auto_replies):
        raise Faulty({"senders": why})
    if old is None:
        return replace(documents, auto_replies=(*documents.auto_replies, entry))
    replies = tuple(entry if one.name == old else one for one in documents.auto_replies)
    return replace(documents, auto_replies=replies)


def without_auto_reply(documents: Documents, name: str) -> Documents:
    """The documents without this auto-reply."""
    replies = tuple(one for one in documents.auto_replies if one.name != name)
    return replace(documents, auto_replies=replies)


def with_template(
    documents: Documents, content: Mapping[str, Any], *, old: str | None
) -> Documents:
    """The documents with this template in the place of the old one, or behind all. Raises
    Faulty."""
    entry = _read(Template, content, whole="name")
    _check_name(entry.name, [one.name for one in documents.templates], old, "a template")
    if why := unknown_placeholder(entry.text):
        raise Faulty({"text": why})
    if old is None:
        return replace(documents, templates=(*documents.templates, entry))
    templates = tuple(entry if one.name == old else one for one in documents.templates)
    return replace(documents, templates=templates)


def without_template(documents: Documents, name: str) -> Documents:
    """The documents without this template."""
    templates = tuple(one for one in documents.templates if one.name != name)
    return replace(documents, templates=templates)


def _check_name(name: str, known: Sequence[str], old: str | None, what: str) -> None:
    """Raises Faulty where the name is another's, or not the one that it was."""
    if old is not None and name != old:
        raise Faulty({"name": "stays what it is: add the other, then remove this"})
    if old is None and name.casefold() in {one.casefold() for one in known}:
        raise Faulty({"name": f"{what} of this name: there is one already"})


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
