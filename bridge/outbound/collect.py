"""A hint came: read the ticket's comments since the last seen, and queue the replies among them.

A hint is never the truth. Whatever it says, the comments are read from the desk, and the unique
key on the comment's id decides that each is sent once. A sweep asks for looks without a hint; a
reply that only such a look finds is not sent when it is old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

import structlog

from bridge.desks.contract import Comment, Desk, Ticket, TicketGone, TicketId, UserId
from bridge.domain.directory import Directory
from bridge.domain.mms import MmsLimits
from bridge.domain.replies import Met, is_by_bridge, why_not
from bridge.outbound import wording
from bridge.outbound.compose import put_text, text_of
from bridge.outbound.enclosures import enclose, tell_of_malware
from bridge.store import comments, conversations, looks, messages, restored
from bridge.store.comments import Origin
from bridge.store.conversations import Link
from bridge.store.database import Database, Transaction
from bridge.store.restored import Restored
from bridge.ticketing.merges import MERGED, follow
from bridge.ticketing.notes import put_note
from bridge.work.outcomes import Done, Job, Later, Outcome, Save

log = structlog.get_logger()
Found = Literal["reply", "old_reply"]
OVERLAP_MS = 120_000  # comments may become visible a little out of order


class Counters(Protocol):
    """What is counted here."""

    def count_recovered(self, what: Found) -> None:
        """Count what a sweep found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a look begins with, and what it finds: `old` are the replies that are too old to be
    sent, `recovered` is what a sweep's look counts."""

    links: Sequence[Link]
    since: int
    by_sweep: bool
    restored: Restored | None = None
    old: list[tuple[Link, int]] = field(default_factory=list)
    recovered: list[Found] = field(default_factory=list)

    def forget(self) -> None:
        """Begin to find: a transaction may have to run again."""
        self.old.clear()
        self.recovered.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whose:
    """The conversations on a ticket, and those of them that a reply may go to."""

    right: Sequence[Link]
    links: Sequence[Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyCollector:
    """Finds the replies on a ticket."""

    database: Database
    desk: Desk
    directory: Callable[[Transaction], Directory]
    longest: Callable[[str], int]
    limits: Callable[[str], MmsLimits | None]
    counters: Counters
    max_age_ms: int

    async def look(self, job: Job) -> Outcome:
        """Read one ticket's news."""
        ticket_id = TicketId(int(job.item.ticket_id or 0))
        begun = await job.read(lambda tx: self._begin(tx, job, ticket_id))
        early = await self._need_not(job, begun, ticket_id)
        if early is not None:
            return early
        links = begun.links or await self._adopt(job, ticket_id)
        if not links:
            return Done(words="not a ticket of ours")
        try:
            ticket, found = await asyncio.gather(
                self.desk.ticket(ticket_id), self.desk.comments_since(ticket_id, begun.since)
            )
        except TicketGone:
            return Done(words="the ticket is gone")
        if ticket.status == "closed" and MERGED in ticket.tags:
            await self._move(job, ticket)
        elif any(comment.via == "merge" for comment in found):
            links = await self._gather(job, ticket, links)
        whose = _Whose(right=await self._rightful(ticket, links), links=links)

        def save(tx: Transaction) -> None:
            begun.forget()
            for comment in found:
                self._take(tx, ticket, comment, whose, begun)
            _tell_of_old(tx, ticket, begun.old)
            if found:
                newest = max(comment.created_at_ms for comment in found)
                comments.set_read_to(tx, ticket_id, newest)

        await self._save_early(job, begun, save)
        return Done(words=f"{len(found)} comments read", save=save)

    async def _save_early(self, job: Job, begun: _Look, save: Save) -> None:
        """Count what a sweep's look found, once that is durable; saving again finds no more."""
        if begun.by_sweep:
            await job.keep_much(save)
            for what in begun.recovered:
                self.counters.count_recovered(what)

    def _begin(self, tx: Transaction, job: Job, ticket_id: TicketId) -> _Look:
        by_sweep = looks.is_by_sweep(job.item)
        read_to = comments.read_to(tx, ticket_id)
        links = conversations.links_of(tx, ticket_id)
        if read_to is not None:
            since = read_to - OVERLAP_MS
        else:
            since = min((link.replies_from for link in links), default=0)
        known = restored.current(tx)
        return _Look(links=links, since=since, by_sweep=by_sweep, restored=known)

    async def _need_not(self, job: Job, begun: _Look, ticket_id: TicketId) -> Outcome | None:
        """How a sweep's look ends early: others need the account more, or nothing is new."""
        if not begun.by_sweep:
            return None
        wait_s = self.desk.spare_in_s()
        if wait_s > 0:
            return Later(
                words="leaves the rest of the account's pool to others",
                pause_s=wait_s,
                save=lambda tx: looks.as_if_not_begun(tx, job.item),
            )
        if not begun.links:
            return None
        try:
            found = await self.desk.comments_since(ticket_id, begun.since)
        except TicketGone:
            return Done(words="the ticket is gone")
        if await job.read(lambda tx: all(comments.is_known(tx, each.id) for each in found)):
            return Done(words="nothing new")
        return None

    async def _adopt(self, job: Job, ticket_id: TicketId) -> Sequence[Link]:
        """A ticket that isn't known: ours, if its external id is a text of ours (the answer to
        our own creation may still be on its way)."""
        try:
            ticket = await self.desk.ticket(ticket_id)
        except TicketGone:
            return ()
        key = ticket.external_id

        def adopt(tx: Transaction) -> Sequence[Link]:
            if links := conversations.links_of(tx, ticket.id):
                return links  # meanwhile; its conversation may be on another ticket again
            message = messages.get(tx, key) if key else None
            if message is None or message.conversation_id is None:
                return ()
            conversations.link(
                tx,
                conversation_id=message.conversation_id,
                ticket_id=ticket.id,
                requester_id=ticket.requester_id,
                replies_from=0,
            )
            return conversations.links_of(tx, ticket.id)

        return await job.keep(adopt)

    async def _move(self, job: Job, ticket: Ticket) -> None:
        """The ticket was merged: its conversations go along, where the requester is the same."""
        followed = await follow(self.desk, ticket, ticket.requester_id)
        target = followed.ticket
        if target is None or not followed.moved:
            return

        def move(tx: Transaction) -> None:
            for link in conversations.links_of(tx, ticket.id):  # as they are by now
                if link.conversation.ticket_id == ticket.id:
                    conversations.link(
                        tx,
                        conversation_id=link.conversation.id,
                        ticket_id=target.id,
                        requester_id=target.requester_id,
                        replies_from=followed.replies_from_ms,
                    )
            looks.put(tx, target.id, self.desk.name)

        await job.keep(move)

    async def _gather(self, job: Job, ticket: Ticket, links: Sequence[Link]) -> Sequence[Link]:
        """Something was merged into this ticket: have conversations that were on it come along.

        The merge's own comment names its source in the words of the account's language only, so
        the tickets that this requester's other conversations are on are asked themselves.
        """
        others = await job.read(
            lambda tx: conversations.elsewhere(tx, ticket.requester_id, ticket.id)
        )
        for other_id in {other.ticket_id for other in others if other.ticket_id is not None}:
            try:
                there = await self.desk.ticket(TicketId(other_id))
            except TicketGone:
                continue
            if there.status == "closed" and MERGED in there.tags:
                await self._move(job, there)
        return await job.read(_links_of(ticket)) or links

    async def _rightful(self, ticket: Ticket, links: Sequence[Link]) -> Sequence[Link]:
        """The conversations that a reply may go to, the one last texted on first: those whose
        requester the ticket still has (who was merged away counts as the one they became)."""
        right = [link for link in links if link.requester_id == ticket.requester_id]
        for link in [] if right else links:
            user = await self.desk.user(UserId(link.requester_id))
            if user is not None and user.active:
                continue
            # Merged into another, who then has this phone too; else the ticket is a stranger's.
            owners = await self.desk.users_by_phone(link.conversation.customer)
            if any(owner.id == ticket.requester_id for owner in owners):
                right.append(link)
        return right

    def _take(
        self,
        tx: Transaction,
        ticket: Ticket,
        comment: Comment,
        whose: _Whose,
        begun: _Look,
    ) -> None:
        if comments.is_known(tx, comment.id):
            return
        is_ours = is_by_bridge(comment.mark)
        met = Met(
            public=comment.public,
            type=comment.type,
            via=comment.via,
            flags=comment.flags,
            author_is_staff=comment.author_is_staff,
            is_ours=is_ours,
            created_at_ms=comment.created_at_ms,
        )
        # A conversation that came by a merge has no part in what was written before it came.
        present = [each for each in whose.right if each.replies_from <= comment.created_at_ms]
        link = (present or whose.right or whose.links)[0]
        outcome = why_not(met, replies_from_ms=link.replies_from)
        message_id = None
        is_old = begun.by_sweep and self._is_old(tx, comment)
        # After a restore an old reply may well have been sent: that is looked up first.
        known = begun.restored
        doubtful = known is not None and known.may_be_done(comment.created_at_ms)
        if outcome is None and is_old and not doubtful:
            outcome = wording.FOUND_TOO_LATE
            begun.old.append((link, comment.created_at_ms))
            begun.recovered.append("old_reply")
        elif outcome is None:
            queue = partial(self._queue, is_right=bool(whose.right), by_sweep=begun.by_sweep)
            outcome, message_id = queue(tx, ticket, comment, link)
            if message_id is not None:
                begun.recovered.append("reply")
                if known is not None and doubtful:
                    restored.flag_send(tx, message_id, known, too_old=is_old)
        origin: Origin = "ours" if is_ours else ("agent" if message_id is not None else "other")
        comments.meet(
            tx,
            comment_id=comment.id,
            ticket_id=ticket.id,
            origin=origin,
            outcome=outcome,
            message_id=message_id,
            at_ms=comment.created_at_ms,
        )

    def _is_old(self, tx: Transaction, comment: Comment) -> bool:
        return tx.now_ms() - comment.created_at_ms > self.max_age_ms

    def _queue(
        self,
        tx: Transaction,
        ticket: Ticket,
        comment: Comment,
        link: Link,
        *,
        is_right: bool,
        by_sweep: bool,
    ) -> tuple[str, str | None]:
        """Queue a reply. Returns what became of it, and the message's id where there is one."""
        sender = self.directory(tx).senders.get(link.conversation.sender)
        if not is_right or sender is None:
            put_note(
                tx,
                conversation_id=link.conversation.id,
                ticket_id=ticket.id,
                text=wording.NO_SENDER if is_right else wording.REQUESTER_CHANGED,
                tags=wording.FAILED_TAGS,
                must_reach=True,
            )
            return "its number is no sender" if is_right else "the requester was changed", None
        enclosed = enclose(comment, sender, link.conversation.customer, self.limits(sender.carrier))
        tell_of_malware(tx, link.conversation.id, ticket.id, enclosed.refused)
        body = text_of(comment, keep_signature=sender.keep_signature, links=enclosed.links)
        if not body and not enclosed.media:
            return "nothing in it to text", None
        message_id = put_text(
            tx,
            kind="reply",
            conversation=link.conversation,
            carrier=sender.carrier,
            longest=self.longest(sender.carrier),
            plain=sender.plain_characters,
            body=body,
            ticket_id=ticket.id,
            comment_id=comment.id,
            recovered="missed" if by_sweep else None,
            media=enclosed.media,
        )
        return "sent", message_id


def _tell_of_old(tx: Transaction, ticket: Ticket, old: Sequence[tuple[Link, int]]) -> None:
    """One note for all replies that were found too late to be sent."""
    if old:
        link = old[0][0]
        put_note(
            tx,
            conversation_id=link.conversation.id,
            ticket_id=ticket.id,
            text=wording.found_too_late([at_ms for _, at_ms in old], tx.now_ms()),
            tags=wording.FAILED_TAGS,
            must_reach=True,
        )


def _links_of(ticket: Ticket) -> Callable[[Transaction], Sequence[Link]]:
    return lambda tx: conversations.links_of(tx, ticket.id)
