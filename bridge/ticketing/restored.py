"""After a restore: whether the desk has a text or a note already, from before.

A text is known by its id, which is made from the carrier's (`bridge/inbound/receive.py`): a ticket
bears it as its external id, a comment in its mark. A note is known by its words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.desks.contract import Comment, Desk, Ticket, TicketGone, TicketId, UserId, Written
from bridge.store import conversations, looks
from bridge.store.database import Transaction
from bridge.store.restored import FLAG
from bridge.ticketing.merges import MERGED
from bridge.work.outcomes import Job

CLOCKS_APART_MS = 10 * 60 * 1000  # how far the desk's clock may be behind ours


async def find_written(desk: Desk, job: Job) -> Written | None:
    """What was written for this job before the restore, noted as its intent; None: nothing.

    Raises TryLater or Refused, in which case nothing is known yet.
    """
    since_ms = int(job.item.payload[FLAG]["since"]) - CLOCKS_APART_MS
    linked = await job.read(lambda tx: _linked(tx, job))
    if job.item.kind == "note":
        return await _find_note(desk, job, linked, since_ms)
    found = await _find_text(desk, str(job.item.message_id), linked, since_ms)
    if found is None:
        return None
    ticket, comment = found

    def look(tx: Transaction) -> None:
        looks.put(tx, ticket.id, desk.name, by_sweep=True)  # for replies to what was lost

    await job.intend(_adopted(ticket.requester_id), look)
    return _written(ticket, comment)


async def _find_text(
    desk: Desk, message_id: str, linked: TicketId | None, since_ms: int
) -> tuple[Ticket, Comment | None] | None:
    for ticket in await desk.find_tickets(message_id):
        comments = await _comments(desk, ticket.id, since_ms)
        return ticket, next((each for each in comments if each.mark == message_id), None)
    for ticket in await _chain(desk, linked):
        for comment in await _comments(desk, ticket.id, since_ms):
            if message_id == comment.mark or message_id in comment.covers:
                return ticket, comment
    return None


async def _find_note(
    desk: Desk, job: Job, linked: TicketId | None, since_ms: int
) -> Written | None:
    payload = job.item.payload
    words = _bare(str(payload["text"]))
    for ticket in await _chain(desk, linked):
        for comment in await _comments(desk, ticket.id, since_ms):
            is_note = comment.mark is not None and not comment.public
            if comment.mark == payload["mark"] or (is_note and _bare(comment.plain_body) == words):
                return _written(ticket, comment)
    return None


async def _chain(desk: Desk, linked: TicketId | None) -> Sequence[Ticket]:
    """The ticket, and what it was merged into."""
    found: list[Ticket] = []
    while linked is not None and linked not in {ticket.id for ticket in found}:
        try:
            ticket = await desk.ticket(linked)
        except TicketGone:
            break
        found.append(ticket)
        is_merged = ticket.status == "closed" and MERGED in ticket.tags
        linked = await desk.merge_target(ticket.id) if is_merged else None
    return found


async def _comments(desk: Desk, ticket_id: TicketId, since_ms: int) -> Sequence[Comment]:
    try:
        return await desk.comments_since(ticket_id, since_ms)
    except TicketGone:
        return ()


def _linked(tx: Transaction, job: Job) -> TicketId | None:
    if job.item.ticket_id is not None:
        return TicketId(job.item.ticket_id)
    conversation = conversations.get(tx, str(job.item.conversation_id))
    found = None if conversation is None else conversation.ticket_id
    return None if found is None else TicketId(found)


def _adopted(requester_id: UserId) -> Mapping[str, Any]:
    aside = {"requester_id": requester_id, "replies_from": 0, "notes": [], "adopted": True}
    return {"do": "adopted", "aside": aside}


def _written(ticket: Ticket, comment: Comment | None) -> Written:
    return Written(
        ticket_id=ticket.id,
        requester_id=ticket.requester_id,
        comment_id=None if comment is None else comment.id,
        files=frozenset(each.name for each in comment.attachments) if comment else None,
    )


def _bare(text: str) -> str:
    return " ".join(text.split())
