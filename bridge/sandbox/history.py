"""A past for `bridge demo`: told to the store by the code that takes texts in and follows them.

Verdicts, answers, consent, the gate and the work that follows are the real ones. Only the calls to
the far sides are left out, with their pauses: what is written to Zendesk is put straight into the
fake's own records, and a report says what became of a text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.carriers.contract import Carrier, DeliveryReport, InboundText
from bridge.desks.zendesk.comments import MARK
from bridge.domain import tickets
from bridge.domain.directory import CarrierWords, Directory
from bridge.domain.numbers import display, pretty
from bridge.domain.plaintext import to_text
from bridge.domain.settings_file import parse
from bridge.inbound.body import body_of
from bridge.inbound.judge import Rules
from bridge.inbound.receive import take_in
from bridge.outbound import wording
from bridge.outbound.compose import put_text
from bridge.outbound.gate import refusal
from bridge.outbound.track import apply_state, sum_up, take_report, tell_agent
from bridge.sandbox import brand
from bridge.sandbox.plot import DAYS, HOUR_MS, MINUTE_MS, Fate, Turn, plot
from bridge.sandbox.zendesk import FakeZendesk
from bridge.sandbox.zendesk.records import Comment, Ticket, User
from bridge.sandbox.zendesk.wishes import Wish, make_comment_wish
from bridge.store import comments, contacts, conversations, messages, parts, tallies, users, work
from bridge.store.attempts import note_attempt
from bridge.store.changes import Author
from bridge.store.database import Row, Transaction, Value
from bridge.store.messages import Message
from bridge.store.parts import EarlyReport, Part
from bridge.store.settings import import_settings, load_directory
from bridge.store.work import Claim, Item
from bridge.ticketing.merges import TAGS

CARRIER: Final = "twilio"
LEASE_MS: Final = 60_000
UNREACHABLE: Final = "30003"
NO_SENDER: Final = "21606"
DESK_REFUSED: Final = "Zendesk refused it: Order number: is required (422)"
DESK_AWAY: Final = "Zendesk answered 503 Service Unavailable"
WAITS_MS: Final = 45 * MINUTE_MS


@dataclass(slots=True)
class Then:
    """A transaction at another time, and a clock that tells it."""

    inner: Transaction
    at_ms: int

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        """Run and return every row."""
        return self.inner.all(sql, *values)

    def first(self, sql: str, *values: Value) -> Row | None:
        """Run and return the first row, or None."""
        return self.inner.first(sql, *values)

    def run(self, sql: str, *values: Value) -> int:
        """Run and return how many rows were touched."""
        return self.inner.run(sql, *values)

    def now_ms(self) -> int:
        """The time that is told of."""
        return self.at_ms

    def announce(self, topic: str) -> None:
        """Announce nothing: nobody runs yet, and it is long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the past happens to: the far sides, and how texts are judged here."""

    zendesk: FakeZendesk
    carrier: Carrier
    rules: Rules
    words: CarrierWords


def tell(tx: Transaction, house: House) -> None:
    """Write the whole past, up to now, in one transaction."""
    now_ms = tx.now_ms()
    past = _Past(Then(tx, now_ms), house)
    clock, house.zendesk.account.clock = house.zendesk.account.clock, past.then
    try:
        _set_up(past, now_ms)
        for turn in plot(now_ms, random.Random(4)):  # noqa: S311 - a story, no secret
            past.live(turn)
    finally:
        house.zendesk.account.clock = clock
    _count(tx, now_ms)


def _set_up(past: _Past, now_ms: int) -> None:
    """The settings and users of the first day; what was changed later, the past itself does."""
    past.then.at_ms = now_ms - (DAYS + 1) * 24 * HOUR_MS
    past.use(brand.BEGINNING, Author(how="command", who="operator"))
    for role, name in brand.USERS:
        users.add(past.then, name, role, Author(how="command", who="operator"))
    past.changes = [
        (now_ms - days * 24 * HOUR_MS, name, settings) for days, name, settings in brand.CHANGES
    ]


def _count(tx: Transaction, now_ms: int) -> None:
    """Count every hour now, as a service does in its first minutes."""
    hours = tallies.hours_to_count(tx, most=tallies.KEPT_HOURS)
    counted = {hour: tallies.count_hour(tx, hour) for hour in hours}
    for hour, tally in counted.items():
        # What waited is only known while it does; a third of an hour's texts is a lively guess.
        tallies.keep(Then(tx, hour), {hour: tally}, waiting=tally.total.received // 3)
    tallies.keep(Then(tx, now_ms), counted)


class _Refused(Exception):
    """A far side would have refused it for good, in these words."""


class _Past:
    """Goes from one thing that was said to the next, and does what each of them asks for."""

    def __init__(self, then: Then, house: House) -> None:
        self.then = then
        self.changes: list[tuple[int, str, str]] = []
        self._house = house
        self._zendesk = house.zendesk
        self._chance = random.Random(11)  # noqa: S311 - a story, no secret
        self._directory: Directory = load_directory(then)
        self._fates: dict[str, Fate] = {}  # by message
        self._agents: list[User] = []

    def use(self, settings_file: str, by: Author) -> None:
        """Put settings in force."""
        file = parse(settings_file, self._house.words)
        import_settings(self.then, file, self._house.words, prune=False, by=by)
        self._directory = load_directory(self.then)

    def live(self, turn: Turn) -> None:
        """Have something be said, and all be done that follows."""
        while self.changes and self.changes[0][0] <= turn.at_ms:
            self.then.at_ms, who, settings = self.changes.pop(0)
            self.use(settings, Author(how="console", who=who))
        self.then.at_ms = turn.at_ms
        if turn.by_customer:
            self._hear(turn)
        else:
            self._answer(turn)
        self._work_off()

    def _hear(self, turn: Turn) -> None:
        text = InboundText(
            carrier_id=f"SM{self._chance.getrandbits(128):032x}",
            sender=turn.sender,
            customer=turn.customer.number,
            body=turn.words,
        )
        taken = take_in(self.then, CARRIER, text, self._directory, self._house.rules)
        contacts.set_name(self.then, turn.customer.number, turn.customer.name)
        if taken is not None:
            self._fates[taken.message_id] = turn.fate

    def _answer(self, turn: Turn) -> None:
        """What happens when an agent's public comment is found on a ticket."""
        conversation = conversations.of_pair(self.then, turn.sender, turn.customer.number)
        ticket = None if conversation is None else self._ticket(conversation.ticket_id)
        if conversation is None or ticket is None or ticket.status == "closed":
            return
        comment = self._comment_by_agent(ticket, turn)
        message_id = put_text(
            self.then,
            kind="reply",
            conversation=conversation,
            carrier=CARRIER,
            longest=self._house.rules.longest(CARRIER),
            body=to_text(comment.html_body, keep_signature=True),
            ticket_id=ticket.id,
            comment_id=comment.id,
        )
        self._fates[message_id] = turn.fate
        self._meet(comment, "agent", "sent", message_id)

    def _comment_by_agent(self, ticket: Ticket, turn: Turn) -> Comment:
        if not self._agents:
            self._agents = [
                self._zendesk.agent("Ann Agent"),
                self._zendesk.add_user(
                    name="Lou Becker", email="lou@acme.example", role="agent", verified=True
                ),
            ]
        agent = self._agents[ticket.id % len(self._agents)]
        words = make_comment_wish(html=turn.words)
        words.public, words.author_id = True, agent.id
        wish = Wish(comment=words, fields={"status": "solved" if turn.ends else "pending"})
        wish.fields["assignee_id"] = ticket.assignee_id or agent.id
        self._zendesk.writer.update(ticket, wish, updater=agent, source="web")
        return ticket.comments[-1]

    def _work_off(self) -> None:
        """Do the work that has been stored, lane by lane, as the workers would."""
        for account in (CARRIER, "zendesk"):
            while claims := work.claim(self.then, account=account, most=50, lease_ms=LEASE_MS):
                for claim in claims:
                    self._do_lane(claim)

    def _do_lane(self, claim: Claim) -> None:
        does: Mapping[str, Callable[[Item], str]] = {
            "text": self._write_text,
            "note": self._write_note,
            "send": self._send,
        }
        item: Item | None = claim.item
        while item is not None:
            began_ms = self.then.at_ms
            self.then.at_ms += self._takes_ms(item)
            # By its own time: what is reported later is no part of it.
            ended = Then(self.then.inner, self.then.at_ms)
            fate = self._fates.get(item.message_id or "", "delivered")
            at = replace(claim, item=item)
            if item.kind == "text" and fate == "later":
                note_attempt(ended, item, outcome="later", words=DESK_AWAY, began_ms=began_ms)
                work.put_off(self.then, at, pause_ms=WAITS_MS, reason=DESK_AWAY)
                return
            try:
                words = does[item.kind](item)
            except _Refused as refused:
                words = str(refused)
                note_attempt(ended, item, outcome="refused", words=words, began_ms=began_ms)
                item = work.set_aside(self.then, at, words)
            else:
                note_attempt(ended, item, outcome="done", words=words, began_ms=began_ms)
                item = work.finish(self.then, at)

    def _takes_ms(self, item: Item) -> int:
        usual = self._chance.lognormvariate(6.3 if item.kind == "text" else 5.3, 0.45)
        slow = 6 if self._chance.random() < 0.03 else 1
        return int(usual * slow)

    # ---- Zendesk

    def _write_text(self, item: Item) -> str:
        """Write a text to its ticket."""
        message = self._message(item)
        if self._fates.get(message.id) == "refused by Zendesk":
            messages.set_state(self.then, message.id, "failed", reason=DESK_REFUSED)
            raise _Refused(DESK_REFUSED)
        conversation = conversations.get(self.then, str(item.conversation_id))
        assert conversation is not None  # noqa: S101 - never deleted
        requester = self._requester(message.customer)
        ticket = self._ticket(conversation.ticket_id)
        choice = tickets.choose(ticket.status if ticket else None)  # type: ignore[arg-type] # a name
        words = make_comment_wish(body=body_of(message))
        words.public, words.author_id = True, requester.id
        wish = Wish(comment=words, custom={MARK: message.id})
        if ticket is not None and isinstance(choice, tickets.Comment):
            if choice.reopen and item.payload.get("reopens", True):
                wish.fields["status"] = "open"
            self._zendesk.writer.update(ticket, wish, updater=self._zendesk.api_user)
        else:
            ticket = self._open(message, wish, requester)
        comment = ticket.comments[-1]
        messages.set_ticket(self.then, message.id, ticket.id, comment.id)
        self._meet(comment, "ours", "a customer's text", message.id)
        conversations.link(
            self.then,
            conversation_id=conversation.id,
            ticket_id=ticket.id,
            requester_id=requester.id,
            replies_from=0,
        )
        warning = item.payload.get("warning")
        if warning and conversation.warned_ticket_id != ticket.id:
            conversations.note_warned(self.then, conversation.id, ticket.id)
            self._note(ticket, str(warning), message.id)
        return f"in ticket {ticket.id}"

    def _open(self, message: Message, wish: Wish, requester: User) -> Ticket:
        sender = self._directory.senders[message.sender]
        wish.requester = requester
        wish.fields |= {
            "subject": f"Text from {pretty(message.customer)} to "
            f"{sender.name or display(message.sender)}",
            "tags": [*TAGS, *sender.tags],
            "external_id": message.id,
        }
        ticket, _ = self._zendesk.writer.create(wish, updater=self._zendesk.api_user)
        return ticket

    def _write_note(self, item: Item) -> str:
        conversation = conversations.get(self.then, str(item.conversation_id))
        known = None if conversation is None else conversation.ticket_id
        ticket = self._ticket(item.ticket_id or known)
        if ticket is None or ticket.status == "closed":
            return "no open ticket to note it on"
        self._note(ticket, str(item.payload["text"]), str(item.payload["mark"]))
        return f"noted on ticket {ticket.id}"

    def _note(self, ticket: Ticket, text: str, mark: str) -> None:
        words = make_comment_wish(body=text)
        words.public, words.author_id = False, self._zendesk.api_user.id
        wish = Wish(comment=words, custom={MARK: mark})
        self._zendesk.writer.update(ticket, wish, updater=self._zendesk.api_user)
        self._meet(ticket.comments[-1], "ours", "a note", None)

    def _meet(
        self, comment: Comment, origin: comments.Origin, outcome: str, message_id: str | None
    ) -> None:
        comments.meet(
            self.then,
            comment_id=comment.id,
            ticket_id=comment.ticket_id,
            origin=origin,
            outcome=outcome,
            message_id=message_id,
            at_ms=comment.created_ms,
        )
        comments.set_read_to(self.then, comment.ticket_id, comment.created_ms)

    def _ticket(self, ticket_id: int | None) -> Ticket | None:
        return None if ticket_id is None else self._zendesk.tickets.get(ticket_id)

    def _requester(self, customer: str) -> User:
        contact = contacts.know(self.then, customer)
        known = self._zendesk.users.get(contact.requester_id or 0)
        if known is not None:
            return known
        user = self._zendesk.add_user(name=contact.name or pretty(customer), phone=customer)
        contacts.set_requester(self.then, customer, user.id)
        return user

    def _message(self, item: Item) -> Message:
        message = messages.get(self.then, str(item.message_id))
        assert message is not None  # noqa: S101 - never deleted
        return message

    # ---- the carrier

    def _send(self, item: Item) -> str:
        """Hand a text to the carrier."""
        message = self._message(item)
        told = refusal(self.then, message, self._directory.senders[message.sender])
        if told is not None:
            self._refuse(message, told.reason, told.note, None)
            return told.reason
        if self._fates.get(message.id) == "refused by the carrier":
            words = self._house.carrier.errors.explain(NO_SENDER)
            self._refuse(message, words, wording.refused(words, NO_SENDER), NO_SENDER)
            raise _Refused(words)
        for part in parts.of_message(self.then, message.id):
            self._send_part(message, part)
        return "sent"

    def _send_part(self, message: Message, part: Part) -> None:
        carrier, carrier_id = self._house.carrier, f"SM{self._chance.getrandbits(128):032x}"
        parts.begin(self.then, part.id)
        sent = EarlyReport(state="sent", error=None, reason=None)
        apply_state(self.then, carrier, part, sent, self._directory, carrier_id=carrier_id)
        conversations.note_outbound(self.then, str(message.conversation_id))
        self.then.at_ms += self._chance.randrange(900, 6000)
        is_lost = self._fates.get(message.id) == "unreachable"
        report = DeliveryReport(
            carrier_id=carrier_id,
            ref=part.id,
            state="undelivered" if is_lost else "delivered",
            error=UNREACHABLE if is_lost else None,
            reason=self._house.carrier.errors.explain(UNREACHABLE) if is_lost else None,
        )
        take_report(self.then, carrier, report, self._directory)

    def _refuse(self, message: Message, reason: str, note: str, code: str | None) -> None:
        for part in parts.of_message(self.then, message.id):
            parts.set_outcome(self.then, part.id, "refused", error=code, reason=reason)
        sum_up(self.then, message)
        tell_agent(self.then, message, note, self._directory)
