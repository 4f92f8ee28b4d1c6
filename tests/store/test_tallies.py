"""The hourly counts: they say what the texts say, are kept up, and wait for nobody."""

from __future__ import annotations

from functools import partial

import pytest

from bridge.store import tallies
from bridge.store.database import Database
from bridge.store.tallies import DAY_MS, HOUR_MS, SETTLED_AFTER_MS, Tally, Traffic
from bridge.tallying import MOST_AT_ONCE, Tallying
from tests.store.rows import SENDER, add_message
from tests.stores import column

OTHER = "+12025550199"


async def say(database: Database, name: str, at: int, **values: str | int | None) -> None:
    took = values.pop("took", 0)
    assert isinstance(took, int)
    await add_message(database, name, created_at=at, updated_at=at + took, **values)


async def now_of(database: Database) -> int:
    return await database.read(lambda tx: tx.now_ms())


async def count_all(database: Database, waiting: int = 0) -> None:
    tallying = Tallying(database)
    while await database.read(lambda tx: tallies.hours_to_count(tx, most=1)):
        await tallying.go_on(waiting)


async def test_an_hour_says_what_became_of_its_texts(database: Database) -> None:
    hour = tallies.hour_of(await now_of(database))
    await say(database, "a", hour, verdict="ticket", took=400)
    await say(database, "b", hour + HOUR_MS - 1, verdict="ticket", took=12_345)
    await say(database, "c", hour, verdict="keyword", took=99_999)
    await say(database, "d", hour, state="failed", reason="no such ticket")
    await say(database, "before", hour - 1)
    await say(database, "after", hour + HOUR_MS)
    for number, state in enumerate(["sent", "delivered", "undelivered", "failed", "refused"]):
        error = "30005" if state == "undelivered" else None
        await say(
            database, f"o{number}", hour, direction="outbound", state=state, error=error,
            sender=OTHER,
        )  # fmt: skip

    counted = await database.read(lambda tx: tallies.count_hour(tx, hour))

    assert counted == Tally(
        senders={
            SENDER: Traffic(received=4),
            OTHER: Traffic(sent=3, delivered=1, lost=2),
        },
        reasons={"no such ticket": 1, "30005": 1, "": 2},
        took_ms={400: 1, 12_000: 1},
    )
    assert counted.total == Traffic(received=4, sent=3, delivered=1, lost=2)


async def test_what_is_kept_is_read_as_it_was_counted(database: Database) -> None:
    hour = tallies.hour_of(await now_of(database))
    await say(database, "a", hour, verdict="ticket", took=400)
    await say(database, "b", hour, direction="outbound", state="failed", reason='say "no"')

    await count_all(database, waiting=7)
    kept, missing = await database.read(lambda tx: tallies.since(tx, hour))

    counted = await database.read(lambda tx: tallies.count_hour(tx, hour))
    assert missing == 0
    assert kept[hour].waiting == 7
    assert (kept[hour].senders, kept[hour].reasons) == (counted.senders, counted.reasons)
    assert kept[hour].took_ms == {400: 1}


async def test_every_hour_since_the_first_text_is_counted_the_newest_first(
    database: Database,
) -> None:
    hour = tallies.hour_of(await now_of(database))
    await say(database, "a", hour - 20 * HOUR_MS)
    tallying = Tallying(database)

    await tallying.go_on(0)

    first = [hour - back * HOUR_MS for back in range(MOST_AT_ONCE)]
    assert await column(database, "SELECT hour FROM tallies ORDER BY hour DESC") == first
    _, missing = await database.read(lambda tx: tallies.since(tx, hour - 30 * HOUR_MS))
    assert missing == 21 - MOST_AT_ONCE
    await count_all(database)
    found, missing = await database.read(lambda tx: tallies.since(tx, hour - 30 * HOUR_MS))
    assert missing == 0
    assert len(found) == 21
    assert found[hour - 20 * HOUR_MS].total.received == 1


async def test_an_hour_that_ended_is_counted_anew_until_it_has_settled(
    database: Database,
) -> None:
    hour = tallies.hour_of(await now_of(database))
    await say(database, "a", hour, direction="outbound", state="sent")
    await count_all(database)
    assert await database.read(lambda tx: tallies.hours_to_count(tx, most=9)) == []

    await database.write(lambda tx: tx.run("UPDATE messages SET state = 'delivered'"))
    await database.write(lambda tx: tx.run("UPDATE tallies SET due_at = 1"))  # time goes by
    await count_all(database)

    kept, _ = await database.read(lambda tx: tallies.since(tx, hour))
    assert kept[hour].total.delivered == 1


