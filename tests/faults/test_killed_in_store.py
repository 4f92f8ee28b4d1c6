"""Killed while the store does something long: a checkpoint, a backup, a migration."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys

import psycopg
import pytest

from bridge.store.migrations import read_migrations
from bridge.store.postgres import PostgresDatabase
from bridge.store.postgres_server import SET_UP, Connection, migrate
from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.faults.conftest import OnDisk
from tests.faults.disk import Disk
from tests.faults.test_broken_disk import all_written, on_tickets, text
from tests.flows.conftest import eventually
from tests.flows.outbound import settled
from tests.stores import opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
KILLED = -signal.SIGKILL


async def test_killed_while_the_log_is_folded_into_the_file(
    serve_on_disk: OnDisk, disk: Disk
) -> None:
    sandbox, process = await serve_on_disk()
    heard: list[str] = []

    async def talk() -> None:
        for number in range(2_000):
            body, customer = f"text {number}", f"+1202555{number % 9 + 130:04}"
            if (await text(sandbox, body, customer=customer))[-1:] == (200,):
                heard.append(body)

    with disk.in_trouble("fold-kills"):
        talking = asyncio.create_task(talk())
        assert await process.ended() == KILLED
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    await sandbox.zendesk.idle()
    await process.start()

    await eventually(lambda: set(heard) <= set(on_tickets(sandbox)), within_s=90)
    await settled(sandbox, within_s=60)
    assert len(on_tickets(sandbox)) == len(set(on_tickets(sandbox)))


async def test_killed_in_a_backup_it_leaves_nothing_that_looks_like_one(
    serve_on_disk: OnDisk, disk: Disk
) -> None:
    sandbox, process = await serve_on_disk()
    assert await text(sandbox, "one") == (200,)
    await all_written(sandbox, 1)
    copies = Disk(disk.library, disk.folder.with_name("copies"), disk.kept.with_name("other"))
    copy = copies.folder / "copy.db"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        **sandbox._environment,
    }

    async def back_up(**more: str) -> int:
        command = (sys.executable, "-m", "bridge", "backup", str(copy))
        backup = await asyncio.create_subprocess_exec(*command, env=environment | more)
        return await backup.wait()

    with copies.in_trouble("flush-kills"):
        assert await back_up(**copies.environment) == KILLED
        assert not copy.exists()
    assert await back_up() == 0

    kept = sqlite3.connect(copy)
    assert kept.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert kept.execute("SELECT body FROM messages").fetchall() == [("one",)]
    kept.close()
    assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]
    assert await text(sandbox, "two") == (200,)
    assert process.is_running


MIGRATE = """
import asyncio, sys
from bridge.clock import SystemClock
from bridge.store.{module} import {name}

async def main():
    database = {name}(sys.argv[1]{more})
    await database.open()
    await database.close()

asyncio.run(main())
"""


async def test_killed_in_a_migration_sqlite_has_all_of_it_or_nothing(disk: Disk) -> None:
    path = disk.folder / "bridge.db"
    script = MIGRATE.format(module="sqlite", name="SqliteDatabase", more=", SystemClock()")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    with disk.in_trouble("flush-kills"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(path)), env=environment | disk.environment
        )
        assert await process.wait() == KILLED

    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        done = await database.read(lambda tx: tx.all("SELECT number FROM migrations"))
    assert [row["number"] for row in done] == [step.number for step in read_migrations()]


def _first_step_only(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_migrations("postgres")[:1]
    with monkeypatch.context() as patched:
        patched.setattr("bridge.store.postgres_server.read_migrations", lambda _engine: first)
        connection.execute(SET_UP.encode())
        migrate(connection)


async def test_killed_in_a_migration_postgresql_has_all_of_it_or_nothing(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = b"SELECT number FROM migrations ORDER BY number"
    with (
        psycopg.connect(postgres_url, autocommit=True) as admin,
        psycopg.connect(postgres_url) as other,
    ):
        _first_step_only(admin, monkeypatch)
        other.execute(b"LOCK TABLE messages IN ACCESS SHARE MODE")  # holds the second step up
        script = MIGRATE.format(module="postgres", name="PostgresDatabase", more="")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, postgres_url),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        waits = b"SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'messages'::regclass"
        await eventually(lambda: admin.execute(waits).fetchone(), within_s=60)
        process.kill()
        assert await process.wait() == KILLED
        other.rollback()

        assert admin.execute(numbers).fetchall() == [(1,)]
        async with opened(PostgresDatabase(postgres_url)):
            pass
        assert admin.execute(numbers).fetchall() == [
            (step.number,) for step in read_migrations("postgres")
        ]


def test_the_second_step_changes_the_table_that_is_locked_above() -> None:
    second = read_migrations("postgres")[1]

    assert any("ALTER TABLE messages" in statement for statement in second.statements)
