"""On SQLite what runs for every text, sweep and page costs as much on ten times as many rows."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.store.filled import HOT, Use, fill
from tests.stores import open_store

FEW, MANY = 2_000, 20_000
ROOM = 1.3, 300  # times and steps: an index has a level more, a page is full


class Undone(Exception):
    """Leaves the database as it was for the next test."""


@dataclass(slots=True)
class Stores:
    """The same with few rows and with many; both opened anew for each test."""

    few: Path
    many: Path


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("filled")
    made = Stores(few=folder / "few", many=folder / "many")

    async def fill_both() -> None:
        for place, count in ((made.few, FEW), (made.many, MANY)):
            place.mkdir()
            async with open_store(place, HandClock()) as database:
                await database.write(lambda tx, n=count: fill(tx, n, failed=50))  # type: ignore[misc]

    asyncio.run(fill_both())
    return made


async def steps(place: Path, use: Use) -> int:
    """How many instructions SQLite's machine runs for it; nothing of it is kept."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    def watch(connection: sqlite3.Connection, call: object) -> None:
        connection.set_progress_handler(call, 1)  # type: ignore[arg-type]

    def run(tx: Transaction) -> None:
        use(tx)
        raise Undone

    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_store(place, HandClock()))
        assert isinstance(database, SqliteDatabase)
        writer = database._writer
        assert writer is not None
        await writer.run_whole(lambda connection: watch(connection, count))
        with pytest.raises(Undone):
            await database.write(run)
        await writer.run_whole(lambda connection: watch(connection, None))
    return taken


@pytest.mark.parametrize("use", HOT.values(), ids=HOT)
async def test_ten_times_as_many_rows_cost_the_same(stores: Stores, use: Use) -> None:
    few, many = await steps(stores.few, use), await steps(stores.many, use)

    assert few > 0
    assert many <= few * ROOM[0] + ROOM[1]


async def test_a_query_whose_cost_grows_is_seen(stores: Stores) -> None:
    def count(tx: Transaction) -> object:
        return tx.first("SELECT count(*) FROM messages WHERE state = 'done'")

    few, many = await steps(stores.few, count), await steps(stores.many, count)

    assert many > few * 5
