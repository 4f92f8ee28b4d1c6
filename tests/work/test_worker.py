"""The worker: every way in which work can end, and who waits for whom meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.errors import OutcomeUnknown, TryLater
from bridge.store.work import LeaseLost
from bridge.work import worker
from bridge.work.outcomes import Done, Job, Later, Outcome, kept_back
from bridge.work.pace import Pace
from tests.stores import column, rows
from tests.work.conftest import Bench, Busy, done, note


async def test_work_that_is_done_is_gone_and_what_it_saves_stays(bench: Bench) -> None:
    async def handle(_job: Job) -> Outcome:
        bench.clock.forward(2)
        return Done(words="in ticket 7", save=note("saved"))

    ref = await bench.put("a", message="m")
    bench.start(bench.make(handle))
    await bench.settled()

    assert await column(bench.database, "SELECT name FROM meta WHERE name <> 'place'") == ["saved"]
    kept = await rows(bench.database, "SELECT * FROM attempts")
    assert [
        (row["work_ref"], row["message_id"], row["outcome"], row["words"], row["took_ms"])
        for row in kept
    ] == [(ref, "m", "done", "in ticket 7", 2000)]
    assert bench.counted.attempts == [("note", "done")]


@pytest.mark.parametrize(
    ("error", "outcome", "pause_ms"),
    [
        pytest.param(TryLater("zendesk", "503"), "later", (500, 1000), id="try later"),
        pytest.param(
            TryLater("zendesk", "429", pause_s=30), "later", (30_000, 31_000), id="as asked"
        ),
        pytest.param(OutcomeUnknown("zendesk", "cut"), "unknown", (5000, 5000), id="unknown"),
        pytest.param(Busy(), "fault", (500, 1000), id="our fault"),
    ],
)
async def test_an_error_puts_the_work_off(
    bench: Bench, error: Exception, outcome: str, pause_ms: tuple[int, int]
) -> None:
    errors = [error]

    async def handle(_job: Job) -> Outcome:
        if errors:
            raise errors.pop()
        return Done(words="done")

    await bench.put("a")
    bench.start(bench.make(handle))
    await bench.until(lambda: bench.tried(1))
    (left,) = await rows(bench.database, "SELECT * FROM work")
    shortest, longest = pause_ms

    assert shortest <= left["due_at"] - bench.clock.now_ms() <= longest
    assert (left["attempts"], left["starts"], left["state"]) == (1, 0, "waiting")
    await bench.forward(longest / 1000 - 0.001 if longest == shortest else shortest / 1000 - 0.001)
    await asyncio.sleep(0.02)
    assert await bench.outcomes() == [outcome]
    await bench.forward(longest / 1000)
    await bench.settled()
    assert await bench.outcomes() == [outcome, "done"]


async def test_pauses_grow_from_one_try_to_the_next(bench: Bench) -> None:
    async def handle(_job: Job) -> Outcome:
        raise TryLater("zendesk", "503")

    await bench.put("a")
    bench.start(bench.make(handle))
    pauses = []
    for number in range(1, 6):
        await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
        (left,) = await rows(bench.database, "SELECT * FROM work WHERE attempts = $1", number)
        pauses.append((left["due_at"] - bench.clock.now_ms()) / 1000)
        await bench.forward(pauses[-1] + 0.001)

    steps = [1, 2, 4, 8, 16]
    assert [step / 2 <= pause <= step for step, pause in zip(steps, pauses, strict=True)] == (
        [True] * 5
    )


async def test_a_handler_may_name_its_own_pause(bench: Bench) -> None:
    async def handle(job: Job) -> Outcome:
        if job.item.attempts == 0:
            return Later(words="no sign yet", pause_s=20, unknown=True, save=note("looked"))
        return Done(words="found")

    await bench.put("a")
    bench.start(bench.make(handle))
    await bench.until(lambda: column(bench.database, "SELECT name FROM meta WHERE name <> 'place'"))

    assert await column(bench.database, "SELECT due_at FROM work") == [
        bench.clock.now_ms() + 20_000
    ]
    await bench.forward(20)
    await bench.settled()
    assert await bench.outcomes() == ["unknown", "done"]


async def test_a_lane_keeps_its_order_through_faults_while_others_go_on(bench: Bench) -> None:
    met: list[str] = []
    broken = True

    async def handle(job: Job) -> Outcome:
        if job.item.lane == "bad" and broken:
            raise TryLater("zendesk", "503")
        met.append(str(job.item.message_id))
        return Done(words="done")

    for number in range(3):
        for lane in ("bad", "good", "fine"):
            await bench.put(lane, message=f"{lane} {number}")
    bench.start(bench.make(handle))
    await bench.until(lambda: len(met) == 6)
    broken = False
    await bench.forward(2)
    await bench.settled()

    assert met[6:] == ["bad 0", "bad 1", "bad 2"]
    for lane in ("good", "fine"):
        assert [name for name in met if name.startswith(lane)] == [f"{lane} {n}" for n in range(3)]


async def test_lanes_are_worked_beside_each_other_and_a_lane_one_by_one(bench: Bench) -> None:
    running: set[str] = set()
    most = 0
    together: set[str] = set()
    meet = asyncio.Barrier(3)

    async def handle(job: Job) -> Outcome:
        nonlocal most
        assert job.item.lane not in together
        together.add(job.item.lane)
        running.add(job.item.ref)
        most = max(most, len(running))
        await asyncio.wait_for(meet.wait(), 30)  # all three lanes, or this fails
        running.discard(job.item.ref)
        together.discard(job.item.lane)
        return Done(words="done")

    for _ in range(4):
        for lane in "abc":
            await bench.put(lane)
    bench.start(bench.make(handle))
    await bench.settled()

    assert most == 3
    assert await bench.outcomes() == ["done"] * 12


async def test_no_more_is_begun_at_once_than_the_pace_allows(bench: Bench) -> None:
    running = 0
    most = 0

    async def handle(_job: Job) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return Done(words="done")

    for number in range(20):
        await bench.put(f"lane {number}")
    bench.start(bench.make(handle, pace=Pace(at_once=3)))
    await bench.settled()

    assert most == 3


async def test_a_long_lane_lets_the_others_in_after_a_turn(bench: Bench) -> None:
    met: list[str] = []

    async def handle(job: Job) -> Outcome:
        met.append(job.item.lane)
        bench.clock.forward(0.001)
        return Done(words="done")

    for _ in range(50):
        await bench.put("long")
    bench.clock.forward(0.001)
    await bench.put("short")
    bench.start(bench.make(handle, pace=Pace(at_once=1)))
    await bench.settled()

    assert met.index("short") == worker.ITEMS_A_TURN
    assert len(met) == 51
    assert bench.counted.attempts == [("note", "done")] * 51


async def test_what_no_limit_holds_up_gets_a_place_between_two_of_a_long_lane(bench: Bench) -> None:
    met: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handle(job: Job) -> Outcome:
        met.append(job.item.lane)
        begun.set()
        await go_on.wait()
        return Done(words="done")

    for _ in range(5):
        await bench.put("long")
    handlers = {"note": handle, "look": handle}
    full = bench.start(bench.make(handlers, pace=Pace(at_once=1)))
    await asyncio.wait_for(begun.wait(), 30)
    await bench.put("new", kind="look")
    await bench.until(lambda: full._is_wanted)
    go_on.set()
    await bench.settled()

    assert met == ["long", "new", *["long"] * 4]


async def test_new_work_begins_at_once(bench: Bench) -> None:
    begun = asyncio.Event()

    async def handle(_job: Job) -> Outcome:
        begun.set()
        return Done(words="done")

    await bench.resting(bench.start(bench.make(handle)))
    loop = asyncio.get_running_loop()
    before = loop.time()
    await bench.put("a")
    await asyncio.wait_for(begun.wait(), 30)

    assert loop.time() - before < worker.POLL_S / 2


async def test_who_lost_the_lease_saves_nothing(bench: Bench) -> None:
    async def handle(job: Job) -> Outcome:
        await bench.database.write(
            lambda tx: tx.run("UPDATE lanes SET lease = 'another' WHERE lane = $1", job.item.lane)
        )
        with pytest.raises(LeaseLost):
            await job.intend({"do": "x"}, save=note("intended"))
        with pytest.raises(LeaseLost):
            await job.keep(note("kept"))
        return Done(words="done", save=note("done"))

    await bench.put("a")
    with capture_logs() as logged:
        bench.start(bench.make(handle))
        await bench.until(lambda: any(entry["event"] == "work.lease_lost" for entry in logged))

    assert await column(bench.database, "SELECT name FROM meta WHERE name <> 'place'") == []
    assert await bench.outcomes() == []
    assert await column(bench.database, "SELECT intent FROM work") == [None]


async def test_work_that_nobody_can_do_is_a_fault(bench: Bench) -> None:
    await bench.put("a", kind="look")
    await bench.put("b")
    bench.start(bench.make({"note": done}))
    await bench.until(lambda: len(bench.counted.attempts) == 2)

    assert sorted(bench.counted.attempts) == [("look", "fault"), ("note", "done")]


async def test_what_the_settings_let_go_while_its_lane_was_held_is_tried_at_once(
    bench: Bench,
) -> None:
    async def handle(job: Job) -> Outcome:
        if job.item.attempts == 0 and not bench.counted.attempts:
            return kept_back("halted", lambda _tx: False)
        return Done(words="done")

    await bench.put("a")
    bench.start(bench.make(handle))
    await bench.settled()

    assert await bench.outcomes() == ["later", "done"]
