"""PostgreSQL as the store: commits of several processes, and the server's bad days."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bridge.clock import SystemClock
from bridge.errors import NotDurable
from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.postgres import PostgresDatabase
from bridge.store.work import LeaseLost
from tests.store.counting import COUNT, add_one, put
from tests.stores import column


@pytest.fixture
async def database(pair: tuple[PostgresDatabase, PostgresDatabase]) -> PostgresDatabase:
    return pair[0]


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def end_connections(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """Cut every connection of this test's bridges, as a restart of the server does."""
    cut = admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND application_name = current_schema()"
    ).fetchall()
    assert cut != []


async def test_a_read_then_a_write_loses_nothing_between_processes(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    await pair[0].write(put("count", "0"))

    await asyncio.gather(*(one.write(add_one) for one in pair for _ in range(10)))

    assert await column(pair[0], COUNT) == ["20"]


async def test_a_key_taken_in_a_race_is_found_by_the_next_run(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    first, second = pair
    loop = asyncio.get_running_loop()
    runs = 0

    def put_once(tx: Transaction) -> str:
        nonlocal runs
        runs += 1
        if tx.first("SELECT 1 FROM meta WHERE name = 'one'"):
            return "known"
        if runs == 1:
            asyncio.run_coroutine_threadsafe(second.write(put("one")), loop).result(5)
        put("one")(tx)
        return "new"

    assert await first.write(put_once) == "known"


async def test_a_key_that_is_taken_is_told_to_its_caller_alone(database: PostgresDatabase) -> None:
    await database.write(put("one"))

    results = await asyncio.gather(
        *(database.write(put(name)) for name in ("two", "one", "three")), return_exceptions=True
    )

    assert [type(result) for result in results] == [int, psycopg.errors.UniqueViolation, int]
    assert await column(database, "SELECT name FROM meta WHERE name <> 'place' ORDER BY name") == [
        "one",
        "three",
        "two",
    ]


async def test_news_reach_the_other_process_at_once(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    here, there = pair
    heard = {"here": 0, "there": 0}
    event = asyncio.Event()

    def hear(name: str) -> None:
        heard[name] += 1
        event.set()

    here.listen("work", lambda: hear("here"))
    there.listen("work", lambda: hear("there"))
    await here.write(lambda tx: tx.announce("work"))
    assert heard["here"] == 1

    async with asyncio.timeout(0.5):  # a look for oneself would come after a second
        while heard["there"] == 0:
            event.clear()
            await event.wait()
    assert heard == {"here": 1, "there": 1}


async def test_a_restart_of_the_server_goes_unnoticed_between_commits(
    database: PostgresDatabase, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    await database.write(put("before"))

    end_connections(admin)

    assert await database.write(put("after")) == 1
    assert await column(database, "SELECT name FROM meta WHERE name <> 'place' ORDER BY name") == [
        "after",
        "before",
    ]


async def test_a_connection_lost_in_the_middle_runs_the_transaction_once(
    database: PostgresDatabase, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    runs = 0

    def cut(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        put("one")(tx)
        if runs == 1:
            end_connections(admin)
        put("two")(tx)

    await database.write(cut)

    assert runs == 2
    assert await column(database, "SELECT name FROM meta WHERE name <> 'place' ORDER BY name") == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("applied", [True, False], ids=["kept", "not kept"])
async def test_a_commit_whose_answer_is_lost_promises_nothing_and_runs_nothing_twice(
    database: PostgresDatabase,
    admin: psycopg.Connection[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    applied: bool,
) -> None:
    await database.write(put("count", "0"))
    execute = psycopg.Connection.execute
    cut = threading.Event()

    def lose(connection: psycopg.Connection[Any], query: Any, *rest: Any) -> object:  # noqa: ANN401
        if query == "COMMIT" and not cut.is_set():
            cut.set()
            if applied:
                execute(connection, query)
            end_connections(admin)
        return execute(connection, query, *rest)

    monkeypatch.setattr(psycopg.Connection, "execute", lose)
    with pytest.raises(NotDurable, match="the answer to a commit was lost"):
        await database.write(add_one)
    monkeypatch.undo()

    assert cut.is_set()
    assert await column(database, COUNT) == ["1" if applied else "0"]
    await database.write(add_one)  # by itself again


async def test_a_server_that_is_away_promises_nothing_and_comes_back(
    database: PostgresDatabase,
    admin: psycopg.Connection[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, away = database._url, database._url.replace("host=", "host=/nowhere")
    monkeypatch.setattr(database, "_url", away)
    end_connections(admin)

    with pytest.raises(NotDurable):
        await database.write(put("lost"))
    with pytest.raises(NotDurable):
        await column(database, COUNT)
    monkeypatch.setattr(database, "_url", there)

    assert await database.write(put("one")) == 1


async def test_reading_can_not_write(database: PostgresDatabase) -> None:
    with pytest.raises(NotDurable, match="read-only transaction"):
        await database.read(put("one"))


async def test_an_old_lease_is_fenced_off_between_processes(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    old, new = pair
    await old.write(lambda tx: work.put(tx, lane="a", account="zendesk", kind="note"))
    (claimed,) = await old.write(lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=0))
    (again,) = await new.write(
        lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=60_000)
    )

    with pytest.raises(LeaseLost):
        await old.write(lambda tx: work.finish(tx, claimed))

    assert (claimed.item.id, again.item.starts) == (again.item.id, 2)
    assert await new.write(lambda tx: work.finish(tx, again)) is None


async def test_many_claim_beside_each_other_and_none_has_what_another_has(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    for number in range(60):
        lane = f"lane {number}"
        await pair[0].write(
            lambda tx, lane=lane: work.put(  # type: ignore[misc]
                tx, lane=lane, account="zendesk", kind="note"
            )
        )

    claims = await asyncio.gather(
        *(
            one.write(lambda tx: work.claim(tx, account="zendesk", most=5, lease_ms=60_000))
            for one in pair
            for _ in range(6)
        )
    )

    lanes = [claimed.lane for batch in claims for claimed in batch]
    assert sorted(lanes) == sorted(f"lane {number}" for number in range(60))


async def test_a_claim_passes_over_what_another_is_about_to_claim(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    slow, quick = pair
    loop = asyncio.get_running_loop()
    for lane in ("a", "b"):
        await slow.write(
            lambda tx, lane=lane: work.put(  # type: ignore[misc]
                tx, lane=lane, account="zendesk", kind="note"
            )
        )

    def claim(tx: Transaction) -> list[str]:
        claims = work.claim(tx, account="zendesk", most=1, lease_ms=60_000)
        return [claimed.lane for claimed in claims]

    others: list[str] = []  # of every run: this one may have to run again

    def claim_slowly(tx: Transaction) -> list[str]:
        mine = claim(tx)
        # Before this is committed: who had to wait for it would wait for ever.
        others.extend(asyncio.run_coroutine_threadsafe(quick.write(claim), loop).result(5))
        return mine

    mine = await slow.write(claim_slowly)

    assert sorted(mine + others) == ["a", "b"]


async def test_work_put_in_while_its_lane_is_closed_is_not_forgotten(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    finishing, adding = pair
    loop = asyncio.get_running_loop()
    await finishing.write(lambda tx: work.put(tx, lane="a", account="zendesk", kind="note"))
    (claimed,) = await finishing.write(
        lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=60_000)
    )
    runs = 0

    def add(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        work.put(tx, lane="a", account="zendesk", kind="note")
        if runs == 1:  # the lane is there still: somebody closes it before this is committed
            closing = asyncio.run_coroutine_threadsafe(
                finishing.write(lambda tx: work.finish(tx, claimed)), loop
            )
            with pytest.raises(TimeoutError):
                closing.result(0.3)

    await adding.write(add)
    await asyncio.sleep(0.3)

    assert len(await column(adding, "SELECT id FROM work")) == 1
    assert len(await column(adding, "SELECT lane FROM lanes")) == 1


async def test_the_time_is_the_servers_and_stands_still_in_a_transaction(
    database: PostgresDatabase,
) -> None:
    before = SystemClock().now_ms()
    first, second = await database.write(
        lambda tx: (tx.now_ms(), (tx.all("SELECT pg_sleep(0.02)"), tx.now_ms())[1])
    )

    assert first == second
    assert abs(first - before) < 5000


async def test_a_stray_nul_stops_nothing(database: PostgresDatabase) -> None:
    await database.write(put("one", "a\0b"))

    assert await column(database, "SELECT value FROM meta WHERE name <> 'place'") == ["a\ufffdb"]


async def test_a_closed_database_promises_nothing(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await database.close()

    for use in (database.write, database.read):
        with pytest.raises(NotDurable, match="closed"):
            await use(put("late"))
