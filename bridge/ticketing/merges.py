"""Where a merged ticket went, and whether its conversation may follow it there."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import from_rfc3339
from bridge.desks.contract import Desk, Ticket, TicketGone, TicketId, UserId

MERGED = "closed_by_merge"  # the tag that Zendesk puts on the source
MOST_HOPS = 8
TAGS = ("sms", "sms_bridge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The ticket that a conversation is on now; None where it may not follow, and why.

    `replies_from_ms` is when it moved there: earlier comments there are not for this customer.
    """

    ticket: Ticket | None
    replies_from_ms: int = 0
    note: str | None = None
    moved: bool = False


async def follow(desk: Desk, ticket: Ticket, requester_id: UserId) -> Followed:
    """Follow a chain of merges, as long as the requester stays the same person."""
    replies_from_ms = 0
    first = ticket.id
    seen = {ticket.id}
    while ticket.status == "closed" and MERGED in ticket.tags and len(seen) <= MOST_HOPS:
        target_id = await desk.merge_target(ticket.id)
        if target_id is None or target_id in seen:
            break
        target = await _read(desk, target_id)
        if target is None:
            return Followed(ticket=None)
        if target.requester_id != requester_id:
            note = (
                f"The earlier ticket #{first} of this customer was merged into #{target_id}, "
                "which belongs to somebody else, so their texts go on here."
            )
            return Followed(ticket=None, note=note)
        replies_from_ms = from_rfc3339(ticket.stamp)
        ticket = target
        seen.add(ticket.id)
    moved = ticket.id != first
    if moved and not ticket.tags.issuperset(TAGS):
        await desk.add_tags(ticket.id, TAGS)  # the trigger goes by them
    return Followed(ticket=ticket, replies_from_ms=replies_from_ms, moved=moved)


async def _read(desk: Desk, ticket_id: TicketId) -> Ticket | None:
    try:
        return await desk.ticket(ticket_id)
    except TicketGone:
        return None
