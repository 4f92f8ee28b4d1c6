"""What the worker gives up on: kept as failed work, and never sooner than it should be."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bridge.errors import Refused, TryLater
from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.work import Item
from bridge.work import pace
from bridge.work.outcomes import Done, GaveUp, Job, Outcome
from bridge.work.pace import MOST_CRASHES
from tests.stores import column
from tests.work.conftest import PACE, Bench, Busy, done, note


@pytest.mark.parametrize(
    "how", ["refused", "gave up"], ids=["refused by the far side", "given up by the handler"]
)
async def test_what_can_not_be_done_is_set_aside_and_the_lane_goes_on(
    bench: Bench, how: str
) -> None:
    async def handle(job: Job) -> Outcome:
        if job.item.message_id != "bad":
            return Done(words="done")
        if how == "refused":
            raise Refused("zendesk", "a field is missing", code="RecordInvalid")
        return GaveUp(words="a field is missing", save=note("told"))

    told: list[tuple[str | None, str]] = []
    made = bench.make(handle)
    made.on_set_aside = {"note": lambda _, item, words: told.append((item.message_id, words))}
    await bench.put("a", message="bad")
    await bench.put("a", message="good")
    bench.start(made)
    await bench.settled(failed=1)

    assert await bench.outcomes() == ["refused", "done"]
    assert await column(bench.database, "SELECT reason FROM work") == ["a field is missing"]
    assert told == [("bad", "a field is missing")]
    assert await column(bench.database, "SELECT name FROM meta WHERE name <> 'place'") == [
        "told"
    ] * (how == "gave up")


async def test_a_fault_of_ours_is_tried_five_times_and_then_set_aside(bench: Bench) -> None:
    async def handle(_job: Job) -> Outcome:
        raise Busy

    await bench.put("a")
    bench.start(bench.make(handle))
    with capture_logs() as logged:
        for number in range(1, 6):
            await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
            await bench.forward(300)
        await bench.settled(failed=1)

    assert await bench.outcomes() == ["fault"] * 5
    assert await column(bench.database, "SELECT reason FROM work") == [
        "a fault in the bridge: Busy"
    ]
    assert [entry["event"] for entry in logged].count("work.fault") == 5


async def test_a_fault_after_an_outage_is_tried_again(bench: Bench) -> None:
    async def handle(job: Job) -> Outcome:
        if job.item.attempts < 6:
            raise TryLater("zendesk", "503")
        if job.item.attempts < 7:
            raise Busy
        return Done(words="done")

    await bench.put("a")
    bench.start(bench.make(handle))
    for number in range(1, 8):
        await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
        await bench.forward(301)
    await bench.settled()

    assert await bench.outcomes() == ["later"] * 6 + ["fault", "done"]


async def waited_first(bench: Bench) -> None:
    """Wait out the pause of what was begun over and over by others."""

    async def is_put_off() -> bool:
        return await column(bench.database, "SELECT lease FROM lanes") == [None]

    await bench.until(is_put_off)
    await bench.forward(pace.LONGEST_CRASH_PAUSE_S)


async def test_work_that_kills_its_process_is_set_aside_unread(
    bench: Bench,
) -> None:
    met: list[int] = []

    async def handle(job: Job) -> Outcome:
        met.append(job.item.starts)
        return Done(words="done")

    await bench.put("a", message="deadly")
    await bench.put("a", message="harmless")
    for _ in range(MOST_CRASHES):  # begun and never ended
        await bench.database.write(
            lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=1000)
        )
        bench.clock.forward(1)
    begun: list[str | None] = []

    def begin(_tx: Transaction, item: Item) -> Item:
        begun.append(item.message_id)
        return item

    made = bench.make(handle)
    made.on_begun = {"note": begin}
    bench.start(made)
    await waited_first(bench)
    await bench.settled(failed=1)

    assert await bench.outcomes() == ["crashed", "done"]
    assert met == [1]  # the deadly one was not begun again
    assert set(begun) == {"harmless"}
    (reason,) = await column(bench.database, "SELECT reason FROM work")
    assert reason == "begun 20 times and never ended: it may crash the bridge"


async def test_fewer_crashes_are_not_enough_to_be_set_aside(bench: Bench) -> None:
    await bench.put("a")
    for _ in range(MOST_CRASHES - 1):
        await bench.database.write(
            lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=1000)
        )
        bench.clock.forward(1)
    bench.start(bench.make(done))
    await waited_first(bench)
    await bench.settled()

    assert await bench.outcomes() == ["done"]


def test_pauses_after_crashes_grow_and_differ() -> None:
    def pauses(starts: int) -> set[int]:
        return {PACE.pause_after_crash_ms(starts) for _ in range(50)}

    assert pauses(0) | pauses(1) == {0}
    for starts, longest_ms in ((2, 1000), (3, 2000), (7, 32_000), (50, 60_000)):
        assert longest_ms / 2 <= min(pauses(starts)) < max(pauses(starts)) <= longest_ms


@pytest.mark.parametrize(
    ("days", "failed"), [(2.9, 0), (3.1, 1)], ids=["within three days", "after three days"]
)
async def test_a_far_side_that_stays_away_for_days_leaves_failed_work(
    bench: Bench, days: float, failed: int
) -> None:
    async def handle(_job: Job) -> Outcome:
        raise TryLater("zendesk", "503")

    await bench.put("a")
    bench.start(bench.make(handle))
    for number in range(1, pace.FEWEST_TRIES + 1):
        await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
        await bench.forward(301)
    bench.clock.forward(days * 86_400 - 302 * (pace.FEWEST_TRIES + 1))
    await bench.forward(301)
    await bench.until(lambda: bench.tried(pace.FEWEST_TRIES + 1))

    waiting, set_aside, _ = await bench.database.read(work.backlog)
    assert (waiting, set_aside) == (1 - failed, failed)


async def test_what_waited_for_days_untried_is_not_given_up_at_the_first_no(bench: Bench) -> None:
    async def handle(job: Job) -> Outcome:
        if job.item.attempts < 3:
            raise TryLater("zendesk", "429")
        return Done(words="done")

    await bench.put("a")
    bench.clock.forward(10 * 86_400)  # behind a paused account, say
    bench.start(bench.make(handle))
    for number in range(1, 4):
        await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
        await bench.forward(301)
    await bench.settled()

    assert await bench.outcomes() == ["later"] * 3 + ["done"]
