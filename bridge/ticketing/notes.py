"""Private notes: what an agent should know, in plain words, on the ticket.

They carry our mark and are never public, so none of them can become a text. A reply that somebody
wrote in the console is the one public comment: it is written the same way, and its mark says that
it is to be texted, which happens as with any agent's comment once it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridge.desks.contract import (
    CommentDraft,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketGone,
    TicketId,
    Written,
)
from bridge.domain.replies import REPLY_MARK
from bridge.errors import CredentialsRefused, Refused, TryLater
from bridge.ids import new_id
from bridge.store import comments, conversations, looks, work
from bridge.store.database import Database, Transaction
from bridge.store.updates import NoRoom
from bridge.ticketing.merges import TAGS, follow
from bridge.ticketing.writes import DeskWriter
from bridge.work.outcomes import Done, GaveUp, Job, Later, Outcome, its_turn_later

log = structlog.get_logger()
MOST_ROUNDS = 5
FILES = "files"  # in a note's payload: the files of a text that it is to bring
NOWHERE = (
    "the ticket is closed or gone, so this reply stands nowhere and was not texted; when the "
    "customer texts again, there is a new ticket"
)


def put_note(
    tx: Transaction,
    *,
    conversation_id: str,
    text: str,
    ticket_id: int | None = None,
    message_id: str | None = None,
    tags: Sequence[str] = (),
    reopen: bool = False,
    must_reach: bool = False,
) -> None:
    """Store a note to be written.

    Without `ticket_id` it goes to the ticket that the conversation has by then. A note that
    `must_reach` somebody opens a follow-up where the ticket is closed; others are dropped there.
    """
    payload = {
        "text": text,
        "mark": new_id(),
        "tags": list(tags),
        "reopen": reopen,
        "must_reach": must_reach,
    }
    work.put(
        tx,
        lane=work.lane_in(conversation_id),
        account="zendesk",
        kind="note",
        message_id=message_id,
        conversation_id=conversation_id,
        ticket_id=ticket_id,
        payload=payload,
    )


def put_files(
    tx: Transaction,
    *,
    message_id: str,
    conversation_id: str,
    ticket_id: int,
    missing: Sequence[int],
) -> None:
    """Store a note on those files of a text (by position) that did not come with it.

    In a lane of its own: files that are slow hold up nothing else. The mark is always the same one,
    so that a note of before a restore is known again.
    """
    payload = {
        "text": "",
        "mark": f"{message_id}-files",
        "tags": [],
        "reopen": False,
        "must_reach": False,
        FILES: list(missing),
    }
    work.put(
        tx,
        lane=work.lane_files(message_id),
        account="zendesk",
        kind="note",
        message_id=message_id,
        conversation_id=conversation_id,
        ticket_id=ticket_id,
        payload=payload,
    )


def put_reply(tx: Transaction, *, conversation_id: str, text: str, once: str) -> None:
    """Store a reply to be written on the conversation's ticket, for everybody to see.

    `once` is the form it came from: what is asked for by one form is written once.
    """
    payload = {
        "text": text,
        "mark": f"{REPLY_MARK}{once}",
        "tags": [],
        "reopen": False,
        "must_reach": False,
        "public": True,
    }
    work.put(
        tx,
        lane=work.lane_in(conversation_id),
        account="zendesk",
        kind="note",
        conversation_id=conversation_id,
        payload=payload,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a note says, and the files that belong to it."""

    body: str
    uploads: tuple[str, ...] = ()


