"""The schema of SQLite's file: brought up to date by numbered steps, all of them or none."""

from __future__ import annotations

import sqlite3

from bridge.store.migrations import Migration, read_migrations, steps_to_go


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the file is as this version leaves it: nothing has to be changed before its use.
    Raises UserMistake where a later version has left it."""
    try:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        return mode == "wal" and not steps_to_go(read_migrations("sqlite"), _done(connection))
    except sqlite3.Error:
        return False


def migrate(connection: sqlite3.Connection, now_ms: int) -> None:
    """Bring the schema up to date. Raises UserMistake where a later version has left it."""
    connection.execute("BEGIN IMMEDIATE")  # others that start now wait here
    try:
        for step in steps_to_go(read_migrations("sqlite"), _done(connection)):
            _apply(connection, step, now_ms)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _done(connection: sqlite3.Connection) -> set[int]:
    tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
    if connection.execute(tables).fetchone() is None:
        return set()
    return {row[0] for row in connection.execute("SELECT number FROM migrations")}


def _apply(connection: sqlite3.Connection, step: Migration, now_ms: int) -> None:
    for statement in step.statements:
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, now_ms))
