"""On a database of some size, what runs for every text touches a handful of rows on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.store import conversations, listing, messages, tallies, work
from bridge.store.database import Row, Transaction, Value
from bridge.store.postgres import PostgresDatabase
from tests import postgres
from tests.store.test_console_plans import USES as CONSOLE_USES
from tests.store.test_query_plans import USES
from tests.stores import open_store

MOST_ROWS = 60  # that one statement may read, of tables with thousands
SENDER = "+12025550100"
CUSTOMER = "+1202556000"  # with a last digit it has 20 texts
FILL = """
INSERT INTO conversations (id, sender, customer, ticket_id, created_at)
    SELECT lpad(n::text, 8, '0'), '+12025550100', '+120255' || (60000 + n), n, n
    FROM generate_series(1, 1000) n;
INSERT INTO tickets (ticket_id, conversation_id, requester_id, replies_from, linked_at)
    SELECT n, lpad(n::text, 8, '0'), n, 0, n FROM generate_series(1, 1000) n;
INSERT INTO contacts (address, created_at)
    SELECT '+120255' || (60000 + n), n FROM generate_series(1, 1000) n;
INSERT INTO messages (id, direction, kind, conversation_id, sender, customer, carrier,
                      carrier_id, body, state, created_at, updated_at)
    SELECT 'm' || n, 'inbound', 'text', lpad((n % 1000 + 1)::text, 8, '0'), '+12025550100',
           '+120255' || (60001 + n % 1000), 'twilio', 'SM' || n, 'hello',
           CASE WHEN n % 500 = 0 THEN 'failed' ELSE 'done' END, n, n
    FROM generate_series(1, 20000) n;
INSERT INTO parts (id, message_id, position, body, segments, state, carrier, carrier_id,
                   updated_at)
    SELECT 'p' || n, 'm' || n, 0, 'hello', 1, 'sent', 'twilio', 'SO' || n, n
    FROM generate_series(1, 5000) n;
INSERT INTO comments (comment_id, ticket_id, origin, outcome, at)
    SELECT n + 1000, n % 1000 + 1, 'ours', 'sent', n FROM generate_series(1, 5000) n;
INSERT INTO work (ref, lane, account, kind, state, due_at, created_at)
    SELECT 'w' || n, 'in:' || n % 1000, CASE WHEN n % 2 = 0 THEN 'zendesk' ELSE 'twilio' END,
           'text', CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'waiting' END, n, n
    FROM generate_series(1, 5000) n;
INSERT INTO lanes (lane, account, due_at) SELECT DISTINCT lane, account, 0 FROM work;
ANALYZE
"""


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


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[str]:
    """The URL of a database with a good deal in it."""

    async def fill(url: str) -> None:
        async with open_store(url, SystemClock()) as database:
            await database.write(lambda tx: [tx.run(sql) for sql in FILL.split(";")])

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


PAGES: dict[str, Callable[[Transaction], object]] = {
    "page of all": lambda tx: listing.list_messages(tx, before=9000, limit=50),
    "page of a customer": lambda tx: listing.list_messages(
        tx, customers=[f"{CUSTOMER}9"], limit=50
    ),
    "page of a state": lambda tx: listing.list_messages(tx, state="failed", limit=50),
    "page of conversations": lambda tx: listing.list_conversations(tx, before="00000500", limit=50),
    "contact": lambda tx: listing.contact(tx, [f"{CUSTOMER}9"]),
    "trace": lambda tx: listing.trace(tx, "m77"),
    "conversation of a pair": lambda tx: conversations.open_for(tx, SENDER, f"{CUSTOMER}9"),
    "links of a ticket": lambda tx: conversations.links_of(tx, 7),
    "text that comes again": lambda tx: messages.not_taken_in(tx, "twilio", ["SM1", "SM2"]),
    "claim of many": lambda tx: work.claim(tx, account="zendesk", most=20, lease_ms=1000),
}
# They claim every due lane, of which there are many here.
TOO_BROAD = {"claim", "finish", "set aside", "put off", "give back", "drop looks", "intent"}
HOT = {name: use for name, use in {**USES, **PAGES}.items() if name not in TOO_BROAD}
# These read the texts of an hour or two, of which all are here, or a window of the newest texts.
READS_MANY = {"overview", "charts", "an hour", "words", "words and sender", "verdict", "replay"}
CONSOLE = {name: use for name, use in CONSOLE_USES.items() if name not in READS_MANY}


@pytest.mark.parametrize("use", HOT.values(), ids=HOT)
async def test_a_hot_query_reads_a_handful_of_rows(
    full: PostgresDatabase, use: Callable[[Transaction], object]
) -> None:
    read = await measured(full, use)

    assert read
    assert {sql: rows for sql, rows in read.items() if rows > MOST_ROWS} == {}


@pytest.mark.parametrize("use", CONSOLE.values(), ids=CONSOLE)
async def test_a_page_of_the_console_reads_a_handful_of_rows(
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
