"""One account that must wait holds up no other, and is not called before its time."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.errors import BridgeError, CredentialsRefused, TryLater
from bridge.store import work
from bridge.work.outcomes import Done, Job, Outcome
from tests.stores import column, rows
from tests.work.conftest import Bench, done

WAIT_60 = TryLater("zendesk", "429", pause_s=60, whole_account=True)
WAIT = TryLater("zendesk", "maintenance", whole_account=True)


class Answers:
    """Raises these one after the other, and then is done."""

    def __init__(self, *errors: BridgeError) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, _job: Job) -> Outcome:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return Done(words="done")


async def is_paused(bench: Bench, account: str = "zendesk") -> bool:
    return account in await bench.database.read(work.pauses)


async def nobody_holds_a_lane(bench: Bench) -> bool:
    return not await rows(bench.database, "SELECT 1 FROM lanes WHERE lease IS NOT NULL")


async def test_an_account_that_asks_for_a_pause_gets_it_and_the_others_go_on(bench: Bench) -> None:
    answers = Answers(WAIT_60)
    await bench.put("a")
    bench.start(bench.make(answers))
    await bench.until(lambda: is_paused(bench))
    for number in range(5):
        await bench.put(f"another lane {number}")
    bench.start(bench.make(done, account="twilio"))
    await bench.put("b", account="twilio")
    await bench.until(lambda: len(bench.counted.attempts) == 2)
    assert answers.calls == 1

    await bench.forward(59.9)
    await asyncio.sleep(0.05)
    assert answers.calls == 1
    await bench.forward(2)  # the pause, and what is added so that not all come back together
    await bench.settled()
    assert answers.calls == 7
    assert not await is_paused(bench)


async def test_work_that_comes_in_a_pause_is_no_reason_to_look(bench: Bench) -> None:
    answers = Answers(WAIT_60)
    await bench.put("a")
    worker = bench.start(bench.make(answers))
    await bench.until(lambda: is_paused(bench))
    await bench.until(lambda: worker._asleep_until_ms > bench.clock.now_ms())

    for number in range(5):
        await bench.put(f"another lane {number}")
    await asyncio.sleep(0)
    assert not worker._wake.is_set()

    await bench.forward(62)
    await bench.settled()
    assert answers.calls == 7


async def test_a_lane_that_is_under_way_stops_when_its_account_is_paused(bench: Bench) -> None:
    met: list[str] = []
    both = asyncio.Barrier(2)

    async def handle(job: Job) -> Outcome:
        met.append(job.item.lane)
        await asyncio.wait_for(both.wait(), 30)
        if job.item.lane == "quick":
            raise WAIT_60
        await bench.until(lambda: is_paused(bench))
        return Done(words="done")

    await bench.put("quick")
    for _ in range(3):
        await bench.put("slow")
    bench.start(bench.make(handle))
    await bench.until(lambda: ("note", "done") in bench.counted.attempts)
    await bench.until(lambda: nobody_holds_a_lane(bench))

    assert sorted(met) == ["quick", "slow"]
    assert await column(bench.database, "SELECT starts FROM work ORDER BY id") == [0, 0, 0]


async def test_a_pause_without_a_time_lasts_one_step(bench: Bench) -> None:
    answers = Answers(WAIT)
    await bench.put("a")
    bench.start(bench.make(answers))
    await bench.until(lambda: is_paused(bench))

    (until,) = await column(bench.database, "SELECT until FROM pauses")

    assert until == bench.clock.now_ms() + 1000


async def test_an_answer_that_was_under_way_does_not_end_the_pause(bench: Bench) -> None:
    under_way = asyncio.Event()

    async def handle(job: Job) -> Outcome:
        if job.item.lane == "slow":
            await under_way.wait()
            return Done(words="done")
        raise WAIT_60

    await bench.put("slow")
    await bench.put("quick")
    bench.start(bench.make(handle))
    await bench.until(lambda: is_paused(bench))
    under_way.set()
    await bench.until(lambda: ("note", "done") in bench.counted.attempts)
    await bench.until(lambda: column(bench.database, "SELECT 1 FROM attempts WHERE outcome='done'"))

    assert await is_paused(bench)


async def test_a_second_answer_that_asks_for_less_does_not_shorten_the_pause(bench: Bench) -> None:
    order = asyncio.Event()

    async def handle(job: Job) -> Outcome:
        if job.item.lane == "later":
            await order.wait()
            raise WAIT
        raise WAIT_60

    await bench.put("later")
    await bench.put("first")
    bench.start(bench.make(handle))
    await bench.until(lambda: is_paused(bench))
    order.set()
    await bench.until(lambda: len(bench.counted.attempts) == 2)
    await bench.until(lambda: column(bench.database, "SELECT 1 FROM pauses WHERE reason <> '429'"))

    assert await column(bench.database, "SELECT until FROM pauses") == [
        bench.clock.now_ms() + 60_000
    ]


async def test_refused_credentials_pause_the_account_and_are_logged_once(bench: Bench) -> None:
    refused = [CredentialsRefused("zendesk", "the token is not valid", code="401")] * 3
    answers = Answers(*refused)
    all_three = asyncio.Barrier(3)

    async def handle(job: Job) -> Outcome:
        if answers.errors:
            await asyncio.wait_for(all_three.wait(), 30)
        return await answers(job)

    for lane in "abc":
        await bench.put(lane)
    with capture_logs() as logged:
        bench.start(bench.make(handle))
        await bench.until(lambda: len(bench.counted.attempts) == 3)
        await bench.until(lambda: is_paused(bench))
        await bench.until(lambda: rows(bench.database, "SELECT 1 FROM attempts LIMIT 1 OFFSET 2"))
        assert await column(bench.database, "SELECT kind FROM pauses") == ["credentials"]
        calls = answers.calls
        await bench.forward(299)
        await asyncio.sleep(0.05)
        assert answers.calls == calls
        await bench.forward(2)
        await bench.settled()

    paused = [entry for entry in logged if entry["event"] == "account.paused"]
    assert [(entry["account"], entry["reason"]) for entry in paused] == [
        ("zendesk", "the token is not valid")
    ]
    assert not await is_paused(bench)


async def test_credentials_that_stay_refused_never_make_failed_work(bench: Bench) -> None:
    await bench.put("a")
    bench.clock.forward(10 * 86_400)
    bench.start(
        bench.make(Answers(*[CredentialsRefused("zendesk", "no", code="401") for _ in range(8)]))
    )
    for number in range(1, 9):
        await bench.until(lambda n=number: bench.tried(n))  # type: ignore[misc]
        await bench.forward(301)
    await bench.settled()

    assert await column(bench.database, "SELECT count(*) FROM attempts") == [9]


@pytest.mark.parametrize("slow", ["zendesk", "twilio"])
async def test_an_account_that_does_not_answer_takes_no_places_from_another(
    bench: Bench, slow: str
) -> None:
    quick = "twilio" if slow == "zendesk" else "zendesk"
    never = asyncio.Event()

    async def hang(_job: Job) -> Outcome:
        await never.wait()
        return Done(words="done")

    for number in range(20):
        await bench.put(f"{slow} {number}", account=slow)
        await bench.put(f"{quick} {number}", account=quick)
    bench.start(bench.make(hang, account=slow))
    bench.start(bench.make(done, account=quick))
    await bench.until(lambda: len(bench.counted.attempts) == 20)
    never.set()
    await bench.settled()
