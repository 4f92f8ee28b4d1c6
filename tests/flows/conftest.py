"""The whole bridge between the sandbox's far sides, over real HTTP, on a real SQLite file."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest

from bridge.clock import Clock
from bridge.sandbox.demo import Sandbox
from tests import postgres
from tests.stores import choose_engines

ALL_ENGINES = "BRIDGE_TESTS_ALL_ENGINES"
# Of the machine: Hypothesis seeds the other, alike in every process, and all would meet there.
NOBODYS = random.SystemRandom()
_KEEPERS: deque[socket.socket] = deque(maxlen=64)  # of the ports that were asked for last
NewStore = Callable[[Path], str]  # the URL of a new store; on SQLite a file in this folder
QUICK = {
    "BRIDGE_RETRY_BASE": "0.05",
    "BRIDGE_RETRY_MAX": "0.2",
    "BRIDGE_SETTLE_WAIT": "0.1",
    "BRIDGE_HTTP_TIMEOUT": "5",
    # Tests write in a second what people write in minutes; where limits matter, a test sets them.
    "BRIDGE_ZENDESK_UPDATES_PER_MINUTE": "100000",
    "BRIDGE_ZENDESK_UPDATES_PER_TICKET": "10000",
}


class Start(Protocol):
    """Starts a sandbox with settings of its own."""

    def __call__(
        self, settings_file: str = ..., *, clock: Clock | None = ..., **changes: str
    ) -> Awaitable[Sandbox]: ...


def free_port() -> int:
    """A port that nobody listens on, outside the range that port 0 is served from: the far sides
    start later, and take theirs from there.

    It is kept for whoever asked: a process that is killed finds it free when it starts again.
    """
    while True:
        port = NOBODYS.randrange(20_000, 30_000)
        keeper = socket.socket()
        try:
            keeper.bind(("127.0.0.1", port))
        except OSError:
            keeper.close()
            continue
        # A socket that does not listen shares its port with servers, who ask for that, and with
        # nobody who only tries it as above.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if len(_KEEPERS) == _KEEPERS.maxlen:
            _KEEPERS.popleft().close()
        _KEEPERS.append(keeper)
        return port


async def eventually(
    holds: Callable[[], object] | Callable[[], Awaitable[object]], *, within_s: float = 60.0
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run everything on SQLite, and on PostgreSQL what is marked so (in the full check: all)."""
    choose_engines(metafunc, everything=bool(os.environ.get(ALL_ENGINES)))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
def new_store(engine: str, request: pytest.FixtureRequest) -> Iterator[NewStore]:
    """Makes stores with nothing in them, each gone at the end."""
    with ExitStack() as stack:

        def make(folder: Path) -> str:
            if engine == "sqlite":
                return f"sqlite:///{folder / 'sandbox.db'}"
            server = request.getfixturevalue("postgres_server")
            return stack.enter_context(postgres.schema(server))

        yield make


@pytest.fixture
async def start_sandbox(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Start]:
    """Start sandboxes; all are stopped at the end."""
    started: list[Sandbox] = []

    async def start(
        settings_file: str = "", *, clock: Clock | None = None, **changes: str
    ) -> Sandbox:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        settings = {**QUICK, "BRIDGE_DATABASE_URL": new_store(folder), **changes}
        sandbox = Sandbox(folder=folder, port=free_port(), clock=clock, changes=settings)
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
