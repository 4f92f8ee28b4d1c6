"""What agents are told, in plain words, with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.clock import to_the_minute

FAILED_TAGS = ("sms_failed",)
EXCERPT = 80  # characters of a reply that name it

REQUESTER_CHANGED = (
    "This reply was not texted: the ticket's requester is no longer the customer who texted. "
    "Set the requester back, or reach the new one another way."
)
OPTED_OUT = (
    "This reply was not texted: the customer has opted out (STOP). Texts can go to them again only "
    "after they text START; until then please use another way to reach them."
)
OPTED_OUT_AT_CARRIER = (
    "This reply was not texted: the carrier says that the customer has opted out of texts from "
    "this number. They can text START to it to receive texts again; until then please use another "
    "way to reach them."
)
LANDLINE = (
    "This reply was not texted: the carrier says that this number can't receive texts (a landline, "
    "say). Please call, or use another way to reach the customer."
)
UNANSWERABLE = (
    "This reply was not texted: the customer's text came from a short code or a name, which can't "
    "be answered. Please use another way to reach them."
)
PREMIUM = (
    "This reply was not texted: the number is of a range that costs extra (premium rate), and "
    "texts there are a known fraud. If the customer is real, please use another way to reach them."
)
TOO_MANY_TO_ONE = (
    "This reply was not texted: this customer has had as many texts from this number within an "
    "hour as are allowed. Send it again later, or ask an admin to allow more."
)
TOO_MANY = (
    "This reply was not texted: as many texts as are allowed have left from this number within an "
    "hour. Send it again later, or ask an admin to allow more."
)
NO_SENDER = (
    "This reply was not texted: the number that the customer texted is no longer set up in the "
    "bridge. Ask an admin to add it again, then have the reply tried again."
)
FOUND_TOO_LATE = "found only by a sweep, when it was too old to be sent"
HALTED = "all sending is halted"
PAUSED = "the sender is paused"
WAITS_FOR_RESUMING = (
    "This reply waits: an admin has halted all texts. It goes out by itself once they let texts "
    "leave again. If it should not go then, make the comment private."
)
FILES_LOST = "what was to go along with it is no longer kept"
MADE_PRIVATE = "made private or redacted before it was sent"


def foreign(country: str | None) -> str:
    """The sender may not text where this customer is."""
    where = "the customer's country" if country is None else f"numbers of {country}"
    return (
        f"This reply was not texted: this number may not text {where}. Ask an admin to allow it, "
        "or use another way to reach the customer."
    )


def refused(reason: str, code: str | None) -> str:
    """The carrier refused a reply."""
    return f"This reply was not texted: {_sentence(reason)}{_code(code)}"


def given_up(reason: str) -> str:
    """A reply could not be handed to the carrier for days, or not at all."""
    return (
        f"This reply was not texted, and is not tried again by itself: {_sentence(reason)} "
        "Send it again as a new reply, or ask an admin to have it tried again."
    )


def begun_and_given_up(reason: str) -> str:
    """A reply was given up while it was on its way to the carrier."""
    return (
        "It is not certain that this reply was texted, and it is not tried again by itself: "
        f"{_sentence(reason)} Ask the customer, or ask an admin to have it tried again: the bridge "
        "then looks first whether the carrier has it."
    )


def undelivered(reason: str | None, code: str | None) -> str:
    """The carrier took a reply and could not deliver it."""
    why = reason or "the carrier did not say why; the phone may be off or out of reach"
    return f"This reply did not reach the customer's phone: {_sentence(why)}{_code(code)}"


def uncertain() -> str:
    """Nobody knows whether a reply was sent."""
    return (
        "It is not certain that this reply was texted: the connection to the carrier broke while "
        "it was being sent, and the carrier doesn't show it. It was not sent again, so that the "
        "customer doesn't get it twice. Ask the customer, or send it again as a new reply."
    )


def the_reply(body: str) -> str:
    """Which reply is meant, by its first words."""
    words = " ".join(body.split())
    return f"The reply: “{words if len(words) <= EXCERPT else words[:EXCERPT] + '…'}”"


def sent_after_all(body: str) -> str:
    """A reply that had failed was tried again, and went out."""
    return f"This reply has now been texted after all.\n\n{the_reply(body)}"


def in_parts(parts: int, segments: int) -> str:
    """A reply was too long for one text."""
    return f"This reply was long: it goes out as {parts} texts ({segments} segments)."


def found_too_late(written_ms: Sequence[int], now_ms: int) -> str:
    """Replies that nobody told the bridge of, found when they were old (UTC milliseconds)."""
    times = ", ".join(to_the_minute(ms) for ms in written_ms)
    which = f"The reply of {times}" if len(written_ms) == 1 else f"Replies on this ticket ({times})"
    return (
        f"Not texted: {which}. Zendesk did not tell the bridge at the time, and a check found it "
        f"only now ({to_the_minute(now_ms)}), too late to text it without asking you. If it still "
        "holds, please send it again as a new reply."
    )


def malware(names: Sequence[str]) -> str:
    """Files that are dangerous were attached to a reply."""
    which = "This file was" if len(names) == 1 else "These files were"
    return (
        f"{which} not texted: {', '.join(names)}. Zendesk found malware there. What else the reply "
        "says goes out without."
    )


def files_lost(names: Sequence[str]) -> str:
    """A reply was tried again so late that what was to go along has been deleted."""
    return (
        f"This reply was not tried again: what was attached ({', '.join(names)}) is no longer kept "
        "here, and the words alone might mislead. If it still holds, please send it again as a new "
        "reply, with its files."
    )


def sent_elsewhere(number: str, body: str) -> str:
    """A text that did not start on the ticket."""
    return f"Texted to the customer from {number}:\n\n{body}"


def _sentence(words: str) -> str:
    trimmed = words.strip()
    return trimmed if trimmed.endswith((".", "!", "?")) else f"{trimmed}."


def _code(code: str | None) -> str:
    return f" (code {code})" if code else ""
