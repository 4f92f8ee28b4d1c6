"""SQLite as the store: commits that are durable, shared and apart; and its bad days."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import aiosqlite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NotDurable
from bridge.store import sqlite
from bridge.store.database import Database, Transaction, Value
from bridge.store.sqlite import SqliteDatabase, SqliteTransaction
from tests.desks.scripted import HandClock
from tests.stores import column, open_store


@pytest.fixture
def engine() -> str:
    return "sqlite"


# Brief transactions run on the event loop's thread, the others on the connection's.
either_way = pytest.mark.parametrize("brief", [False, True], ids=["long", "brief"])


def put(name: str, value: str = "x") -> Callable[[Transaction], int]:
    sql = "INSERT INTO meta (name, value) VALUES ($1, $2)"
    return lambda tx: tx.run(sql, name, value)


async def names(database: Database) -> list[Value]:
    return await column(database, "SELECT name FROM meta ORDER BY name")


async def test_a_write_is_seen_by_readers_when_it_returns(database: SqliteDatabase) -> None:
    for number in range(20):
        touched = await database.write(put(f"n{number:02}"))

        assert touched == 1
        assert await names(database) == [f"n{at:02}" for at in range(number + 1)]


async def test_both_connections_keep_what_is_committed(database: SqliteDatabase) -> None:
    for connection in (database._writer, database._reader):
        assert connection is not None
        settings = [
            await (await connection.execute(f"PRAGMA {name}")).fetchone()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]

        assert [tuple(row) for row in settings if row is not None] == [
            ("wal",),
            (2,),
            (5000,),
            (1,),
        ]


async def test_a_reader_can_not_write(database: SqliteDatabase) -> None:
    with pytest.raises(NotDurable, match="readonly"):
        await database.read(put("a"))

    assert await names(database) == []


async def test_a_read_sees_one_moment(database: SqliteDatabase) -> None:
    loop = asyncio.get_running_loop()

    def read_twice(tx: Transaction) -> tuple[int, int]:
        before = len(tx.all("SELECT * FROM meta"))
        asyncio.run_coroutine_threadsafe(database.write(put("between")), loop).result(5)
        return before, len(tx.all("SELECT * FROM meta"))

    assert await database.read(read_twice) == (0, 0)
    assert await names(database) == ["between"]


async def test_writes_that_wait_together_share_a_commit(database: SqliteDatabase) -> None:
    commits: list[str] = []
    assert database._writer is not None
    await database._writer.set_trace_callback(commits.append)

    await asyncio.gather(*(database.write(put(f"n{number}")) for number in range(50)))

    assert commits.count("COMMIT") <= 2
    assert len(await names(database)) == 50


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        pytest.param("INSERT INTO meta VALUES ('n1', 'again')", sqlite3.IntegrityError, id="key"),
        pytest.param("SELECT no_such_column FROM meta", sqlite3.OperationalError, id="wrong SQL"),
        pytest.param("SELECT $1", sqlite3.ProgrammingError, id="value missing"),
    ],
)
@either_way
async def test_a_fault_takes_nothing_from_the_others_in_its_commit(
    database: SqliteDatabase, fault: str, raised: type[Exception], brief: bool
) -> None:
    def fail(tx: Transaction) -> None:
        put("half")(tx)
        tx.run(fault)

    results = await asyncio.gather(
        database.write(put("n1"), brief=brief),
        database.write(fail, brief=brief),
        database.write(put("n2"), brief=brief),
        return_exceptions=True,
    )

    assert results[0] == results[2] == 1
    assert isinstance(results[1], raised)
    assert await names(database) == ["n1", "n2"]


@pytest.mark.parametrize("error", [ValueError("mine"), StopIteration(), KeyError("k")], ids=repr)
async def test_what_a_transaction_raises_reaches_its_caller_alone(
    database: SqliteDatabase, error: Exception
) -> None:
    def fail(tx: Transaction) -> None:
        put("half")(tx)
        raise error

    results = await asyncio.wait_for(
        asyncio.gather(database.write(fail), database.write(put("a")), return_exceptions=True), 5
    )

    assert isinstance(results[0], RuntimeError if isinstance(error, StopIteration) else type(error))
    assert results[1] == 1
    assert await names(database) == ["a"]


async def test_a_caller_that_goes_away_leaves_the_writer_whole(database: SqliteDatabase) -> None:
    leaving = [asyncio.create_task(database.write(put(f"n{number}"))) for number in range(3)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)

    assert await asyncio.wait_for(database.write(put("after")), 30) == 1
    assert all(task.cancelled() for task in leaving)
    assert "after" in await names(database)


async def test_a_reader_that_goes_away_leaves_reading_whole(database: SqliteDatabase) -> None:
    leaving = asyncio.create_task(database.read(lambda tx: tx.all("SELECT * FROM meta")))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)

    assert await asyncio.wait_for(names(database), 30) == []


async def test_a_full_disk_is_not_durable_and_passes(database: SqliteDatabase) -> None:
    await database.write(put("before"))
    writer = database._writer
    assert writer is not None
    pages = await (await writer.execute("PRAGMA page_count")).fetchone()
    assert pages is not None
    await writer.execute(f"PRAGMA max_page_count = {pages[0]}")

    for name in ("big", "again"):
        with pytest.raises(NotDurable, match="full"):
            await database.write(put(name, "x" * 100_000))
    small = await database.write(put("small"))
    await writer.execute("PRAGMA max_page_count = 1000000")
    await database.write(put("room", "x" * 100_000))

    assert small == 1
    assert await names(database) == ["before", "room", "small"]


@either_way
async def test_a_full_disk_fails_the_whole_commit(database: SqliteDatabase, brief: bool) -> None:
    assert database._writer is not None
    pages = await (await database._writer.execute("PRAGMA page_count")).fetchone()
    assert pages is not None
    await database._writer.execute(f"PRAGMA max_page_count = {pages[0]}")

    results = await asyncio.gather(
        database.write(put("first"), brief=brief),
        database.write(put("big", "x" * 100_000), brief=brief),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [NotDurable, NotDurable]
    assert await names(database) == []


@either_way
async def test_a_file_that_somebody_else_locks_is_not_durable_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief: bool
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    async with open_store(tmp_path, HandClock()) as database:
        other = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(NotDurable, match="locked"):
            await database.write(put("locked"), brief=brief)
        assert await names(database) == []  # readers go on meanwhile
        other.execute("COMMIT")
        other.close()
        await database.write(put("free"))

        assert await names(database) == ["free"]


@pytest.mark.parametrize("use", ["write", "read"])
async def test_a_closed_database_promises_nothing(tmp_path: Path, use: str) -> None:
    async with open_store(tmp_path, HandClock()) as database:
        pass

    with pytest.raises(NotDurable, match="closed"):
        await getattr(database, use)(put("late"))


async def test_closing_finishes_what_has_queued_and_takes_nothing_more(tmp_path: Path) -> None:
    async with open_store(tmp_path, HandClock()) as database:
        queued = [asyncio.create_task(database.write(put(f"n{number}"))) for number in range(3)]
        await asyncio.sleep(0)

        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        with pytest.raises(NotDurable, match="closed"):
            await asyncio.wait_for(database.write(put("late")), 30)
        await closing

    assert await asyncio.gather(*queued) == [1, 1, 1]


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("SELECT $1 || $2", ("a", "b"), "ab"),
        ("SELECT $2 || $1", ("a", "b"), "ba"),
        ("SELECT $1 || $1 || $2 || $1", ("a", "b"), "aaba"),
        ("SELECT $11 || $1", tuple("abcdefghijk"), "ka"),
    ],
    ids=["in order", "out of order", "repeated", "two digits"],
)
async def test_placeholders_go_by_their_number(
    database: SqliteDatabase, sql: str, values: tuple[str, ...], expected: str
) -> None:
    row = await database.read(lambda tx: tx.first(sql, *values))

    assert row is not None
    assert next(iter(dict(row).values())) == expected


@given(st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=40))
def test_any_order_of_placeholders_picks_the_same_values(order: list[int]) -> None:
    connection = sqlite3.connect(":memory:")
    values = [f"v{number}" for number in range(1, max(order) + 1)]

    sql = f"SELECT {', '.join(f'${number} AS c{at}' for at, number in enumerate(order))}"
    row = SqliteTransaction(connection, 0).first(sql, *values)
    connection.close()

    assert row is not None
    assert list(row) == [f"v{number}" for number in order]


async def test_a_topic_is_told_after_the_commit_and_only_then(database: SqliteDatabase) -> None:
    told: list[str] = []
    database.listen("work", lambda: told.append("work"))
    database.listen("work", lambda: told.append("work as well"))
    database.listen("settings", lambda: told.append("settings"))

    def announce(tx: Transaction) -> list[str]:
        put("a")(tx)
        tx.announce("work")
        return list(told)

    assert await database.write(announce) == []  # not yet while it ran
    assert told == ["work", "work as well"]


async def test_a_topic_of_a_transaction_that_failed_is_not_told(database: SqliteDatabase) -> None:
    told: list[str] = []
    database.listen("work", lambda: told.append("work"))

    def fail(tx: Transaction) -> None:
        tx.announce("work")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await database.write(fail)
    await database.write(put("a"))

    assert told == []


async def test_a_listener_that_fails_does_not_end_the_writer(database: SqliteDatabase) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    def fail() -> None:
        raise ValueError

    database.listen("work", fail)

    await asyncio.wait_for(database.write(lambda tx: tx.announce("work")), 30)
    assert await asyncio.wait_for(database.write(put("a")), 30) == 1

    assert len(faults) == 1


async def test_a_transaction_has_one_time(database: SqliteDatabase, clock: HandClock) -> None:
    def read_times(tx: Transaction) -> tuple[int, int]:
        first = tx.now_ms()
        clock.forward(5)
        return first, tx.now_ms()

    before = clock.now_ms()

    assert await database.write(read_times) == (before, before)
    assert await database.write(read_times) == (before + 5000, before + 5000)


async def test_aiosqlite_runs_a_function_on_its_thread_as_the_store_expects(tmp_path: Path) -> None:
    connection = await aiosqlite.connect(tmp_path / "other.db")
    assert list(inspect.signature(connection._execute).parameters) == ["fn", "args", "kwargs"]

    execute = cast("Callable[..., Awaitable[tuple[object, int]]]", connection._execute)
    inner, doubled = await execute(lambda c, n: (c, n * 2), connection._conn, 21)

    assert isinstance(inner, sqlite3.Connection)
    assert doubled == 42
    await connection.close()
    await asyncio.to_thread(connection._thread.join, 5)
    assert not connection._thread.is_alive()