@pytest.mark.parametrize(
    ("age_ms", "wait_ms"),
    [
        *((-HOUR_MS, 60_000), (0, 60_000), (5 * 60_000, 5 * 60_000), (HOUR_MS, 10 * 60_000)),
        *((DAY_MS - 1, 10 * 60_000), (DAY_MS, DAY_MS), (SETTLED_AFTER_MS, None)),
    ],
)
def test_an_hour_is_counted_anew_soon_on_its_first_day_and_less_often_later(
    age_ms: int, wait_ms: int | None
) -> None:
    now = HOUR_MS + age_ms + HOUR_MS
    due = tallies._due_at(HOUR_MS, now)
    assert due == (None if wait_ms is None else now + wait_ms)


async def test_the_most_that_waited_in_an_hour_stays(database: Database) -> None:
    hour = tallies.hour_of(await now_of(database))
    for waiting in (3, 9, 2):
        await database.write(partial(tallies.keep, tallies={hour: Tally()}, waiting=waiting))

    assert await column(database, "SELECT waiting FROM tallies") == [9]


async def test_hours_of_more_than_a_month_ago_are_forgotten(database: Database) -> None:
    hour = tallies.hour_of(await now_of(database))
    old = hour - tallies.KEPT_HOURS * HOUR_MS - HOUR_MS
    await say(database, "a", old)
    await database.write(lambda tx: tallies.keep(tx, {old: Tally(), hour: Tally()}))

    assert await column(database, "SELECT hour FROM tallies") == [hour]
    to_count = await database.read(lambda tx: tallies.hours_to_count(tx, most=10_000))
    assert min(to_count) == hour - (tallies.KEPT_HOURS - 1) * HOUR_MS


async def test_rare_reasons_are_counted_together(database: Database) -> None:
    hour = tallies.hour_of(await now_of(database))
    for number in range(tallies.MOST_REASONS + 3):
        await say(database, f"m{number}", hour, state="failed", reason=f"reason {number}")

    counted = await database.read(lambda tx: tallies.count_hour(tx, hour))

    assert len(counted.reasons) == tallies.MOST_REASONS + 1
    assert counted.reasons[""] == 3


def test_shares_of_times_are_read_off_the_counts() -> None:
    tally = Tally(took_ms={100: 90, 1000: 6, 20_000: 4})
    assert (tally.took(0.5), tally.took(0.95), tally.took(0.99)) == (100, 1000, 20_000)
    assert Tally().took(0.5) is None


@pytest.mark.parametrize("is_counted", [True, False])
async def test_the_last_day_is_the_same_from_its_counts_and_from_its_texts(
    database: Database, *, is_counted: bool
) -> None:
    now = await now_of(database)
    for number in range(60):
        await say(database, f"m{number}", now - number * HOUR_MS // 2, verdict="ticket", took=500)
    if is_counted:
        await count_all(database)

    day = await database.read(lambda tx: tallies.last(tx, DAY_MS))

    assert day.total.received == 49  # one at its very beginning, one now
    assert day.took_ms == {500: 49}


async def test_whole_hours_of_the_last_day_are_not_counted_anew_for_a_page(
    database: Database,
) -> None:
    now = await now_of(database)
    for hours_ago in (0, 1, 5, 24):
        await say(database, f"m{hours_ago}", now - hours_ago * HOUR_MS)
    await count_all(database)
    await database.write(lambda tx: tx.run("DELETE FROM messages WHERE id IN ('m1', 'm5')"))

    day = await database.read(lambda tx: tallies.last(tx, DAY_MS))

    assert day.total.received == 3  # the newest hours as they are now, the others as counted


async def test_hours_are_added_up_to_wider_stretches(database: Database) -> None:
    day = await now_of(database) // DAY_MS * DAY_MS
    for number, hours in enumerate((0, 5, 23, 24)):
        await say(database, f"m{number}", day - DAY_MS + hours * HOUR_MS, verdict="ticket", took=40)
    await say(database, "o", day - DAY_MS, direction="outbound", state="failed", sender=OTHER)
    await count_all(database, waiting=3)

    days, _ = await database.read(lambda tx: tallies.since(tx, day - DAY_MS, width=DAY_MS))

    assert set(days) == {day - DAY_MS, day}
    assert days[day - DAY_MS] == Tally(
        senders={SENDER: Traffic(received=3), OTHER: Traffic(lost=1)},
        reasons={"": 1},
        took_ms={40: 3},
    )
    assert (days[day].total.received, days[day].waiting) == (1, 3)


@pytest.mark.parametrize(
    ("took_ms", "about"),
    [(0, 0), (7, 7), (99, 95), (123, 120), (287, 280), (4999, 4800), (99_999, 95_000)],
)
def test_times_are_counted_in_steps_of_a_tenth_or_less(took_ms: int, about: int) -> None:
    assert tallies._about(took_ms) == about
    assert took_ms - about <= took_ms / 10
