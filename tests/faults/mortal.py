"""A bridge that can die at any of its steps, inside the test's own process.

A step is a commit or a call to a far side. The service is the real one; its database and its way
out are wrapped from outside. A death does what kill -9 does to those who watch: connections are
reset, nothing is answered, and no `finally` or `except` of the dead can store or send anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from bridge.app import Service
from bridge.errors import NotDurable
from bridge.http import Answer, CallFailed, HttpClient
from bridge.store.database import Transaction

T = TypeVar("T")
At = Literal["commit", "call"]
How = Literal["dies before", "dies after", "loses the request", "loses the answer", "refuses"]

# Everything that can happen at a step. Whoever lives on has to deal with it as well.
FAULTS: tuple[tuple[At, How], ...] = (
    ("commit", "dies before"),
    ("commit", "dies after"),
    ("commit", "refuses"),
    ("call", "dies before"),
    ("call", "dies after"),
    ("call", "loses the request"),
    ("call", "loses the answer"),
    ("call", "refuses"),
)


class Dead(Exception):
    """What a transaction of the dead ends with: it is rolled back."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """What is to happen at the n-th commit or call from now on (1: the next); of those with this
    in their name, where one is given."""

    at: At
    how: How
    number: int
    of: str = ""
    happened_at: str | None = None  # the step's name, once it has happened


@dataclass(slots=True)
class Mortal:
    """One life of a service. `steps` names every commit and call so far."""

    service: Service
    fault: Fault | None = None
    steps: list[tuple[At, str]] = field(default_factory=list)
    is_dead: bool = False
    _starting: asyncio.Task[None] | None = None
    _counts: dict[At, int] = field(default_factory=lambda: {"commit": 0, "call": 0})

    def __post_init__(self) -> None:
        self._wrap_database()
        for client in _clients(self.service):
            self._wrap_client(client)

    def arm(self, fault: Fault | None) -> None:
        """Count from here, and let this happen."""
        self._counts = {"commit": 0, "call": 0}
        self.fault = fault

    async def start(self) -> None:
        """Start the service; it may die of it."""
        self._starting = asyncio.create_task(self.service.start())
        await asyncio.wait([self._starting])
        if not self.is_dead:
            self._starting.result()

    def die(self) -> None:
        """End everything at once; nothing may be stored, sent or answered from here on."""
        self.is_dead = True
        runner = self.service._runner
        if runner is not None:
            _hang_up(runner)
        for task in self._tasks():
            task.cancel()

    async def bury(self) -> None:
        """Give back what the kernel would: sockets, files, threads."""
        self.die()
        await asyncio.gather(*self._tasks(), return_exceptions=True)
        if self.service._runner is not None:
            await self.service._runner.cleanup()
        for client in _clients(self.service):
            await client.close()
        await self.service.database.close()

    def _tasks(self) -> list[asyncio.Task[None]]:
        lanes = [task for worker in self.service._workers for task in worker._running]
        starting = [self._starting] if self._starting is not None else []
        return [*starting, *self.service._tasks, *lanes]

    def _wrap_database(self) -> None:
        database = self.service.database
        real_write, real_read = database.write, database.read

        async def write(transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
            self._live()
            how = self._reached("commit", transaction.__qualname__)
            if how == "dies before":
                self._end()
            if how == "refuses":
                raise NotDurable("the disk is full, says the test")
            try:
                result = await real_write(self._unless_dead(transaction), brief=brief)
            except Dead:
                raise asyncio.CancelledError from None
            if how == "dies after":
                self._end()
            self._live()
            return result

        async def read(transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
            self._live()
            result = await real_read(transaction, brief=brief)
            self._live()
            return result

        setattr(database, "write", write)  # noqa: B010 - a method, of this one object
        setattr(database, "read", read)  # noqa: B010

    def _wrap_client(self, client: HttpClient) -> None:
        real_call = client.call

        async def call(
            method: str,
            url: str,
            *,
            headers: Mapping[str, str] | None = None,
            body: bytes | None = None,
        ) -> Answer:
            self._live()
            how = self._reached("call", f"{method} {_place(url)}")
            if how == "dies before":
                self._end()
            if how == "refuses":
                raise CallFailed("no connection, says the test", sent=False)
            if how == "loses the request":
                raise CallFailed("request lost, says the test", sent=True)
            answer = await real_call(method, url, headers=headers, body=body)
            if how == "dies after":
                self._end()
            self._live()
            if how == "loses the answer":
                raise CallFailed("answer lost, says the test", sent=True)
            return answer

        setattr(client, "call", call)  # noqa: B010

    def _reached(self, at: At, name: str) -> How | None:
        """Count a step. Returns what is to happen at it."""
        self.steps.append((at, name))
        fault = self.fault
        self._counts[at] += fault is None or fault.of in name
        if fault is None or fault.at != at or fault.of not in name:
            return None
        if fault.number != self._counts[at]:
            return None
        fault.happened_at = name
        return fault.how

    def _unless_dead(self, transaction: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
        """What has queued but not begun when we die is not committed."""

        def run(tx: Transaction) -> T:
            if self.is_dead:
                raise Dead
            return transaction(tx)

        return run

    def _live(self) -> None:
        if self.is_dead:
            raise asyncio.CancelledError

    def _end(self) -> None:
        self.die()
        self._live()


def _clients(service: Service) -> list[HttpClient]:
    return [service._desk_http, service._sign_on_http, *service._carrier_http.values()]


def _hang_up(runner: web.AppRunner) -> None:
    """Close the port and reset every connection, as the kernel does for a killed process."""
    for site in runner.sites:
        server = getattr(site, "_server", None)
        if server is not None:
            server.close()
    for connection in runner.server.connections if runner.server is not None else ():
        if connection.transport is not None:
            connection.transport.abort()


def _place(url: str) -> str:
    """A call's path without what differs from run to run."""
    parts = ["*" if part.isdigit() else part for part in urlsplit(url).path.split("/")]
    return "/".join(parts)
