"""Judge a stored text: gather the facts, decide (domain/verdicts.py), and store what follows.

It runs in the transaction that took the text in, so an opt-out holds from the moment that the
carrier was answered, whatever becomes of the ticket.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bridge.carriers.contract import Capabilities, OptOutWord
from bridge.domain import verdicts
from bridge.domain.directory import Directory, Sender
from bridge.domain.numbers import display, is_number
from bridge.domain.verdicts import Decision, Facts, TicketsFrom
from bridge.domain.words import exact_word
from bridge.outbound.compose import put_text
from bridge.store import contacts, conversations, messages, work
from bridge.store.contacts import Source
from bridge.store.conversations import Conversation
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.ticketing.notes import put_note

LONGEST_ANYWHERE = 1600  # of a carrier that isn't set up here (any more)
MOST_ALIKE = 3  # so often one customer is given one automatic answer
ALIKE_WITHIN_MS = 3_600_000
NOTE_ON_ANSWERS = (
    "This number has been given the same automatic answer three times within an hour. Further ones "
    "are held back until an hour has passed, as a machine may be answering; texts are still kept."
)
SPOKEN = (verdicts.Answer, verdicts.AskToConfirm)  # actions that text the customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What judging needs beside the directory: the house's policy and what carriers can do."""

    tickets_from: TicketsFrom
    capabilities: Mapping[str, Capabilities]
    answer_within_ms: int = 3_600_000  # what was sent longer ago gets no automatic answer
    id_key: bytes = b""

    def id_of(self, carrier: str, carrier_id: str) -> str:
        """Our id for a text: always the same one, so that a ticket or comment that was written for
        it is found again even where the database has forgotten it."""
        known_as = f"{carrier} {carrier_id}".encode()
        return hmac.new(self.id_key, known_as, hashlib.sha256).hexdigest()[:32]

    def longest(self, carrier: str) -> int:
        """The longest text that this carrier takes, in UTF-16 units."""
        known = self.capabilities.get(carrier)
        return LONGEST_ANYWHERE if known is None else known.longest_text


def judge_text(tx: Transaction, message: Message, directory: Directory, rules: Rules) -> str:
    """Judge one text and store the verdict with it. Returns the verdict."""
    sender = directory.senders.get(message.sender)
    if sender is None:
        messages.set_verdict(
            tx,
            message.id,
            verdict="no_sender",
            why="the number it was sent to is no sender yet; it waits until it is added",
            rule=None,
            state="waiting",
            conversation_id=None,
        )
        return "no_sender"
    facts = _gather(tx, message, sender, directory, rules)
    decision = verdicts.judge(facts)
    conversation_id = None
    if decision.verdict != "loop":
        conversation = conversations.open_for(tx, message.sender, message.customer)
        conversations.note_inbound(tx, conversation.id)
        conversation_id = conversation.id
        case = _Case(
            message=message,
            conversation=conversation,
            sender=sender,
            source=_source(message, decision),
            longest=rules.longest(sender.carrier),
        )
        unanswered = _why_unanswered(tx, message, rules) or _why_enough(tx, case, decision)
        for action in decision.actions:
            if unanswered is None or not isinstance(action, SPOKEN):
                _DO[type(action)](tx, case, action)
        if unanswered is not None:
            decision = replace(decision, why=f"{decision.why}; not answered: {unanswered}")
    makes_ticket = any(isinstance(action, verdicts.MakeTicket) for action in decision.actions)
    messages.set_verdict(
        tx,
        message.id,
        verdict=decision.verdict,
        why=decision.why,
        rule=decision.rule,
        state="received" if makes_ticket else "done",
        conversation_id=conversation_id,
    )
    return decision.verdict


def _why_unanswered(tx: Transaction, message: Message, rules: Rules) -> str | None:
    """Why a text that a sweep found is obeyed in silence, None where it is like any other."""
    if message.recovered is None:
        return None
    if message.recovered == "withheld":
        return "the carrier took it for machine-written"
    sent_at = message.created_at if message.sent_at is None else message.sent_at
    if tx.now_ms() - sent_at > rules.answer_within_ms:
        return "it was found too late"
    contact = contacts.know(tx, message.customer)
    if max(contact.opted_out_at or 0, contact.opted_in_at or 0) > sent_at:
        return "a later word of this customer holds"
    return None


def _why_enough(tx: Transaction, case: _Case, decision: Decision) -> str | None:
    """Why an answer is held back that this customer has just been given: a machine may be at the
    other end, and answer every answer."""
    answers = (action for action in decision.actions if isinstance(action, verdicts.Answer))
    limited = (answer for answer in answers if not answer.about_consent)
    if any(_times_given(tx, case, answer) >= MOST_ALIKE for answer in limited):
        return "the same answer has been given three times within an hour"
    return None


def _times_given(tx: Transaction, case: _Case, action: verdicts.Answer) -> int:
    return messages.count_answers(
        tx, case.conversation.id, action.text, since_ms=tx.now_ms() - ALIKE_WITHIN_MS
    )


