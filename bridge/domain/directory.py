"""What the admin has set: senders, lists, rules, hours, as documents and as one snapshot.

A document is what one entry of the settings file says. The same models check the file and read
what was stored, so that nothing gets in one way that the other would refuse.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bridge.domain.auto_replies import HOUR_MS, AutoTexts
from bridge.domain.halt import Halt
from bridge.domain.hours import Week, make_week, read_holiday, read_range, read_zone
from bridge.domain.keywords import KeywordRule, Match, RuleBook, normalise
from bridge.domain.numbers import country_of, is_country, read_address, read_sender_number
from bridge.domain.words import is_reserved

SenderKind: TypeAlias = Literal["long_code", "toll_free", "short_code"]
OptOutWord: TypeAlias = Literal["STOP", "START", "HELP"]
TicketsFrom: TypeAlias = Literal["subscribers", "not_opted_out", "anyone"]
OnUncertain: TypeAlias = Literal["resend", "hold"]
OnStopWish: TypeAlias = Literal["opt_out", "flag"]
Files: TypeAlias = Literal["mms", "links"]
Scope: TypeAlias = tuple[Match, frozenset[str], str | None]
# Carriers that this installation can use, each with the words it answers by itself.
CarrierWords: TypeAlias = Mapping[str, Mapping[SenderKind, Mapping[OptOutWord, frozenset[str]]]]

LONGEST_TEXT: Final = 1600  # characters: what the carriers take in one go
FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NO_LETTERS = (
    "a sender name made of letters can't receive texts, so customers could not answer and could "
    "not send STOP: use a long code, a toll-free number or a short code"
)


def _check_line(text: str) -> str:
    if text != text.strip() or not text or any(ord(character) < 32 for character in text):
        raise ValueError("must be one line, not empty, without blanks around it")
    return text


def _check_text(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("must hold some text")
    return text


def _check_tag(tag: str) -> str:
    # The desk keeps tags lower-case and parts them at blanks and commas.
    if not tag or any(character.isspace() or character in ",\"'" for character in tag):
        raise ValueError(f"{tag!r}: a tag has no blanks, commas or quotes; write north_america")
    return tag.lower()


def _check_country(country: str) -> str:
    if not is_country(country):
        raise ValueError(f'{country!r} is not a two-letter country code such as "US"')
    return country.upper()


def _check_keyword(word: str) -> str:
    if not normalise(word):
        raise ValueError(f"{word!r} holds no letter or digit to compare")
    return word


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _check_fields(fields: dict[str, str]) -> dict[str, str]:
    for name, value in fields.items():
        if not FIELD_NAME.fullmatch(name):
            raise ValueError(f"{name!r}: write a field like shoe_size: small letters, digits, _")
        if not value:
            raise ValueError(f"{name} needs a value")
        _check_line(value)
    return fields


def _check_zone(name: str) -> str:
    read_zone(name)
    return name


def _check_range(text: str) -> str:
    read_range(text)
    return text


def _check_holiday(text: str) -> str:
    read_holiday(text)
    return text


def _day_as_text(day: object) -> object:
    return day.isoformat() if type(day) is date else day  # TOML has days of its own


def _check_kind(kind: object) -> object:
    if kind in {"alphanumeric", "alpha", "alphanumeric_sender_id"}:
        raise ValueError(_NO_LETTERS)
    return kind


# Strict types: "true" is no boolean and 50500 no number of a sender.
_Line = Annotated[str, Field(strict=True, max_length=80), AfterValidator(_check_line)]
_Text = Annotated[str, Field(strict=True, max_length=LONGEST_TEXT), AfterValidator(_check_text)]
_Tag = Annotated[str, Field(strict=True, max_length=80), AfterValidator(_check_tag)]
_Tags = Annotated[tuple[_Tag, ...], Field(max_length=50), AfterValidator(_unique)]
_Fields = Annotated[
    dict[str, Annotated[str, Field(strict=True, max_length=200)]],
    Field(max_length=50),
    AfterValidator(_check_fields),
]
_Keyword = Annotated[
    str,
    Field(strict=True, max_length=80),
    AfterValidator(_check_line),
    AfterValidator(_check_keyword),
]
_Lists = Annotated[tuple[_Line, ...], Field(max_length=50), AfterValidator(_unique)]
_Switch = Annotated[bool, Field(strict=True)]
_DeskId = Annotated[int, Field(strict=True, gt=0, lt=2**63)]
_Country = Annotated[str, Field(strict=True), AfterValidator(_check_country)]
_Allowance = Annotated[int, Field(strict=True, gt=0, lt=1_000_000)]
_Zone = Annotated[str, Field(strict=True), AfterValidator(_check_zone)]
_Range = Annotated[str, Field(strict=True), AfterValidator(_check_range)]
_Holiday = Annotated[
    str, Field(strict=True), BeforeValidator(_day_as_text), AfterValidator(_check_holiday)
]
_Hours = Annotated[int, Field(strict=True, ge=1, le=24 * 365)]
_Kind = Annotated[SenderKind, BeforeValidator(_check_kind)]


@lru_cache(maxsize=4096)
def _sender_address(number: str, country: str | None, kind: SenderKind) -> str:
    if country is None and kind != "short_code":
        country = country_of(read_address(number, None))
    if country is None and any(character.isalpha() for character in number):
        raise ValueError(_NO_LETTERS)
    if country is None:
        raise ValueError('a country is needed, such as country = "US"')
    return read_sender_number(number, country, kind)


class Document(BaseModel):
    """One entry of the settings. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Entry(Document):
    """One of a section of the settings."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What identifies it in its section."""


