"""PostgreSQL: for several processes that share one store.

Transactions are the same plain functions as on SQLite. Each process writes in one row, what has
queued in one commit, so that it is never in its own way and keeps the order of arrival. Beside
other processes it runs serialisable: PostgreSQL lets two commits go on together only as long as
it is as if one had come first, and has one of them run again otherwise. That is safe, as a
transaction has no effect but its own writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar, cast

import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row

from bridge.clock import Clock
from bridge.errors import BridgeError, NotDurable, UserMistake
from bridge.store.database import Row, Transaction, Value
from bridge.store.postgres_news import News
from bridge.store.postgres_server import (
    NOW,
    Connection,
    check_durability,
    connect,
    migrate,
    with_defaults,
    words_of,
)
from bridge.store.write_queue import Waiting, WriteQueue

T = TypeVar("T")

READERS = 4
MOST_IN_ONE_COMMIT = 50  # the more, the likelier that another process gets in the way
MOST_RUNS = 12  # of one commit, when others keep getting in its way
POLITE_RUNS = 3  # then the others have to wait
MOST_DOUBLES = 3  # a key that is taken in the third run as well was not taken in a race

# Everybody who writes takes this lock and is in nobody's way by it; who has had to run again too
# often takes the one that waits for all the others, and then runs alone. It comes before the
# transaction's snapshot is taken, as LOCK TABLE is the one lock that needs none.
TOGETHER = "LOCK TABLE migrations IN ROW SHARE MODE"
ALONE = "LOCK TABLE migrations IN EXCLUSIVE MODE"
BEGIN_WRITING = f"BEGIN ISOLATION LEVEL SERIALIZABLE; %s; SELECT {NOW} AS now"
BEGIN_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT {NOW} AS now"

IN_THE_WAY = (pg.SerializationFailure, pg.DeadlockDetected)
# No server, no disk, no time; or a connection from before the server's restart, or from before a
# newer version changed the schema; or a standby, after a failover.
AWAY = (psycopg.OperationalError, pg.FeatureNotSupported, pg.ReadOnlySqlTransaction)


class PostgresTransaction:
    """A `Transaction` on one connection, for as long as it is open."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        self._cursor = psycopg.RawCursor(connection, row_factory=dict_row)
        self._now_ms = now_ms
        self.topics: set[str] = set()

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        """Run and return every row."""
        return self._run(sql, values).fetchall()

    def first(self, sql: str, *values: Value) -> Row | None:
        """Run and return the first row, or None."""
        return self._run(sql, values).fetchone()

    def run(self, sql: str, *values: Value) -> int:
        """Run and return how many rows were touched."""
        return self._run(sql, values).rowcount

    def now_ms(self) -> int:
        """The server's time: the same for every process, whatever their machines' clocks say."""
        return self._now_ms

    def announce(self, topic: str) -> None:
        """Remember a topic to be told after the commit."""
        self.topics.add(topic)

    def _run(self, sql: str, values: Sequence[Value]) -> psycopg.RawCursor[dict[str, Any]]:
        # `Any`: the type for literals can't see that the store's statements are all constants.
        return self._cursor.execute(cast("Any", _in_postgres(sql)), [_storable(v) for v in values])


@lru_cache(maxsize=512)
def _in_postgres(sql: str) -> str:
    """Uncover what only PostgreSQL needs: SQLite takes `/*postgres ... */` for a comment."""
    return re.sub(r"/\*postgres (.*?) ?\*/", r"\1", sql)