def _gather(
    tx: Transaction, message: Message, sender: Sender, directory: Directory, rules: Rules
) -> Facts:
    contact = contacts.know(tx, message.customer)
    if contact.landline_at is not None:
        contacts.set_landline(tx, contact.address, is_landline=False)  # it has just texted
    capabilities = rules.capabilities.get(sender.carrier)
    words: Mapping[OptOutWord, frozenset[str]] = {}
    if capabilities is not None:
        words = capabilities.answers.get(sender.kind, {})
    pending = contacts.pending_lists(tx, contact.address)
    return Facts(
        text=message.body,
        sender=sender,
        address=message.sender,
        brand=sender.name or display(message.sender),
        rules=directory.rules,
        tickets_from=sender.tickets_from or rules.tickets_from,
        can_be_answered=is_number(message.customer),
        from_ourselves=message.customer in directory.senders,
        opted_out=contact.opted_out_at is not None,
        blocked_by_carrier=contact.opted_out_at is not None
        and _is_carriers(contacts.last_opt_out(tx, contact.address), message.sender, words),
        opted_in=contact.opted_in_at is not None,
        lists=contacts.lists_of(tx, contact.address),
        pending={name: directory.rule(rule) if rule else None for name, rule in pending.items()},
        carrier_words=words,
        carrier_handled=message.handled,
    )


def _is_carriers(
    opt_out: Source | None, sender: str, words: Mapping[OptOutWord, frozenset[str]]
) -> bool:
    """Whether the carrier blocks this pair: it understood the STOP, sent to this very number."""
    if opt_out is None or opt_out.sender != sender:
        return False
    return opt_out.how == "carrier" or exact_word(opt_out.words or "") in words.get(
        "STOP", frozenset()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    message: Message
    conversation: Conversation
    sender: Sender
    source: Source
    longest: int  # what the carrier takes in one text


def _source(message: Message, decision: Decision) -> Source:
    return Source(
        how="text",
        sender=message.sender,
        words=message.body[:500],
        rule=decision.rule,
        message_id=message.id,
        said_at_ms=None if message.recovered is None else message.sent_at,
    )


def _opt_out(tx: Transaction, case: _Case, _action: verdicts.OptOut) -> None:
    contacts.opt_out(tx, case.message.customer, case.source)


def _opt_in(tx: Transaction, case: _Case, _action: verdicts.OptIn) -> None:
    contacts.opt_in(tx, case.message.customer, case.source)


def _subscribe(tx: Transaction, case: _Case, action: verdicts.Subscribe) -> None:
    contacts.subscribe(tx, case.message.customer, action.lists, case.source)


def _unsubscribe(tx: Transaction, case: _Case, action: verdicts.Unsubscribe) -> None:
    contacts.unsubscribe(tx, case.message.customer, action.lists, case.source)


def _ask(tx: Transaction, case: _Case, action: verdicts.AskToConfirm) -> None:
    contacts.ask_to_confirm(tx, case.message.customer, action.lists, case.source)


def _tag(tx: Transaction, case: _Case, action: verdicts.SetTags) -> None:
    contacts.add_tags(tx, case.message.customer, action.tags)


def _answer(tx: Transaction, case: _Case, action: verdicts.Answer) -> None:
    put_text(
        tx,
        kind="opt_out_answer" if action.to_opt_out else "auto",
        conversation=case.conversation,
        carrier=case.sender.carrier,
        longest=case.longest,
        plain=case.sender.plain_characters,
        body=action.text,
        cause_id=case.message.id,
        about_consent=action.about_consent,
    )
    if not action.about_consent and _times_given(tx, case, action) == MOST_ALIKE:
        put_note(tx, conversation_id=case.conversation.id, text=NOTE_ON_ANSWERS)


def _tell(tx: Transaction, case: _Case, action: verdicts.TellAgent) -> None:
    """A note for every open ticket of this customer: an opt-out counts for all our senders."""
    told: set[int] = set()
    for conversation in conversations.by_customer(tx, case.message.customer):
        if conversation.ticket_id in told:
            continue  # two conversations on one ticket, after a merge
        put_note(tx, conversation_id=conversation.id, text=action.text)
        if conversation.ticket_id is not None:
            told.add(conversation.ticket_id)


def _make_ticket(tx: Transaction, case: _Case, action: verdicts.MakeTicket) -> None:
    work.put(
        tx,
        lane=work.lane_in(case.conversation.id),
        account="zendesk",
        kind="text",
        message_id=case.message.id,
        conversation_id=case.conversation.id,
        payload={"warning": action.warning},
    )


_DO: Mapping[type, Callable[..., None]] = {
    verdicts.OptOut: _opt_out,
    verdicts.OptIn: _opt_in,
    verdicts.Subscribe: _subscribe,
    verdicts.Unsubscribe: _unsubscribe,
    verdicts.AskToConfirm: _ask,
    verdicts.SetTags: _tag,
    verdicts.Answer: _answer,
    verdicts.TellAgent: _tell,
    verdicts.MakeTicket: _make_ticket,
}
