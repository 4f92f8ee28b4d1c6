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
from bridge.domain import hours, verdicts
from bridge.domain.auto_replies import Moment
from bridge.domain.directory import Directory, Sender
from bridge.domain.mms import MmsLimits
from bridge.domain.numbers import display, is_number
from bridge.domain.verdicts import Decision, Facts, TicketsFrom
from bridge.domain.words import exact_word
from bridge.outbound.compose import put_text
from bridge.store import contacts, conversations, messages, work
from bridge.store.acquaintance import Acquaintance
from bridge.store.contacts import Source
from bridge.store.conversations import Conversation
from bridge.store.database import Transaction
from bridge.store.messages import Arrival, Judged, OutboundKind
from bridge.ticketing.notes import put_note

LONGEST_ANYWHERE = 1600  # of a carrier that isn't set up here (any more)
MOST_ANSWERS = 3  # so many automatic answers one customer is given by one number
ANSWERS_WITHIN_MS = 3_600_000
NOTE_ON_ANSWERS = (
    "This number has been given three automatic answers within an hour. Further ones "
    "are held back until an hour has passed, as a machine may be answering; texts are still kept."
)
NO_SENDER = Judged(
    verdict="no_sender",
    why="the number it was sent to is no sender yet; it waits until it is added",
    rule=None,
    state="waiting",
    conversation_id=None,
)
SPOKEN = (
    verdicts.Answer,
    verdicts.AutoAnswer,
    verdicts.AskToConfirm,
)  # actions that text the customer


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

    def mms(self, carrier: str) -> MmsLimits | None:
        """What this carrier takes along with a text, None where it takes no files."""
        known = self.capabilities.get(carrier)
        return None if known is None else known.mms


def judge_text(
    tx: Transaction,
    known: Acquaintance,
    directory: Directory,
    rules: Rules,
    *,
    keep: Callable[[Transaction, Arrival, Judged], None],
) -> str:
    """Judge one text, `keep` it with the verdict, and store what follows. Returns the verdict."""
    text = known.text
    sender = directory.senders.get(text.sender)
    if sender is None:
        keep(tx, text, NO_SENDER)
        return NO_SENDER.verdict
    decision = verdicts.judge(_gather(tx, known, sender, directory, rules))
    if decision.verdict == "loop":
        keep(tx, text, _judged(decision, None))
        return decision.verdict
    conversation = known.conversation
    if conversation is None:
        conversation = conversations.open_for(tx, text.sender, text.customer, by_text=True)
    else:
        conversations.note_inbound(tx, conversation.id)
    case = _Case(
        text=text,
        conversation=conversation,
        sender=sender,
        source=_source(text, decision),
        longest=rules.longest(sender.carrier),
    )
    unanswered = _why_unanswered(tx, text, rules) or _why_enough(tx, case, decision)
    if unanswered is not None:
        decision = replace(decision, why=f"{decision.why}; not answered: {unanswered}")
    keep(tx, text, _judged(decision, conversation.id))  # before its answers: seq is the order
    for action in decision.actions:
        if unanswered is None or not isinstance(action, SPOKEN):
            _DO[type(action)](tx, case, action)
    return decision.verdict


def _judged(decision: Decision, conversation_id: str | None) -> Judged:
    makes_ticket = any(isinstance(action, verdicts.MakeTicket) for action in decision.actions)
    return Judged(
        verdict=decision.verdict,
        why=decision.why,
        rule=decision.rule,
        state="received" if makes_ticket else "done",
        conversation_id=conversation_id,
    )


def _why_unanswered(tx: Transaction, text: Arrival, rules: Rules) -> str | None:
    """Why a text that a sweep found is obeyed in silence, None where it is like any other."""
    if text.recovered is None:
        return None
    if text.recovered == "withheld":
        return "the carrier took it for machine-written"
    sent_at = text.created_at if text.sent_at is None else text.sent_at
    if tx.now_ms() - sent_at > rules.answer_within_ms:
        return "it was found too late"
    contact = contacts.know(tx, text.customer)
    if max(contact.opted_out_at or 0, contact.opted_in_at or 0) > sent_at:
        return "a later word of this customer holds"
    return None


def _why_enough(tx: Transaction, case: _Case, decision: Decision) -> str | None:
    """Why no more is answered: a machine may be at the other end, and answer every answer."""
    limited = any(
        isinstance(action, verdicts.AutoAnswer)
        or (isinstance(action, verdicts.Answer) and not action.about_consent)
        for action in decision.actions
    )
    if limited and _answers_given(tx, case) >= MOST_ANSWERS:
        return "three automatic answers have been given within an hour"
    return None


def _answers_given(tx: Transaction, case: _Case) -> int:
    since_ms = tx.now_ms() - ANSWERS_WITHIN_MS
    return messages.count_answers(tx, case.conversation.id, since_ms=since_ms)


def _gather(
    tx: Transaction, known: Acquaintance, sender: Sender, directory: Directory, rules: Rules
) -> Facts:
    text = known.text
    contact = known.contact or contacts.know(tx, text.customer)
    if contact.landline_at is not None:
        contacts.set_landline(tx, contact.address, is_landline=False)  # it has just texted
    capabilities = rules.capabilities.get(sender.carrier)
    words: Mapping[OptOutWord, frozenset[str]] = {}
    if capabilities is not None:
        words = capabilities.answers.get(sender.kind, {})
    pending = contacts.pending_lists(tx, contact.address) if known.has_lists else {}
    return Facts(
        text=text.body,
        sender=sender,
        address=text.sender,
        brand=sender.name or display(text.sender),
        rules=directory.rules,
        tickets_from=sender.tickets_from or rules.tickets_from,
        can_be_answered=is_number(text.customer),
        from_ourselves=text.customer in directory.senders,
        opted_out=contact.opted_out_at is not None,
        blocked_by_carrier=contact.opted_out_at is not None
        and _is_carriers(contacts.last_opt_out(tx, contact.address), text.sender, words),
        opted_in=contact.opted_in_at is not None,
        lists=contacts.lists_of(tx, contact.address) if known.has_lists else frozenset(),
        pending={name: directory.rule(rule) if rule else None for name, rule in pending.items()},
        carrier_words=words,
        carrier_handled=text.handled,
        open_hours=_open_hours(directory, tx.now_ms()),
        moment=_moment(tx.now_ms(), known, sender, directory, rules),
    )


