"""One look for lanes to claim: what is due, and how much of it there are places and room for.

What it goes by is taken down when the look is asked for, as the transaction may run on another
thread, and later: together with a commit that brings work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge.domain.limits import Room
from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.ranks import NOTES, TEXTS
from bridge.store.work import Claim, Item
from bridge.work.throttle import kind_of, within

LEASE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found. `due` (of lanes that are not claimed yet) and `quotas` are by rank."""

    paused_s: float = 0.0
    due: Mapping[int, int] = field(default_factory=dict)
    room: Room = Room()  # noqa: RUF009 - frozen
    quotas: Mapping[int, int] = field(default_factory=dict)
    claims: Sequence[Claim] = ()

    @property
    def may(self) -> Mapping[int, int]:
        """How many lanes of each rank can be claimed now."""
        return {
            rank: self.quotas[rank]
            for rank, wait_ms in self.due.items()
            if wait_ms <= 0 < self.quotas[rank]
        }

    def wait_ms(self, held_ms: int) -> int | None:
        """How long until anything else can be claimed, None where nothing waits; `held_ms`: how
        long ranks without a quota are held back at least."""
        waits_ms = [self.due[rank] for rank in self.due if self.quotas[rank] > 0]
        if any(self.quotas[rank] == 0 for rank in self.due):
            waits_ms += [wait_ms for wait_ms in (self.room.wait_ms, held_ms) if wait_ms > 0]
        return min(waits_ms, default=None)


@dataclass(slots=True, kw_only=True)
class Look:
    """A look at one account's lanes, for at most `most` of them."""

    account: str
    most: int
    quotas: Mapping[int, int]
    unnoted: int  # claimed lanes whose update may not be counted yet
    turn: int
    after_crash_ms: Callable[[int], int]
    room: Callable[[Transaction], Room]
    begun: Callable[[Transaction, Item], Item]
    # Also what was claimed in a commit that failed: its answer may be all that was lost.
    claims: list[Claim] = field(default_factory=list)
    has_run: bool = False  # what is stored from now on, it has not seen

    def see(self, tx: Transaction) -> Found:
        """Only look."""
        paused = work.pauses(tx).get(self.account)
        if paused is not None and paused[0] > tx.now_ms():
            return Found(paused_s=(paused[0] - tx.now_ms()) / 1000)
        due = work.next_due_in_ms(tx, self.account)
        room = self.room(tx) if TEXTS in due or NOTES in due else Room()
        return Found(due=due, room=room, quotas=within(self.quotas, room, self.unnoted))

    def claim(self, tx: Transaction) -> Found:
        """Look, and claim what can be claimed."""
        self.claims, self.has_run = [], True
        seen = self.see(tx)
        if not seen.may:
            return seen
        claimed = work.claim(
            tx,
            account=self.account,
            most=self.most,
            lease_ms=LEASE_MS,
            by_rank=seen.may,
            turn=self.turn,
            after_crash_ms=self.after_crash_ms,
        )
        self.claims = [replace(one, item=self.begun(tx, one.item)) for one in claimed]
        unnoted = self.unnoted + sum(kind_of(one.rank) == TEXTS for one in claimed)
        return replace(
            seen,
            due=work.next_due_in_ms(tx, self.account),
            quotas=within(self.quotas, seen.room, unnoted),
            claims=self.claims,
        )