class BringFiles(Protocol):
    """Says what a note on a text's files holds."""

    async def __call__(self, job: Job) -> Content | Later:
        """Fetch them. Later: they may still come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWriter:
    """Writes stored notes. `bring_files` is for those on the files of a text."""

    database: Database
    writer: DeskWriter
    bring_files: BringFiles

    async def write_note(self, job: Job) -> Outcome:
        """Write one note, once."""
        payload = job.item.payload
        written = await self.writer.settle(job)
        try:
            if written is None:
                content = await self._content(job)
                if isinstance(content, Later):
                    return content
                written = await self._write_with_files(job, content)
        except NoRoom as full:
            return its_turn_later(full.words, full.wait_ms)
        if written is None and payload.get("public"):
            return GaveUp(words=NOWHERE)
        if written is None:
            return Done(words="no open ticket to note it on")
        if payload["tags"]:
            await self._add_tags(written.ticket_id, payload["tags"])
        done = written

        def save(tx: Transaction) -> None:
            self._save(tx, job, done)

        return Done(words=f"noted on ticket {written.ticket_id}", save=save)

    async def _add_tags(self, ticket_id: TicketId, tags: Sequence[str]) -> None:
        """The note stands; tags that can't be added are no reason to call it failed."""
        try:
            await self.writer.desk.add_tags(ticket_id, tags)
        except CredentialsRefused:
            raise
        except Refused as error:
            log.warning("note.not_tagged", ticket=ticket_id, reason=error.code)

    async def _content(self, job: Job) -> Content | Later:
        if FILES in job.item.payload:
            return await self.bring_files(job)
        return Content(body=str(job.item.payload["text"]))

    async def _write_with_files(self, job: Job, content: Content) -> Written | None:
        try:
            return await self._write(job, content)
        except CredentialsRefused:
            raise
        except Refused as error:
            if not content.uploads:
                raise
            words = f"{content.body}\n\nZendesk did not take what was attached: {error.words}"
            return await self._write(job, Content(body=words))

    async def _write(self, job: Job, content: Content) -> Written | None:
        for _ in range(MOST_ROUNDS):
            try:
                return await self._write_once(job, content)
            except (TicketClosed, TicketChanged):
                continue  # it changed between the look and the write: choose again
            except TicketGone:
                return None
        raise TryLater(self.writer.desk.name, "the ticket changes faster than it can be noted on")

    async def _write_once(self, job: Job, content: Content) -> Written | None:
        payload = job.item.payload
        ticket = await self._ticket(job)
        if ticket is not None and ticket.status == "closed":
            ticket = (await follow(self.writer.desk, ticket, ticket.requester_id)).ticket
        if ticket is None:
            return None
        draft = CommentDraft(
            body=content.body,
            uploads=content.uploads,
            mark=payload["mark"],
            public=bool(payload.get("public")),
            reopen=bool(payload["reopen"]) and ticket.status == "solved",
        )
        more = int(bool(payload["tags"]))
        if ticket.status != "closed":
            return await self.writer.append(job, ticket, draft, updates_more=more)
        if not payload["must_reach"]:
            return None
        newer = await self._current_ticket(job)
        if newer is not None and newer.id != ticket.id and newer.status != "closed":
            return await self.writer.append(job, newer, draft, updates_more=more)
        return await self.writer.create(job, _follow_up(ticket, draft))

    async def _ticket(self, job: Job) -> Ticket | None:
        """The ticket that was named, else the conversation's, unless it is somebody else's now."""
        if job.item.ticket_id is None:
            return await self._current_ticket(job)
        try:
            return await self.writer.desk.ticket(TicketId(job.item.ticket_id))
        except TicketGone:
            return await self._current_ticket(job) if job.item.payload["must_reach"] else None

    async def _current_ticket(self, job: Job) -> Ticket | None:
        """The ticket that the conversation is on now, unless it is somebody else's meanwhile."""
        conversation_id = str(job.item.conversation_id)
        link = await self.database.read(lambda tx: conversations.current_link(tx, conversation_id))
        if link is None or link.conversation.ticket_id is None:
            return None
        try:
            ticket = await self.writer.desk.ticket(TicketId(link.conversation.ticket_id))
        except TicketGone:
            return None
        return ticket if ticket.requester_id == link.requester_id else None

    def _save(self, tx: Transaction, job: Job, written: Written) -> None:
        if job.item.payload.get("public"):
            looks.put(tx, written.ticket_id, self.writer.desk.name)
            return
        if written.comment_id is not None:
            comments.meet(
                tx,
                comment_id=written.comment_id,
                ticket_id=written.ticket_id,
                origin="ours",
                outcome="a note",
            )
        intent = job.item.intent
        if intent is not None and intent["do"] == "create" and job.item.conversation_id:
            conversations.link(
                tx,
                conversation_id=job.item.conversation_id,
                ticket_id=written.ticket_id,
                requester_id=int(written.requester_id or 0),
                replies_from=0,
            )
            looks.put(tx, written.ticket_id, self.writer.desk.name)


def _follow_up(ticket: Ticket, draft: CommentDraft) -> TicketDraft:
    return TicketDraft(
        key=draft.mark,
        subject=f"About ticket #{ticket.id}: a text could not be delivered",
        requester_id=ticket.requester_id,
        first=draft,
        tags=TAGS,
        follow_up_of=ticket.id,
    )
