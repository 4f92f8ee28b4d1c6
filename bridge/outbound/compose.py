"""Turn what is to be said into a stored message, cut into the parts it will be sent as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.desks.contract import Comment
from bridge.domain import segments
from bridge.domain.plaintext import plain_to_text, to_text
from bridge.domain.typography import to_gsm
from bridge.ids import new_id
from bridge.store import messages, parts, work
from bridge.store.conversations import Conversation
from bridge.store.database import Transaction
from bridge.store.messages import OutboundKind, Recovered

FILES = "files"  # in a send's payload: an agent attached something


def text_of(comment: Comment, *, keep_signature: bool, links: Sequence[str] = ()) -> str:
    """A comment as a person would text it: plain words, and these links below them."""
    if comment.html_body:
        words = to_text(comment.html_body, keep_signature=keep_signature)
    else:
        words = plain_to_text(comment.plain_body, keep_signature=keep_signature)
    return "\n".join([words, *links]).strip()


def put_text(
    tx: Transaction,
    *,
    kind: OutboundKind,
    conversation: Conversation,
    carrier: str,
    longest: int,
    body: str,
    ticket_id: int | None = None,
    comment_id: int | None = None,
    cause_id: str | None = None,
    idempotency_key: str | None = None,
    about_consent: bool = False,
    recovered: Recovered | None = None,
    plain: bool = False,
    media: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Store a text to be sent, its parts and the work. `longest` is in UTF-16 units.

    `plain`: typographic characters are made GSM-7 where that saves segments. `about_consent`: an
    answer to STOP or START, which waits for no other text. `media`: files as in attachments.py.
    Returns its id.
    """
    message_id = new_id()
    body = to_gsm(body) if plain else body
    pieces = segments.split(body, longest) or [""]
    counts = [segments.measure(piece).segments for piece in pieces]
    messages.add_outbound(
        tx,
        message_id=message_id,
        kind=kind,
        conversation_id=conversation.id,
        sender=conversation.sender,
        customer=conversation.customer,
        carrier=carrier,
        body=body,
        segments=sum(counts),
        ticket_id=ticket_id,
        comment_id=comment_id,
        cause_id=cause_id,
        idempotency_key=idempotency_key,
        recovered=recovered,
        media=media,
    )
    _add_parts(tx, message_id, pieces, counts, carrier)
    work.put(
        tx,
        lane=(work.lane_consent if about_consent else work.lane_out)(conversation.id),
        account=carrier,
        kind="send",
        message_id=message_id,
        conversation_id=conversation.id,
        ticket_id=ticket_id,
        payload={FILES: True} if media else None,
    )
    return message_id


def _add_parts(
    tx: Transaction, message_id: str, pieces: list[str], counts: list[int], carrier: str
) -> None:
    for position, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
        parts.add(
            tx,
            part_id=new_id(),
            message_id=message_id,
            position=position,
            body=piece,
            segments=count,
            carrier=carrier,
        )