class Named(Entry):
    """An entry that its name identifies."""

    name: _Line

    @property
    def key(self) -> str:
        """Its name."""
        return self.name


class Texts(Document):
    """What the bridge answers to the standard words, where it is the one that answers."""

    stop: _Text | None = None
    start: _Text | None = None
    help: _Text | None = None


class Sender(Entry):
    """A number of ours, as the admin wrote it. `pace` is in segments per second."""

    number: _Line
    carrier: _Line
    country: _Line | None = None
    kind: _Kind = "long_code"
    name: _Line | None = None
    tags: _Tags = ()
    brand_id: _DeskId | None = None
    group_id: _DeskId | None = None
    ticket_form_id: _DeskId | None = None
    tickets_from: TicketsFrom | None = None
    pace: Annotated[float, Field(strict=True, gt=0, le=1000)] | None = None
    is_paused: _Switch = False
    countries: Annotated[tuple[_Country, ...], Field(max_length=250), AfterValidator(_unique)] = ()
    most_per_customer: _Allowance | None = None
    most_per_hour: _Allowance | None = None
    answers: Annotated[tuple[OptOutWord, ...], Field(max_length=3)] | None = None
    texts: Texts = Texts()
    hours: _Line | None = None
    reopen_on_chatter: _Switch = False
    on_uncertain: OnUncertain | None = None
    on_stop_wish: OnStopWish = "opt_out"
    reopen_on_failure: _Switch = False
    keep_signature: _Switch = True
    plain_characters: _Switch = False
    files: Files = "mms"

    @model_validator(mode="after")
    def _check_number(self) -> Sender:
        _ = self.address
        return self

    @property
    def address(self) -> str:
        """The number as an address: "+12025550100" or "US:50500". Raises ValueError."""
        return _sender_address(self.number, self.country, self.kind)

    @property
    def key(self) -> str:
        """What identifies it among the senders: its address."""
        return self.address


class Hours(Named):
    """Business hours: when somebody is there to answer."""

    zone: _Zone
    open: Annotated[tuple[_Range, ...], Field(max_length=50), AfterValidator(_unique)]
    holidays: Annotated[tuple[_Holiday, ...], Field(max_length=500), AfterValidator(_unique)] = ()

    def compiled(self) -> Week:
        """The hours as a moment is held against them."""
        return make_week(self.zone, self.open, self.holidays)


class AutoReply(Named):
    """What is answered by itself to ordinary texts. `senders` hold addresses once stored; none
    means every sender that has no entry of its own."""

    senders: Annotated[tuple[_Line, ...], Field(max_length=500), AfterValidator(_unique)] = ()
    greeting: _Text | None = None
    out_of_hours: _Text | None = None
    quiet_hours: _Hours = 12

    def compiled(self) -> AutoTexts:
        """The entry as texts are answered by it."""
        return AutoTexts(
            greeting=self.greeting,
            out_of_hours=self.out_of_hours,
            quiet_ms=self.quiet_hours * HOUR_MS,
        )


class List(Named):
    """A list that customers subscribe to."""


