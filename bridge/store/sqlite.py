"""SQLite: one file, one writer, and a commit that is on the disk before anybody is told.

Transactions that are committed together run each under its own savepoint, so that a fault in one
takes nothing from the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TypeVar, cast

import aiosqlite
import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, NotDurable, UserMistake
from bridge.store.database import Row, Transaction, Value
from bridge.store.migrations import Migration, read_migrations, steps_to_go
from bridge.store.write_queue import Waiting, WriteQueue

log = structlog.get_logger()
T = TypeVar("T")
BUSY_TIMEOUT_MS = 5_000
MOST_IN_ONE_COMMIT = 200
SYNCHRONOUS_FULL = 2
WRONG_SQL = sqlite3.SQLITE_ERROR  # "no such column": one caller's mistake, not the database's
EXIT_DISK_LIED = 74  # EX_IOERR


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, with a whole transaction in one hop to its thread.

    aiosqlite hops once a statement, which costs more than the statement; its own `_execute` is
    the one way to run a function over there (a test holds the pinned version to it).
    """

    async def run_whole(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread."""
        execute = cast("Callable[..., Awaitable[T]]", self._execute)
        return await execute(work, self._conn)

    async def open(self) -> None:
        """Connect; after a failure the thread has ended too, before anybody closes the loop."""
        try:
            _ = await self
        except BaseException:
            await asyncio.to_thread(self._thread.join)
            raise


class SqliteTransaction:
    """A `Transaction` over the connection's own thread."""

    def __init__(self, connection: sqlite3.Connection, now_ms: int) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self.topics: set[str] = set()

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        """Run and return every row."""
        rows = self._connection.execute(_numbered(sql), values).fetchall()
        return cast("Sequence[Row]", rows)

    def first(self, sql: str, *values: Value) -> Row | None:
        """Run and return the first row, or None."""
        cursor = self._connection.execute(_numbered(sql), values)
        row = cursor.fetchone()
        cursor.close()
        return cast("Row | None", row)

    def run(self, sql: str, *values: Value) -> int:
        """Run and return how many rows were touched."""
        return self._connection.execute(_numbered(sql), values).rowcount

    def now_ms(self) -> int:
        """The machine's time: SQLite has no other."""
        return self._now_ms

    def announce(self, topic: str) -> None:
        """Remember a topic to be told after the commit."""
        self.topics.add(topic)


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """`$1` as SQLite's `?1`: a tuple would number `$n` by first appearance instead."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


class SqliteDatabase:
    """The `Database` contract on one file. `exclusive` keeps a second `serve` away."""

    def __init__(self, path: str, clock: Clock, *, exclusive: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._exclusive = exclusive
        self._lock: IO[str] | None = None
        self._writer: _Connection | None = None
        self._reader: _Connection | None = None
        self._queue = WriteQueue(self._commit, most=MOST_IN_ONE_COMMIT)
        self._reading = asyncio.Lock()

    async def open(self) -> None:
        """Connect, migrate, check the pragmas. Raises UserMistake."""
        try:
            if self._exclusive:
                self._lock = _lock_file(self._path + ".lock")
            self._writer = await _connect(self._path)
            await self._writer.run_whole(_set_up)
            await self._writer.run_whole(lambda c: _migrate(c, self._clock.now_ms()))
            self._reader = await _connect(self._path)
            await self._reader.run_whole(_set_up)
            await self._reader.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, OSError, BridgeError) as error:
            await self.close()
            if isinstance(error, BridgeError):
                raise
            raise UserMistake(f"BRIDGE_DATABASE_URL: can't open {self._path}: {error}") from error
        self._queue.start()

    async def close(self) -> None:
        """Finish what has queued and disconnect."""
        await self._queue.stop()
        for connection in (self._reader, self._writer):
            if connection is not None:
                await connection.close()
        self._reader = self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def write(self, transaction: Callable[[Transaction], T]) -> T:
        """Run in the next commit; durable when this returns. Raises NotDurable."""
        return await self._queue.put(transaction)

    async def read(self, transaction: Callable[[Transaction], T]) -> T:
        """Run on the reading connection, over one snapshot. Raises NotDurable."""
        reader = self._reader
        if reader is None:
            raise NotDurable("the database is closed")
        now_ms = self._clock.now_ms()
        async with self._reading:
            try:
                return await reader.run_whole(lambda c: _read(c, transaction, now_ms))
            except sqlite3.OperationalError as error:
                raise NotDurable(str(error)) from error

    def listen(self, topic: str, call: Callable[[], None]) -> None:
        """Call this after each commit of this process that announced the topic."""
        self._queue.listen(topic, call)

    async def back_up(self, path: str) -> None:
        """Copy everything to a new file with SQLite's online backup."""
        assert self._reader is not None, "open() first"  # noqa: S101 - a fault of ours
        await self._reader.run_whole(lambda c: _back_up(c, path))

    async def _commit(self, batch: list[Waiting]) -> None:
        assert self._writer is not None, "open() first"  # noqa: S101 - a fault of ours
        now_ms = self._clock.now_ms()
        await self._writer.run_whole(partial(_commit_together, batch=batch, now_ms=now_ms))


async def _connect(path: str) -> _Connection:
    def connector() -> sqlite3.Connection:
        _touch_private(path)
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
        connection.row_factory = sqlite3.Row
        return connection

    connection = _Connection(connector, iter_chunk_size=64)
    await connection.open()
    return connection


def _back_up(connection: sqlite3.Connection, path: str) -> None:
    if Path(path).exists():
        raise UserMistake(f"{path}: exists already; a backup never overwrites")
    try:
        _touch_private(path)
        target = sqlite3.connect(path)
        try:
            connection.backup(target)
        finally:
            target.close()
    except sqlite3.Error as error:
        Path(path).unlink(missing_ok=True)  # half a backup is none
        raise UserMistake(f"{path}: the backup can't be written: {error}") from error


def _touch_private(path: str) -> None:
    """Make the file so that only its owner can read it: it holds numbers and texts. SQLite gives
    the files beside it (-wal, -shm) the same mode.

    Never opens one that is there: closing it again would drop the locks that SQLite holds on it
    in this process (POSIX locks belong to the process, not to the open file), and two writers
    would then ruin it.
    """
    with contextlib.suppress(OSError):  # it exists; or SQLite says better what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")  # else REPLACE deletes behind them
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or synchronous != SYNCHRONOUS_FULL:
        raise UserMistake(
            f"BRIDGE_DATABASE_URL: this file can't keep its promises here "
            f"(journal_mode={mode}, synchronous={synchronous}; wal and 2 are needed)"
        )


def _migrate(connection: sqlite3.Connection, now_ms: int) -> None:
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


def _read(connection: sqlite3.Connection, work: Callable[[Transaction], T], now_ms: int) -> T:
    connection.execute("BEGIN")
    try:
        return work(SqliteTransaction(connection, now_ms))
    finally:
        connection.execute("ROLLBACK")


def _commit_together(connection: sqlite3.Connection, batch: list[Waiting], now_ms: int) -> None:
    """Run a batch in one commit; afterwards each has its result or its error."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for waiting in batch:
            _run_one(connection, waiting, now_ms)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_FSYNC":
            # What the kernel dropped after a failed flush can't be had back by trying again:
            # going on would acknowledge what may not be there. Start again from the disk.
            log.critical("database.flush_failed", error=str(error))
            os._exit(EXIT_DISK_LIED)
        with contextlib.suppress(sqlite3.Error):  # what stays open fails the next BEGIN as well
            connection.execute("ROLLBACK")
        for waiting in batch:
            waiting.error = NotDurable(str(error))


def _run_one(connection: sqlite3.Connection, waiting: Waiting, now_ms: int) -> None:
    transaction = SqliteTransaction(connection, now_ms)
    connection.execute("SAVEPOINT one")
    try:
        waiting.result = waiting.transaction(transaction)
        waiting.topics = transaction.topics
    except BaseException as error:
        if isinstance(error, sqlite3.OperationalError) and _code(error) != WRONG_SQL:
            raise  # disk full, I/O error: SQLite may have rolled everything back; so do we
        connection.execute("ROLLBACK TO one")
        waiting.fail(error)
    connection.execute("RELEASE one")


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK))


def _lock_file(path: str) -> IO[str]:
    handle = Path(path).open("w", encoding="ascii")  # noqa: SIM115 - held as long as we run
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise UserMistake(
            "another `bridge serve` uses this SQLite file already; one at a time can"
        ) from error
    return handle
