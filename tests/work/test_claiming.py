"""What a commit brings is claimed along with it by a worker that has nothing else to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store.sqlite import SqliteDatabase
from bridge.store.write_queue import Waiting
from bridge.work import worker
from bridge.work.outcomes import Done, Job, Outcome
from tests.desks.scripted import HandClock
from tests.stores import column, open_store, opened
from tests.work.conftest import Bench, done

LEASES = "SELECT lease FROM lanes"


@pytest.fixture
async def on_file(tmp_path: Path, clock: HandClock) -> AsyncIterator[Bench]:
    async with open_store(f"sqlite:///{tmp_path / 'along.db'}", clock) as database:
        made = Bench(database, clock)
        yield made
        await made.stop()


async def test_in_a_file_it_is_claimed_in_the_very_commit(on_file: Bench) -> None:
    go_on = asyncio.Event()

    async def handle(_job: Job) -> Outcome:
        await go_on.wait()
        return Done(words="done")

    await on_file.resting(on_file.start(on_file.make(handle)))
    await on_file.put("a")

    assert None not in await column(on_file.database, LEASES)
    go_on.set()
    await on_file.settled()


async def test_work_of_another_account_is_left_to_its_worker(on_file: Bench) -> None:
    await on_file.resting(on_file.start(on_file.make(done)))

    await on_file.put("a", account="twilio")

    assert await column(on_file.database, LEASES) == [None]


class Held(SqliteDatabase):
    """A store whose commits are kept at once and answered when `answers` is set."""

    answers: asyncio.Event

    async def _commit(self, batch: list[Waiting]) -> None:
        await super()._commit(batch)
        await self.answers.wait()


async def test_what_is_told_after_a_claim_has_looked_is_not_left_to_the_next_poll(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_S", 3600.0)
    begun: dict[str, asyncio.Event] = {"a": asyncio.Event(), "b": asyncio.Event()}

    async def handle(job: Job) -> Outcome:
        begun[job.item.lane].set()
        await begun["b"].wait()
        return Done(words="done")

    path = str(tmp_path / "held.db")
    held, other = Held(path, clock), SqliteDatabase(path, clock)
    held.answers = asyncio.Event()
    held.answers.set()
    async with opened(held), opened(other):
        bench = Bench(held, clock)
        resting = bench.start(bench.make(handle))
        await bench.resting(resting)
        held.answers.clear()
        first = asyncio.create_task(bench.put("a"))
        look = resting._along
        assert look is not None
        await bench.until(lambda: look.has_run)

        await Bench(other, clock).put("b")  # as another process does, and tells of it
        resting.wake()
        held.answers.set()
        await first
        await asyncio.wait_for(begun["b"].wait(), 30)
        await bench.settled()
        await bench.stop()


@pytest.mark.parametrize("is_first", [True, False], ids=["put first", "stopped first"])
async def test_what_is_claimed_as_the_worker_stops_is_handed_back(
    bench: Bench, *, is_first: bool
) -> None:
    async def handle(_job: Job) -> Outcome:
        return Done(words="done")

    await bench.resting(bench.start(bench.make(handle)))
    both = [bench.put("a"), bench.stop()]
    await asyncio.gather(*(both if is_first else reversed(both)))

    assert set(await column(bench.database, LEASES)) <= {None}
    assert await column(bench.database, "SELECT starts FROM work") in ([0], [])


async def test_many_that_come_at_once_are_each_done_once(bench: Bench) -> None:
    seen: list[int] = []

    async def handle(job: Job) -> Outcome:
        seen.append(job.item.id)
        return Done(words="done")

    await bench.resting(bench.start(bench.make(handle)))
    await asyncio.gather(*(bench.put(f"lane {number % 30}") for number in range(120)))
    await bench.settled()

    assert len(seen) == len(set(seen)) == 120
