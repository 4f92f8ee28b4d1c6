"""A real store, opened for one test: a SQLite file, or a schema on a PostgreSQL server."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from bridge.clock import Clock
from bridge.store.database import Database, Row, Value
from bridge.store.postgres import PostgresDatabase
from bridge.store.sqlite import SqliteDatabase

D = TypeVar("D", bound=Database)

# What the schema refuses, in either engine's words.
Against = (sqlite3.IntegrityError, psycopg.IntegrityError)
ENGINES = ("sqlite", "postgres")
# For a test that can be told of one engine only.
sqlite_only = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("engine", ["postgres"], indirect=True)


def make_store(where: Path | str, clock: Clock) -> Database:
    """The store at a URL, or in a folder's file `bridge.db`; not yet open."""
    if isinstance(where, str) and where.startswith("postgresql://"):
        return PostgresDatabase(where, clock=clock)
    if isinstance(where, str):
        return SqliteDatabase(where.removeprefix("sqlite:///"), clock)
    return SqliteDatabase(str(where / "bridge.db"), clock)


@asynccontextmanager
async def open_store(where: Path | str, clock: Clock) -> AsyncIterator[Database]:
    """Open the store that is there, and close it again."""
    async with opened(make_store(where, clock)) as database:
        yield database


@asynccontextmanager
async def opened(database: D) -> AsyncIterator[D]:
    """Open it, and close it whatever happens: its threads would outlive the tests."""
    try:
        await database.open()
        yield database
    finally:
        await database.close()


async def rows(database: Database, sql: str, *values: Value) -> list[Row]:
    """Every row of a query."""
    return [dict(row) for row in await database.read(lambda tx: tx.all(sql, *values))]


async def column(database: Database, sql: str, *values: Value) -> list[Value]:
    """The first column of every row of a query."""
    return [next(iter(row.values())) for row in await rows(database, sql, *values)]


def choose_engines(metafunc: pytest.Metafunc, *, everything: bool = False) -> None:
    """Run what is marked `both_engines` on both, or everything; the rest on SQLite.

    For a conftest's `pytest_generate_tests`, beside a fixture `engine` that is chosen here.
    """
    marks = metafunc.definition.iter_markers("parametrize")
    if "engine" in metafunc.fixturenames and all("engine" not in mark.args[0] for mark in marks):
        both = everything or metafunc.definition.get_closest_marker("both_engines") is not None
        metafunc.parametrize("engine", ENGINES if both else ENGINES[:1], indirect=True)
