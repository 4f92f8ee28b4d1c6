"""What became of a text: states only move forward, and a failure reaches the agent once."""

from __future__ import annotations

from typing import TypeVar

from bridge.carriers.contract import Carrier, DeliveryReport
from bridge.domain.directory import Directory
from bridge.outbound import wording
from bridge.outbound.counting import watch
from bridge.store import contacts, messages, parts, work
from bridge.store.contacts import Source
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.store.parts import EarlyReport, Part
from bridge.ticketing.notes import put_note

# A later report of a lower rank changes nothing; reports overtake one another.
RANK = {
    "queued": 0,
    "sending": 1,
    "uncertain": 1,
    "refused": 2,
    "sent": 2,
    "failed": 3,
    "undelivered": 3,
    "delivered": 4,  # a receipt from the phone beats a failure that was reported before it
}
FAILURES = frozenset({"failed", "undelivered"})
T = TypeVar("T")


def take_report(
    tx: Transaction, carrier: Carrier, report: DeliveryReport, directory: Directory
) -> tuple[str | None, str | None]:
    """Apply a delivery report, or keep it until its text is known.

    Returns the message's id, and the state that it came into by the report, where it did.
    """
    part = parts.get(tx, report.ref) if report.ref else None
    if part is not None and part.carrier_id not in (None, report.carrier_id):
        part = None  # our own reference, on another text than ours: go by the carrier's id
    if part is None:
        part = parts.by_carrier_id(tx, carrier.name, report.carrier_id)
    early = EarlyReport(state=report.state, error=report.error, reason=report.reason)
    if part is None:
        parts.keep_early_report(
            tx, carrier=carrier.name, carrier_id=report.carrier_id, report=early
        )
        return None, None
    was_unknown = part.carrier_id is None

    def apply(tx: Transaction) -> None:
        apply_state(tx, carrier, part, early, directory, carrier_id=report.carrier_id)

    _, state = watch(tx, part.message_id, apply)
    message = messages.get(tx, part.message_id)
    if was_unknown and message is not None and message.conversation_id is not None:
        work.hurry(tx, work.lane_out(message.conversation_id))  # it waits for just this
    return part.message_id, state


def apply_state(
    tx: Transaction,
    carrier: Carrier,
    part: Part,
    news: EarlyReport,
    directory: Directory,
    *,
    carrier_id: str | None = None,
    segments: int | None = None,
) -> None:
    """Move a part forward to what is reported, and the message with it."""
    state = "sending" if news.state == "queued" else news.state
    if RANK[state] < RANK[part.state] or (state == part.state and part.carrier_id is not None):
        parts.set_outcome(
            tx,
            part.id,
            part.state,
            carrier_id=carrier_id,
            segments=segments,
            error=part.error,
            reason=part.reason,
        )
        return
    parts.set_outcome(
        tx,
        part.id,
        state,
        carrier_id=carrier_id,
        segments=segments,
        error=news.error,
        reason=news.reason,
    )
    message = messages.get(tx, part.message_id)
    assert message is not None, "a part has a message"  # noqa: S101 - never deleted
    sum_up(tx, message)
    if state in FAILURES:
        learn_from(tx, carrier, message, news.error)
        tell_agent(tx, message, wording.undelivered(news.reason, news.error), directory)


def sum_up(tx: Transaction, message: Message) -> None:
    """A message stands as its worst part does, else as the one that is least far."""
    all_parts = parts.of_message(tx, message.id)
    worst = next(
        (
            part
            for state in ("refused", "failed", "undelivered", "uncertain")
            for part in all_parts
            if part.state == state
        ),
        None,
    )
    shown = worst or min(all_parts, key=lambda part: RANK[part.state])
    state = shown.state
    if worst is None and state == "queued" and any(part.carrier_id for part in all_parts):
        state = "sending"
    messages.set_state(tx, message.id, state, error=shown.error, reason=shown.reason)


def learn_from(tx: Transaction, carrier: Carrier, message: Message, code: str | None) -> None:
    """Remember what an error code says about the customer: opted out, or a landline."""
    if code is None:
        return
    if carrier.errors.is_opted_out(code):
        contact = contacts.know(tx, message.customer)
        if contact.opted_out_at is None:
            source = Source(how="carrier", sender=message.sender, words=code, message_id=message.id)
            contacts.opt_out(tx, message.customer, source)
    elif carrier.errors.is_landline(code):
        contacts.know(tx, message.customer)
        contacts.set_landline(tx, message.customer, is_landline=True)


def tell_agent(tx: Transaction, message: Message, note: str, directory: Directory) -> None:
    """Put one private note about a message on its ticket; automatic answers have no agent."""
    if message.kind not in ("reply", "conversation") or message.conversation_id is None:
        return
    if not messages.tell_agent_once(tx, message.id):
        return
    sender = directory.senders.get(message.sender)
    put_note(
        tx,
        conversation_id=message.conversation_id,
        ticket_id=message.ticket_id,
        message_id=message.id,
        text=f"{note}\n\n{wording.the_reply(message.body)}",
        tags=wording.FAILED_TAGS,
        reopen=sender is not None and sender.reopen_on_failure,
        must_reach=True,
    )


def tell_what_went(tx: Transaction, message: Message) -> None:
    """Tell the agent what they could not know: many texts, or sent after all."""
    if message.kind != "reply" or message.conversation_id is None:
        return
    said = []
    now = messages.get(tx, message.id) or message
    sent = parts.of_message(tx, message.id)
    # A report of failure may have overtaken our own answer: then the note is right as it is.
    if message.told_agent and now.state not in FAILURES:
        said.append(wording.sent_after_all(message.body))
    if len(sent) > 1:
        said.append(wording.in_parts(len(sent), sum(part.segments for part in sent)))
    for text in said:
        put_note(
            tx,
            conversation_id=message.conversation_id,
            ticket_id=message.ticket_id,
            message_id=message.id,
            text=text,
        )


def tell_of_halt(tx: Transaction, message: Message) -> None:
    """Note that a text waits for sending to be resumed, and tell its agent, both once."""
    is_news = messages.note_wait(tx, message.id, wording.HALTED)
    if is_news and message.kind == "reply" and message.conversation_id is not None:
        put_note(
            tx,
            conversation_id=message.conversation_id,
            ticket_id=message.ticket_id,
            message_id=message.id,
            text=f"{wording.WAITS_FOR_RESUMING}\n\n{wording.the_reply(message.body)}",
        )
