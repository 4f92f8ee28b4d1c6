"""A start looks through the whole of SQLite's file, and waits for that only where it is quick."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from pathlib import Path

import pytest

from bridge.errors import UserMistake
from bridge.store import sqlite_check
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.store.sqlite_check import Check
from tests.desks.scripted import HandClock
from tests.flows.conftest import eventually
from tests.stores import opened

PAGE = 4096
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
# A start for which every file is a large one; ends by itself should it find nothing.
OPENS = """
import asyncio, sys
from bridge.clock import SystemClock
from bridge.store import sqlite_check
from bridge.store.sqlite import SqliteDatabase
from bridge.store.sqlite_check import Check

async def main():
    sqlite_check.WITHIN_S = 0
    await SqliteDatabase(sys.argv[1], SystemClock(), exclusive=True).open()
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def large(path: Path) -> None:
    """A database that takes some time to be looked through, properly closed."""

    def fill(tx: Transaction) -> None:
        for number in range(20_000):
            tx.run("INSERT INTO meta (name, value) VALUES ($1, $2)", f"n{number:05}", "x" * 500)

    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        await database.write(fill)


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE // 2 * PAGE)
        file.write(os.urandom(PAGE))


def lock_of(path: Path) -> str:
    return Path(f"{path}.lock").read_text(encoding="ascii")


async def test_a_large_file_is_looked_through_while_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    look = Check._look

    def slow(check: Check) -> str:
        may_end.wait(60)
        return look(check)

    monkeypatch.setattr(Check, "_look", slow)
    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    path = tmp_path / "bridge.db"
    await large(path)

    async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)) as database:
        assert lock_of(path) == sqlite_check.UNFINISHED_CHECK
        await database.write(lambda tx: tx.run("DELETE FROM meta WHERE name = 'n00001'"))
        assert lock_of(path) == sqlite_check.UNFINISHED_CHECK
        may_end.set()
        await eventually(lambda: lock_of(path) == "")


async def test_damage_in_a_large_file_ends_the_process_and_then_refuses_the_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bridge.db"
    await large(path)
    damage(path)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OPENS, str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()

    assert b"database.damaged" in told
    assert process.returncode == os.EX_IOERR
    for _ in range(2):
        with pytest.raises(UserMistake, match=r"damaged.*bridge backup"):
            async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
                pass


async def test_a_stop_does_not_wait_for_the_look_nor_make_the_next_start_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_check, "LOOK", ENDLESS)
    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    path = tmp_path / "bridge.db"
    await large(path)

    async with asyncio.timeout(60):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass

    assert lock_of(path) == ""


async def test_damage_that_a_stop_meets_has_the_next_start_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_yet(_check: Check, _looking: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    monkeypatch.setattr(Check, "_go_on", not_yet)
    path = tmp_path / "bridge.db"
    await large(path)
    damage(path)
    with Path(f"{path}.lock").open("a+", encoding="ascii") as lock:  # noqa: ASYNC230 - some bytes
        check = Check(str(path), lock)
        await check.start(may_go_on=True)
        looking = check._looking
        await eventually(lambda: looking is not None and looking.done())
        await check.stop()

        assert lock_of(path) == sqlite_check.UNFINISHED_CHECK


async def test_a_stop_on_a_full_disk_is_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_check, "LOOK", ENDLESS)
    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    path = tmp_path / "bridge.db"
    await large(path)
    with Path(f"{path}.lock").open("a+", encoding="ascii") as lock:  # noqa: ASYNC230 - some bytes
        check = Check(str(path), lock)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # as full as a disk can be
        try:
            await check.start(may_go_on=True)
            await check.stop()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert lock_of(path) == ""


async def test_a_killed_start_has_the_next_one_look_through_all_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    path = tmp_path / "bridge.db"
    await large(path)
    damage(path)
    lock = Path(f"{path}.lock")
    lock.write_text(sqlite_check.UNFINISHED_CHECK, encoding="ascii")  # noqa: ASYNC240 - some bytes

    with pytest.raises(UserMistake, match=r"damaged.*bridge backup"):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass


async def test_what_has_to_be_changed_first_is_looked_through_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_check, "WITHIN_S", 0)
    path = tmp_path / "bridge.db"
    await large(path)
    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        await database.write(lambda tx: tx.run("DELETE FROM migrations WHERE number > 5"))
    damage(path)
    before = path.read_bytes()

    with pytest.raises(UserMistake, match="damaged"):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass

    assert path.read_bytes() == before
