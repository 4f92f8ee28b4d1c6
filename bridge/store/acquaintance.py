"""What is known when a text comes, found by one statement: each costs a text as much as its index
look-ups do, and on PostgreSQL a way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge.store import contacts, conversations
from bridge.store.contacts import Contact
from bridge.store.conversations import Conversation
from bridge.store.database import Transaction
from bridge.store.messages import Arrival

KNOWN: Final = """
SELECT p.address, p.name, p.email, p.requester_id, p.opted_out_at, p.opted_in_at, p.landline_at,
    p.tags, p.fields, p.stop_wish, c.id, c.sender, c.customer, c.ticket_id, c.last_inbound_at,
    c.warned_ticket_id, c.last_outbound_at, c.quiet_since,
    EXISTS (SELECT 1 FROM memberships WHERE contact = $1) AS has_lists,
    EXISTS (SELECT 1 FROM messages WHERE carrier = $3 AND carrier_id = $4
        AND direction = 'inbound') AS is_repeated
FROM (SELECT 1) AS one
LEFT JOIN contacts p ON p.address = $1
LEFT JOIN conversations c ON c.sender = $2 AND c.customer = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """A text with its customer and its conversation, None where it is the first of them.

    `is_repeated`: the text itself has been kept already.
    """

    text: Arrival
    contact: Contact | None
    conversation: Conversation | None
    has_lists: bool
    is_repeated: bool


def look_up(tx: Transaction, text: Arrival) -> Acquaintance:
    """What is known of whoever sent this text, and of the text."""
    row = tx.first(KNOWN, text.customer, text.sender, text.carrier, text.carrier_id)
    assert row is not None, "it begins with a row"  # noqa: S101 - SQL guarantees it
    return Acquaintance(
        text=text,
        contact=None if row["address"] is None else contacts.contact_of(row),
        conversation=None if row["id"] is None else conversations.conversation_of(row),
        has_lists=bool(row["has_lists"]),
        is_repeated=bool(row["is_repeated"]),
    )
