"""Conversations, and the tickets that they are and were linked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.ids import new_id
from bridge.store.database import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One pair of a number of ours and a customer's."""

    id: str
    sender: str
    customer: str
    ticket_id: int | None
    last_inbound_at: int | None
    warned_ticket_id: int | None
    last_outbound_at: int | None = None
    quiet_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A conversation's tie to a ticket; replies before `replies_from` are not for it."""

    conversation: Conversation
    requester_id: int
    replies_from: int


def open_for(tx: Transaction, sender: str, customer: str, *, by_text: bool = False) -> Conversation:
    """The conversation of this pair, made if it is the first time.

    `by_text`: the customer has just texted, which is noted on it.
    """
    now = tx.now_ms()
    made = tx.first(
        "INSERT INTO conversations (id, sender, customer, created_at, last_at, last_inbound_at) "
        "VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT (sender, customer) DO NOTHING RETURNING *",
        *(new_id(), sender, customer, now, now if by_text else None),
    )
    if made is not None:
        return conversation_of(made)
    found = of_pair(tx, sender, customer)
    assert found is not None, "there already"  # noqa: S101 - the unique key sees to it
    if by_text:
        note_inbound(tx, found.id)
    return found


def of_pair(tx: Transaction, sender: str, customer: str) -> Conversation | None:
    """The conversation of this pair, None before the first text."""
    row = tx.first(
        "SELECT * FROM conversations WHERE sender = $1 AND customer = $2", sender, customer
    )
    return None if row is None else conversation_of(row)


def begin_quiet(tx: Transaction, conversation_id: str, *, quiet_ms: int) -> bool:
    """Note that the customer is answered by itself now. False where that was so lately."""
    now = tx.now_ms()
    changed = tx.run(
        "UPDATE conversations SET quiet_since = $1 WHERE id = $2 "
        "AND (quiet_since IS NULL OR quiet_since <= $3)",
        *(now, conversation_id, now - quiet_ms),
    )
    return changed > 0


def get(tx: Transaction, conversation_id: str) -> Conversation | None:
    """A conversation by its id."""
    row = tx.first("SELECT * FROM conversations WHERE id = $1", conversation_id)
    return None if row is None else conversation_of(row)


def note_inbound(tx: Transaction, conversation_id: str) -> None:
    """Remember when the customer last texted this number."""
    tx.run(
        "UPDATE conversations SET last_inbound_at = $1, last_at = $1 WHERE id = $2",
        *(tx.now_ms(), conversation_id),
    )


def note_outbound(tx: Transaction, conversation_id: str) -> None:
    """Remember when this number last texted the customer."""
    tx.run(
        "UPDATE conversations SET last_outbound_at = $1, last_at = $1 WHERE id = $2",
        *(tx.now_ms(), conversation_id),
    )


def note_warned(tx: Transaction, conversation_id: str, ticket_id: int) -> None:
    """Remember the ticket on which the agent has been told that no reply can be sent."""
    sql = "UPDATE conversations SET warned_ticket_id = $1 WHERE id = $2"
    tx.run(sql, ticket_id, conversation_id)


def link(
    tx: Transaction,
    *,
    conversation_id: str,
    ticket_id: int,
    requester_id: int,
    replies_from: int,
) -> None:
    """Make this the conversation's ticket. A tie that stands already keeps its `replies_from`."""
    tx.run("UPDATE conversations SET ticket_id = $1 WHERE id = $2", ticket_id, conversation_id)
    tx.run(
        "INSERT INTO tickets (ticket_id, conversation_id, requester_id, replies_from, linked_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ticket_id, conversation_id) "
        "DO UPDATE SET requester_id = excluded.requester_id",
        *(ticket_id, conversation_id, requester_id, replies_from, tx.now_ms()),
    )


def links_of(tx: Transaction, ticket_id: int) -> Sequence[Link]:
    """The conversations tied to a ticket, the one last texted on first."""
    rows = tx.all(
        "SELECT c.*, t.requester_id, t.replies_from FROM tickets t "
        "JOIN conversations c ON c.id = t.conversation_id WHERE t.ticket_id = $1 "
        "ORDER BY c.last_inbound_at DESC NULLS LAST, t.linked_at DESC",
        ticket_id,
    )
    return [_link(row) for row in rows]


def elsewhere(tx: Transaction, requester_id: int, ticket_id: int) -> Sequence[Conversation]:
    """The conversations of this requester that are on another ticket now."""
    rows = tx.all(
        "SELECT c.* FROM conversations c JOIN tickets t "
        "ON t.conversation_id = c.id AND t.ticket_id = c.ticket_id "
        "WHERE t.requester_id = $1 AND c.ticket_id <> $2",
        *(requester_id, ticket_id),
    )
    return [conversation_of(row) for row in rows]


def current_link(tx: Transaction, conversation_id: str) -> Link | None:
    """A conversation's tie to the ticket that it is on now."""
    row = tx.first(
        "SELECT c.*, t.requester_id, t.replies_from FROM conversations c JOIN tickets t "
        "ON t.ticket_id = c.ticket_id AND t.conversation_id = c.id WHERE c.id = $1",
        conversation_id,
    )
    return None if row is None else _link(row)


def by_customer(tx: Transaction, customer: str) -> Sequence[Conversation]:
    """All conversations of one customer."""
    rows = tx.all("SELECT * FROM conversations WHERE customer = $1", customer)
    return [conversation_of(row) for row in rows]


def _link(row: Row) -> Link:
    return Link(
        conversation=conversation_of(row),
        requester_id=row["requester_id"],
        replies_from=row["replies_from"],
    )


def conversation_of(row: Row) -> Conversation:
    """A conversation from a row that has all of its columns."""
    return Conversation(
        id=row["id"],
        sender=row["sender"],
        customer=row["customer"],
        ticket_id=row["ticket_id"],
        last_inbound_at=row["last_inbound_at"],
        warned_ticket_id=row["warned_ticket_id"],
        last_outbound_at=row["last_outbound_at"],
        quiet_since=row["quiet_since"],
    )
