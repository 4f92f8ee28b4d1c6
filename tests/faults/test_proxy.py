"""Each fault of the proxy, against a small server that notes what reaches it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.faults.proxy import KINDS, Fault, FaultProxy, Kind, Program, RandomFaults
from tests.flows.conftest import eventually, free_port

ANSWER = b"here you are " * 100
PATIENCE_S = 0.5


class Site:
    """A server, a proxy in front of it, and somebody who asks."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.connections: set[object] = set()
        self.proxy = FaultProxy()
        app = web.Application()
        app.router.add_post("/", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append(await request.read())
        self.connections.add(request.transport)
        return web.Response(body=ANSWER)

    def breaks(self, kind: Kind, seconds: float = 0.0) -> None:
        faults = iter([Fault(kind=kind, seconds=seconds)])
        self.proxy.program = lambda _request: next(faults, None)

    async def ask(self, session: aiohttp.ClientSession, body: object = b"please") -> bytes:
        async with session.post(self.proxy.url, data=body) as response:
            return await response.read()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.server.start_server()
    await made.proxy.start()
    made.proxy.upstreams = [made.server.port or 0]
    yield made
    await made.proxy.stop()
    await made.server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=patience) as opened:
        yield opened


async def test_what_is_not_broken_passes_unharmed(
    site: Site, session: aiohttp.ClientSession
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"in "
        yield b"chunks"

    assert await site.ask(session) == ANSWER
    assert await site.ask(session, pieces()) == ANSWER
    assert site.seen == [b"please", b"in chunks"]


BROKEN: list[tuple[Kind, type[Exception], int]] = [
    ("drop", aiohttp.ServerDisconnectedError, 0),
    ("black_hole", TimeoutError, 0),
    ("half_open", TimeoutError, 1),
    ("cut_request", aiohttp.ClientOSError, 0),
    ("lose_answer", aiohttp.ClientOSError, 1),
    ("cut_answer", aiohttp.ClientPayloadError, 1),
]


@pytest.mark.parametrize(("kind", "error", "applied"), BROKEN)
async def test_a_call_is_broken_before_or_after_it_is_applied(
    site: Site,
    session: aiohttp.ClientSession,
    kind: Kind,
    error: type[Exception],
    applied: int,
) -> None:
    site.breaks(kind)

    with pytest.raises(error):
        await site.ask(session)

    assert len(site.seen) == applied
    assert site.proxy.injected == {kind: 1}
    assert await site.ask(session) == ANSWER


@pytest.mark.parametrize("kind", ["delay", "slow_answer", "drip", "drip_request"])
async def test_a_slow_call_arrives_whole(
    site: Site, session: aiohttp.ClientSession, kind: Kind
) -> None:
    site.breaks(kind, seconds=0.2)
    began = asyncio.get_running_loop().time()

    assert await site.ask(session) == ANSWER

    assert asyncio.get_running_loop().time() - began > 0.18
    assert site.seen == [b"please"]


async def test_a_delayed_request_lands_though_nobody_waits_for_it(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.breaks("delay", seconds=PATIENCE_S + 0.2)

    with pytest.raises(TimeoutError):
        await site.ask(session)

    assert site.seen == []
    await eventually(lambda: site.seen == [b"please"])


async def test_a_repeated_request_is_the_same_twice_and_answered_once(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.breaks("repeat")

    assert await site.ask(session) == ANSWER

    assert site.seen == [b"please", b"please"]
    assert len(site.connections) == 2


async def test_who_does_not_listen_is_passed_over(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.proxy.upstreams = [free_port(), *site.proxy.upstreams, free_port()]

    assert [await site.ask(session) for _ in range(8)] == [ANSWER] * 8


async def test_where_nobody_listens_the_connection_is_reset(
    site: Site, session: aiohttp.ClientSession
) -> None:
    site.proxy.upstreams = [free_port()]

    with pytest.raises(aiohttp.ClientOSError):
        await site.ask(session)


def drawn(program: Program) -> list[Fault | None]:
    return [program(b"") for _ in range(1000)]


def random_faults(seed: int) -> RandomFaults:
    return RandomFaults(seed=seed, share=0.2, weights=dict.fromkeys(KINDS, 1.0), longest_s=1.0)


def test_a_seed_is_a_program() -> None:
    first = drawn(random_faults(1))
    faults = [fault for fault in first if fault is not None]

    assert first == drawn(random_faults(1)) != drawn(random_faults(2))
    assert {fault.kind for fault in faults} == set(KINDS)
    assert 100 < len(faults) < 300
