"""Brief transactions run where the events are; nothing that has to be waited for does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from bridge.store import sqlite
from bridge.store.database import Database, Transaction
from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.store.counting import put
from tests.stores import column, open_store


@pytest.fixture
def engine() -> str:
    return "sqlite"


def where(_tx: Transaction) -> int:
    """The thread that a transaction runs on."""
    return threading.get_ident()


async def test_brief_transactions_run_on_the_event_loops_own_thread(database: Database) -> None:
    assert await database.write(where, brief=True) == threading.get_ident()


async def test_brief_reads_do_so_too_and_the_others_elsewhere(database: Database) -> None:
    brief, long = await asyncio.gather(database.read(where, brief=True), database.read(where))

    assert brief == threading.get_ident() != long


async def test_a_commit_never_runs_on_the_event_loops_own_thread(
    database: SqliteDatabase,
) -> None:
    seen: dict[str, int] = {}
    assert database._writer is not None
    await database._writer.set_trace_callback(
        lambda sql: seen.setdefault(sql, threading.get_ident())
    )

    await database.write(put("a"), brief=True)

    assert seen["BEGIN IMMEDIATE"] == threading.get_ident()
    assert seen["COMMIT"] != threading.get_ident()


async def test_beside_one_that_may_take_long_all_run_elsewhere(database: Database) -> None:
    threads = await asyncio.gather(
        database.write(where, brief=True), database.write(where), database.write(where, brief=True)
    )

    assert threading.get_ident() not in threads


async def test_brief_or_not_they_run_in_order_of_arrival(database: Database) -> None:
    ran: list[int] = []

    def note(number: int) -> None:
        ran.append(number)

    await asyncio.gather(
        *(
            database.write(lambda _tx, at=number: note(at), brief=number % 3 > 0)  # type: ignore[misc]
            for number in range(40)
        )
    )

    assert ran == list(range(40))


async def test_events_go_on_while_somebody_else_locks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20_000)
    async with open_store(tmp_path, HandClock()) as database:
        other = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began_s = time.monotonic()

        writing = asyncio.create_task(database.write(put("waits"), brief=True))
        for _ in range(5):
            await asyncio.sleep(0.005)
        stood_still_s = time.monotonic() - began_s
        other.execute("COMMIT")
        other.close()

        assert await writing == 1
        assert stood_still_s < 15
        assert await column(database, "SELECT name FROM meta") == ["waits"]
