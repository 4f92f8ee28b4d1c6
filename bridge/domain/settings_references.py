"""What entries of the settings say of one another: each name must be one that there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.domain.directory import AutoReply, Hours, KeywordEntry, List, Scope, Sender
from bridge.domain.numbers import read_address
from bridge.domain.settings_file import SettingsFile, refuse, suggest
from bridge.domain.toml_lines import Place

Fault = tuple[Place, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The file's entries that name senders, with the senders as addresses."""

    keywords: tuple[KeywordEntry, ...]
    auto_replies: tuple[AutoReply, ...]


def resolve(
    file: SettingsFile,
    senders: Sequence[Sender],
    lists: Sequence[List],
    hours: Sequence[Hours],
    auto_replies: Sequence[AutoReply],
) -> Resolved:
    """Find what the file's entries name among all there is. Raises UserMistake.

    `auto_replies` are those that stay in force beside the file's.
    """
    faults: list[Fault] = []
    rules = []
    for at, rule in enumerate(file.keywords):
        addresses = _addresses(("keywords", at, "senders"), rule.senders, senders, faults)
        rules.append(rule.model_copy(update={"senders": addresses}))
    faults += _list_faults(file, lists)
    faults += _word_faults(rules)
    faults += _hours_faults(file, hours)
    replies = []
    for at, reply in enumerate(file.auto_replies):
        addresses = _addresses(("auto_replies", at, "senders"), reply.senders, senders, faults)
        replies.append(reply.model_copy(update={"senders": addresses}))
    if not faults:
        faults += _reply_faults(replies, auto_replies)
    refuse(faults, file.lines)
    return Resolved(keywords=tuple(rules), auto_replies=tuple(replies))


def reply_clash(entry: AutoReply, others: Sequence[AutoReply]) -> str | None:
    """Why this auto-reply can't stand beside the others: a sender has one of its own at most."""
    for other in others:
        if other.key == entry.key:
            continue
        if not other.senders and not entry.senders:
            return f"the auto-reply {other.name} is for all senders already"
        if shared := set(other.senders) & set(entry.senders):
            return f"{min(shared)} has the auto-reply {other.name} already"
    return None


def _addresses(
    place: Place, named: Sequence[str], senders: Sequence[Sender], faults: list[Fault]
) -> tuple[str, ...]:
    found = [_find_sender(written, senders) for written in named]
    faults += [(place, why) for why in found if isinstance(why, str)]
    return tuple(dict.fromkeys(one.address for one in found if isinstance(one, Sender)))


def _find_sender(written: str, senders: Sequence[Sender]) -> Sender | str:
    """The sender that is meant, or why none is."""
    wanted = {written, read_address(written, None)}
    found = [one for one in senders if one.address in wanted]
    if not found:  # a short code, without its country
        found = [one for one in senders if one.number == written]
    if len(found) == 1:
        return found[0]
    if found:
        return f'"{written}" is a sender in several countries: write {found[0].address}'
    return f'there is no sender "{written}"'


def _list_faults(file: SettingsFile, lists: Sequence[List]) -> Iterator[Fault]:
    known = {entry.name for entry in lists}
    for at, rule in enumerate(file.keywords):
        for key in ("lists", "unsubscribe"):
            for name in getattr(rule, key):
                if name not in known:
                    yield ("keywords", at, key), f'there is no list "{name}"{suggest(name, known)}'


def _word_faults(rules: Sequence[KeywordEntry]) -> Iterator[Fault]:
    taken: dict[tuple[Scope, str], int] = {}
    for at, rule in enumerate(rules):
        for word in rule.compared:
            first = taken.setdefault((rule.scope, word), at)
            if first != at:
                why = f'"{word}" stands in keywords {first + 1} already, for the same senders'
                yield ("keywords", at, "words"), why


def _hours_faults(file: SettingsFile, hours: Sequence[Hours]) -> Iterator[Fault]:
    known = {entry.name for entry in hours}
    named = {
        "senders": [sender.hours for sender in file.senders],
        "keywords": [rule.hours for rule in file.keywords],
    }
    for section, names in named.items():
        for at, name in enumerate(names):
            if name is not None and name not in known:
                yield (section, at, "hours"), f'there are no hours "{name}"{suggest(name, known)}'


def _reply_faults(replies: Sequence[AutoReply], stored: Sequence[AutoReply]) -> Iterator[Fault]:
    named = {reply.key for reply in replies}
    others = [entry for entry in stored if entry.key not in named]
    for at, reply in enumerate(replies):
        why = reply_clash(reply, [*others, *replies[:at]])
        if why is not None:
            yield ("auto_replies", at, "senders"), why
