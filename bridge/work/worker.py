"""Runs stored work: claims lanes that are due, one task a lane, and saves how each item ended.

Accounts (the far sides' credentials) are worked beside each other, each with places of its own,
so that one that is paused or slow holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

import structlog

from bridge.clock import Clock, steady_ms
from bridge.domain.limits import Room
from bridge.errors import CredentialsRefused, NotDurable, OutcomeUnknown, Refused, TryLater
from bridge.store import attempts, leases, work
from bridge.store.database import Database, Transaction
from bridge.store.ranks import UNLIMITED
from bridge.store.work import Claim, Item, LeaseLost
from bridge.work.claimed import ClaimedJob
from bridge.work.claiming import LEASE_MS, Found, Look
from bridge.work.outcomes import Done, GaveUp, Job, Later, Outcome, name_of
from bridge.work.pace import MOST_CRASHES, MOST_FAULTS, Pace
from bridge.work.throttle import Throttle

log = structlog.get_logger()
T = TypeVar("T")
Handler = Callable[[Job], Awaitable[Outcome]]

RENEW_S = 15.0
POLL_S = 1.0  # for work that another process has put in
ITEMS_A_TURN = 20  # then the lane goes behind the others


class Counters(Protocol):
    """What the worker counts."""

    def count_attempt(self, kind: str, outcome: str) -> None:
        """Count one attempt."""
        ...


@dataclass(slots=True)
class Worker:
    """Works one account's lanes until told to stop."""

    account: str
    database: Database
    handlers: Mapping[str, Handler]
    clock: Clock
    pace: Pace
    counters: Counters
    # What beginning an item changes goes with its claim, so that it costs no commit of its own.
    on_begun: Mapping[str, Callable[[Transaction, Item], Item]] = field(default_factory=dict)
    on_set_aside: Mapping[str, Callable[[Transaction, Item, str], None]] = field(
        default_factory=dict
    )
    room: Callable[[Transaction], Room] = lambda _tx: Room()  # for updates, by the account's limit
    spare_in_s: Callable[[], float] = lambda: 0.0  # how long what can wait leaves it to others
    _throttle: Throttle = field(init=False)
    _along: Look | None = None  # goes along with the next commit, or is under way with it
    _is_resting: bool = False  # waits, and nobody has asked for anything since
    _is_short: bool = False
    _is_wanted: bool = False  # a place, by work that waits for no limit: others give way
    _asleep_until_ms: int = 0  # by the steady time: what the last look found
    _turns: int = 0
    _running: dict[asyncio.Task[None], Claim] = field(default_factory=dict)
    _adrift: list[Claim] = field(default_factory=list)  # they may hold, and nobody works on them
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)  # nothing more is claimed
    _stopping: bool = False
    _paused_until_ms: int = 0  # by the steady time; never later than the pause that is stored

    def __post_init__(self) -> None:
        self._throttle = Throttle(self.pace.at_once)
        self._over.set()

    def wake(self) -> None:
        """Look for work now. Nobody looks before a pause of the account may be over: under load
        that would be a look for each commit."""
        if steady_ms(self.clock) < self._asleep_until_ms:
            return
        self._is_resting = False
        along = self._along
        if along is None or self.database.withdraw(self._topic) or along.has_run:
            self._wake.set()  # else it is under way, and will see what we are told of

    @property
    def _topic(self) -> str:
        return work.topic_of(self.account)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing could be as things are: for tests, whose time
        stands still meanwhile."""
        return self._is_resting and not self._running

    async def run(self) -> None:
        """Claim and work until `stop`. Cancel-safe: leases end by themselves."""
        renewing = asyncio.create_task(self._renew_leases(), name=f"leases {self.account}")
        self._over.clear()
        found: Found | None = None
        try:
            while not self._stopping:
                try:
                    if found is None:
                        self._wake.clear()
                        await self._take_back()
                        found = await self._look_around()
                    pause_s = self._begin(found)
                    found = await self._rest(pause_s)
                except NotDurable as error:
                    log.warning("work.database_away", account=self.account, error=str(error))
                    found = None
                    await _wait(self._wake, self._soon_s)
            if found is not None:
                self._begin(found)  # each lane is handed back at once
        finally:
            self._over.set()
            renewing.cancel()

    async def stop(self, grace_s: float) -> None:
        """Claim nothing more, let what runs finish, hand back the rest."""
        self._stopping = True
        self._stir()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._over.wait()
                if self._running:
                    await asyncio.wait(list(self._running))
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.gather(*list(self._running), return_exceptions=True)

    async def _look_around(self) -> Found:
        """Claim what is due. A look that finds nothing writes nothing.

        What there is no place for is not begun: it waits in its lane.
        """
        look = self._look()
        seen = await self.database.read(look.see, brief=True)
        if look.most == 0 or not seen.may:
            return seen
        return await self._outcome(look, self.database.write(look.claim, brief=True))

    def _look(self) -> Look:
        spare, now_ms = self.spare_in_s() <= 0, steady_ms(self.clock)
        return Look(
            account=self.account,
            most=self._throttle.free(len(self._running)),
            quotas=self._throttle.quotas(spare=spare, now_ms=now_ms),
            unnoted=self._throttle.unnoted,
            turn=self._turns,
            after_crash_ms=self.pace.pause_after_crash_ms,
            room=self.room,
            begun=self._begun,
        )

    async def _outcome(self, look: Look, under_way: Awaitable[T]) -> T:
        try:
            found = await under_way
        except NotDurable:
            self._adrift += look.claims  # the answer may be all that was lost
            raise
        self._turns += bool(look.claims)
        return found

    def _begin(self, found: Found) -> float:
        """Begin what was claimed. Returns how long nothing else can be, in seconds."""
        self._asleep_until_ms = steady_ms(self.clock) + int(found.paused_s * 1000)
        if found.paused_s > 0:
            return min(POLL_S, found.paused_s)
        self._is_short = found.room.is_short
        for claimed in found.claims:
            self._throttle.claimed(claimed.lane, claimed.rank)
            task = asyncio.create_task(self._work_lane(claimed), name=f"lane {claimed.lane}")
            self._running[task] = claimed
            task.add_done_callback(self._ended)
        is_full = self._throttle.free(len(self._running)) == 0
        self._is_wanted = is_full and UNLIMITED in found.may
        if is_full:
            return POLL_S  # a lane that ends wakes us
        wait_ms = found.wait_ms(self._throttle.held_ms(steady_ms(self.clock)))
        return POLL_S if wait_ms is None else min(POLL_S, max(0.001, wait_ms / 1000))

    async def _rest(self, pause_s: float) -> Found | None:
        """Wait for what there is to do next; None: look for it. What a commit brings while nothing
        is under way is claimed along with it, and returned: busy, that would delay its answer."""
        if pause_s <= 0 or self._stopping or self._wake.is_set():
            return None
        if self._running or steady_ms(self.clock) < self._asleep_until_ms:
            self._is_resting = True
            await _wait(self._wake, pause_s)
            self._is_resting = False
            return None
        look = self._look()
        along = self.database.along(self._topic, look.claim)
        self._along, self._is_resting = look, True
        try:
            await asyncio.wait([along], timeout=pause_s)
        finally:
            self._along, self._is_resting = None, False
            self.database.withdraw(self._topic)
        return await self._outcome(look, along)

    @property
    def _soon_s(self) -> float:
        """How long to leave a database alone that could not store something."""
        return min(POLL_S, self.pace.retry_base_s)

    async def _take_back(self) -> None:
        """Give back what could not be saved, now that something can: else its customer would wait
        until the lease ends."""
        adrift = list(self._adrift)
        if adrift:
            pause_ms = int(self._soon_s * 1000)
            taken = await self.database.write(
                lambda tx: leases.take_back(tx, adrift, pause_ms=pause_ms)
            )
            del self._adrift[: len(adrift)]
            log.info("work.taken_back", account=self.account, lanes=taken)

    def _ended(self, task: asyncio.Task[None]) -> None:
        claimed = self._running.pop(task, None)
        if claimed is not None:
            self._throttle.noted(claimed.lane)
        self._stir()
        if not task.cancelled() and task.exception() is not None:
            # The lane's lease ends and the item is tried again, its start counted.
            log.error("work.lane_lost", account=self.account, exc_info=task.exception())

    async def _work_lane(self, claimed: Claim) -> None:
        item: Item | None = claimed.item
        for turn in range(ITEMS_A_TURN + 1):
            if item is None:
                return
            current = replace(claimed, item=item)
            try:
                is_paused = steady_ms(self.clock) < self._paused_until_ms
                gives_way = self._is_short or (self._is_wanted and current.rank > UNLIMITED)
                is_over = turn == ITEMS_A_TURN or (turn > 0 and gives_way)
                if self._stopping or is_paused or is_over:
                    self._is_wanted = False  # as far as is known
                    await self._give_back(current)
                    return
                item = await self._work_item(current)
            except asyncio.CancelledError:
                # A stop that can't wait: what may have left is in the intent.
                with contextlib.suppress(LeaseLost, NotDurable):
                    await self._give_back(current)
                raise
            except LeaseLost:
                log.warning("work.lease_lost", lane=claimed.lane)
                return
            except NotDurable as error:
                log.warning("work.not_saved", lane=claimed.lane, error=str(error))
                self._adrift.append(current)
                return

    def _stir(self) -> None:
        self._is_resting = False
        self._wake.set()
        if self._along is not None:
            self.database.withdraw(self._topic)

    async def _give_back(self, claimed: Claim) -> None:
        await self.database.write(lambda tx: work.give_back(tx, claimed), brief=True)

    async def _work_item(self, claimed: Claim) -> Item | None:
        item = claimed.item
        began_ms = self.clock.now_ms()
        structlog.contextvars.bind_contextvars(
            work=item.ref, message=item.message_id, ticket=item.ticket_id
        )
        if item.starts > MOST_CRASHES:
            words = f"begun {item.starts - 1} times and never ended: it may crash the bridge"
            return await self._save(claimed, GaveUp(words=words), began_ms, "crashed")
        turn = ClaimedJob(self.database, claimed, item, began_ms, self._throttle)
        try:
            outcome = await self.handlers[item.kind](turn)
        except (TryLater, Refused, OutcomeUnknown) as error:
            return await self._save_far_side(claimed, error, began_ms)
        except (LeaseLost, NotDurable):
            raise
        except Exception as error:  # the edge: a fault of ours is settled here, not lost
            log.exception("work.fault", kind=item.kind)
            words = f"a fault in the bridge: {type(error).__name__}"
            faulted: Outcome = Later(words=words)
            if (
                await self.database.read(partial(attempts.count_faults, item=item)) + 1
                >= MOST_FAULTS
            ):
                faulted = GaveUp(words=words)
            return await self._save(claimed, faulted, began_ms, "fault")
        return await self._save(claimed, outcome, began_ms, name_of(outcome))

    async def _save_far_side(
        self, claimed: Claim, error: TryLater | Refused | OutcomeUnknown, began_ms: int
    ) -> Item | None:
        """Settle an item whose handler let a far side's error through."""
        if isinstance(error, CredentialsRefused):
            await self._pause(error.words, self.pace.retry_max_s, "credentials")
            return await self._save(claimed, Later(words=error.words), began_ms, "later")
        if isinstance(error, TryLater):
            if error.whole_account:
                pause_s = error.pause_s if error.pause_s is not None else self.pace.retry_base_s
                await self._pause(error.words, pause_s, "asked")
            else:
                first_s, now_ms = self.pace.retry_base_s, steady_ms(self.clock)
                self._throttle.turned_away(claimed, error.pause_s, first_s, now_ms)
            return await self._save(claimed, self._again(claimed.item, error), began_ms, "later")
        if isinstance(error, OutcomeUnknown):
            return await self._save(claimed, self._again(claimed.item, error), began_ms, "unknown")
        return await self._save(claimed, GaveUp(words=error.words), began_ms, "refused")

    def _again(self, item: Item, error: TryLater | OutcomeUnknown) -> Outcome:
        return self.pace.again(item, error, self.clock.now_ms() - item.created_at)

    async def _pause(self, words: str, pause_s: float, kind: str) -> None:
        self._throttle.paused()
        until_ms = steady_ms(self.clock) + int(pause_s * 1000)
        new = await self.database.write(
            lambda tx: work.pause_account(
                tx, self.account, pause_ms=int(pause_s * 1000), reason=words, kind=kind
            )
        )
        self._paused_until_ms = max(self._paused_until_ms, until_ms)
        if new:  # said once, not once an item
            log.error("account.paused", account=self.account, reason=words, seconds=pause_s)

    async def _save(
        self, claimed: Claim, outcome: Outcome, began_ms: int, name: attempts.Outcome
    ) -> Item | None:
        def commit(tx: Transaction) -> Item | None:
            attempts.note_attempt(
                tx, claimed.item, outcome=name, words=outcome.words, began_ms=began_ms
            )
            match outcome:
                case Done():
                    outcome.save(tx)
                    work.end_pause(tx, self.account)
                    return self._next(tx, work.finish(tx, claimed))
                case GaveUp():
                    outcome.save(tx)
                    note = self.on_set_aside.get(claimed.item.kind)
                    if note is not None:
                        note(tx, claimed.item, outcome.words)
                    return self._next(tx, work.set_aside(tx, claimed, outcome.words))
                case Later():
                    pause = self.pace.pause_of(claimed.item, outcome)
                    counts = outcome.counts
                    work.put_off(tx, claimed, pause_ms=pause, reason=outcome.words, counts=counts)
                    outcome.save(tx)  # last, as it may hurry the lane
                    return None

        if isinstance(outcome, Done):
            self._throttle.got_through()
        self.counters.count_attempt(claimed.item.kind, name)
        # Shielded: how it ended is known, and a stop must not make it unknown again.
        brief = claimed.item.kind != "sweep"  # which may have found a thousand texts
        item = await asyncio.shield(self.database.write(commit, brief=brief))
        if isinstance(outcome, (Done, GaveUp)):
            outcome.then()
        return item

    def _next(self, tx: Transaction, item: Item | None) -> Item | None:
        return None if item is None else self._begun(tx, item)

    def _begun(self, tx: Transaction, item: Item) -> Item:
        begin = self.on_begun.get(item.kind)
        if begin is None or item.starts > MOST_CRASHES:  # it is set aside unread
            return item
        return begin(tx, item)

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            held: Sequence[tuple[str, str]] = [(c.lane, c.lease) for c in self._running.values()]
            if held:
                # A lease outlasts several of these, so that one may fail.
                with contextlib.suppress(NotDurable):
                    await self.database.write(lambda tx, h=held: work.renew(tx, h, LEASE_MS))  # type: ignore[misc]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
