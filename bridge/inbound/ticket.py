"""A text is written to the desk: which ticket, by its status at the moment of writing, and once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from bridge.desks.contract import (
    Desk,
    RequesterSuspended,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketFull,
    TicketGone,
    TicketId,
    Written,
)
from bridge.domain import tickets
from bridge.domain.directory import Directory, Sender
from bridge.errors import CredentialsRefused, Refused, TryLater
from bridge.inbound.body import bodies_of, how_many_fit, suspended_note
from bridge.inbound.draft import Voice, draft_ticket
from bridge.inbound.files import FileBringer, put_missing
from bridge.inbound.requester import Requester, Requesters
from bridge.store import comments, conversations, joined, looks, messages, restored, updates
from bridge.store.conversations import Conversation
from bridge.store.database import Database, Transaction
from bridge.store.joined import Fellow
from bridge.store.messages import Message
from bridge.store.restored import FLAG
from bridge.store.updates import NoRoom, Turn
from bridge.store.work import Item
from bridge.ticketing.merges import follow
from bridge.ticketing.notes import put_note
from bridge.ticketing.writes import Aside, DeskWriter, OpenedBefore
from bridge.work.outcomes import Done, Job, Outcome, its_turn_later

log = structlog.get_logger()
MOST_ROUNDS = 5
ASLEEP = frozenset({"pending", "hold", "solved"})
WAKES = "wakes"  # beside a noted comment: the ticket is still to be opened again


@dataclass(slots=True, kw_only=True)
class _Case:
    """A text on its way into a ticket, those that go along, and what has been found out."""

    message: Message
    texts: Sequence[Message]  # all that one comment is to hold, in order; mostly the one
    fellows: Sequence[Fellow]  # the work of the others
    turn: Turn
    now_ms: int
    conversation: Conversation
    sender: Sender | None
    warning: str | None
    reopens: bool  # whether any of the texts opens a solved ticket again
    linked: TicketId | None
    linked_requester: int | None
    replies_from_ms: int = 0
    uploads: Mapping[str, str] = field(default_factory=dict)  # by the names of the files
    notes: list[str] = field(default_factory=list)

    @property
    def attached(self) -> frozenset[str]:
        return frozenset(self.uploads)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWriter:
    """Writes inbound texts to the desk."""

    database: Database
    writer: DeskWriter
    requesters: Requesters
    directory: Callable[[Transaction], Directory]
    files: FileBringer

    async def write_text(self, job: Job) -> Outcome:
        """Write one text as a comment, on the ticket that its conversation's state asks for.

        Where the desk's limits leave no room, it waits; then those that came behind it go along.
        """
        case = await job.read(lambda tx: self._load(tx, job.item))
        written = await self.writer.settle(job)
        if written is None and case.turn.wait_ms > 0:
            return its_turn_later("the ticket is written to seldom now", case.turn.wait_ms)
        try:
            done = written or await self._write_apart(job, case)
        except NoRoom as full:
            return its_turn_later(full.words, full.wait_ms)
        aside = (job.item.intent or {}).get("aside", {})
        if written is not None and WAKES in aside:
            await self._wake(job, written.ticket_id)
        log.info("text.written", ticket=done.ticket_id, comment=done.comment_id)

        def save(tx: Transaction) -> None:
            self._save(tx, case, done, aside)
            self._save_fellows(tx, job, case, done)
            restored.flag_notes(tx, job.item)  # what it leaves may stand already

        return Done(words=_words(done, len(case.texts)), save=save)

    async def _write_apart(self, job: Job, case: _Case) -> Written:
        """Write what goes together; what is refused so may be the fault of one, and goes alone."""
        try:
            return await self._write_with_files(job, case)
        except CredentialsRefused:
            raise
        except Refused:
            if not case.fellows or job.item.intent is not None:
                raise  # what may have left stays as it was
            case.texts, case.fellows = [case.message], ()
            return await self._write_with_files(job, case)

    def _load(self, tx: Transaction, item: Item) -> _Case:
        message = messages.get(tx, str(item.message_id))
        conversation, turn = updates.conversation_with_turn(
            tx, str(item.conversation_id), self.writer.limits
        )
        assert message is not None and conversation is not None  # noqa: S101, PT018 - never deleted
        link = conversations.current_link(tx, conversation.id)
        fellows, texts = _together(tx, item, message, turn)
        ticket_id = conversation.ticket_id
        warnings = [item.payload.get("warning"), *(fellow.warning for fellow in fellows)]
        return _Case(
            message=message,
            texts=texts,
            fellows=fellows,
            turn=turn,
            now_ms=tx.now_ms(),
            conversation=conversation,
            sender=self.directory(tx).senders.get(message.sender),
            warning=next(filter(None, warnings), None),
            reopens=item.payload.get("reopens", True) or any(one.reopens for one in fellows),
            linked=None if ticket_id is None else TicketId(ticket_id),
            linked_requester=None if link is None else link.requester_id,
        )

    async def _write_with_files(self, job: Job, case: _Case) -> Written:
        case.uploads = await self.files.bring_in_time(case.texts)
        try:
            return await self._write(job, case)
        except CredentialsRefused:
            raise
        except Refused as error:
            if not case.uploads:
                raise
            # The files may be what is refused (too large here, say), and the text needs none.
            log.warning("text.without_files", reason=error.code)
            case.uploads = {}
            return await self._write(job, case)

    async def _write(self, job: Job, case: _Case) -> Written:
        requester = await self.requesters.resolve(case.message.customer)
        is_suspended = False
        for _ in range(MOST_ROUNDS):
            try:
                if is_suspended:
                    return await self._write_for(job, case, requester)
                return await self._write_as(job, case, requester)
            except OpenedBefore as earlier:
                case.linked = earlier.ticket.id
                case.linked_requester = earlier.ticket.requester_id
            except (TicketClosed, TicketGone, TicketChanged):
                continue  # it changed between the look and the write: choose again
            except RequesterSuspended:
                if is_suspended:
                    raise
                log.warning("requester.suspended", user=requester.id)
                is_suspended = True
            except CredentialsRefused:
                raise
            except Refused:
                # A user that was deleted or merged away since we remembered them?
                if requester.is_fresh or not await self.requesters.is_gone(requester.id):
                    raise
                requester = await self.requesters.resolve_again(case.message.customer)
        raise TryLater(self._desk.name, "the ticket changes faster than it can be written to")

    async def _write_as(self, job: Job, case: _Case, requester: Requester) -> Written:
        """Write it in the customer's own name."""
        case.notes = [requester.note] if requester.note else []
        ticket = await self._linked_ticket(case, requester)
        body = bodies_of(case.texts, case.now_ms, case.attached)
        uploads = tuple(case.uploads.values())
        voice = Voice(requester_id=requester.id, body=body, uploads=uploads)
        return await self._put(job, case, voice, ticket)

    async def _write_for(self, job: Job, case: _Case, requester: Requester) -> Written:
        """Write it in the bridge's own name, as a private note on a ticket of its own: the desk
        takes nothing in the name of somebody suspended."""
        case.notes = []
        ticket = await self._own_ticket(case, requester)
        earlier = case.linked if ticket is None else None
        body = suspended_note(case.texts, requester.id, earlier, case.now_ms, case.attached)
        voice = Voice(requester_id=None, body=body, uploads=tuple(case.uploads.values()))
        return await self._put(job, case, voice, ticket)

    async def _own_ticket(self, case: _Case, requester: Requester) -> Ticket | None:
        """The ticket on which this customer's texts have been kept before, where there is one."""
        if case.linked is None or case.linked_requester in (None, requester.id):
            return None
        try:
            ticket = await self._desk.ticket(case.linked)
        except TicketGone:
            return None
        return ticket if ticket.requester_id == case.linked_requester else None

    async def _put(self, job: Job, case: _Case, voice: Voice, ticket: Ticket | None) -> Written:
        aside: dict[str, Any] = {
            "requester_id": voice.requester_id,
            "replies_from": case.replies_from_ms,
            "notes": case.notes,
            "files": sorted(case.uploads),
        }
        if case.fellows:
            aside["joined"] = [job.item.id, *(fellow.work_id for fellow in case.fellows)]
        plain = draft_ticket(case.texts, case.sender, voice)
        choice = tickets.choose(None if ticket is None else ticket.status)
        if ticket is not None and isinstance(choice, tickets.Comment):
            reopen = choice.reopen and (case.reopens or ticket.status != "solved")
            comment = voice.comment(case.texts, reopen=reopen)
            aside["requester_id"] = ticket.requester_id
            try:
                written = await self.writer.append(job, ticket, comment, aside | {"notes": []})
            except TicketFull:
                full = f"The earlier ticket #{ticket.id} is full: Zendesk takes no more comments."
                notes = {"notes": [*case.notes, full], "requester_id": voice.requester_id}
                return await self.writer.create(job, plain, aside | notes)
            if case.reopens and not choice.reopen and written.status in ASLEEP:
                await self._wake(job, ticket.id)
            return written
        if ticket is None:
            return await self.writer.create(job, plain, aside)
        try:
            follow_up = draft_ticket(case.texts, case.sender, voice, ticket.id)
            return await self.writer.create(job, follow_up, aside)
        except (RequesterSuspended, CredentialsRefused, TicketChanged):
            raise
        except Refused:
            # A closed ticket that can't be followed (archived): a plain new one.
            return await self.writer.create(job, plain, aside)

    async def _wake(self, job: Job, ticket_id: TicketId) -> None:
        """It was solved in the second in which it was read, which the stamp can't tell. The text
        stands by now: whatever comes of this, it must not be written again."""
        intent = job.item.intent or {}
        noted = {**intent, "aside": {**intent.get("aside", {}), WAKES: True}}
        await job.intend(noted, lambda tx: updates.note(tx, ticket_id, self.writer.limits))
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
                f"The earlier ticket #{ticket.id} belongs to another requester, "
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
        message, conversation = case.texts[0], case.conversation
        for text in case.texts:
            messages.set_ticket(tx, text.id, written.ticket_id, written.comment_id)
            put_missing(tx, text, written, aside)
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
            requester_id=int(aside["requester_id"] or written.requester_id or 0),
            replies_from=int(aside["replies_from"]),
        )
        if case.linked is not None and written.ticket_id != case.linked:
            looks.put(tx, written.ticket_id, self._desk.name)
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

    def _save_fellows(self, tx: Transaction, job: Job, case: _Case, written: Written) -> None:
        words = _words(written, len(case.texts))
        for fellow in case.fellows:
            joined.finish(tx, job.item, fellow, words=words, began_ms=case.now_ms)


