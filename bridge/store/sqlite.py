"""SQLite: one file, one writer, and a commit that is on the disk before anybody is told.

Transactions that are committed together run each under its own savepoint, so that a fault in one
takes nothing from the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TypeVar, cast

import aiosqlite
import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, NotDurable, UserMistake
from bridge.store import leaps
from bridge.store.database import Row, Transaction, Value
from bridge.store.leaps import Leaps
from bridge.store.sqlite_check import Check
from bridge.store.sqlite_file import (
    back_up,
    is_empty,
    is_ruined,
    refuse_network,
    refuse_remains,
    ruined,
    take_lock,
    touch_private,
)
from bridge.store.sqlite_schema import is_current, migrate
from bridge.store.write_queue import Waiting, WriteQueue

log = structlog.get_logger()
T = TypeVar("T")
Run = Callable[[sqlite3.Connection], None]
BUSY_TIMEOUT_MS = 5_000
MOST_IN_ONE_COMMIT = 200
SYNCHRONOUS_FULL = 2
WRONG_SQL = sqlite3.SQLITE_ERROR  # "no such column": one caller's mistake, not the database's
FLUSH_FAILED = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"})
ROWS_UNTIL_FOLDED = 1_000  # the log goes into the file after so many changed rows


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, with a whole transaction in one hop to its thread.

    aiosqlite hops once a statement, which costs more than the statement; its own `_execute` is
    the one way to run a function over there (a test holds the pinned version to it).
    """

    async def run_whole(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread."""
        execute = cast("Callable[..., Awaitable[T]]", self._execute)
        return await execute(work, self._conn)

    @property
    def bare(self) -> sqlite3.Connection:
        """The connection itself, for whoever knows that its thread is idle."""
        return self._conn

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
    """The `Database` contract on one file. `exclusive` keeps a second `serve` away; with
    `must_exist` a file that is missing is not made."""

    def __init__(
        self, path: str, clock: Clock, *, exclusive: bool = False, must_exist: bool = False
    ) -> None:
        self._path = path
        self._clock = clock
        self._exclusive = exclusive
        self._must_exist = must_exist
        self._lock: IO[str] | None = None
        self._check: Check | None = None
        self._writer: _Connection | None = None
        self._reader: _Connection | None = None
        self._queue = WriteQueue(self._commit, most=MOST_IN_ONE_COMMIT)
        self._folded_at = 0
        self._leaps = Leaps(clock if exclusive else None)
        self._reading = asyncio.Lock()

    async def open(self) -> None:
        """Connect, migrate, check the pragmas. Raises UserMistake."""
        try:
            await asyncio.to_thread(self._check_place)
            self._writer = await _connect(self._path)
            if self._check is not None:
                # What has to be changed before it can be used is changed once it is known as sound.
                await self._check.start(may_go_on=await self._writer.run_whole(is_current))
            await self._writer.run_whole(_set_up)
            await self._writer.run_whole(lambda c: migrate(c, self._clock.now_ms()))
            self._reader = await _connect(self._path)
            await self._reader.run_whole(_set_up)
            await self._reader.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, OSError, BridgeError) as error:
            await self.close()
            if isinstance(error, BridgeError):
                raise
            if is_ruined(error):
                raise ruined(self._path, error) from error
            raise UserMistake(f"BRIDGE_DATABASE_URL: can't open {self._path}: {error}") from error
        self._queue.start()

    def _check_place(self) -> None:
        refuse_network(Path(self._path))
        if self._exclusive:
            self._lock = take_lock(self._path + ".lock")
            self._check = Check(self._path, self._lock)
        refuse_remains(self._path)
        if is_empty(self._path):
            if self._must_exist:
                raise UserMistake(
                    f"BRIDGE_DATABASE_URL: there is no database at {self._path}, and mode=rw says "
                    "that there has to be one: is the right disk mounted there?"
                )
            if self._exclusive:
                log.warning("database.made", path=self._path)

    async def close(self) -> None:
        """Finish what has queued and disconnect."""
        await self._queue.stop()
        if self._check is not None:
            await self._check.stop()
        for connection in (self._reader, self._writer):
            if connection is not None:
                await connection.close()
        self._reader = self._writer = self._check = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def write(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run in the next commit; durable when this returns. Raises NotDurable."""
        return await self._queue.put(transaction, brief=brief)

    async def read(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run on the reading connection, over one snapshot. Raises NotDurable."""
        reader = self._reader
        if reader is None:
            raise NotDurable("the database is closed")
        if self._leaps.look():
            with contextlib.suppress(NotDurable):
                await self.write(lambda _: None)  # first what is stored follows the clock
        now_ms = self._clock.now_ms()
        async with self._reading:
            try:
                if brief:  # 40 us here, and 150 on the other thread
                    return _read(reader.bare, transaction, now_ms)
                return await reader.run_whole(lambda c: _read(c, transaction, now_ms))
            except sqlite3.OperationalError as error:
                raise NotDurable(str(error)) from error

    def listen(self, topic: str, call: Callable[[], None]) -> None:
        """Call this after each commit of this process that announced the topic."""
        self._queue.listen(topic, call)

    def along(
        self, topic: str, transaction: Callable[[Transaction], T]
    ) -> asyncio.Future[T | None]:
        """Run in the very commit that next announces the topic. Raises NotDurable."""
        return self._queue.along(topic, transaction)

    def withdraw(self, topic: str) -> bool:
        """Take back what waits to go along."""
        return self._queue.withdraw(topic)

    async def back_up(self, path: str) -> None:
        """Copy everything to a new file with SQLite's online backup."""
        assert self._reader is not None, "open() first"  # noqa: S101 - a fault of ours
        now_ms = self._clock.now_ms()  # before the copy begins: what comes later may be missing
        await self._reader.run_whole(lambda c: back_up(c, path, now_ms))

    async def _commit(self, batch: list[Waiting]) -> None:
        assert self._writer is not None, "open() first"  # noqa: S101 - a fault of ours
        leap_ms = self._leaps.look()
        now_ms = self._clock.now_ms()
        if leap_ms:
            log.warning("database.clock_set", seconds=round(leap_ms / 1000))
            nobodys = asyncio.get_running_loop().create_future()
            nobodys.cancel()
            batch.insert(0, Waiting(lambda tx: leaps.follow(tx, leap_ms), nobodys))
        # Here a text's statements take 200 us; on the other thread each one fights this one for the
        # interpreter, and they take some milliseconds under load.
        run = partial(_run_batch, batch=batch, now_ms=now_ms, along=self._queue.going_along)
        has_run = all(one.brief for one in batch) and _run_here(self._writer.bare, run)
        commit = partial(self._commit_and_fold, batch=batch, run=None if has_run else run)
        await self._writer.run_whole(commit)
        if leap_ms and batch[0].error is None:
            self._leaps.followed(leap_ms)

    def _commit_and_fold(
        self, connection: sqlite3.Connection, batch: list[Waiting], run: Run | None
    ) -> None:
        _commit_together(connection, batch, run)
        if connection.total_changes - self._folded_at >= ROWS_UNTIL_FOLDED:
            _fold(connection)
            self._folded_at = connection.total_changes


async def _connect(path: str) -> _Connection:
    def connector() -> sqlite3.Connection:
        touch_private(path)
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_MS / 1000,
            check_same_thread=False,  # one at a time all the same: the queue of writers sees to it
        )
        connection.row_factory = sqlite3.Row
        return connection

    connection = _Connection(connector, iter_chunk_size=64)
    await connection.open()
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # hides its faults: see _fold
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")  # else REPLACE deletes behind them
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or synchronous != SYNCHRONOUS_FULL:
        raise UserMistake(
            f"BRIDGE_DATABASE_URL: this file can't keep its promises here "
            f"(journal_mode={mode}, synchronous={synchronous}; wal and 2 are needed)"
        )


def _read(connection: sqlite3.Connection, work: Callable[[Transaction], T], now_ms: int) -> T:
    connection.execute("BEGIN")
    try:
        return work(SqliteTransaction(connection, now_ms))
    finally:
        connection.execute("ROLLBACK")


def _run_here(connection: sqlite3.Connection, run: Run) -> bool:
    """Run a batch up to its commit on the event loop's thread, where nothing may be waited for.

    Returns False, and leaves it to the connection's own thread, where another process writes just
    now or something fails.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        run(connection)
    except sqlite3.Error as error:
        _end_if_flush_failed(error)
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return True


def _run_batch(
    connection: sqlite3.Connection,
    batch: list[Waiting],
    now_ms: int,
    along: Callable[[Iterable[str]], list[Waiting]],
) -> None:
    """Run a batch, and what goes along with its topics, which becomes part of it."""
    connection.execute("BEGIN IMMEDIATE")
    for waiting in batch:
        _run_one(connection, waiting, now_ms)
    joining = along({topic for waiting in batch for topic in waiting.topics})
    batch += joining
    for waiting in joining:
        _run_one(connection, waiting, now_ms)


def _commit_together(connection: sqlite3.Connection, batch: list[Waiting], run: Run | None) -> None:
    """End a batch in one commit; afterwards each has its result or its error."""
    try:
        if run is not None:
            run(connection)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _end_if_flush_failed(error)
        with contextlib.suppress(sqlite3.Error):  # what stays open fails the next BEGIN as well
            connection.execute("ROLLBACK")
        for waiting in batch:
            waiting.error = NotDurable(str(error))


def _fold(connection: sqlite3.Connection) -> None:
    """Write what the log holds into the file. Left to itself SQLite does so after a commit too,
    and tells nobody when the file could not be flushed: the next time it would begin the log anew
    over commits that the file has lost."""
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error as error:
        _end_if_flush_failed(error)
        log.warning("database.log_not_folded", error=str(error))  # a full disk: the log keeps all


def _end_if_flush_failed(error: sqlite3.Error) -> None:
    """End the process after a failed flush. What the kernel dropped then can't be had back by
    trying again: going on would acknowledge what may not be there. Start again from the disk."""
    if getattr(error, "sqlite_errorname", "") in FLUSH_FAILED:
        log.critical("database.flush_failed", error=str(error))
        os._exit(os.EX_IOERR)


def _run_one(connection: sqlite3.Connection, waiting: Waiting, now_ms: int) -> None:
    transaction = SqliteTransaction(connection, now_ms)
    waiting.error, waiting.topics = None, set()  # what a run that failed has left
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
