from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.http import LARGEST_ANSWER, Answer, CallFailed, HttpClient
from tests.desks.scripted import ClosesOnSecond, Handler, RawServer, http_answer, read_request

Start = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def raw_server() -> AsyncIterator[Start]:
    servers: list[RawServer] = []

    async def start(handler: Handler) -> str:
        servers.append(RawServer(handler))
        return await servers[-1].start()

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(timeout_s=0.5)
    await client.open()
    yield client
    await client.close()


async def test_an_answer_is_returned_whatever_its_status(
    http: HttpClient, raw_server: Start
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_answer(b'{"a": 1}', status="418 Teapot"))

    url = await raw_server(answer)

    got = await http.call("POST", url + "/x", body=b"{}")

    assert (got.status, got.json(), got.headers["content-type"]) == (
        418,
        {"a": 1},
        "application/json",
    )


async def test_a_put_on_a_dead_connection_arrives_exactly_once(
    http: HttpClient, raw_server: Start
) -> None:
    server = ClosesOnSecond()
    url = await raw_server(server)
    await http.call("GET", url + "/")

    with pytest.raises(CallFailed) as caught:
        await http.call("PUT", url + "/tickets/5", body=b"{}")

    assert caught.value.sent
    assert server.methods == ["GET", "PUT"]


async def test_by_default_aiohttp_would_have_sent_that_put_twice(
    http: HttpClient, raw_server: Start
) -> None:
    server = ClosesOnSecond()
    url = await raw_server(server)
    assert http._session is not None
    http._session._retry_connection = True
    await http.call("GET", url + "/")

    await http.call("PUT", url + "/tickets/5", body=b"{}")

    assert server.methods == ["GET", "PUT", "PUT"]


async def test_a_refused_connection_was_certainly_not_sent(http: HttpClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(CallFailed, match="no connection") as caught:
        await http.call("PUT", f"http://127.0.0.1:{port}/", body=b"{}")

    assert not caught.value.sent


async def test_an_unknown_host_was_certainly_not_sent(http: HttpClient) -> None:
    with pytest.raises(CallFailed, match="can't be resolved") as caught:
        await http.call("PUT", "http://zendesk.invalid/", body=b"{}")

    assert not caught.value.sent


async def test_no_connection_in_time_was_certainly_not_sent(http: HttpClient) -> None:
    with socket.socket() as full, socket.socket() as one, socket.socket() as two:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (one, two):  # a queue that is full: what comes now is not answered at all
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())

        with pytest.raises(CallFailed, match="no connection in time") as caught:
            await http.call("PUT", f"http://127.0.0.1:{full.getsockname()[1]}/", body=b"{}")

    assert not caught.value.sent


async def test_who_waits_for_a_place_has_no_deadline_yet(raw_server: Start) -> None:
    under_way: list[int] = [0]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        under_way.append(under_way[-1] + 1)
        await asyncio.sleep(0.4)
        under_way.append(under_way[-1] - 1)
        writer.write(http_answer(b"{}"))

    url = await raw_server(answer)
    http = HttpClient(timeout_s=1, at_once=2)
    await http.open()
    calls = [http.call("PUT", url + f"/{number}", body=b"{}") for number in range(6)]
    answers = await asyncio.gather(*calls)
    await http.close()

    assert [one.status for one in answers] == [200] * 6
    assert max(under_way) == 2


async def test_a_time_out_after_the_request_was_read_counts_as_sent(
    http: HttpClient, raw_server: Start
) -> None:
    got: list[bytes] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append((await read_request(reader))[1])
        await asyncio.sleep(60)

    url = await raw_server(swallow)

    with pytest.raises(CallFailed, match=r"no answer within 0\.5 s") as caught:
        await http.call("PUT", url + "/", body=b"whole")

    assert caught.value.sent
    assert got == [b"whole"]


async def test_a_dripping_answer_ends_with_the_deadline(
    http: HttpClient, raw_server: Start
) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_answer(b"", length=1000))
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    url = await raw_server(drip)

    with pytest.raises(CallFailed, match="no answer within") as caught:
        await http.call("GET", url + "/")

    assert caught.value.sent


async def test_a_connection_cut_before_the_answer_counts_as_sent(
    http: HttpClient, raw_server: Start
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    url = await raw_server(hang_up)

    with pytest.raises(CallFailed, match="connection lost") as caught:
        await http.call("POST", url + "/", body=b"{}")

    assert caught.value.sent


async def test_a_truncated_answer_is_no_answer(http: HttpClient, raw_server: Start) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_answer(b'{"ticket": {"id"', length=500))
        await writer.drain()

    url = await raw_server(cut)

    with pytest.raises(CallFailed, match="cut short") as caught:
        await http.call("PUT", url + "/", body=b"{}")

    assert caught.value.sent


async def test_an_answer_that_is_not_http_counts_as_sent(
    http: HttpClient, raw_server: Start
) -> None:
    async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        await writer.drain()

    url = await raw_server(mumble)

    with pytest.raises(CallFailed) as caught:
        await http.call("PUT", url + "/", body=b"{}")

    assert caught.value.sent


async def test_an_answer_too_large_is_given_up(http: HttpClient, raw_server: Start) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_answer(b"", length=LARGEST_ANSWER + 1))
        for _ in range(LARGEST_ANSWER // 65536 + 1):
            writer.write(bytes(65536))
            await writer.drain()

    url = await raw_server(flood)

    with pytest.raises(CallFailed, match="larger than") as caught:
        await http.call("GET", url + "/")

    assert caught.value.sent


async def test_a_compressed_answer_is_measured_unpacked(http: HttpClient) -> None:
    async def bomb(_request: web.Request) -> web.Response:
        packed = gzip.compress(bytes(LARGEST_ANSWER + 1))
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    application = web.Application()
    application.router.add_get("/", bomb)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()

    with pytest.raises(CallFailed, match="larger than"):
        await http.call("GET", str(server.make_url("/")))

    await server.close()


async def test_a_redirect_is_not_followed_and_credentials_stay_here(http: HttpClient) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response()

    other = web.Application()
    other.router.add_route("*", "/{path:.*}", elsewhere)
    other_server = TestServer(other, host="127.0.0.1")
    await other_server.start_server()

    async def moved(_request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently(location=str(other_server.make_url("/stolen")))

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", moved)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()

    answer = await http.call(
        "GET", str(server.make_url("/api")), headers={"Authorization": "Bearer s3cret"}
    )

    assert answer.status == 301
    assert seen == []
    await server.close()
    await other_server.close()


async def test_cookies_are_not_kept(http: HttpClient) -> None:
    seen: list[str | None] = []

    async def baker(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "session=1"})

    application = web.Application()
    application.router.add_get("/", baker)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()

    await http.call("GET", str(server.make_url("/")))
    await http.call("GET", str(server.make_url("/")))

    assert seen == [None, None]
    await server.close()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b"\xff\xfe\xfa", id="no text"),
        pytest.param(b"[" * 200_000, id="nested absurdly"),
    ],
)
def test_a_body_that_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own words vary
        Answer(status=200, headers={}, body=body).json()
