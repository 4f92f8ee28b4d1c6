"""What there is no room for is not begun; who comes new waits for no backlog; nobody herds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from bridge.domain.limits import Room
from bridge.errors import TryLater
from bridge.store import conversations, work
from bridge.store.database import Transaction
from bridge.store.ranks import NOTES, SWEEPS, TEXTS, UNLIMITED
from bridge.work.outcomes import Done, Job, Outcome
from bridge.work.pace import Pace
from bridge.work.throttle import Throttle, within
from tests.stores import column
from tests.work.conftest import Bench

NOW = 1_000_000


@dataclass(slots=True)
class Account:
    """How much room there is, as a test has it, and what was worked."""

    room: Room
    met: list[str]

    async def handle(self, job: Job) -> Outcome:
        self.met.append(job.item.lane)
        if self.room.most is not None and job.item.kind in ("text", "note"):
            self.room = Room(most=self.room.most - 1, wait_ms=500, is_short=True)
        return Done(words="done")

    def start(self, bench: Bench, *, spare_in_s: float = 0.0, at_once: int = 1) -> None:
        handlers = dict.fromkeys(("text", "note", "look"), self.handle)
        worker = bench.make(
            handlers,
            pace=Pace(at_once=at_once),
            room=lambda _tx: self.room,
            spare_in_s=lambda: spare_in_s,
        )
        bench.start(worker)


async def put_text(bench: Bench, customer: str, *, ticket: int | None) -> str:
    def put(tx: Transaction) -> str:
        conversation = conversations.open_for(tx, "+12025550100", customer)
        tx.run("UPDATE conversations SET ticket_id = $1 WHERE id = $2", ticket, conversation.id)
        lane = work.lane_in(conversation.id)
        work.put(
            tx,
            lane=lane,
            account="zendesk",
            kind="text",
            conversation_id=conversation.id,
            opens=ticket is None,
        )
        return lane

    return await bench.database.write(put)


async def left(bench: Bench, lanes: list[str]) -> bool:
    """Whether these lanes have work that nobody has begun, and no other has any."""
    found = await bench.database.read(
        lambda tx: tx.all("SELECT lane, starts FROM work ORDER BY id")
    )
    return [(row["lane"], row["starts"]) for row in found] == [(lane, 0) for lane in lanes]


async def test_new_tickets_go_first_then_texts_then_notes(bench: Bench) -> None:
    account = Account(Room(), [])
    await bench.put("note")
    known = await put_text(bench, "+12025550142", ticket=7)
    new = await put_text(bench, "+12025550143", ticket=None)

    account.start(bench)
    await bench.settled()

    assert account.met == [new, known, "note"]


async def test_what_there_is_no_room_for_is_not_begun(bench: Bench) -> None:
    account = Account(Room(most=0, wait_ms=500, is_short=True), [])
    known = await put_text(bench, "+12025550142", ticket=7)
    await bench.put("note")
    new = await put_text(bench, "+12025550143", ticket=None)
    account.start(bench)
    await bench.until(lambda: left(bench, [known, "note"]))
    assert account.met == [new]

    account.room = Room(most=1, is_short=True)
    await bench.until(lambda: left(bench, ["note"]))
    assert account.met == [new, known]

    account.room = Room(most=1, is_short=True)
    await bench.settled()
    assert account.met == [new, known, "note"]


async def test_lane_lets_others_in_after_each_item_while_room_is_short(bench: Bench) -> None:
    account = Account(Room(most=9, is_short=True), [])
    first = await put_text(bench, "+12025550142", ticket=7)
    assert await put_text(bench, "+12025550142", ticket=7) == first
    bench.clock.forward(0.001)
    second = await put_text(bench, "+12025550143", ticket=8)
    bench.clock.forward(0.001)

    account.start(bench)
    await bench.settled()

    assert account.met == [first, second, first]


async def test_notes_leave_the_last_of_the_accounts_calls_to_texts(bench: Bench) -> None:
    account = Account(Room(), [])
    await bench.put("note")
    known = await put_text(bench, "+12025550142", ticket=7)
    account.start(bench, spare_in_s=30)

    await bench.until(lambda: left(bench, ["note"]))
    assert account.met == [known]


async def test_newcomer_is_served_before_a_backlog_of_new_tickets_is_done(bench: Bench) -> None:
    account = Account(Room(), [])
    for number in range(50):
        await put_text(bench, f"+1202555{number:04}", ticket=None)
    bench.clock.forward(1)
    newcomer = await put_text(bench, "+13125550142", ticket=None)

    account.start(bench)
    await bench.settled()

    assert account.met.index(newcomer) <= 2
    assert len(account.met) == 51


async def test_lanes_that_are_asked_to_wait_have_the_rest_of_their_kind_wait(bench: Bench) -> None:
    calls = 0

    async def busy(_job: Job) -> Outcome:
        nonlocal calls
        calls += 1
        if bench.clock.now_ms() < until_ms:
            raise TryLater("zendesk", "429", pause_s=30)
        return Done(words="done")

    until_ms = bench.clock.now_ms() + 30_000
    for number in range(40):
        await put_text(bench, f"+1202555{number:04}", ticket=number + 1)
    bench.start(bench.make({"text": busy}, pace=Pace(at_once=4)))
    await bench.until(lambda: calls >= 3)
    await asyncio.sleep(0.1)
    assert calls <= 7  # those that were under way when the third was asked

    await bench.forward(31)
    await bench.settled()
    assert calls <= 47


def quotas(throttle: Throttle, now_ms: int = NOW) -> Mapping[int, int]:
    return throttle.quotas(spare=True, now_ms=now_ms)


def test_places_shrink_when_asked_to_wait_and_grow_with_what_gets_through() -> None:
    throttle = Throttle(64)
    for number in range(9):
        throttle.was_asked(f"{number}", UNLIMITED, 1.0, NOW)
    assert throttle.free(0) == 2
    throttle.paused()
    assert throttle.free(1) == 1

    for _ in range(10):
        throttle.got_through()

    assert throttle.free(2) == 10


@pytest.mark.parametrize(
    ("rank", "held"),
    [(UNLIMITED, [UNLIMITED]), (TEXTS, [TEXTS, NOTES]), (NOTES, [TEXTS, NOTES])],
)
def test_three_lanes_that_wait_hold_back_their_kind_alone(rank: int, held: list[int]) -> None:
    throttle = Throttle(64)
    for lane in ("a", "a", "b"):
        throttle.was_asked(lane, rank, 5.0, NOW)
    assert 0 not in quotas(throttle).values()

    throttle.was_asked("c", rank, 5.0, NOW)

    assert [each for each, most in quotas(throttle).items() if most == 0] == held
    assert throttle.held_ms(NOW) == 5000
    assert 0 not in quotas(throttle, NOW + 5000).values()


def test_one_tickets_long_wait_says_nothing_about_the_others() -> None:
    throttle = Throttle(64)
    for lane in "abcd":
        throttle.was_asked(lane, TEXTS, 600.0, NOW)

    assert quotas(throttle) == dict.fromkeys((UNLIMITED, TEXTS, NOTES, SWEEPS), 64)
    assert throttle.free(0) == 64


def test_far_side_that_takes_nothing_is_asked_seldom_until_something_gets_through() -> None:
    throttle = Throttle(64)
    for lane in ("a", "b", "a", "b"):
        throttle.failed(lane, 1.0, NOW)
    assert 0 not in quotas(throttle).values()

    for lane in "cdefg":  # all of them were under way
        throttle.failed(lane, 1.0, NOW)
    assert set(quotas(throttle, NOW + 999).values()) == {0}
    assert throttle.held_ms(NOW) == 1000
    assert throttle.free(0) == 2

    now = NOW
    held: list[int] = []
    for _ in range(6):
        now += throttle.held_ms(now)
        assert 0 not in quotas(throttle, now).values()
        throttle.failed("a", 1.0, now)
        held.append(throttle.held_ms(now))
    assert held == [2000, 4000, 8000, 10_000, 10_000, 10_000]

    throttle.got_through()
    assert 0 not in quotas(throttle, now).values()


def test_one_lane_that_fails_holds_up_no_other() -> None:
    throttle = Throttle(64)
    for _ in range(20):
        throttle.failed("a", 1.0, NOW)
        throttle.failed("b", 1.0, NOW)

    assert 0 not in quotas(throttle).values()
    assert throttle.free(0) == 64


async def test_outage_of_the_far_side_is_no_storm_of_calls(bench: Bench) -> None:
    calls = 0

    async def away(_job: Job) -> Outcome:
        nonlocal calls
        calls += 1
        if bench.clock.now_ms() < back_ms:
            raise TryLater("zendesk", "503")
        return Done(words="done")

    back_ms = bench.clock.now_ms() + 20_000
    for number in range(100):
        await bench.put(f"lane {number}")
    bench.start(bench.make(away, pace=Pace(at_once=8)))
    await bench.until(lambda: calls >= 3)
    for _ in range(10):
        await asyncio.sleep(0.01)
        await bench.forward(1)
    assert calls <= 25

    await bench.forward(11)

    async def is_done() -> bool:
        await bench.forward(1)
        return await column(bench.database, "SELECT id FROM work") == []

    await bench.until(is_done)
    assert len([each for each in bench.counted.attempts if each[1] == "done"]) == 100


def test_claimed_text_counts_until_its_update_is_noted() -> None:
    throttle = Throttle(64)
    throttle.claimed("a", TEXTS)
    throttle.claimed("b", UNLIMITED)
    one = Room(most=1, is_short=True)

    assert within(quotas(throttle), one, throttle.unnoted)[TEXTS] == 0
    throttle.noted("a")
    assert within(quotas(throttle), one, throttle.unnoted)[TEXTS] == 1


def test_what_is_counted_while_the_room_is_read_takes_its_place_all_the_same() -> None:
    throttle = Throttle(64)
    throttle.claimed("a", TEXTS)
    before = throttle.unnoted
    room = Room(most=1, is_short=True)  # as it was read, just before the update was counted
    throttle.noted("a")

    found = within(quotas(throttle), room, before)

    assert (found[TEXTS], found[NOTES]) == (0, 0)
