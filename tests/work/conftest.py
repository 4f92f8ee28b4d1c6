"""Workers over a real file, with handlers that are plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bridge.domain.limits import Room
from bridge.store import work
from bridge.store.database import Database, Transaction, Value
from bridge.store.work import Kind
from bridge.work.outcomes import Done, Job, Outcome, Save
from bridge.work.pace import Pace
from bridge.work.worker import Handler, Worker
from tests.desks.scripted import HandClock
from tests.stores import column, open_store

PACE = Pace(at_once=8, retry_base_s=1.0, retry_max_s=300.0, settle_wait_s=5.0)


class Busy(Exception):
    """A fault of ours."""


def note(name: str) -> Save:
    """Something to save, to be seen again in the table meta."""

    def save(tx: Transaction) -> None:
        tx.run("INSERT INTO meta (name, value) VALUES ($1, 'x')", name)

    return save


@dataclass(slots=True)
class Counted:
    """Counts attempts as the metrics would."""

    attempts: list[tuple[str, str]] = field(default_factory=list)

    def count_attempt(self, kind: str, outcome: str) -> None:
        self.attempts.append((kind, outcome))


async def done(_job: Job) -> Outcome:
    return Done(words="done")


@dataclass(slots=True)
class Bench:
    """A store, its clock, and the workers that run over it."""

    database: Database
    clock: HandClock
    counted: Counted = field(default_factory=Counted)
    _running: dict[asyncio.Task[None], Worker] = field(default_factory=dict)

    def make(
        self,
        handlers: Mapping[str, Handler] | Handler,
        *,
        account: str = "zendesk",
        pace: Pace = PACE,
        room: Callable[[Transaction], Room] = lambda _tx: Room(),
        spare_in_s: Callable[[], float] = lambda: 0.0,
    ) -> Worker:
        by_kind = handlers if isinstance(handlers, Mapping) else {"note": handlers}
        return Worker(
            account=account,
            database=self.database,
            handlers=by_kind,
            clock=self.clock,
            pace=pace,
            counters=self.counted,
            room=room,
            spare_in_s=spare_in_s,
        )

    def start(self, worker: Worker) -> Worker:
        self.database.listen(work.topic_of(worker.account), worker.wake)
        self._running[asyncio.create_task(worker.run())] = worker
        return worker

    async def stop(self, grace_s: float = 5.0) -> None:
        for task, worker in self._running.items():
            await worker.stop(grace_s)
            await task
        self._running.clear()

    async def put(
        self, lane: str, *, account: str = "zendesk", kind: Kind = "note", message: str = ""
    ) -> str:
        return await self.database.write(
            lambda tx: work.put(
                tx, lane=lane, account=account, kind=kind, message_id=message or None
            )
        )

    async def resting(self, worker: Worker) -> None:
        """Wait until this worker has nothing to do, and waits for a commit to go along with."""
        await self.until(lambda: worker.is_idle)

    async def forward(self, seconds: float) -> None:
        """Move the clock, and have the workers see it."""
        self.clock.forward(seconds)
        for worker in self._running.values():
            worker.wake()

    async def until(self, holds: Callable[[], object | Awaitable[object]]) -> None:
        """Wait until this is true. Fails the test when it isn't in time."""
        deadline = asyncio.get_running_loop().time() + 60
        while True:
            found = holds()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail("did not come true in time")
            await asyncio.sleep(0.005)

    async def tried(self, times: int) -> bool:
        """Whether the one piece of work has been tried so often."""
        return await column(self.database, "SELECT attempts FROM work") == [times]

    async def outcomes(self) -> list[Value]:
        """How each attempt ended, in order."""
        return await column(self.database, "SELECT outcome FROM attempts ORDER BY id")

    async def settled(self, *, failed: int = 0) -> None:
        """Wait until nothing waits, and so much has failed."""

        async def is_settled() -> bool:
            waiting, set_aside, _ = await self.database.read(work.backlog)
            return (waiting, set_aside) == (0, failed)

        await self.until(is_settled)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def bench(store_url: str, clock: HandClock) -> AsyncIterator[Bench]:
    async with open_store(store_url, clock) as database:
        made = Bench(database, clock)
        yield made
        await made.stop()
