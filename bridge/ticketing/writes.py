"""Create a ticket or append a comment exactly once, through lost answers and crashes.

The intent is durable before the request leaves. When the outcome is not known, the next try looks
first: a create is repeated byte for byte under its idempotency key while Zendesk remembers it
(2 hours), and sought by its external id after that; a comment is sought by its mark. Every
comment carries the ticket's stamp, so that an attempt that is still under way can't land too.

Work that is set aside with such a write in doubt keeps it. Whoever is about to open a ticket behind
it looks first whether it has opened one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from bridge.clock import Clock
from bridge.desks.contract import (
    CommentDraft,
    CommentId,
    Desk,
    Ticket,
    TicketBusy,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketFull,
    TicketGone,
    TicketId,
    Written,
)
from bridge.domain.limits import Limits
from bridge.errors import BridgeError, CredentialsRefused, Refused
from bridge.store import conversations, doubts, looks, updates
from bridge.store.database import Transaction
from bridge.store.doubts import Doubt
from bridge.store.restored import FLAG
from bridge.store.updates import NoRoom
from bridge.store.work import Item
from bridge.ticketing.restored import find_written
from bridge.work.outcomes import Job

log = structlog.get_logger()

STAMPS_APART_S = 1.5
KEY_LIFE_MS = 110 * 60 * 1000  # of the two hours that Zendesk remembers a key
CLOCKS_APART_MS = 10 * 60 * 1000  # how far the desk's clock may be behind ours
ON_ITS_WAY_MS = 60_000  # how long what was given up may still be applied
Aside = Mapping[str, Any]


class OpenedBefore(TicketChanged):
    """Work that was set aside has opened a ticket, which is the conversation's now: write there."""

    def __init__(self, desk: str, ticket: Ticket) -> None:
        super().__init__(desk, "earlier work has opened a ticket", code="opened")
        self.ticket = ticket