def _open_hours(directory: Directory, now_ms: int) -> frozenset[str]:
    return frozenset(name for name, week in directory.hours.items() if hours.is_open(week, now_ms))


def _moment(
    now_ms: int, known: Acquaintance, sender: Sender, directory: Directory, rules: Rules
) -> Moment | None:
    """How the text meets a sender that answers by itself; None where it doesn't, or not now."""
    texts = directory.auto_texts(known.text.sender)
    if texts is None or now_ms - known.text.created_at > rules.answer_within_ms:
        return None
    week = directory.hours.get(sender.hours or "")
    before = known.conversation
    since = None if before is None else before.quiet_since
    return Moment(
        texts=texts,
        is_first=before is None
        or (before.last_inbound_at is None and before.last_outbound_at is None),
        is_open=week is None or hours.is_open(week, now_ms),
        is_quiet=since is not None and now_ms - since < texts.quiet_ms,
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
    text: Arrival
    conversation: Conversation
    sender: Sender
    source: Source
    longest: int  # what the carrier takes in one text


def _source(text: Arrival, decision: Decision) -> Source:
    return Source(
        how="text",
        sender=text.sender,
        words=text.body[:500],
        rule=decision.rule,
        message_id=text.id,
        said_at_ms=None if text.recovered is None else text.sent_at,
    )


def _opt_out(tx: Transaction, case: _Case, _action: verdicts.OptOut) -> None:
    contacts.opt_out(tx, case.text.customer, case.source)


def _opt_in(tx: Transaction, case: _Case, _action: verdicts.OptIn) -> None:
    contacts.opt_in(tx, case.text.customer, case.source)


def _subscribe(tx: Transaction, case: _Case, action: verdicts.Subscribe) -> None:
    contacts.subscribe(tx, case.text.customer, action.lists, case.source)


def _unsubscribe(tx: Transaction, case: _Case, action: verdicts.Unsubscribe) -> None:
    contacts.unsubscribe(tx, case.text.customer, action.lists, case.source)


def _ask(tx: Transaction, case: _Case, action: verdicts.AskToConfirm) -> None:
    contacts.ask_to_confirm(tx, case.text.customer, action.lists, case.source)


def _tag(tx: Transaction, case: _Case, action: verdicts.SetTags) -> None:
    contacts.add_tags(tx, case.text.customer, action.tags)


def _set_fields(tx: Transaction, case: _Case, action: verdicts.SetFields) -> None:
    contacts.set_fields(tx, case.text.customer, action.fields)


def _ask_a_person(tx: Transaction, case: _Case, _action: verdicts.AskAPerson) -> None:
    contacts.note_wish(tx, case.text.customer, case.text.id)


def _answer(tx: Transaction, case: _Case, action: verdicts.Answer) -> None:
    if not action.about_consent and _answers_given(tx, case) >= MOST_ANSWERS:
        return  # one text may have several answers, and this is the fourth
    kind: OutboundKind = "opt_out_answer" if action.to_opt_out else "auto"
    _put(tx, case, action.text, kind, about_consent=action.about_consent)


def _answer_once(tx: Transaction, case: _Case, action: verdicts.AutoAnswer) -> None:
    if conversations.begin_quiet(tx, case.conversation.id, quiet_ms=action.quiet_ms):
        _put(tx, case, action.text, "auto")


def _put(
    tx: Transaction, case: _Case, text: str, kind: OutboundKind, *, about_consent: bool = False
) -> None:
    put_text(
        tx,
        kind=kind,
        conversation=case.conversation,
        carrier=case.sender.carrier,
        longest=case.longest,
        plain=case.sender.plain_characters,
        body=text,
        cause_id=case.text.id,
        about_consent=about_consent,
    )
    if kind == "auto" and _answers_given(tx, case) == MOST_ANSWERS:
        put_note(tx, conversation_id=case.conversation.id, text=NOTE_ON_ANSWERS)


def _tell(tx: Transaction, case: _Case, action: verdicts.TellAgent) -> None:
    """A note for every open ticket of this customer: an opt-out counts for all our senders."""
    told: set[int] = set()
    for conversation in conversations.by_customer(tx, case.text.customer):
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
        message_id=case.text.id,
        conversation_id=case.conversation.id,
        payload={"warning": action.warning, **({} if action.reopens else {"reopens": False})},
        opens=case.conversation.ticket_id is None,
    )


_DO: Mapping[type, Callable[..., None]] = {
    verdicts.OptOut: _opt_out,
    verdicts.OptIn: _opt_in,
    verdicts.Subscribe: _subscribe,
    verdicts.Unsubscribe: _unsubscribe,
    verdicts.AskToConfirm: _ask,
    verdicts.SetTags: _tag,
    verdicts.SetFields: _set_fields,
    verdicts.AskAPerson: _ask_a_person,
    verdicts.Answer: _answer,
    verdicts.AutoAnswer: _answer_once,
    verdicts.TellAgent: _tell,
    verdicts.MakeTicket: _make_ticket,
}
