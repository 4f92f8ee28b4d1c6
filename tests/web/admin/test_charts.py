"""The overview's charts over HTTP: what they say, of which time, and what they say of nothing."""

from __future__ import annotations

import pytest

from bridge.store import tallies
from bridge.store.sqlite import SqliteDatabase
from bridge.store.tallies import HOUR_MS
from bridge.tallying import Tallying
from bridge.web.admin.charts import RANGES, count_marks, round_up
from tests.store.rows import SENDER, add_message
from tests.web.admin.people import Person


async def say(database: SqliteDatabase, name: str, hours_ago: int, **values: str | int) -> None:
    at = await database.read(lambda tx: tx.now_ms()) - hours_ago * HOUR_MS
    took = int(values.pop("took", 0))
    await add_message(database, name, created_at=at, updated_at=at + took, **values)


async def count_all(database: SqliteDatabase, waiting: int = 0) -> None:
    tallying = Tallying(database)
    while await database.read(lambda tx: tallies.hours_to_count(tx, most=1)):
        await tallying.go_on(waiting)


async def test_charts_say_what_came_and_went(database: SqliteDatabase, viewer: Person) -> None:
    await say(database, "a", 1, verdict="ticket", took=400)
    await say(database, "b", 3, verdict="ticket", took=2000)
    for number, state in enumerate(["delivered", "delivered", "delivered", "undelivered"]):
        await say(database, f"o{number}", 2, direction="outbound", state=state, reason="<b>gone")
    await count_all(database, waiting=12)

    answer = await viewer.get("/admin/")

    (texts,) = answer.see("chart-texts")
    assert "2 in and 4 out, by the hour." in texts
    (times,) = answer.see("chart-times")
    assert "within 2.0 s" in times
    assert "up to 12." in answer.see("chart-waiting")[0]
    assert "75.0 % 3 of 4" in answer.see("chart-delivery")[0]
    assert "<b>gone 1" in answer.see("chart-failures")[0]
    assert answer.see("missing") == []
    drawings = answer.page.select('.plot svg[role="img"]')
    assert len(drawings) == 3
    for drawing in drawings:
        assert all(answer.page.find(id=one) for one in str(drawing["aria-labelledby"]).split())
    bars = answer.page.select('[data-testid="chart-texts"] rect.bar')
    assert [bar["height"] for bar in bars] == ["20.0", "20.0", "80.0"]


async def test_a_table_says_what_a_chart_shows(database: SqliteDatabase, viewer: Person) -> None:
    await say(database, "a", 0)
    await say(database, "b", 0)

    page = (await viewer.get("/admin/")).page

    rows = page.select('[data-testid="chart-texts"] tbody tr')
    assert len(rows) == 24
    assert [cell.text for cell in rows[-1].select("td")] == ["2", "0"]


@pytest.mark.parametrize(("key", "seen"), [("24h", 1), ("7d", 2), ("30d", 3), ("forever", 1)])
async def test_a_range_shows_its_time_and_no_more(
    database: SqliteDatabase, viewer: Person, key: str, seen: int
) -> None:
    for name, hours_ago in (("a", 2), ("b", 3 * 24), ("c", 20 * 24), ("d", 40 * 24)):
        await say(database, name, hours_ago)
    await count_all(database)

    answer = await viewer.get(f"/admin/?range={key}")

    assert f"{seen} in and 0 out" in answer.see("chart-texts")[0]
    chosen = answer.page.select_one(".charts a[aria-current]")
    assert chosen is not None
    assert chosen.text == RANGES.get(key, RANGES["24h"]).words


async def test_hours_that_are_still_to_be_counted_are_told_of(
    database: SqliteDatabase, viewer: Person
) -> None:
    await say(database, "a", 5)

    (told,) = (await viewer.get("/admin/")).see("missing")

    assert told.startswith("5 hours of this time are still to be counted")


async def test_without_texts_the_overview_says_what_to_do(viewer: Person) -> None:
    answer = await viewer.get("/admin/")
    assert "Charts begin with the first text" in answer.text
    assert answer.page.select(".plot") == []


async def test_the_drawings_hold_to_the_pages_policy(
    database: SqliteDatabase, viewer: Person
) -> None:
    await say(database, "a", 0, sender=SENDER)
    page = (await viewer.get("/admin/")).page
    assert page.select("[style], style, script:not([src])") == []


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (7, 10), (11, 20), (501, 1000), (1000, 1000)]
)
def test_a_scale_ends_with_a_round_number(value: int, top: int) -> None:
    assert round_up(value) == top


@pytest.mark.parametrize(("top", "middle"), [(1, ""), (2, "1"), (5, ""), (10, "5"), (500, "250")])
def test_the_middle_of_a_scale_is_a_whole_number_or_nothing(top: int, middle: str) -> None:
    assert count_marks(top) == (str(top), middle, "0")
