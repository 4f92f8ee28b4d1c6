"""A real SQLite file, opened for one test and closed after it, and a look at its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bridge.clock import Clock
from bridge.store.database import Row, Value
from bridge.store.sqlite import SqliteDatabase

D = TypeVar("D", bound=SqliteDatabase)


@asynccontextmanager
async def open_store(folder: Path, clock: Clock) -> AsyncIterator[SqliteDatabase]:
    """Open the file in this folder, and close it again."""
    async with opened(SqliteDatabase(str(folder / "bridge.db"), clock)) as database:
        yield database


@asynccontextmanager
async def opened(database: D) -> AsyncIterator[D]:
    """Open it, and close it whatever happens: its threads would outlive the tests."""
    try:
        await database.open()
        yield database
    finally:
        await database.close()


async def rows(database: SqliteDatabase, sql: str, *values: Value) -> list[Row]:
    """Every row of a query."""
    return [dict(row) for row in await database.read(lambda tx: tx.all(sql, *values))]


async def column(database: SqliteDatabase, sql: str, *values: Value) -> list[Value]:
    """The first column of every row of a query."""
    return [next(iter(row.values())) for row in await rows(database, sql, *values)]
