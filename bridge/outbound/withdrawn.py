"""A reply that its agent took back before it left."""

from __future__ import annotations

from bridge.desks.contract import Desk, TicketGone, TicketId
from bridge.errors import OutcomeUnknown, Refused, TryLater
from bridge.outbound import wording
from bridge.store import comments, messages, parts
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.work.outcomes import Job

RECHECK_AFTER_MS = 5_000  # nobody withdraws a reply sooner; what waited longer is read again


async def was_withdrawn(desk: Desk, job: Job, message: Message, now_ms: int) -> bool:
    """Whether a reply that has waited was made private or redacted meanwhile."""
    is_fresh = job.item.attempts == 0 and now_ms - message.created_at < RECHECK_AFTER_MS
    if message.kind != "reply" or is_fresh or message.comment_id is None:
        return False
    comment_id = message.comment_id
    of_it, since = await job.read(
        lambda tx: (parts.of_message(tx, message.id), comments.written_at(tx, comment_id))
    )
    if any(part.begun_at is not None for part in of_it):
        return False  # some of it may be with the customer already
    try:
        found = await desk.comments_since(TicketId(int(message.ticket_id or 0)), since)
    except TicketGone:
        return True
    except (TryLater, Refused, OutcomeUnknown):
        return False  # the desk is away; what was read when it was collected stands
    return any(item.id == comment_id and not item.public for item in found)


def withdraw(tx: Transaction, message: Message) -> None:
    """Note that nothing of it leaves."""
    messages.set_state(tx, message.id, "refused", reason=wording.MADE_PRIVATE)
