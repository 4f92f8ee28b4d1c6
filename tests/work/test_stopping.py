"""Stopping, starting again, and what must survive both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from bridge.errors import NotDurable, OutcomeUnknown
from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.work import claiming, worker
from bridge.work.outcomes import Done, Job, Outcome
from tests.desks.scripted import HandClock
from tests.stores import column, open_store, opened, rows
from tests.work.conftest import Bench


async def test_a_stop_lets_what_runs_finish_and_begins_nothing_more(bench: Bench) -> None:
    begun = asyncio.Event()
    go_on = asyncio.Event()
    met: list[str] = []

    async def handle(job: Job) -> Outcome:
        met.append(str(job.item.message_id))
        begun.set()
        await go_on.wait()
        return Done(words="done")

    await bench.put("a", message="first")
    await bench.put("a", message="second")
    running = bench.start(bench.make(handle))
    await asyncio.wait_for(begun.wait(), 30)
    stopping = asyncio.create_task(running.stop(5))
    await asyncio.sleep(0.02)
    go_on.set()
    await stopping

    assert met == ["first"]
    (left,) = await rows(bench.database, "SELECT * FROM work")
    assert (left["message_id"], left["attempts"], left["starts"]) == ("second", 0, 0)
    assert await rows(bench.database, "SELECT due_at, lease FROM lanes") == [
        {"due_at": bench.clock.now_ms(), "lease": None}
    ]


async def test_a_stop_that_can_not_wait_hands_back_and_counts_nothing(bench: Bench) -> None:
    begun = asyncio.Event()

    async def handle(job: Job) -> Outcome:
        await job.intend({"do": "comment", "mark": "m"})
        begun.set()
        await asyncio.Event().wait()  # a far side that never answers
        raise AssertionError("never reached")

    await bench.put("a")
    running = bench.start(bench.make(handle))
    await asyncio.wait_for(begun.wait(), 30)
    await running.stop(0.01)

    (left,) = await rows(bench.database, "SELECT * FROM work")
    assert (left["attempts"], left["starts"]) == (0, 0)
    assert left["intent"] is not None  # it may have left: whoever goes on looks first
    assert await column(bench.database, "SELECT lease FROM lanes") == [None]
    assert await rows(bench.database, "SELECT * FROM attempts") == []


async def test_an_intent_is_met_by_the_process_that_starts_next(
    tmp_path: Path, clock: HandClock
) -> None:
    async def break_off(job: Job) -> Outcome:
        assert job.item.intent is None
        await job.intend({"do": "create", "body": "ü"}, save=note_intended)
        assert job.item.intent == {"do": "create", "body": "ü"}
        raise OutcomeUnknown("zendesk", "cut")

    def note_intended(tx: Transaction) -> None:
        tx.run("INSERT INTO meta (name, value) VALUES ('intended', 'x')")

    met: list[object] = []

    async def go_on(job: Job) -> Outcome:
        met.append(job.item.intent)
        await job.intend(None)
        return Done(words="found")

    async with open_store(tmp_path, clock) as database:
        first = Bench(database, clock)
        await first.put("a")
        first.start(first.make(break_off))
        await first.until(lambda: rows(database, "SELECT 1 FROM attempts"))
        await first.stop()
    clock.forward(5)
    async with open_store(tmp_path, clock) as database:
        assert await column(database, "SELECT name FROM meta WHERE name <> 'place'") == ["intended"]
        second = Bench(database, clock)
        second.start(second.make(go_on))
        await second.settled()
        await second.stop()

    assert met == [{"do": "create", "body": "ü"}]


async def test_work_of_a_process_that_died_is_taken_up_when_its_lease_ends(bench: Bench) -> None:
    met: list[int] = []

    async def handle(job: Job) -> Outcome:
        met.append(job.item.starts)
        return Done(words="done")

    await bench.put("a")
    await bench.database.write(
        lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=claiming.LEASE_MS)
    )
    bench.start(bench.make(handle))
    await bench.forward(claiming.LEASE_MS / 1000 - 1)
    await asyncio.sleep(0.05)
    assert met == []

    await bench.forward(1)
    await bench.settled()

    assert met == [2]


async def test_a_lease_is_renewed_as_long_as_the_work_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RENEW_S", 0.01)
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def handle(_job: Job) -> Outcome:
        begun.set()
        await go_on.wait()
        return Done(words="done")

    await bench.put("a")
    bench.start(bench.make(handle))
    await asyncio.wait_for(begun.wait(), 30)
    for _ in range(3):
        await bench.forward(claiming.LEASE_MS / 1000 - 1)
        await bench.until(lambda: is_due_in(bench, claiming.LEASE_MS))
    go_on.set()
    await bench.settled()

    assert bench.counted.attempts == [("note", "done")]


async def is_due_in(bench: Bench, ms: int) -> bool:
    due = await column(bench.database, "SELECT due_at FROM lanes")
    return due == [bench.clock.now_ms() + ms]


T = TypeVar("T")


class Flaky(SqliteDatabase):
    """A store whose disk is full for a while. `faults` is how many writes fail."""

    faults = 0

    async def write(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        if self.faults:
            self.faults -= 1
            raise NotDurable("disk full")
        return await super().write(transaction, brief=brief)


@dataclass(slots=True)
class FlakyBench(Bench):
    """A bench whose disk can be full."""

    database: Flaky


@pytest.fixture
async def flaky(tmp_path: Path, clock: HandClock) -> AsyncIterator[FlakyBench]:
    async with opened(Flaky(str(tmp_path / "flaky.db"), clock)) as database:
        made = FlakyBench(database, clock)
        yield made
        database.faults = 0
        await made.stop()


async def test_leases_are_renewed_again_after_a_full_disk(
    flaky: FlakyBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RENEW_S", 0.01)
    begun = asyncio.Event()
    go_on = asyncio.Event()

    async def handle(_job: Job) -> Outcome:
        begun.set()
        await go_on.wait()
        return Done(words="done")

    await flaky.put("a")
    flaky.start(flaky.make(handle))
    await asyncio.wait_for(begun.wait(), 30)

    flaky.database.faults = 3
    await flaky.until(lambda: flaky.database.faults == 0)
    await flaky.forward(30)
    await flaky.until(lambda: is_due_in(flaky, claiming.LEASE_MS))

    go_on.set()
    await flaky.settled()


async def test_a_disk_that_stays_full_is_not_tried_over_and_over(flaky: FlakyBench) -> None:
    wrong, begun = 1_000_000, 0

    async def handle(_job: Job) -> Outcome:
        nonlocal begun
        begun += 1
        flaky.database.faults = wrong if begun == 1 else 0
        return Done(words="done")

    flaky.start(flaky.make(handle))
    await flaky.put("a")
    await flaky.until(lambda: 0 < flaky.database.faults < wrong)
    await asyncio.sleep(0.5)  # what is counted is how often it tries meanwhile
    tried = wrong - flaky.database.faults
    flaky.database.faults = 0
    await flaky.until(lambda: is_due_in(flaky, 1000))
    await flaky.forward(1)
    await flaky.settled()

    assert tried < 10


async def test_a_full_disk_at_the_claim_is_waited_out(
    flaky: FlakyBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 0.01)

    async def handle(_job: Job) -> Outcome:
        return Done(words="done")

    await flaky.put("a")
    flaky.database.faults = 2
    flaky.start(flaky.make(handle))
    await flaky.settled()

    assert await column(flaky.database, "SELECT outcome FROM attempts") == ["done"]
