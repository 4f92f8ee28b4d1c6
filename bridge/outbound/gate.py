"""The last look before a text leaves, in the transaction that notes its intent.

An opt-out that is committed beats a reply that waits, always: nothing is sent that was not asked
about here, after the opt-out could be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.directory import Directory, Sender
from bridge.domain.numbers import country_of, is_number, is_premium
from bridge.outbound import wording
from bridge.store import contacts, paces
from bridge.store.database import Transaction
from bridge.store.messages import Message

HOUR_MS = 3600 * 1000
# One confirmation, within five minutes of the request, or none (47 CFR 64.1200(a)(12)).
CONFIRM_WITHIN_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a text may not go: for the record, and for the agent."""

    reason: str
    note: str


def refusal(
    tx: Transaction, message: Message, sender: Sender | None = None, *, is_first: bool = True
) -> Refusal | None:
    """Why this message may not be sent now, None where it may.

    `is_first`: nothing of it has left; allowances don't end a message in its middle.
    """
    if not is_number(message.customer):
        return Refusal(reason="the customer's number can't be answered", note=wording.UNANSWERABLE)
    if is_premium(message.customer):
        return Refusal(reason="a number that costs extra", note=wording.PREMIUM)
    over = None if sender is None else _over_allowance(tx, message, sender, is_first=is_first)
    return over or _not_wanted(tx, message)


def kept_back_by(directory: Directory, number: str) -> str | None:
    """What in the settings keeps this number's texts back for now."""
    if directory.halt.is_on:
        return wording.HALTED
    sender = directory.senders.get(number)
    return wording.PAUSED if sender is not None and sender.is_paused else None


def _over_allowance(
    tx: Transaction, message: Message, sender: Sender, *, is_first: bool
) -> Refusal | None:
    """What the sender is not allowed: other countries, and more than so many texts an hour."""
    country = country_of(message.customer)
    if sender.countries and country not in sender.countries:
        return Refusal(reason="the sender may not text this country", note=wording.foreign(country))
    if message.kind == "opt_out_answer" or not is_first:
        return None
    since_ms = tx.now_ms() - HOUR_MS
    for most, customer, note in (
        (sender.most_per_customer, message.customer, wording.TOO_MANY_TO_ONE),
        (sender.most_per_hour, None, wording.TOO_MANY),
    ):
        if most is not None:
            sent = paces.sent_since(tx, message.sender, since_ms, customer=customer)
            if sent >= most:
                return Refusal(reason="over the sender's allowance", note=note)
    return None


def _not_wanted(tx: Transaction, message: Message) -> Refusal | None:
    """Whether the customer, or their phone, takes no texts."""
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
