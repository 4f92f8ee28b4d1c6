"""How the console says things: numbers, times, states, in words for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from bridge.clock import rfc3339, to_the_minute
from bridge.domain.costs import cost_of
from bridge.domain.directory import LONGEST_TEXT
from bridge.domain.numbers import pretty
from bridge.domain.roles import MEANING, ROLES
from bridge.domain.segments import Measure, measure

# A state in words, and the tone in which a page shows it: good, bad, wait, or plain.
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "received": ("waiting for Zendesk", "wait"),
    "waiting": ("waiting for its number to be added", "wait"),
    "working": ("being written to Zendesk", "wait"),
    "done": ("done", "good"),
    "failed": ("failed", "bad"),
    "queued": ("waiting to be sent", "wait"),
    "sending": ("being sent", "wait"),
    "sent": ("taken by the carrier", "plain"),
    "delivered": ("delivered", "good"),
    "undelivered": ("not delivered", "bad"),
    "refused": ("not sent", "bad"),
    "uncertain": ("perhaps sent", "bad"),
}
SENT_AS: Final[Mapping[str, str]] = {
    "waiting": "not sent yet",
    "mms": "sent along with the text",
    "link": "sent as a link",
    "nothing": "not sent",
}
VERDICTS: Final[Mapping[str, str]] = {
    "ticket": "made a ticket or comment",
    "opt_out": "opted out",
    "opt_in": "opted in",
    "keyword": "met a keyword rule",
    "not_consented": "kept, no consent",
    "no_sender": "number is no sender yet",
    "loop": "came from ourselves",
}
KINDS: Final[Mapping[str, str]] = {
    "text": "text from the customer",
    "reply": "agent's reply",
    "auto": "automatic answer",
    "opt_out_answer": "confirmation of the opt-out",
    "conversation": "text by another program",
    "campaign": "campaign",
}
WORK: Final[Mapping[str, str]] = {
    "text": "write a text to Zendesk",
    "note": "write a private note",
    "look": "read a ticket's comments",
    "send": "send a text",
    "sweep": "look for what webhooks missed",
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "done": ("done", "good"),
    "later": ("to be tried again", "wait"),
    "refused": ("refused", "bad"),
    "unknown": ("answer lost", "wait"),
    "crashed": ("cut short", "bad"),
    "fault": ("a fault of ours", "bad"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "opt_out": "opted out of all texts",
    "opt_in": "opted in again",
    "subscribe": "subscribed",
    "unsubscribe": "unsubscribed",
    "asked_to_confirm": "was asked to confirm",
}
HOW: Final[Mapping[str, str]] = {
    "text": "by text",
    "carrier": "as the carrier says",
    "agent": "by an agent",
    "admin": "in the console",
    "api": "by another program",
    "console": "in the console",
    "command": "by a command",
}
MATCHES: Final[Mapping[str, str]] = {
    "message": "the whole text is the word",
    "first_word": "the text begins with the word",
    "any_word": "the word stands anywhere in the text",
}
SENDER_KINDS: Final[Mapping[str, str]] = {
    "long_code": "long code",
    "toll_free": "toll-free",
    "short_code": "short code",
}
COST_TONES: Final[Mapping[str, str]] = {"low": "good", "middle": "wait", "high": "bad"}
NONE: Final = "\N{EN DASH}"
STEPS = ((24 * 60, "day"), (60, "hour"), (1, "minute"))


def when(ms: int | None) -> Markup:
    """A time as an element, which a script turns into the reader's own time zone."""
    if ms is None:
        return Markup('<span class="faint">{}</span>').format(NONE)
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(ms), to_the_minute(ms))


def day(ms: int) -> str:
    """The day of a time, in UTC: 2026-01-02."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def minute(ms: int) -> str:
    """A time on a chart, in UTC, without its year: 2 Jan 03:04."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{moment.day} {moment:%b %H:%M}"


def span(ms: float | None) -> str:
    """A length of time: "0.8 s", "14 s", "3 minutes", "2 days"."""
    if ms is None:
        return NONE
    seconds = max(0.0, ms / 1000)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    size, unit = next((size, unit) for size, unit in STEPS if minutes >= size)
    count = int(minutes / size)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def sentence(words: str) -> str:
    """Words as a sentence begins: names in them keep their capitals."""
    return words[:1].upper() + words[1:]


def excerpt(text: str, longest: int = 90) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def size_of(text: str) -> Measure:
    """A text's segments."""
    return measure(text)


def character(one: str) -> str:
    """A character as a person can see it: by its name where it shows nothing by itself."""
    if unicodedata.category(one)[0] in "ZCM":
        return unicodedata.name(one, f"U+{ord(one):04X}").lower()
    return one


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "number": pretty,
    "when": when,
    "day": day,
    "minute": minute,
    "span": span,
    "count": count,
    "plural": plural,
    "sentence": sentence,
    "excerpt": excerpt,
    "size_of": size_of,
    "cost_of": cost_of,
    "character": character,
}
GLOBALS: Final[dict[str, Any]] = {
    "STATES": STATES,
    "SENT_AS": SENT_AS,
    "VERDICTS": VERDICTS,
    "KINDS": KINDS,
    "WORK": WORK,
    "OUTCOMES": OUTCOMES,
    "ACTIONS": ACTIONS,
    "HOW": HOW,
    "MATCHES": MATCHES,
    "SENDER_KINDS": SENDER_KINDS,
    "ROLES": ROLES,
    "MEANING": MEANING,
    "LONGEST_TEXT": LONGEST_TEXT,
    "COST_TONES": COST_TONES,
    "NONE": NONE,
}
