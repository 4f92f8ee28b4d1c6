"""The real `bridge serve`, as a process of its own between the sandbox's far sides."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import psycopg

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import QUICK, NewStore, eventually, free_port


def end_leases(sandbox: Sandbox) -> None:
    """What a minute does to the claims of a process that is no more (a SQLite file's next one
    does it by itself)."""
    assert sandbox.settings is not None
    if sandbox.settings.uses_postgres:
        with psycopg.connect(sandbox.settings.database_url) as connection:
            connection.execute("LOCK TABLE lanes IN EXCLUSIVE MODE")  # another may be at work
            connection.execute("UPDATE lanes SET due_at = 0 WHERE lease IS NOT NULL")


class Process:
    """One `bridge serve`. Its log goes to `log_path`, behind what earlier ones wrote.

    `changes` are variables of its own; `inside` is a command that runs the one given to it.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        *,
        port: int | None = None,
        changes: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._port = port
        self.changes = dict(changes or {})
        self.inside = inside
        self.log_path = folder / ("log.jsonl" if port is None else f"log{port}.jsonl")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it listens: at the sandbox's own address unless it has a port of its own."""
        return self._sandbox.url if self._port is None else f"http://127.0.0.1:{self._port}"

    async def start(self, *, within_s: float = 60.0) -> None:
        """Start it, and wait until it listens."""
        self._process = await self._spawn()
        process = self._process

        async def is_ready() -> bool:
            assert process.returncode is None, self.log_path.read_text()
            try:
                async with (
                    aiohttp.ClientSession(self.url) as session,
                    session.get("/readyz") as response,
                ):
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(is_ready, within_s=within_s)

    async def start_beside(self) -> tuple[int, str]:
        """Start a second one on the same database; returns its exit code and what it said."""
        process = await self._spawn(BRIDGE_PORT=str(free_port()))
        written = self.log_path.stat().st_size
        code = await asyncio.wait_for(process.wait(), 40.0)
        return code, self.log_path.read_text()[written:]

    async def kill(self, *, lease_holds: bool = False) -> None:
        """End it with SIGKILL: nothing is finished, nothing is handed back.

        On PostgreSQL what it had claimed is free after a minute, which passes here at once.
        """
        await self._end(signal.SIGKILL, within_s=20.0)
        if not lease_holds:
            end_leases(self._sandbox)

    async def terminate(self, *, within_s: float) -> int:
        """Ask it to end with SIGTERM, and return its exit code."""
        return await self._end(signal.SIGTERM, within_s=within_s)

    async def ended(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), 60.0)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal and wait for nothing."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    async def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.returncode is None:
            await self.kill(lease_holds=True)

    def lines(self) -> list[dict[str, Any]]:
        """Its log so far."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    async def _end(self, number: signal.Signals, *, within_s: float) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), within_s)

    async def _spawn(self, **changes: str) -> asyncio.subprocess.Process:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            **self._sandbox._environment,
            **({} if self._port is None else {"BRIDGE_PORT": str(self._port)}),
            **self.changes,
            **changes,
        }
        with self.log_path.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(*self.inside, sys.executable, "-m", "bridge", "serve"),
                cwd=self._folder,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )


class Serve(Protocol):
    """Starts far sides and a process with settings of its own."""

    def __call__(self, **changes: str) -> Awaitable[tuple[Sandbox, Process]]: ...


@asynccontextmanager
async def beside(sandbox: Sandbox, folder: Path, **changes: str) -> AsyncIterator[Process]:
    """A second process with a port of its own, not started; it is ended with the block."""
    process = Process(sandbox, folder, port=free_port(), changes=changes)
    try:
        yield process
    finally:
        await process.close()


@asynccontextmanager
async def serving(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Serve]:
    """Hand out sandboxes whose bridge is a process; all are stopped at the end."""
    started: list[tuple[Sandbox, Process]] = []

    async def serve(**changes: str) -> tuple[Sandbox, Process]:
        folder = tmp_path / f"served{len(started)}"
        folder.mkdir()
        settings: Mapping[str, str] = {
            **QUICK,
            "BRIDGE_DATABASE_URL": new_store(folder),
            **changes,
        }
        sandbox = Sandbox(folder=folder, port=free_port(), changes=settings)
        process = Process(sandbox, folder)
        started.append((sandbox, process))
        await sandbox.start_far_sides()
        await sandbox.set_up()
        await process.start()
        return sandbox, process

    try:
        yield serve
    finally:
        for sandbox, process in started:
            await process.close()
            await sandbox.stop()
