"""A text arrives: keep it, judge it and store the work that follows, all in one transaction.

Only when that is durable does the carrier hear "yes". Nothing here waits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.carriers.contract import InboundText
from bridge.domain.directory import Directory
from bridge.inbound.judge import Rules, judge_text
from bridge.store import messages
from bridge.store.acquaintance import look_up
from bridge.store.database import Transaction
from bridge.store.messages import Arrival, Recovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A text that is kept: our id for it, and what was decided."""

    message_id: str
    verdict: str


def take_in(
    tx: Transaction,
    carrier: str,
    text: InboundText,
    directory: Directory,
    rules: Rules,
    *,
    recovered: Recovered | None = None,
) -> Taken | None:
    """Keep a text and judge it. Returns None where it had come before.

    `recovered` where no webhook brought it.
    """
    arrival = Arrival(
        id=rules.id_of(carrier, text.carrier_id),
        sender=text.sender,
        customer=text.customer,
        carrier=carrier,
        carrier_id=text.carrier_id,
        body=text.body,
        media=tuple({"url": item.url, "content_type": item.content_type} for item in text.media),
        handled=text.carrier_handled,
        sent_at=text.sent_at_ms,
        recovered=recovered,
        created_at=tx.now_ms(),
    )
    known = look_up(tx, arrival)
    if known.is_repeated:
        return None
    verdict = judge_text(tx, known, directory, rules, keep=messages.add_inbound)
    return Taken(message_id=arrival.id, verdict=verdict)


def take_in_waiting(tx: Transaction, directory: Directory, rules: Rules) -> int:
    """Judge the texts that came for numbers which are senders only now. Returns how many."""
    taken = 0
    for address in directory.senders:
        for text in messages.waiting_for(tx, address):
            judge_text(tx, look_up(tx, text), directory, rules, keep=messages.set_verdict)
            taken += 1
    return taken
