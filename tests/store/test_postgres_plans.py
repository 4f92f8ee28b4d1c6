"""On a database of some size, what runs for every text touches a handful of rows on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.store import tallies
from bridge.store.database import Row, Transaction, Value
from bridge.store.postgres import PostgresDatabase
from tests import postgres
from tests.store.filled import HOT, fill
from tests.stores import open_store

MOST_ROWS = 60  # that one statement may read, of tables with thousands
ROWS = 20_000


@dataclass(slots=True)
class Measuring:
    """A transaction that counts what each statement reads before it runs it."""

    inner: Transaction
    read: dict[str, int] = field(default_factory=dict)

    def measure(self, sql: str, values: Sequence[Value]) -> None:
        self.inner.run("SAVEPOINT measuring")
        (row,) = self.inner.all(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values)
        self.inner.run("ROLLBACK TO measuring")
        told = row["QUERY PLAN"]
        (plan,) = json.loads(told) if isinstance(told, str) else told
        self.read[sql] = max(rows_of(node) for node in nodes_of(plan["Plan"]))

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        self.measure(sql, values)
        return self.inner.all(sql, *values)

    def first(self, sql: str, *values: Value) -> Row | None:
        self.measure(sql, values)
        return self.inner.first(sql, *values)

    def run(self, sql: str, *values: Value) -> int:
        self.measure(sql, values)
        return self.inner.run(sql, *values)

    def now_ms(self) -> int:
        return self.inner.now_ms()

    def announce(self, topic: str) -> None:
        self.inner.announce(topic)


def nodes_of(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


def rows_of(node: Mapping[str, Any]) -> int:
    """How many rows a step of a plan has read, those included that it left out."""
    left_out = sum(
        float(node.get(f"Rows Removed by {why}", 0)) for why in ("Filter", "Index Recheck")
    )
    return round((float(node["Actual Rows"]) + left_out) * float(node["Actual Loops"]))


def _fill(tx: Transaction) -> None:
    fill(tx, ROWS, failed=40)
    tx.run("ANALYZE")


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[str]:
    """The URL of a database with a good deal in it."""

    async def fill(url: str) -> None:
        async with open_store(url, SystemClock()) as database:
            await database.write(_fill)

    with postgres.schema(postgres_server) as url:
        asyncio.run(fill(url))
        yield url


@pytest.fixture
async def full(filled: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(filled)
    await database.open()
    yield database
    await database.close()


class Undone(Exception):
    """Leaves the database as it was for the next test."""


@pytest.mark.parametrize("use", HOT.values(), ids=HOT)
async def test_a_hot_query_reads_a_handful_of_rows(
    full: PostgresDatabase, use: Callable[[Transaction], object]
) -> None:
    read = await measured(full, use)

    assert read
    assert {sql: rows for sql, rows in read.items() if rows > MOST_ROWS} == {}


async def test_the_texts_of_a_stretch_of_time_are_found_by_an_index(
    full: PostgresDatabase,
) -> None:
    read = await measured(full, lambda tx: tallies.count_between(tx, 10_000, 10_050))

    assert len(read) == 2
    assert max(read.values()) <= MOST_ROWS


async def measured(
    database: PostgresDatabase, use: Callable[[Transaction], object]
) -> dict[str, int]:
    """What each statement of this reads, in rows; whatever it writes is undone."""
    read: dict[str, int] = {}

    def run(tx: Transaction) -> None:
        measuring = Measuring(tx)
        use(measuring)
        read.update(measuring.read)
        raise Undone

    with pytest.raises(Undone):
        await database.write(run)
    return read


async def test_a_query_that_reads_a_whole_table_is_seen(full: PostgresDatabase) -> None:
    def run(tx: Transaction) -> dict[str, int]:
        measuring = Measuring(tx)
        measuring.first("SELECT 1 FROM messages WHERE body = 'nothing'")
        return measuring.read

    (rows,) = (await full.write(run)).values()

    assert rows == 20_000
