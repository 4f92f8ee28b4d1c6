"""Connections that ask for nothing go, and hold up nobody who asks for something."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from bridge.web.connections import (
    BACKLOG,
    FEWEST,
    HEADERS_WITHIN_S,
    MOST,
    OWN_FILES,
    Connections,
    most_and_backlog,
)
from bridge.web.parts import CONNECTIONS
from bridge.web.server import WebParts, create_app, create_runner, create_site, runner_options
from tests.flows.conftest import eventually
from tests.web.far_sides import Taken
from tests.web.test_wire import BODY, PATH, SIGNATURE, head

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[Connections], Awaitable[int]]
HEADERS = {SIGNATURE.partition(": ")[0]: SIGNATURE.partition(": ")[2]}
BEGUN = f"POST {PATH} HTTP/1.1\r\nX: ".encode()  # headers without an end
PROBE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
DRIPPING = 2_000
TEXTS = 200
LONG_S = 30.0
SHORT_S = 0.3


@pytest.fixture
async def serve(make_parts: Callable[[str | None], WebParts]) -> AsyncIterator[Serve]:
    """Serve as the service does, by these rules; returns the port."""
    async with AsyncExitStack() as stack:

        async def start(rules: Connections) -> int:
            app = create_app(make_parts(None))
            app[CONNECTIONS], most = rules, rules.most
            runner = create_runner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = create_site(runner, "127.0.0.1", 0)
            rules.most = most
            await site.start()
            return int(runner.addresses[0][1])

        yield start


@asynccontextmanager
async def connected(port: int, *sent: bytes) -> AsyncIterator[Pair]:
    """A connection that has sent this."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.writelines(sent)
        yield reader, writer
    finally:
        writer.close()


async def answered(pair: Pair) -> None:
    """Ask, and wait for the whole answer."""
    pair[1].write(PROBE)
    async with asyncio.timeout(LONG_S):
        assert (await pair[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await pair[0].readuntil(b"}")


async def brings(port: int) -> int:
    """Bring a text over a connection of its own."""
    timeout = aiohttp.ClientTimeout(total=LONG_S)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as session,
        session.post(PATH, data=BODY, headers=HEADERS) as answer,
    ):
        return answer.status


async def ended(pair: Pair) -> None:
    """Wait until the other end has closed it."""
    async with asyncio.timeout(LONG_S):
        try:
            assert await pair[0].read() == b""
        except ConnectionResetError:
            return


async def test_who_does_not_ask_in_time_is_cut_off_and_who_has_asked_stays(serve: Serve) -> None:
    port = await serve(Connections(headers_within_s=SHORT_S))
    async with connected(port) as asks, connected(port) as silent, connected(port, BEGUN) as drips:
        await answered(asks)
        await ended(silent)
        await ended(drips)
        await answered(asks)


async def test_headers_of_a_later_request_have_no_more_time(serve: Serve) -> None:
    port = await serve(Connections(headers_within_s=SHORT_S))
    async with connected(port) as drips:
        await answered(drips)
        drips[1].write(BEGUN)
        ends = asyncio.create_task(ended(drips))
        while not ends.done():
            drips[1].write(b"x")
            await asyncio.wait([ends], timeout=0.02)
        await ends


async def test_a_body_that_takes_longer_than_headers_may_is_waited_for(
    serve: Serve, taken: Taken
) -> None:
    port = await serve(Connections(headers_within_s=SHORT_S))
    length = f"Content-Length: {len(BODY)}"
    async with connected(port, head(PATH, SIGNATURE, length)) as slow, connected(port) as silent:
        await ended(silent)
        slow[1].write(BODY)
        async with asyncio.timeout(LONG_S):
            assert (await slow[0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    assert len(taken.texts) == 1


async def test_where_there_are_too_many_the_longest_silent_one_goes(serve: Serve) -> None:
    port = await serve(Connections(most=3, headers_within_s=LONG_S * 2))
    async with connected(port) as asked, connected(port, BEGUN) as first, connected(port) as last:
        await answered(asked)  # so that it is no longer the first
        assert await brings(port) == 200
        await ended(first)
        assert not asked[0].at_eof()
        assert not last[0].at_eof()

        async with connected(port), connected(port), connected(port):
            await ended(last)
            await ended(asked)


async def test_where_all_are_at_work_one_more_is_refused(serve: Serve) -> None:
    rules = Connections(most=2)
    port = await serve(rules)
    begun = head(PATH, SIGNATURE, f"Content-Length: {len(BODY)}")
    async with connected(port) as one, connected(port) as other:
        for pair in (one, other):
            await answered(pair)
            pair[1].write(begun)  # its handler waits for the body
        await eventually(lambda: not rules._silent)
        async with connected(port) as refused:
            await ended(refused)
        for pair in (one, other):
            pair[1].write(BODY)
            async with asyncio.timeout(LONG_S):
                assert (await pair[0].readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        assert await brings(port) == 200


async def test_a_burst_of_connections_goes_as_each_of_them_would(serve: Serve) -> None:
    port = await serve(Connections(most=5, headers_within_s=SHORT_S))
    sockets = [socket.socket() for _ in range(20)]
    for each in sockets:  # before the server can look at the first
        each.connect(("127.0.0.1", port))
    pairs = [await asyncio.open_connection(sock=each) for each in sockets]

    for pair in pairs:
        await ended(pair)
        pair[1].close()
    assert await brings(port) == 200


@pytest.mark.slow
async def test_among_thousands_that_drip_texts_are_taken(serve: Serve, taken: Taken) -> None:
    port = await serve(Connections(most=DRIPPING))
    async with AsyncExitStack() as stack:
        for number in range(DRIPPING):
            pair = await stack.enter_async_context(connected(port))
            if number % 2:
                await answered(pair)  # half of them have asked for something before
            pair[1].write(BEGUN)
        for _ in range(TEXTS):
            assert await brings(port) == 200
    assert len(taken.texts) == TEXTS


def test_it_asks_for_the_descriptors_that_its_connections_need() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 600), hard))
        most, backlog = most_and_backlog()
        now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    wanted = MOST + BACKLOG + OWN_FILES
    assert now == (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    assert most == FEWEST or most + backlog + OWN_FILES <= now


def test_a_service_has_times_for_headers_and_between_requests() -> None:
    assert 0 < runner_options()["keepalive_timeout"] <= 75
    assert 0 < Connections().headers_within_s == HEADERS_WITHIN_S <= 10