def _together(
    tx: Transaction, item: Item, message: Message, turn: Turn
) -> tuple[Sequence[Fellow], Sequence[Message]]:
    """The work that this text is written together with, and all the texts in order."""
    if FLAG in item.payload:
        return (), [message]  # others may stand on the ticket already, and this one may not
    if item.intent is not None:
        fellows = joined.still_there(tx, item)
    else:
        fellows = joined.behind(tx, item) if turn.joins and turn.wait_ms == 0 else ()
    if not fellows:
        return (), [message]
    of_work = {item.id: message}
    for fellow in fellows:
        text = messages.get(tx, fellow.message_id)
        assert text is not None  # noqa: S101 - never deleted
        of_work[fellow.work_id] = text
    texts = sorted(of_work.values(), key=lambda text: text.seq)
    if item.intent is None:
        texts = texts[: how_many_fit(texts, tx.now_ms())]
    going = {text.id for text in texts}
    return [fellow for fellow in fellows if fellow.message_id in going], texts


def _words(written: Written, texts: int) -> str:
    where = f"in ticket {written.ticket_id}"
    if texts == 1:
        return where
    return f"{where}, joined with {texts - 1} more in comment {written.comment_id or 'one'}"


def note_begun(tx: Transaction, item: Item) -> Item:
    """Somebody is at this text now."""
    messages.set_state(tx, str(item.message_id), "working")
    return item


def note_set_aside(tx: Transaction, item: Item, words: str) -> None:
    """A text that can't be written is failed, with the reason, for everybody to see."""
    if item.message_id is not None:
        messages.set_state(tx, item.message_id, "failed", reason=words)
        joined.set_aside(tx, item, words)
