"""What stands in a comment: a text as it was sent, or several, each with its time before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from bridge.desks.contract import TicketId, UserId
from bridge.domain.numbers import pretty
from bridge.store.messages import Message

MOST_BYTES = 60_000  # a comment holds 64 KiB
INERT = "{\u2060"  # a word joiner: not seen, and no placeholder any more
Names = frozenset[str]  # of attached files
_PLACEHOLDER = re.compile(r"\{(?=[{%])")


def file_of(message: Message, position: int) -> str:
    """How a file of a text is called, without its ending: never by a name that others chose."""
    return f"{message.id[:12]}-{position + 1}"


def stems_of(names: Iterable[str]) -> Mapping[str, str]:
    """Names of files by what they are without their ending."""
    return {name.rpartition(".")[0]: name for name in names}


def body_of(message: Message, attached: Names = frozenset()) -> str:
    """The text exactly as sent, and a line for each of its files: the name of what is attached,
    the carrier's address of what is not."""
    names = stems_of(attached)
    lines = [
        f"[{item['content_type'] or 'file'}] {names.get(file_of(message, position), item['url'])}"
        for position, item in enumerate(message.media)
    ]
    body = message.body
    if lines:
        files = "\n".join(lines)
        return f"{body}\n\n{files}" if body.strip() else files
    # The desk refuses an empty comment, and a text without words is still a text.
    return body if body.strip() else "(an empty text)"


def bodies_of(texts: Sequence[Message], now_ms: int, attached: Names = frozenset()) -> str:
    """One comment for all of these; a single one stands there exactly as sent."""
    if len(texts) == 1:
        return body_of(texts[0], attached)
    return "\n\n".join(f"[{_time_of(text, now_ms)}]\n{body_of(text, attached)}" for text in texts)


def suspended_note(
    texts: Sequence[Message],
    user_id: UserId,
    earlier: TicketId | None,
    now_ms: int,
    attached: Names = frozenset(),
) -> str:
    """The note that stands for texts of somebody suspended."""
    head = (
        f"A text from {pretty(texts[0].customer)}. Zendesk has suspended this customer "
        f"(user #{user_id}) and takes nothing in their name, so it is kept as a note here."
    )
    if earlier is not None:
        head += f" Their earlier ticket is #{earlier}."
    # The bridge's user is an agent, and of an agent's words Zendesk may fill in placeholders.
    return f"{head}\n\n{_PLACEHOLDER.sub(INERT, bodies_of(texts, now_ms, attached))}"


def how_many_fit(texts: Sequence[Message], now_ms: int) -> int:
    """How many of these, from the first on, go into one comment; at least one does."""
    taken = 0
    for count, text in enumerate(texts):
        taken += len(f"[{_time_of(text, now_ms)}]\n{body_of(text)}\n\n".encode())
        if count > 0 and taken > MOST_BYTES:
            return count
    return len(texts)


def _time_of(text: Message, now_ms: int) -> str:
    """When a text was sent, in the one zone that everybody knows: 03:04:05 UTC, with its date
    where that is not today's."""
    at = _moment(text.created_at if text.sent_at is None else text.sent_at)
    day = "" if at.date() == _moment(now_ms).date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