class Template(Named):
    """Words to write a reply with; bridge/domain/templates.py fills in what stands in braces."""

    text: _Text


class KeywordEntry(Entry):
    """A keyword rule. `senders` hold addresses once stored; none means every sender."""

    words: Annotated[tuple[_Keyword, ...], Field(min_length=1, max_length=50)]
    match: Match = "message"
    senders: Annotated[tuple[_Line, ...], Field(max_length=500), AfterValidator(_unique)] = ()
    lists: _Lists = ()
    unsubscribe: _Lists = ()
    set_tags: _Tags = ()
    set_fields: _Fields = {}
    reply: _Text | None = None
    ticket: _Switch = False
    confirm: _Text | None = None
    hours: _Line | None = None

    @property
    def compared(self) -> tuple[str, ...]:
        """The words as they are compared, each once."""
        return _unique(tuple(normalise(word) for word in self.words))

    @property
    def scope(self) -> Scope:
        """Where its words are the only ones of their kind: same match, senders and hours."""
        return self.match, frozenset(self.senders), self.hours

    @property
    def does_something(self) -> bool:
        """Whether meeting it has any effect; on HELP and INFO the bridge acts in any case."""
        sets = self.lists or self.unsubscribe or self.set_tags or self.set_fields
        return bool(sets or self.reply or self.ticket) or is_reserved(self.words[0]) == "help"

    @property
    def key(self) -> str:
        """What it is called in the settings, the ledger and the console: unique, and readable."""
        limits = ([] if self.match == "message" else [self.match]) + sorted(self.senders)
        limits += [] if self.hours is None else [f"in {self.hours}"]
        first = self.compared[0].upper()
        return f"{first} ({', '.join(limits)})" if limits else first

    def compiled(self) -> KeywordRule:
        """The rule as texts are judged by it."""
        return KeywordRule(
            name=self.key,
            words=self.words,
            match=self.match,
            senders=frozenset(self.senders) or None,
            lists=self.lists,
            unsubscribe=self.unsubscribe,
            set_tags=self.set_tags,
            set_fields=self.set_fields,
            reply=self.reply,
            ticket=self.ticket,
            confirm=self.confirm,
            hours=self.hours,
        )


class DeskRecord(Document):
    """What `zendesk setup` made at the desk, so that it can be mended and taken away again.

    `signing_secret` is the webhook's, sealed (bridge/secrets.py).
    """

    url: str | None = None
    webhook_id: str | None = None
    trigger_id: int | None = None
    view_id: int | None = None
    field_id: int | None = None
    automation_id: int | None = None
    signing_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All that the admin has set, at one version. Never changes: a newer one takes its place."""

    version: int
    senders: Mapping[str, Sender]  # by address
    lists: tuple[str, ...]
    keywords: Mapping[str, KeywordRule]  # by name, in the order in which they are tried
    rules: RuleBook  # the same, compiled
    hours: Mapping[str, Week]  # by name
    auto_replies: Mapping[str | None, AutoTexts]  # by address; None is for all others
    desk: DeskRecord
    halt: Halt

    def rule(self, name: str) -> KeywordRule | None:
        """The keyword rule of this name, None where it is gone."""
        return self.keywords.get(name)

    def auto_texts(self, address: str) -> AutoTexts | None:
        """What this sender answers by itself, None where it doesn't."""
        return self.auto_replies.get(address) or self.auto_replies.get(None)


def make_directory(
    *,
    version: int = 0,
    senders: Iterable[Sender] = (),
    lists: Iterable[List] = (),
    keywords: Iterable[KeywordEntry] = (),
    hours: Iterable[Hours] = (),
    auto_replies: Iterable[AutoReply] = (),
    desk: DeskRecord | None = None,
    halt: Halt | None = None,
) -> Directory:
    """Compile documents into a snapshot."""
    rules = [entry.compiled() for entry in keywords]
    return Directory(
        version=version,
        senders={sender.address: sender for sender in senders},
        lists=tuple(entry.name for entry in lists),
        keywords={rule.name: rule for rule in rules},
        rules=RuleBook(rules),
        hours={entry.name: entry.compiled() for entry in hours},
        auto_replies={
            address: entry.compiled()
            for entry in auto_replies
            for address in entry.senders or (None,)
        },
        desk=desk or DeskRecord(),
        halt=halt or Halt(),
    )
