"""The file itself: backed up while in use, held by one service, and files that can't be used."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import UserMistake
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.stores import opened, sqlite_only


def put(name: str, value: str = "x") -> Callable[[Transaction], int]:
    sql = "INSERT INTO meta (name, value) VALUES ($1, $2)"
    return lambda tx: tx.run(sql, name, value)


@sqlite_only
async def test_a_backup_taken_while_writing_is_whole(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    await asyncio.gather(*(database.write(put(f"b{number:03}")) for number in range(100)))

    async def go_on() -> None:
        for number in range(100):
            await database.write(put(f"c{number:03}", "y" * 2000))

    writing = asyncio.create_task(go_on())
    await database.back_up(str(tmp_path / "copy.db"))
    await writing

    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    kept = [row[0] for row in copy.execute("SELECT name FROM meta ORDER BY name")]
    assert kept.pop() == "restored"  # a service that starts from it looks before it sends
    copy.close()
    assert kept[:100] == [f"b{number:03}" for number in range(100)]
    assert kept[100:] == [f"c{number:03}" for number in range(len(kept) - 100)]
    async with opened(SqliteDatabase(str(tmp_path / "copy.db"), HandClock())) as restored:
        assert await restored.write(put("goes on")) == 1


@sqlite_only
async def test_a_backup_never_overwrites(database: SqliteDatabase, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("yesterday's")

    with pytest.raises(UserMistake, match=r"copy\.db: exists already"):
        await database.back_up(str(tmp_path / "copy.db"))

    assert (tmp_path / "copy.db").read_text() == "yesterday's"


@sqlite_only
async def test_a_backup_to_nowhere_is_one_clear_line(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    with pytest.raises(UserMistake, match=r"copy\.db: the backup can't be written"):
        await database.back_up(str(tmp_path / "no such folder" / "copy.db"))


HOLD = """
import asyncio, sys
from bridge.clock import SystemClock
from bridge.store.sqlite import SqliteDatabase

async def hold():
    database = SqliteDatabase(sys.argv[1], SystemClock(), exclusive=True)
    await database.open()
    print("open", flush=True)
    await asyncio.sleep(60)

asyncio.run(hold())
"""


async def test_one_service_a_file_until_its_process_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "bridge.db")
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, path, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        await holder.stdout.readuntil(b"open\n")
        second = SqliteDatabase(path, HandClock(), exclusive=True)

        with pytest.raises(UserMistake, match="another `bridge serve` uses this SQLite file"):
            async with opened(second):
                pass
        async with opened(SqliteDatabase(path, HandClock())) as beside:  # a command's
            assert await beside.write(put("beside")) == 1
    finally:
        holder.kill()
        await holder.communicate()

    async with opened(second):
        assert await second.write(put("after")) == 1


async def test_a_service_that_was_closed_frees_its_file(tmp_path: Path) -> None:
    path = str(tmp_path / "bridge.db")
    for number in range(2):
        async with opened(SqliteDatabase(path, HandClock(), exclusive=True)) as database:
            assert await database.write(put(f"n{number}")) == 1


@pytest.mark.parametrize("exclusive", [True, False], ids=["serve", "a command"])
async def test_a_file_that_can_not_be_is_a_mistake_of_the_settings(
    tmp_path: Path, exclusive: bool
) -> None:
    path = str(tmp_path / "no such folder" / "bridge.db")

    with pytest.raises(UserMistake, match="BRIDGE_DATABASE_URL: can't open"):
        async with opened(SqliteDatabase(path, HandClock(), exclusive=exclusive)):
            pass
    # A thread that outlives the loop would print a traceback under the one clear line.
    assert [thread.name for thread in threading.enumerate() if "_worker_" in thread.name] == []


async def test_a_file_that_is_no_database_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "bridge.db").write_text("Dear diary, " * 500)

    with pytest.raises(UserMistake, match="not a database"):
        async with opened(SqliteDatabase(str(tmp_path / "bridge.db"), HandClock())):
            pass


async def test_a_second_opening_leaves_the_locks_of_the_first_in_place(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    async with opened(SqliteDatabase(str(path), HandClock())) as first:
        async with opened(SqliteDatabase(str(path), HandClock())):
            await first.write(put("here"))
        # Whoever leaves last folds the log into the file and takes it away.
        leave = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
            "c.execute(\"INSERT INTO meta VALUES ('there', 'x')\"); c.commit(); c.close()"
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", leave, str(path))
        assert await process.wait() == 0

        assert path.with_name("shared.db-wal").exists()
        assert await first.write(put("here again")) == 1
        rows = await first.read(lambda tx: tx.all("SELECT name FROM meta ORDER BY name"))
        assert [row["name"] for row in rows] == ["here", "here again", "there"]


def modes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_only_the_owner_can_read_the_database_and_its_backup(tmp_path: Path) -> None:
    path = tmp_path / "private.db"
    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        await database.write(put("x"))
        await database.back_up(str(tmp_path / "copy.db"))
        modes = modes_in(tmp_path)

    assert set(modes.values()) == {0o600}
    assert {"private.db", "private.db-wal", "copy.db"} <= set(modes)
