"""Replies whose webhook never came: tickets that changed get a look, as if a hint had come.

Two ways beside each other: the desk's export of all changes, which misses nothing and is a
minute late, and the tickets of conversations that are active now, asked for by their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from bridge.desks.contract import Change, Changes, Desk, TicketId
from bridge.errors import CredentialsRefused, Refused
from bridge.store import looks, restored, sweeps, updates
from bridge.store.database import Transaction
from bridge.store.sweeps import Position
from bridge.sweeps.plan import plan_next
from bridge.work.outcomes import Done, Job, Later, Outcome

log = structlog.get_logger()

ACTIVE_MS = 3_600_000  # something was said since: asked for directly
MOST_ACTIVE = 100
MOST_UNASKED = 10  # looked at each time where it can't be asked whether they changed
BEFORE_MS = 300_000  # starts anew this long before: clocks differ, and the export is late
BETWEEN_PAGES_MS = 7_000  # ten calls a minute are allowed
SETTLED_MS = 10_000  # a change this old has no other in its second that is still to come


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySweep:
    """Sweeps the desk."""

    desk: Desk
    interval_ms: int

    async def sweep(self, job: Job) -> Outcome:
        """Ask what changed, and store a look at each ticket that may have a reply for us."""
        wait_s = self.desk.spare_in_s()
        if wait_s > 0:
            return Later(words="leaves the rest of the account's pool to others", pause_s=wait_s)
        place, active, now_ms = await job.keep_much(self._begin)
        try:
            direct = await self._direct(active)
            await job.keep_much(lambda tx: self._put_looks(tx, direct))
            page = await self._next_page(place, now_ms)
        except CredentialsRefused:
            raise
        except Refused as error:
            log.warning("sweep.refused", account=self.desk.name, reason=error.words)
            words = error.words
            return Done(words=words, save=lambda tx: self._give_up(tx, job))

        def save(tx: Transaction) -> None:
            if page is not None:
                self._put_looks(tx, page.changes)
                sweeps.move(tx, self.desk.name, position=page.cursor or None, is_done=not page.more)
                if not page.more:
                    restored.note_swept(tx, self.desk.name)
            has_more = page is not None and page.more
            soon_ms = min(self.interval_ms, BETWEEN_PAGES_MS)
            plan_next(tx, job.item, soon_ms if has_more else self.interval_ms)

        seen = len(direct) + (0 if page is None else len(page.changes))
        return Done(words=f"{seen} tickets compared", save=save)

    def _give_up(self, tx: Transaction, job: Job) -> None:
        restored.note_swept(tx, self.desk.name)  # what it won't tell is not worth waiting for
        plan_next(tx, job.item, self.interval_ms)

    def _begin(self, tx: Transaction) -> tuple[Position, Sequence[TicketId], int]:
        now_ms = tx.now_ms()
        updates.forget_old(tx)
        active = sweeps.active_tickets(tx, now_ms - ACTIVE_MS, MOST_ACTIVE)
        return sweeps.begin(tx, self.desk.name), [TicketId(each) for each in active], now_ms

    async def _direct(self, active: Sequence[TicketId]) -> Sequence[Change]:
        """When active tickets changed; where the desk won't say, the latest count as changed."""
        try:
            return await self.desk.changes_of(active)
        except CredentialsRefused:
            raise
        except Refused as error:
            log.warning("sweep.refused", account=self.desk.name, reason=error.words)
            latest = active[:MOST_UNASKED]
            return [Change(ticket_id=each, changed_at_ms=0, tagged=True) for each in latest]

    async def _next_page(self, place: Position, now_ms: int) -> Changes | None:
        """One page of all changes, None where the last call was just now."""
        if place.asked_at_ms is not None and 0 <= now_ms - place.asked_at_ms < BETWEEN_PAGES_MS:
            return None
        since_ms = (place.done_at_ms or place.since_ms) - BEFORE_MS
        return await self.desk.changed_tickets(place.position, since_ms=since_ms)

    def _put_looks(self, tx: Transaction, changes: Iterable[Change]) -> None:
        for change in changes:
            if not (change.tagged or sweeps.is_linked(tx, change.ticket_id)):
                continue  # nobody texts on it
            if change.changed_at_ms and sweeps.has_seen(tx, change.ticket_id, change.changed_at_ms):
                continue
            looks.put(tx, change.ticket_id, self.desk.name, by_sweep=True)
            if tx.now_ms() - change.changed_at_ms >= SETTLED_MS:
                sweeps.note_seen(tx, change.ticket_id, change.changed_at_ms)
