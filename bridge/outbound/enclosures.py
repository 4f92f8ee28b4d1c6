"""What becomes of the files that an agent attached to a comment: noted when it is collected.

Each is an entry of the message's media: `url`, `name`, `content_type`, `sent_as` ("waiting" until
it has been fetched, then "mms", "link" or "nothing"), `why` where it does not go along, and whether
the desk had `scanned` it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.desks.contract import Attachment, Comment
from bridge.domain import mms
from bridge.domain.directory import Sender
from bridge.domain.mms import MmsLimits
from bridge.domain.numbers import country_of
from bridge.outbound import wording
from bridge.store.database import Transaction
from bridge.ticketing.notes import put_note

Media = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """`links` stand in the text, `media` is noted on it, `refused` names what never goes."""

    links: tuple[str, ...]
    media: tuple[Media, ...]
    refused: tuple[str, ...]


def enclose(comment: Comment, sender: Sender, customer: str, limits: MmsLimits | None) -> Enclosed:
    """Decide what can be told of a comment's files before they have been fetched."""
    never = _why_never(sender, customer, limits)
    media = []
    for item in comment.attachments:
        if not item.malware:
            too_large = limits is not None and item.size > limits.room(sender.kind)
            media.append(_noted(item, never or (mms.TOO_LARGE if too_large else None)))
    return Enclosed(
        links=tuple(link_to(each) for each in media if each["sent_as"] == "link"),
        media=tuple(media),
        refused=tuple(item.name for item in comment.attachments if item.malware),
    )


def link_to(item: Media) -> str:
    """A file as a link in a text."""
    return f"{item['name']}: {item['url']}"


def tell_of_malware(
    tx: Transaction, conversation_id: str, ticket_id: int | None, names: Sequence[str]
) -> None:
    """Put a note on the ticket about files (by their names) that are not passed on."""
    if names:
        put_note(
            tx,
            conversation_id=conversation_id,
            ticket_id=ticket_id,
            text=wording.malware(names),
            tags=wording.FAILED_TAGS,
            must_reach=True,
        )


def _why_never(sender: Sender, customer: str, limits: MmsLimits | None) -> str | None:
    """Why no file goes along from here to there."""
    if limits is None or sender.files == "links":
        return mms.NO_MMS
    ours = sender.country or country_of(sender.address)
    return None if limits.joins(ours, country_of(customer)) else mms.ELSEWHERE


def _noted(item: Attachment, why: str | None) -> dict[str, Any]:
    return {
        "url": item.url,
        "content_type": item.content_type,
        "name": item.name,
        "sent_as": "waiting" if why is None else "link",
        "why": why,
        "scanned": item.scanned,
    }
