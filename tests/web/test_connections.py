"""Connections that ask for nothing go, and hold up nobody who asks for something."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from bridge.web.connections import FEWEST, MOST, OWN_FILES, Connections, most_connections
from bridge.web.parts import CONNECTIONS
from bridge.web.server import WebParts, create_app, create_runner, create_site
from tests.web.far_sides import Taken
from tests.web.test_wire import BODY, PATH, SIGNATURE

Serve = Callable[[Connections], Awaitable[int]]
HEADERS = {SIGNATURE.partition(": ")[0]: SIGNATURE.partition(": ")[2]}
DRIPPING = 2_000
TEXTS = 200
LONG_S = 30.0


@pytest.fixture
async def serve(make_parts: Callable[[str | None], WebParts]) -> AsyncIterator[Serve]:
    """Serve as the service does, by these rules; returns the port."""
    async with AsyncExitStack() as stack:

        async def start(rules: Connections) -> int:
            app = create_app(make_parts(None))
            app[CONNECTIONS].most = rules.most
            app[CONNECTIONS].first_within_s = rules.first_within_s
            runner = create_runner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = create_site(runner, "127.0.0.1", 0)
            app[CONNECTIONS].most = rules.most
            await site.start()
            return int(runner.addresses[0][1])

        yield start


@asynccontextmanager
async def silent(port: int) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that begins a request and never ends its headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"POST {PATH} HTTP/1.1\r\nX: ".encode())
        yield reader
    finally:
        writer.close()


@asynccontextmanager
async def caller(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps its one connection."""
    connector = aiohttp.TCPConnector(limit=1)
    timeout = aiohttp.ClientTimeout(total=LONG_S)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(url, connector=connector, timeout=timeout) as session:
        yield session


async def brings(session: aiohttp.ClientSession) -> int:
    async with session.post(PATH, data=BODY, headers=HEADERS) as answer:
        return answer.status


async def ended(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(LONG_S):
        assert await reader.read() == b""


async def test_who_does_not_ask_in_time_is_cut_off_and_who_has_asked_stays(serve: Serve) -> None:
    port = await serve(Connections(first_within_s=0.3))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with silent(port) as cut_off:
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(LONG_S):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
                await reader.readuntil(b"}")
            await ended(cut_off)
    writer.close()


async def test_where_there_are_too_many_the_longest_silent_one_goes(serve: Serve) -> None:
    port = await serve(Connections(most=3, first_within_s=LONG_S * 2))
    async with (
        silent(port) as first,
        silent(port) as second,
        silent(port),
        caller(port) as session,
    ):
        assert await brings(session) == 200
        await ended(first)
        assert not second.at_eof()


async def test_where_all_have_asked_one_more_is_refused_until_one_leaves(serve: Serve) -> None:
    port = await serve(Connections(most=2))
    async with caller(port) as one:
        async with caller(port) as other:
            assert await brings(one) == await brings(other) == 200
            async with silent(port) as refused:
                await ended(refused)
            assert await brings(one) == await brings(other) == 200
        async with asyncio.timeout(LONG_S):
            while True:  # until the one that left is known to have
                try:
                    async with caller(port) as late:
                        assert await brings(late) == 200
                        break
                except aiohttp.ClientConnectionError:
                    continue


@pytest.mark.slow
async def test_among_thousands_that_drip_texts_are_taken(serve: Serve, taken: Taken) -> None:
    port = await serve(Connections(most=DRIPPING))
    async with AsyncExitStack() as stack:
        for _ in range(DRIPPING):
            await stack.enter_async_context(silent(port))
        for _ in range(TEXTS):
            async with caller(port) as session:
                assert await brings(session) == 200
    assert len(taken.texts) == TEXTS


def test_it_asks_for_the_descriptors_that_its_connections_need() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 600), hard))
        most = most_connections()
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    wanted = MOST + OWN_FILES
    assert now == (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    assert most == max(FEWEST, min(MOST, now - OWN_FILES))
