"""The clock is set while the bridge works: nothing waits for it, and nothing happens twice."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.app import Service
from bridge.sandbox.faults import Rule
from bridge.store import leaps
from bridge.store.database import Transaction
from bridge.store.postgres import PostgresDatabase
from tests.faults.stage import Stage, open_stage
from tests.flows import conftest as flows
from tests.flows.cast import ACME, JONAS, MAYA, customer_comments
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import SEND, words
from tests.stores import rows, sqlite_only

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests
pytestmark = [pytest.mark.both_engines, pytest.mark.timeout(400)]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LEAPS = {
    "a day ahead": DAY_MS,
    "a day back": -DAY_MS,
    "into 2038": int((2_150_000_000 - time.time()) * 1000),
    "an hour ahead, as in spring": HOUR_MS,
    "an hour back, as in autumn": -HOUR_MS,
}
SET = pytest.mark.parametrize("leap_ms", LEAPS.values(), ids=LEAPS)
A_MONTH = "2678400"


class SetClock:
    """A machine's clock that somebody sets, beside the time that nobody can set."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def steady_ms(self) -> int:
        """Return milliseconds since whenever."""
        return time.monotonic_ns() // 1_000_000


Open = Callable[..., Awaitable[tuple[Stage, SetClock]]]


def _server_keeps_its_time(service: Service) -> None:
    # Of several machines one's clock is set; PostgreSQL's is another's.
    if isinstance(service.database, PostgresDatabase):
        service.database._clock = None


@pytest.fixture
async def opened(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Open]:
    stages: list[Stage] = []

    async def start(**changes: str) -> tuple[Stage, SetClock]:
        stage = await open_stage(tmp_path, new_store(tmp_path), changes=changes)
        stages.append(stage)
        clock = SetClock()
        stage.sandbox.clock = clock  # the far sides keep theirs
        stage.prepare = _server_keeps_its_time
        await stage.live()
        await stage.text(MAYA, ACME, "hello")
        await stage.settle()
        return stage, clock

    yield start
    for stage in stages:
        await stage.close()


@SET
async def test_everything_goes_on_when_the_clock_is_set(opened: Open, leap_ms: int) -> None:
    stage, clock = await opened(BRIDGE_SWEEP_INTERVAL="0.2", BRIDGE_REPLY_MAX_AGE=A_MONTH)
    zendesk = stage.sandbox.zendesk

    clock.ahead_ms = leap_ms
    zendesk.faults.refuse("PUT", "/*", 503, times=2)
    zendesk.faults.refuse("PUT", "/*", 429, headers={"Retry-After": "1"})
    await stage.text(MAYA, ACME, "and more")
    await stage.settle()
    if leap_ms < DAY_MS * 30:  # else what a sweep finds is too old to be sent, and a note says so
        await stage.reply(1, "Coming", customer=MAYA, sender=ACME)  # its hint is found stale
        await eventually(lambda: len(words(stage.sandbox)) == 1, within_s=60)
    await stage.settle()

    assert len(customer_comments(zendesk.tickets[1])) == 2
    assert await stage.violations() == []


@SET
async def test_call_under_way_is_not_made_again_when_the_clock_is_set(
    opened: Open, leap_ms: int
) -> None:
    stage, clock = await opened()
    hold = stage.sandbox.twilio.faults.hold_before(*SEND)
    await stage.reply(1, "Once", customer=MAYA, sender=ACME)
    await hold.wait_arrived()

    clock.ahead_ms = leap_ms
    for number in range(3):  # while others' texts go their way
        await stage.text(JONAS, ACME, f"text {number}")
        await eventually(
            lambda n=number: (
                len(customer_comments(stage.sandbox.zendesk.tickets[2])) == n + 1
                if 2 in stage.sandbox.zendesk.tickets
                else False
            )
        )
        await eventually(lambda: not stage.sandbox.twilio._tasks)
    hold.open()
    await stage.settle()

    assert len(stage.sandbox.twilio.sent) == 1
    assert len(stage.sandbox.twilio.faults.seen(*SEND)) == 1
    assert await stage.violations() == []


@pytest.mark.parametrize("status", [503, 429], ids=["one item waits", "the account waits"])
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
async def test_what_waits_is_not_held_up_by_a_day_when_the_clock_is_put_back(
    opened: Open, restarted: bool, status: int
) -> None:
    stage, clock = await opened()
    away = Rule(method="PUT", path="/*", times=None, status=status, headers={"Retry-After": "0.3"})
    stage.sandbox.zendesk.faults.add(away)
    await stage.text(MAYA, ACME, "and more")
    await eventually(lambda: away.used)

    if restarted:
        await stage.die()
    clock.ahead_ms = -DAY_MS
    if restarted:
        await stage.live()
    stage.sandbox.zendesk.faults.clear()
    await stage.settle()

    assert len(customer_comments(stage.sandbox.zendesk.tickets[1])) == 2
    assert await stage.violations() == []


@sqlite_only
async def test_clock_that_was_put_back_is_followed_once_however_often_we_start(
    opened: Open,
) -> None:
    stage, clock = await opened()
    for _ in range(2):
        clock.ahead_ms = -DAY_MS
        await stage.rise()
        await stage.settle()
    database = stage.bridge.service.database
    before = await rows(database, "SELECT lane, due_at FROM lanes ORDER BY lane")

    moved = await database.write(leaps.follow_since_last_run)

    assert moved == 0
    assert await rows(database, "SELECT lane, due_at FROM lanes ORDER BY lane") == before
    now_ms = clock.now_ms()
    assert all(0 < row["due_at"] - now_ms <= HOUR_MS for row in before)  # the sweeps


@sqlite_only
async def test_restored_bridge_is_not_held_up_by_a_day_when_the_clock_is_put_back(
    opened: Open,
) -> None:
    stage, clock = await opened(BRIDGE_SWEEP_INTERVAL="0.2")
    await stage.act(_mark_as_restored)
    away = Rule(method="GET", path="*/Messages.json", times=None, status=503)
    stage.sandbox.twilio.faults.add(away)
    await stage.rise()
    await eventually(lambda: away.used)

    clock.ahead_ms = -DAY_MS
    stage.sandbox.twilio.faults.clear()
    await stage.text(MAYA, ACME, "and more")
    await stage.settle()

    assert len(customer_comments(stage.sandbox.zendesk.tickets[1])) == 2
    assert await stage.violations() == []


def _mark_as_restored(tx: Transaction) -> None:
    tx.run("INSERT INTO meta (name, value) VALUES ('restored', '{}')")