def _storable(value: Value) -> Value:
    """PostgreSQL keeps no NUL in texts; a far side's stray one must not stop the work."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


class PostgresDatabase:
    """The `Database` contract on a server. `clock` replaces the server's own, for tests."""

    def __init__(self, url: str, *, clock: Clock | None = None, readers: int = READERS) -> None:
        self._url = url
        self._clock = clock
        self._readers = readers
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._writing: ThreadPoolExecutor | None = None  # slow readers must not hold it up
        self._queue = WriteQueue(self._commit, most=MOST_IN_ONE_COMMIT)
        self._news: News | None = None

    async def open(self) -> None:
        """Connect, migrate, check that commits are durable. Raises UserMistake."""
        self._url = with_defaults(self._url)
        self._threads = ThreadPoolExecutor(self._readers, thread_name_prefix="postgres reads")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="postgres writes")
        self._free = queue.LifoQueue()
        for _ in range(self._readers + 1):
            self._free.put(None)
        try:
            schema = await _hop(self._writing, self._prepare)
        except (psycopg.Error, BridgeError) as error:
            await self.close()
            if isinstance(error, UserMistake):
                raise
            raise UserMistake(f"BRIDGE_DATABASE_URL: can't open it: {words_of(error)}") from error
        self._news = News(self._url, schema, self._queue)
        await self._news.start()
        self._queue.start()

    async def close(self) -> None:
        """Finish what has queued and disconnect."""
        await self._queue.stop()
        threads = [pool for pool in (self._threads, self._writing) if pool is not None]
        self._threads = self._writing = None
        for pool in threads:
            await asyncio.to_thread(pool.shutdown)
        if self._news is not None:
            await self._news.stop()
            self._news = None
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection.close()

    async def write(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run in the next commit; durable when this returns. Raises NotDurable."""
        return await self._queue.put(transaction, brief=brief)

    async def read(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run over one snapshot, beside the writer. Raises NotDurable."""
        del brief  # each statement is waited for here
        return await _hop(self._threads, lambda: self._read(transaction))

    def listen(self, topic: str, call: Callable[[], None]) -> None:
        """Call this, on the event loop, after each commit that announced the topic anywhere."""
        self._queue.listen(topic, call)

    def along(
        self, topic: str, transaction: Callable[[Transaction], T]
    ) -> asyncio.Future[T | None]:
        """Run right behind the commit of this process that next announces the topic. Raises
        NotDurable.

        In that very commit it would get into the way of other processes' far more often. What
        others announce is for listeners: else each would claim what one of them has.
        """
        return self._queue.along(topic, transaction)

    def withdraw(self, topic: str) -> bool:
        """Take back what waits to go along."""
        return self._queue.withdraw(topic)

    async def back_up(self, path: str) -> None:
        """Refuse: PostgreSQL brings its own tools. Raises UserMistake."""
        raise UserMistake(f"{path}: a PostgreSQL database is backed up with pg_dump, not by this")

    async def _commit(self, batch: list[Waiting]) -> None:
        try:
            await _hop(self._writing, lambda: self._commit_together(batch))
        except (NotDurable, psycopg.Error) as error:
            lost = error if isinstance(error, NotDurable) else NotDurable(words_of(error))
            for waiting in batch:
                waiting.fail(lost)
        else:
            if self._news is not None:
                self._news.tell(topic for waiting in batch for topic in waiting.topics)

    # -- on the threads -----------------------------------------------------------------------

    def _prepare(self) -> str:
        with self._connection(fresh=True) as connection:
            check_durability(connection)
            return migrate(connection)

    @contextmanager
    def _connection(self, *, fresh: bool) -> Iterator[Connection]:
        """A connection that works; one that has failed is not given back as if it did."""
        connection = self._free.get()  # there are as many as threads
        try:
            if connection is not None and (fresh or connection.closed):
                connection.close()
                connection = None
            if connection is None:
                connection = connect(self._url)
            yield connection
        finally:
            self._free.put(connection)

    def _read(self, transaction: Callable[[Transaction], T]) -> T:
        def run(connection: Connection) -> T:
            result = transaction(self._begin(connection, BEGIN_READING))
            connection.execute("ROLLBACK")
            return result

        try:
            return self._on_connection(run)
        except StopIteration as error:  # a future refuses it
            raise RuntimeError(str(error)) from error

    def _on_connection(self, run: Callable[[Connection], T]) -> T:
        """Run on a connection, and once more on a new one where the old one had broken.

        Raises NotDurable. What raises has not been committed.
        """
        for fresh in (False, True):
            try:
                with self._connection(fresh=fresh) as connection:
                    return _rolled_back(connection, run)
            except IN_THE_WAY:
                raise
            except AWAY as error:
                if fresh or isinstance(error, pg.QueryCanceled):
                    raise NotDurable(words_of(error)) from error
        raise AssertionError  # the second time ends either way

    def _commit_together(self, batch: list[Waiting]) -> None:
        """Run a batch in one commit, again until nobody gets in its way. Raises NotDurable."""
        for run in range(1, MOST_RUNS + 1):
            begin = BEGIN_WRITING % (TOGETHER if run <= POLITE_RUNS else ALONE)
            try:
                self._on_connection(
                    lambda connection, begin=begin, run=run: self._run_batch(  # type: ignore[misc]
                        connection, batch, begin, may_rerun=run < MOST_DOUBLES
                    )
                )
            except IN_THE_WAY:
                time.sleep(random.random() * 0.001 * 2 ** min(run, 4))  # noqa: S311 - spreads runs
            except _Double:
                continue
            else:
                return
        raise NotDurable(f"others got in the way {MOST_RUNS} times")

    def _run_batch(
        self, connection: Connection, batch: list[Waiting], begin: str, *, may_rerun: bool
    ) -> None:
        opened = self._begin(connection, begin)
        for number, waiting in enumerate(batch):
            # Releasing one and setting the next is one message.
            release = "RELEASE one; " if number else ""
            connection.execute(cast("Any", f"{release}SAVEPOINT one"))
            _run_one(connection, PostgresTransaction(connection, opened.now_ms()), waiting)
            if isinstance(waiting.error, pg.UniqueViolation) and may_rerun:
                raise _Double
        _commit(connection)

    def _begin(self, connection: Connection, begin: str) -> PostgresTransaction:
        # One message and one answer for all of it: the time costs no round trip of its own.
        began = connection.execute(cast("Any", begin))
        while began.nextset():
            pass
        server_ms = int(cast("tuple[int]", began.fetchone())[0])
        now_ms = server_ms if self._clock is None else self._clock.now_ms()
        return PostgresTransaction(connection, now_ms)


async def _hop(threads: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
    if threads is None:
        raise NotDurable("the database is closed")
    return await asyncio.get_running_loop().run_in_executor(threads, work)


class _Double(Exception):
    """A key was taken: perhaps by another process, a moment ago. The next run will see."""


def _rolled_back(connection: Connection, run: Callable[[Connection], T]) -> T:
    try:
        return run(connection)
    except BaseException:
        # A connection must never go back inside a transaction.
        with contextlib.suppress(psycopg.Error):
            connection.execute("ROLLBACK")
        raise


def _run_one(connection: Connection, opened: PostgresTransaction, waiting: Waiting) -> None:
    """Run one of a batch; its fault takes nothing from the others."""
    waiting.error, waiting.topics = None, set()  # what an earlier run left
    try:
        waiting.result = waiting.transaction(opened)
        waiting.topics = opened.topics
    except (*IN_THE_WAY, *AWAY):
        raise
    except BaseException as error:  # noqa: BLE001 - its caller gets it
        connection.execute("ROLLBACK TO one")
        waiting.fail(error)


def _commit(connection: Connection) -> None:
    try:
        connection.execute("COMMIT")
    except IN_THE_WAY:
        raise
    except psycopg.Error as error:
        # It may be durable or not; running it again could do everything twice. Whoever asked is
        # told that nothing was promised, and what they send again is known by its id.
        connection.close()
        raise NotDurable(f"the answer to a commit was lost: {words_of(error)}") from error