class _InDoubt(BridgeError):
    """Work that was set aside may have opened tickets: nothing was noted."""

    def __init__(self, of: Sequence[Doubt]) -> None:
        super().__init__()
        self.of = of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskWriter:
    """Writes to one desk. `apart_s`: how long after a comment's intent it is made again at the
    earliest. A second and some slack, as the stamp that keeps two apart is of whole seconds."""

    desk: Desk
    clock: Clock
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    apart_s: float = STAMPS_APART_S

    async def settle(self, job: Job) -> Written | None:
        """Find out whether an earlier write of this job was applied; None: it was not.

        Raises TryLater or OutcomeUnknown, in which case nothing is known yet.
        """
        intent = job.item.intent
        found = None if intent is None else await self._settle(job, intent)
        if found is not None or FLAG not in job.item.payload:
            return found
        if job.item.intent is not None:
            await job.intend(None)  # nothing of before the restore is still on its way
        return await find_written(self.desk, job)

    async def _settle(self, job: Job, intent: Mapping[str, Any]) -> Written | None:
        if intent["do"] == "comment":
            # Where it is not there it may still be on its way: it stays noted, so that the next try
            # is the same write, under the same mark; but not before the first one's stamp is of the
            # past: within its second both would be taken.
            age_s = (self.clock.now_ms() - int(intent["at"])) / 1000
            await asyncio.sleep(min(self.apart_s, max(0.0, self.apart_s - age_s)))
            return await self._find_mark(TicketId(intent["ticket_id"]), intent)
        found = await self._settle_create(intent) if intent["do"] == "create" else None
        if found is None:
            await job.intend(None)
        return found

    async def create(self, job: Job, draft: TicketDraft, aside: Aside | None = None) -> Written:
        """Open a ticket. Raises NoRoom, OpenedBefore, RequesterSuspended and the four outcomes.

        `aside` is kept with the intent: what is to be remembered once the write is known.
        """
        body = self.desk.prepare_ticket(draft)
        # A key stands for one exact request: another body (another requester, no follow-up) has
        # another key, the same one after a crash has the same.
        key = f"{draft.key}-{hashlib.sha256(body).hexdigest()[:12]}"
        intent = {
            "do": "create",
            "key": key,
            "external_id": draft.key,
            "mark": draft.first.mark,
            "body": body.decode(),
            "at": self.clock.now_ms(),
            "aside": dict(aside or {}),
        }
        await self._intend_to_open(job, intent)
        try:
            return await self.desk.create_ticket(key, body)
        except CredentialsRefused:
            raise
        except Refused:
            # Certainly not applied. When a human has it tried again, the conversation may have
            # a ticket by then: it has to choose anew, not to repeat this.
            await job.intend(None)
            raise

    async def _intend_to_open(self, job: Job, intent: Mapping[str, Any]) -> None:
        """Note that a ticket is about to be opened, once it is known that none was before."""

        def check(tx: Transaction) -> None:
            left = doubts.creations(tx, job.item.lane)
            if left:
                raise _InDoubt(left)

        try:
            await job.intend(intent, check)
        except _InDoubt as found:
            await self._settle_doubts(job, found.of)
            await job.intend(intent, check)

    async def _settle_doubts(self, job: Job, left: Sequence[Doubt]) -> None:
        """Look whether work that was set aside has opened a ticket. Raises OpenedBefore, NoRoom.

        It is looked for and not tried again: it may be what has crashed the bridge.
        """
        now_ms = await job.read(lambda tx: tx.now_ms())
        age_ms = now_ms - max(doubt.since_ms for doubt in left)
        if 0 <= age_ms < ON_ITS_WAY_MS:  # before its beginning: the clock was set back
            raise NoRoom("an earlier text may be opening a ticket", ON_ITS_WAY_MS - age_ms)
        opened: Ticket | None = None
        for doubt in left:
            found = next(iter(await self.desk.find_tickets(doubt.external_id)), None)
            await job.keep(partial(_resolve, item=job.item, doubt=doubt, found=found))
            opened = found or opened
        if opened is not None:
            raise OpenedBefore(self.desk.name, opened)

    async def append(
        self,
        job: Job,
        ticket: Ticket,
        draft: CommentDraft,
        aside: Aside | None = None,
        *,
        updates_more: int = 0,
    ) -> Written:
        """Append a comment. Raises NoRoom; TicketChanged, TicketClosed, TicketGone (choose again);
        RequesterSuspended and the four outcomes. `updates_more` of the ticket will follow it."""
        intent = {
            "do": "comment",
            "ticket_id": ticket.id,
            "mark": draft.mark,
            "at": self.clock.now_ms(),
            "aside": dict(aside or {}),
        }

        def take(tx: Transaction) -> None:
            times = 1 + updates_more
            updates.take(tx, ticket.id, self.limits, for_text=draft.public, times=times)

        await job.intend(intent, take)
        try:
            return await self.desk.add_comment(ticket, draft)
        except TicketChanged:
            # Somebody else's change, or an attempt of ours that was still under way.
            found = await self._find_mark(ticket.id, intent)
            if found is None:
                raise
            return found
        except TicketBusy as error:
            pause_ms = int((error.pause_s or 0.0) * 1000)
            await job.intend(None, lambda tx: updates.note_refusal(tx, ticket.id, pause_ms))
            raise
        except (CredentialsRefused, TicketClosed, TicketGone, TicketFull):
            raise
        except Refused:
            await job.intend(None)  # certainly not applied, as with a creation
            raise

    async def _settle_create(self, intent: Mapping[str, Any]) -> Written | None:
        key = str(intent["key"])
        # Before its own beginning: the clock was set back, and nobody knows how old the key is.
        if 0 <= self.clock.now_ms() - int(intent["at"]) < KEY_LIFE_MS:
            try:
                return await self.desk.create_ticket(key, str(intent["body"]).encode())
            except CredentialsRefused:
                raise
            except Refused:
                return None  # had it been applied, the key would have been a hit
        tickets = await self.desk.find_tickets(str(intent["external_id"]))
        if len(tickets) > 1:
            log.error("ticket.doubled", key=key, tickets=[ticket.id for ticket in tickets])
        if not tickets:
            return None
        first = tickets[0]
        found = await self._find_mark(first.id, intent)
        comment_id = None if found is None else found.comment_id
        return Written(
            ticket_id=first.id,
            requester_id=first.requester_id,
            comment_id=comment_id,
            files=None if found is None else found.files,
        )

    async def _find_mark(self, ticket_id: TicketId, intent: Mapping[str, Any]) -> Written | None:
        since = int(intent["at"]) - CLOCKS_APART_MS
        try:
            comments = await self.desk.comments_since(ticket_id, since)
        except TicketGone:
            return None
        for comment in comments:
            if comment.mark == intent["mark"]:
                return Written(
                    ticket_id=ticket_id,
                    requester_id=None,
                    comment_id=CommentId(comment.id),
                    files=frozenset(each.name for each in comment.attachments),
                )
        return None


def _resolve(tx: Transaction, *, item: Item, doubt: Doubt, found: Ticket | None) -> None:
    if found is None:
        doubts.note_not_opened(tx, doubt)
        return
    log.warning("ticket.opened_before", ticket=found.id)
    doubts.note_opened(tx, doubt, found.id, found.requester_id)
    if item.conversation_id is not None:
        conversations.link(
            tx,
            conversation_id=item.conversation_id,
            ticket_id=found.id,
            requester_id=found.requester_id,
            replies_from=int(doubt.intent["aside"].get("replies_from", 0)),
        )
        looks.put(tx, found.id, item.account)  # for replies written meanwhile
