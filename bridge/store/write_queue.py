"""Writers queue; whatever has queued while one commit was under way goes into the next.

One flush pays for all of them, and what a process was told first it keeps first: the order of
arrival is the order of the rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from bridge.errors import NotDurable
from bridge.store.database import Transaction

T = TypeVar("T")
# What is ready on the loop in these turns of it goes along. Without, the first of those that come
# together had a commit to itself and the others the next: of 16 callers, 1 and 14 by turns, a third
# less of them a second, each for a fifth more of the processor's time.
TURNS = 2
PATIENCE_S = 5.0  # so long a caller waits behind commits that fail: a carrier gives us 15 s


@dataclass(slots=True)
class Waiting:
    """A transaction that waits for its commit, and afterwards what came of it."""

    transaction: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    brief: bool = False
    along: str = ""  # the topic with which it goes along
    topics: set[str] = field(default_factory=set)
    result: Any = None
    error: BaseException | None = None
    since_s: float = field(default_factory=time.monotonic)

    def fail(self, error: BaseException) -> None:
        """Note that nothing of it was kept."""
        # A future refuses StopIteration, which would end the writer.
        self.error = RuntimeError(str(error)) if isinstance(error, StopIteration) else error


class WriteQueue:
    """Hands `commit` what waits, a batch of at most `most` at a time, and answers the callers.

    After `commit` each of a batch has its result or its error; it never raises.
    """

    def __init__(self, commit: Callable[[list[Waiting]], Awaitable[None]], *, most: int) -> None:
        self._commit = commit
        self._most = most
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue()
        self._writing: asyncio.Task[None] | None = None
        self._closing = False
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._along: dict[str, Waiting] = {}

    def start(self) -> None:
        """Begin to write."""
        self._closing = False
        self._writing = asyncio.create_task(self._write(), name="database writer")

    async def stop(self) -> None:
        """Finish what has queued and take nothing more."""
        self._closing = True  # what came after the end of the queue would never be answered
        for topic in list(self._along):
            self.withdraw(topic)
        if self._writing is not None:
            self._queue.put_nowait(None)
            await self._writing
            self._writing = None

    async def put(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run in the next commit; durable when this returns. Raises NotDurable."""
        if self._closing or self._writing is None or self._writing.done():
            raise NotDurable("the database is closed")
        waiting = Waiting(transaction, asyncio.get_running_loop().create_future(), brief)
        self._queue.put_nowait(waiting)
        try:
            return cast("T", await waiting.future)
        finally:
            # What it failed with leads back to here, and with it to everything that its callers
            # hold: a circle, which in a storm of refused webhooks is their bodies.
            del waiting

    def along(self, topic: str, transaction: Callable[[Transaction], T]) -> asyncio.Future[Any]:
        """Run with the next commit that announces the topic. Raises NotDurable."""
        if self._closing:
            raise NotDurable("the database is closed")
        assert topic not in self._along, "one at a time"  # noqa: S101 - a fault of ours
        waiting = Waiting(
            transaction, asyncio.get_running_loop().create_future(), brief=True, along=topic
        )
        self._along[topic] = waiting
        return waiting.future

    def withdraw(self, topic: str) -> bool:
        """Take back what waits to go along; its future gets None."""
        waiting = self._along.pop(topic, None)
        if waiting is None:
            return False
        if not waiting.future.done():
            waiting.future.set_result(None)
        return True

    def going_along(self, topics: Iterable[str]) -> list[Waiting]:
        """What is to run in the commit that announces these: part of its batch from now on."""
        found = [self._along.pop(topic, None) for topic in topics]
        return [waiting for waiting in found if waiting is not None]

    def listen(self, topic: str, call: Callable[[], None]) -> None:
        """Call this after each commit that announced the topic."""
        self._listeners.setdefault(topic, []).append(call)

    def topics(self) -> Sequence[str]:
        """What somebody listens to."""
        return list(self._listeners)

    def tell(self, topic: str) -> None:
        """Call whoever listens to this topic."""
        for call in self._listeners.get(topic, ()):
            asyncio.get_running_loop().call_soon(call)  # its faults are not the writer's

    async def _write(self) -> None:
        while await self._write_batch():
            pass

    async def _write_batch(self) -> bool:
        """Commit what is next and answer; False at the end. Nothing of it is held afterwards."""
        batch = await self._next_batch()
        if not batch:
            return False
        await self._commit(batch)
        seen: set[str] = set()
        for waiting in reversed(batch):
            waiting.topics -= seen  # of what went along with it, nobody need be told
            seen.add(waiting.along)
        for waiting in batch:
            self._answer(waiting)
        if all(isinstance(waiting.error, NotDurable) for waiting in batch):
            self._give_up(str(batch[0].error))
        return True

    def _give_up(self, words: str) -> None:
        """Let nobody who has waited long already wait for a commit that fails just as well."""
        kept = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        for waiting in kept:
            if waiting is not None and time.monotonic() - waiting.since_s > PATIENCE_S:
                waiting.fail(NotDurable(words))
                self._answer(waiting)
            else:
                self._queue.put_nowait(waiting)

    async def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        waiting = await self._queue.get()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        while waiting is not None:
            batch.append(waiting)
            if self._queue.empty() or len(batch) >= self._most:
                return batch
            waiting = self._queue.get_nowait()
        if batch:
            self._queue.put_nowait(None)  # closing: this batch first, then the end again
        return batch

    def _answer(self, waiting: Waiting) -> None:
        if waiting.error is None:
            for following in self.going_along(waiting.topics):
                self._queue.put_nowait(following)
            for topic in waiting.topics:
                self.tell(topic)
        if waiting.future.done():  # its caller has gone away; what was committed stays so
            return
        if waiting.error is None:
            waiting.future.set_result(waiting.result)
        else:
            waiting.future.set_exception(waiting.error)
