"""The database goes away under the worker: it comes back by itself, and soon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.errors import NotDurable
from bridge.store.sqlite import SqliteDatabase
from bridge.store.write_queue import Waiting
from bridge.work import claiming, worker
from bridge.work.outcomes import Done, Job, Outcome
from tests.desks.scripted import HandClock
from tests.stores import column, opened
from tests.work.conftest import Bench, done


class Mute(SqliteDatabase):
    """A store that keeps what it is told, and whose answers get lost: those to `lost` commits."""

    lost = 0

    async def _commit(self, batch: list[Waiting]) -> None:
        await super()._commit(batch)
        if self.lost:
            self.lost -= 1
            for waiting in batch:
                waiting.fail(NotDurable("the answer was lost"))


@dataclass(slots=True)
class MuteBench(Bench):
    """A bench whose store can be mute."""

    database: Mute


@pytest.fixture
async def mute(tmp_path: Path, clock: HandClock) -> AsyncIterator[MuteBench]:
    async with opened(Mute(str(tmp_path / "mute.db"), clock)) as database:
        made = MuteBench(database, clock)
        yield made
        database.lost = 0
        await made.stop()


async def test_work_that_could_not_be_saved_is_given_back_before_its_lease_ends(
    bench: Bench,
) -> None:
    faults = 6  # more than an item may crash

    async def handle(_job: Job) -> Outcome:
        nonlocal faults
        if faults:
            faults -= 1
            raise NotDurable("disk full")
        return Done(words="done")

    await bench.put("a")
    began = bench.clock.now_ms()
    with capture_logs() as logged:
        bench.start(bench.make(handle))
        for left in range(5, -1, -1):
            await bench.until(lambda left=left: faults == left)  # type: ignore[misc]
            await bench.until(lambda: is_free(bench))
            await bench.forward(worker.POLL_S)
        await bench.settled()

    assert bench.clock.now_ms() - began < claiming.LEASE_MS
    assert await bench.outcomes() == ["done"]
    assert [entry["error"] for entry in logged if entry["event"] == "work.not_saved"] == [
        "disk full"
    ] * 6
    assert {entry["lanes"] for entry in logged if entry["event"] == "work.taken_back"} == {1}


async def is_free(bench: Bench) -> bool:
    return await column(bench.database, "SELECT lease FROM lanes") in ([None], [])


async def test_a_claim_whose_answer_is_lost_is_given_back_before_its_lease_ends(
    mute: MuteBench,
) -> None:
    await mute.put("a")
    began = mute.clock.now_ms()
    mute.database.lost = 1
    with capture_logs() as logged:
        mute.start(mute.make(done))
        await mute.until(lambda: any(entry["event"] == "work.taken_back" for entry in logged))
        await mute.forward(worker.POLL_S)
        await mute.settled()

    assert mute.clock.now_ms() - began < claiming.LEASE_MS
    assert mute.counted.attempts == [("note", "done")]


async def test_a_claim_that_went_along_with_a_commit_whose_answer_is_lost_is_given_back(
    mute: MuteBench,
) -> None:
    began = mute.clock.now_ms()
    with capture_logs() as logged:
        await mute.resting(mute.start(mute.make(done)))
        mute.database.lost = 1
        with pytest.raises(NotDurable, match="the answer was lost"):
            await mute.put("a")
        await mute.until(lambda: any(entry["event"] == "work.taken_back" for entry in logged))
        await mute.forward(worker.POLL_S)
        await mute.settled()

    assert mute.clock.now_ms() - began < claiming.LEASE_MS
    assert mute.counted.attempts == [("note", "done")]


async def test_an_outcome_whose_answer_is_lost_leaves_what_follows_to_the_next_claim(
    mute: MuteBench,
) -> None:
    begun: list[int] = []

    async def handle(job: Job) -> Outcome:
        begun.append(job.item.id)
        mute.database.lost = int(len(begun) == 1)
        return Done(words="done")

    for _ in range(2):
        await mute.put("a")
    with capture_logs() as logged:
        mute.start(mute.make(handle))
        await mute.until(lambda: any(entry["event"] == "work.taken_back" for entry in logged))
        await mute.forward(worker.POLL_S)
        await mute.settled()

    assert begun == [1, 2]
