"""A text is written to the desk: which ticket, by its status at the moment of writing, and once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bridge.desks.contract import (
    CommentDraft,
    Desk,
    RequesterSuspended,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketFull,
    TicketGone,
    TicketId,
    Written,
)
from bridge.domain import tickets
from bridge.domain.directory import Directory, Sender
from bridge.domain.numbers import display, pretty
from bridge.errors import CredentialsRefused, Refused, TryLater
from bridge.inbound.requester import Requester, Requesters
from bridge.store import comments, conversations, messages, work
from bridge.store.conversations import Conversation
from bridge.store.database import Database, Transaction
from bridge.store.messages import Message
from bridge.store.work import Item
from bridge.ticketing.merges import TAGS, follow
from bridge.ticketing.notes import put_note
from bridge.ticketing.writes import Aside, DeskWriter
from bridge.work.outcomes import Done, Job, Outcome

log = structlog.get_logger()
MOST_ROUNDS = 5
ASLEEP = frozenset({"pending", "hold", "solved"})


@dataclass(slots=True, kw_only=True)
class _Case:
    """One text on its way into a ticket, and what has been found out about it."""

    message: Message
    conversation: Conversation
    sender: Sender | None
    warning: str | None
    linked: TicketId | None
    replies_from_ms: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWriter:
    """Writes inbound texts to the desk."""

    database: Database
    writer: DeskWriter
    requesters: Requesters
    directory: Callable[[Transaction], Directory]

    async def write_text(self, job: Job) -> Outcome:
        """Write one text as a comment, on the ticket that its conversation's state asks for."""
        case = await job.keep(lambda tx: self._load(tx, job.item))
        written = await self.writer.settle(job)
        if written is None:
            written = await self._write(job, case)
        done = written
        aside = (job.item.intent or {}).get("aside", {})
        log.info("text.written", ticket=done.ticket_id, comment=done.comment_id)
        return Done(
            words=f"in ticket {done.ticket_id}", save=lambda tx: self._save(tx, case, done, aside)
        )

    def _load(self, tx: Transaction, item: Item) -> _Case:
        message = messages.get(tx, str(item.message_id))
        conversation = conversations.get(tx, str(item.conversation_id))
        assert message is not None and conversation is not None  # noqa: S101, PT018 - never deleted
        messages.set_state(tx, message.id, "working")
        ticket_id = conversation.ticket_id
        return _Case(
            message=message,
            conversation=conversation,
            sender=self.directory(tx).senders.get(message.sender),
            warning=item.payload.get("warning"),
            linked=None if ticket_id is None else TicketId(ticket_id),
        )

    async def _write(self, job: Job, case: _Case) -> Written:
        requester = await self.requesters.resolve(case.message.customer)
        for _ in range(MOST_ROUNDS):
            try:
                return await self._write_as(job, case, requester)
            except (TicketClosed, TicketGone, TicketChanged):
                continue  # it changed between the look and the write: choose again
            except (RequesterSuspended, CredentialsRefused):
                raise
            except Refused:
                # A user that was deleted or merged away since we remembered them?
                if requester.is_fresh or not await self.requesters.is_gone(requester.id):
                    raise
                requester = await self.requesters.resolve_again(case.message.customer)
        raise TryLater(self._desk.name, "the ticket changes faster than it can be written to")

    async def _write_as(self, job: Job, case: _Case, requester: Requester) -> Written:
        case.notes = [requester.note] if requester.note else []
        ticket = await self._linked_ticket(case, requester)
        aside = {
            "requester_id": requester.id,
            "replies_from": case.replies_from_ms,
            "notes": case.notes,
        }
        choice = tickets.choose(None if ticket is None else ticket.status)
        if ticket is not None and isinstance(choice, tickets.Comment):
            comment = _comment(case.message, requester, reopen=choice.reopen)
            try:
                written = await self.writer.append(job, ticket, comment, aside | {"notes": []})
            except TicketFull:
                full = f"The earlier ticket #{ticket.id} is full: Zendesk takes no more comments."
                aside = aside | {"notes": [*case.notes, full]}
                return await self.writer.create(job, _ticket(case, requester), aside)
            if not choice.reopen and written.status in ASLEEP:
                await self._wake(ticket.id)
            return written
        if ticket is None:
            return await self.writer.create(job, _ticket(case, requester), aside)
        try:
            return await self.writer.create(job, _ticket(case, requester, ticket.id), aside)
        except (RequesterSuspended, CredentialsRefused):
            raise
        except Refused:
            # A closed ticket that can't be followed (archived): a plain new one.
            return await self.writer.create(job, _ticket(case, requester), aside)

    async def _wake(self, ticket_id: TicketId) -> None:
        """It was solved in the second in which it was read, which the stamp can't tell. The text
        stands by now: whatever comes of this, it must not be written again."""
        try:
            await self._desk.reopen(ticket_id)
        except Refused as error:
            log.warning("ticket.not_reopened", ticket=ticket_id, reason=error.code)

    async def _linked_ticket(self, case: _Case, requester: Requester) -> Ticket | None:
        """The linked ticket as it stands now, after any merges; None where there is none."""
        if case.linked is None:
            return None
        try:
            ticket = await self._desk.ticket(case.linked)
        except TicketGone:
            return None
        if ticket.requester_id != requester.id:
            if not requester.is_fresh and await self.requesters.is_gone(requester.id):
                raise Refused(self._desk.name, "the requester was merged away", code="gone")
            case.notes.append(
                f"The earlier ticket #{ticket.id} now belongs to another requester, "
                "so this customer's texts go on here."
            )
            return None
        followed = await follow(self._desk, ticket, requester.id)
        if followed.note is not None:
            case.notes.append(followed.note)
        if followed.moved:
            case.replies_from_ms = followed.replies_from_ms
        return followed.ticket

    @property
    def _desk(self) -> Desk:
        return self.writer.desk

    def _save(self, tx: Transaction, case: _Case, written: Written, aside: Aside) -> None:
        message, conversation = case.message, case.conversation
        messages.set_ticket(tx, message.id, written.ticket_id, written.comment_id)
        if written.comment_id is not None:
            comments.meet(
                tx,
                comment_id=written.comment_id,
                ticket_id=written.ticket_id,
                origin="ours",
                outcome="a customer's text",
                message_id=message.id,
            )
        conversations.link(
            tx,
            conversation_id=conversation.id,
            ticket_id=written.ticket_id,
            requester_id=int(aside["requester_id"]),
            replies_from=int(aside["replies_from"]),
        )
        if case.linked is not None and written.ticket_id != case.linked:
            work.put_look(tx, written.ticket_id, self._desk.name)
        notes = list(aside["notes"])
        if (
            case.warning
            and not aside.get("adopted")
            and conversation.warned_ticket_id != written.ticket_id
        ):
            conversations.note_warned(tx, conversation.id, written.ticket_id)
            notes.append(case.warning)
        for text in notes:
            put_note(
                tx,
                conversation_id=conversation.id,
                ticket_id=written.ticket_id,
                message_id=message.id,
                text=text,
            )


