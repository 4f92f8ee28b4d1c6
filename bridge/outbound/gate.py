"""The last look before a text leaves, in the transaction that notes its intent.

An opt-out that is committed beats a reply that waits, always: nothing is sent that was not asked
about here, after the opt-out could be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.numbers import is_number
from bridge.outbound import wording
from bridge.store import contacts
from bridge.store.database import Transaction
from bridge.store.messages import Message

# One confirmation, within five minutes of the request, or none (47 CFR 64.1200(a)(12)).
CONFIRM_WITHIN_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a text may not go: for the record, and for the agent."""

    reason: str
    note: str


def refusal(tx: Transaction, message: Message) -> Refusal | None:
    """Why this message may not be sent now, None where it may."""
    if not is_number(message.customer):
        return Refusal(reason="the customer's number can't be answered", note=wording.UNANSWERABLE)
    contact = contacts.get(tx, message.customer)
    if contact is None:
        return None
    if contact.landline_at is not None:
        return Refusal(reason="the number can't receive texts", note=wording.LANDLINE)
    if message.kind == "opt_out_answer":
        if tx.now_ms() - message.created_at > CONFIRM_WITHIN_MS:
            return Refusal(reason="too late to confirm the opt-out", note="")
    elif contact.opted_out_at is not None:
        return Refusal(reason="the customer has opted out", note=wording.OPTED_OUT)
    return None
