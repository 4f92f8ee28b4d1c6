"""A text that another program asks for: queued, or recorded as sent by somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from bridge.domain.directory import Directory
from bridge.domain.numbers import display, is_number
from bridge.domain.segments import measure
from bridge.errors import BadRequest
from bridge.ids import new_id
from bridge.outbound import wording
from bridge.outbound.compose import put_text
from bridge.store import contacts, conversations, messages
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.ticketing.notes import put_note


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. Numbers are addresses; `send` false records a text sent elsewhere."""

    sender: str
    customer: str
    body: str
    kind: Literal["conversation", "campaign"]
    send: bool
    idempotency_key: str | None


class Lengths(Protocol):
    """Who knows how long a text may be."""

    def longest(self, carrier: str) -> int:
        """The longest text that this carrier takes, in UTF-16 units."""
        ...


def queue(tx: Transaction, asked: Asked, directory: Directory, rules: Lengths) -> tuple[str, bool]:
    """Queue or record it, and note it on the open ticket. Returns its id, and whether it is new.

    Raises BadRequest naming the field.
    """
    if asked.idempotency_key is not None:
        known = messages.by_idempotency_key(tx, asked.idempotency_key)
        if known is not None:
            _check_same(asked, known)
            return known.id, False
    address = next(
        (found for found in directory.senders if display(found) == display(asked.sender)), None
    )
    if address is None:
        raise BadRequest("sender", "one of the numbers set up as senders")
    if not asked.body.strip():
        raise BadRequest("body", "words to text")
    if not is_number(asked.customer):
        raise BadRequest("customer", "a phone number in E.164, such as +12025550100")
    contacts.know(tx, asked.customer)
    conversation = conversations.open_for(tx, address, asked.customer)
    carrier = directory.senders[address].carrier
    if asked.send:
        message_id = put_text(
            tx,
            kind=asked.kind,
            conversation=conversation,
            carrier=carrier,
            longest=rules.longest(carrier),
            plain=directory.senders[address].plain_characters,
            body=asked.body,
            idempotency_key=asked.idempotency_key,
        )
    else:
        message_id = new_id()
        messages.add_outbound(
            tx,
            message_id=message_id,
            kind=asked.kind,
            conversation_id=conversation.id,
            sender=address,
            customer=asked.customer,
            carrier=carrier,
            body=asked.body,
            segments=measure(asked.body).segments,
            idempotency_key=asked.idempotency_key,
            state="sent",
        )
    note = wording.sent_elsewhere(display(address), asked.body)
    put_note(tx, conversation_id=conversation.id, message_id=message_id, text=note)
    return message_id, True


def _check_same(asked: Asked, known: Message) -> None:
    wanted = (asked.body, asked.customer, display(asked.sender), asked.kind)
    if wanted != (known.body, known.customer, display(known.sender), known.kind):
        raise BadRequest("idempotency_key", "a key that no other message was queued under")
