"""The whole bridge between the sandbox's far sides, over real HTTP, on a real SQLite file."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest

from bridge.clock import Clock
from bridge.sandbox.demo import Sandbox

QUICK = {
    "BRIDGE_RETRY_BASE": "0.05",
    "BRIDGE_RETRY_MAX": "0.2",
    "BRIDGE_SETTLE_WAIT": "0.1",
    "BRIDGE_HTTP_TIMEOUT": "2",
}


class Start(Protocol):
    """Starts a sandbox with settings of its own."""

    def __call__(
        self, settings_file: str = ..., *, clock: Clock | None = ..., **changes: str
    ) -> Awaitable[Sandbox]: ...


def free_port() -> int:
    """A port that nobody listens on, outside the range that port 0 is served from: the far sides
    start later, and take theirs from there."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


async def eventually(
    holds: Callable[[], object] | Callable[[], Awaitable[object]], *, within_s: float = 8.0
) -> None:
    """Wait until `holds` is true. Fails the test when it isn't in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"did not come true within {within_s} s: {holds}")
        await asyncio.sleep(0.01)


@pytest.fixture
async def start_sandbox(tmp_path: Path) -> AsyncIterator[Start]:
    """Start sandboxes; all are stopped at the end."""
    started: list[Sandbox] = []

    async def start(
        settings_file: str = "", *, clock: Clock | None = None, **changes: str
    ) -> Sandbox:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        sandbox = Sandbox(
            folder=folder, port=free_port(), clock=clock, changes={**QUICK, **changes}
        )
        started.append(sandbox)
        await sandbox.start_far_sides()
        await (sandbox.set_up(settings_file) if settings_file else sandbox.set_up())
        await sandbox.make_service().start()
        return sandbox

    yield start
    for sandbox in started:
        await sandbox.stop()


@pytest.fixture
async def sandbox(start_sandbox: Start) -> Sandbox:
    """A sandbox as `bridge demo` has it, with short pauses."""
    return await start_sandbox()


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """The bridge's own API, as another program sees it."""
    headers = {"Authorization": f"Bearer {sandbox.api_token}"}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as session:
        yield session