def note_set_aside(tx: Transaction, item: Item, words: str) -> None:
    """A text that can't be written is failed, with the reason, for everybody to see."""
    if item.message_id is not None:
        messages.set_state(tx, item.message_id, "failed", reason=words)


def body_of(message: Message) -> str:
    """The comment: the text exactly as sent, and each file by name where there are any."""
    lines = [f"[{item['content_type'] or 'file'}] {item['url']}" for item in message.media]
    body = message.body
    if lines:
        files = "\n".join(lines)
        return f"{body}\n\n{files}" if body.strip() else files
    # The desk refuses an empty comment, and a text without words is still a text.
    return body if body.strip() else "(an empty text)"


def _comment(message: Message, requester: Requester, *, reopen: bool) -> CommentDraft:
    return CommentDraft(
        body=body_of(message),
        mark=message.id,
        public=True,
        author_id=requester.id,
        reopen=reopen,
    )


def _ticket(case: _Case, requester: Requester, follow_up_of: TicketId | None = None) -> TicketDraft:
    message, sender = case.message, case.sender
    to = display(message.sender) if sender is None else sender.name or display(message.sender)
    return TicketDraft(
        key=message.id,
        subject=f"Text from {pretty(message.customer)} to {to}",
        requester_id=requester.id,
        first=_comment(message, requester, reopen=False),
        tags=(*TAGS, *(sender.tags if sender is not None else ())),
        number=display(message.sender),
        follow_up_of=follow_up_of,
        brand_id=None if sender is None else sender.brand_id,
        group_id=None if sender is None else sender.group_id,
        ticket_form_id=None if sender is None else sender.ticket_form_id,
    )
