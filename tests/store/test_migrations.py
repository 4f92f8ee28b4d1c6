"""The schema: what the numbered steps make is what schema.sql says."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from bridge.errors import UserMistake
from bridge.store.migrations import read_migrations, statements_of
from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.stores import opened, sqlite_only

ROOT = Path(__file__).parent.parent.parent


def shape(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Every table, index and trigger with its definition, comments and layout taken away."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name): plain(sql) for kind, name, sql in rows}


def plain(sql: str) -> str:
    # An added column brings its own white space along.
    return re.sub(r" ?([,()]) ?", r"\1", " ".join(re.sub(r"--[^\n]*", "", sql).split()))


@sqlite_only
async def test_the_migrations_end_at_schema_sql(database: SqliteDatabase, tmp_path: Path) -> None:
    wanted = sqlite3.connect(":memory:")
    wanted.executescript((ROOT / "schema.sql").read_text(encoding="utf-8"))
    made = sqlite3.connect(tmp_path / "bridge.db")

    assert shape(made) == shape(wanted)
    assert {kind for kind, _ in shape(made)} == {"table", "index", "trigger"}

    wanted.close()
    made.close()


async def test_a_second_start_migrates_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "bridge.db")
    clock = HandClock()
    began_ms = clock.now_ms()
    async with opened(SqliteDatabase(path, clock)):
        clock.forward(60)

    async with opened(SqliteDatabase(path, clock)) as second:
        done = await second.read(lambda tx: tx.all("SELECT number, applied_at FROM migrations"))

    assert [(row["number"], row["applied_at"]) for row in done] == [
        (step.number, began_ms) for step in read_migrations()
    ]


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        await database.write(
            lambda tx: tx.run("INSERT INTO migrations VALUES ($1, $2, $3)", 9999, "tomorrow", 1)
        )

    with pytest.raises(UserMistake, match=r"newer \(9999\).*install the version that made it"):
        async with opened(SqliteDatabase(str(path), HandClock())):
            pass

    with sqlite3.connect(path) as left:
        assert left.execute("SELECT count(*) FROM migrations").fetchone() == (
            len(read_migrations()) + 1,
        )
    left.close()


async def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    with sqlite3.connect(path) as before:
        before.execute("CREATE TABLE work (mine TEXT)")  # some other program's file
    before.close()

    with pytest.raises(UserMistake, match=r"BRIDGE_DATABASE_URL: can't open .*already exists"):
        async with opened(SqliteDatabase(str(path), HandClock())):
            pass

    with sqlite3.connect(path) as after:
        names = after.execute("SELECT name FROM sqlite_master").fetchall()
    after.close()
    assert names == [("work",)]


def test_steps_come_in_order_and_have_numbers_of_their_own() -> None:
    steps = read_migrations()

    assert [step.number for step in steps] == sorted({step.number for step in steps})
    assert steps[0].name == "initial"


def test_a_script_is_cut_at_its_statements_and_not_inside_a_trigger() -> None:
    script = """
-- A comment; with a semicolon.
CREATE TABLE a (b TEXT DEFAULT ';');

CREATE TRIGGER t BEFORE DELETE ON a
    BEGIN SELECT 1; SELECT 2; END;
CREATE INDEX i
    ON a (b);
"""

    found = [" ".join(statement.split()) for statement in statements_of(script)]

    assert found == [
        "CREATE TABLE a (b TEXT DEFAULT ';');",
        "CREATE TRIGGER t BEFORE DELETE ON a BEGIN SELECT 1; SELECT 2; END;",
        "CREATE INDEX i ON a (b);",
    ]


def test_a_script_without_its_last_semicolon_is_refused() -> None:
    with pytest.raises(ValueError, match="unfinished statement: CREATE TABLE a"):
        statements_of("CREATE TABLE a (b TEXT)")


async def test_work_that_waits_keeps_its_order_through_the_step_that_brings_sweeps(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bridge.db"
    first = read_migrations()[0]
    before = sqlite3.connect(path)
    for statement in first.statements:
        before.execute(statement)
    before.execute("INSERT INTO migrations VALUES (1, 'initial', 1)")
    for number, ref in ((7, "a"), (9, "b"), (12, "c")):
        before.execute(
            "INSERT INTO work (id, ref, lane, account, kind, state, attempts, due_at, created_at) "
            "VALUES (?, ?, 'look:7', 'zendesk', 'look', 'waiting', 2, 1, 1)",
            (number, ref),
        )
    before.commit()
    before.close()

    database = SqliteDatabase(str(path), HandClock())
    await database.open()
    kept = await database.read(lambda tx: tx.all("SELECT ref, attempts FROM work ORDER BY id"))
    await database.close()

    assert [(row["ref"], row["attempts"]) for row in kept] == [("a", 2), ("b", 2), ("c", 2)]
