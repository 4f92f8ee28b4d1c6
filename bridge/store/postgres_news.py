"""What was announced reaches the other processes: PostgreSQL's NOTIFY and LISTEN.

It is a wake-up and nothing more. What gets lost here, the others find when they look for
themselves, a second later at most.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

import psycopg
import structlog
from psycopg import sql

from bridge.ids import new_id
from bridge.store.write_queue import WriteQueue

log = structlog.get_logger()
TELL_EVERY_S = 0.005  # in batches: commits that NOTIFY wait for one another on the server
RECONNECT_S = 1.0
LONGEST_NAME = 63  # bytes of an identifier


class News:
    """Tells and hears topics, on connections of its own: one that waits can't do anything else."""

    def __init__(self, url: str, schema: str, listeners: WriteQueue) -> None:
        self._url = url
        # Channels belong to the whole database, and two bridges may share one.
        self._channel = f"bridge {schema}"[:LONGEST_NAME]
        self._listeners = listeners
        self._name = new_id()  # our own news we have heard already
        self._untold: set[str] = set()
        self._is_untold = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to tell and to hear; returns when the ear is open or could not be opened."""
        ready = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._go_on(self._tell), name="database tells"),
            asyncio.create_task(self._go_on(lambda: self._hear(ready)), name="database hears"),
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), RECONNECT_S)

    async def stop(self) -> None:
        """Tell no more, hear no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def tell(self, topics: Iterable[str]) -> None:
        """Have the other processes told, soon."""
        self._untold.update(topics)
        if self._untold:
            self._is_untold.set()

    async def _go_on(self, work: Callable[[], object]) -> None:
        """Do this for ever, with a new connection after a lost one."""
        while True:
            try:
                await work()  # type: ignore[misc]
            except (psycopg.Error, OSError) as error:
                log.warning("database.news_lost", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_S)

    async def _tell(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            while True:
                await self._is_untold.wait()
                await asyncio.sleep(TELL_EVERY_S)
                self._is_untold.clear()
                topics, self._untold = self._untold, set()
                for topic in topics:
                    words = f"{self._name} {topic}"
                    await connection.execute("SELECT pg_notify(%s, %s)", (self._channel, words))

    async def _hear(self, ready: asyncio.Event) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            ready.set()
            for topic in self._listeners.topics():
                self._listeners.tell(topic)  # whatever was said while nobody listened
            async for notice in connection.notifies():
                teller, _, topic = notice.payload.partition(" ")
                if teller != self._name:
                    self._listeners.tell(topic)
