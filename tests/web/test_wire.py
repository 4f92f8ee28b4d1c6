"""What no client library would send: bytes on a socket."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from unittest import mock

import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request

from bridge.errors import BadRequest
from bridge.web import requests
from tests.web.conftest import PUBLIC_URL, Server
from tests.web.far_sides import Taken, sign

PATH = "/carriers/paper/inbound"
BODY = json.dumps({"id": "m1", "to": "a", "from": "b", "body": "c"}).encode()
SIGNATURE = f"X-Paper-Signature: {sign(PUBLIC_URL + PATH, BODY)}"
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    head: str
    body: bytes


def head(target: str, *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: bridge.example", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


async def exchange(server: Server, *pieces: bytes) -> Answer:
    """Send the pieces, keep the connection open, and read one whole answer."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        top = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(top.lower().partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
    finally:
        writer.close()
    return Answer(status=int(top.split(" ", 2)[1]), head=top, body=body)


async def test_a_text_in_chunks_is_taken(server: Server, taken: Taken) -> None:
    answer = await exchange(server, head(PATH, SIGNATURE, "Transfer-Encoding: chunked"), CHUNKED)

    assert (answer.status, len(taken.texts)) == (200, 1)


async def test_a_text_to_an_absolute_target_is_signed_for_the_public_address(
    server: Server, taken: Taken
) -> None:
    target = f"http://elsewhere.example:81{PATH}"

    answer = await exchange(server, head(target, SIGNATURE, LENGTH), BODY)

    assert (answer.status, len(taken.texts)) == (200, 1)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/" + PATH, id="two slashes"),
        pytest.param("//carriers" + PATH, id="a host in the path"),
        pytest.param(PATH + "/", id="slash at the end"),
        pytest.param("/carriers/paper/../paper/inbound", id="dots"),
        pytest.param("/carriers//paper/inbound", id="slashes within"),
    ],
)
async def test_another_spelling_of_the_path_is_404(
    server: Server, taken: Taken, target: str
) -> None:
    answer = await exchange(server, head(target, SIGNATURE, LENGTH), BODY)

    assert (answer.status, taken.texts) == (404, [])


async def test_a_body_that_does_not_come_is_408(
    server: Server, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN_S", 0.1)

    answer = await exchange(server, head(PATH, SIGNATURE, LENGTH), BODY[:5])

    assert (answer.status, taken.texts) == (408, [])
    assert "connection: close" in answer.head.lower()


async def test_a_dripping_body_is_408_however_busy_it_looks(
    server: Server, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN_S", 0.3)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(head(PATH, SIGNATURE, "Content-Length: 100000"))
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    while not answer.done():
        writer.write(b"x")
        await asyncio.wait([answer], timeout=0.02)
    writer.close()

    assert answer.result().startswith(b"HTTP/1.1 408 ")
    assert taken.texts == []


async def test_a_body_announced_too_large_is_413_before_it_comes(
    server: Server, taken: Taken
) -> None:
    answer = await exchange(server, head(PATH, SIGNATURE, f"Content-Length: {1024 * 1024 + 1}"))

    assert answer.status == 413
    assert json.loads(answer.body)["detail"] == "the body is over 1 MiB"


async def test_chunks_without_end_are_413(server: Server, taken: Taken) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    answer = await exchange(server, head(PATH, "Transfer-Encoding: chunked"), *[chunk] * 17)

    assert (answer.status, taken.texts) == (413, [])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((LENGTH, "Transfer-Encoding: chunked"), id="length and chunks"),
        pytest.param((LENGTH, "Content-Length: 1"), id="two lengths"),
        pytest.param(("Content-Length: -1",), id="negative length"),
        pytest.param(("Content-Length : 5",), id="space before the colon"),
        pytest.param(("X: a\r\n folded",), id="folded header"),
    ],
)
async def test_a_request_of_two_readings_is_400(
    server: Server, taken: Taken, headers: tuple[str, ...]
) -> None:
    answer = await exchange(server, head(PATH, SIGNATURE, *headers), BODY)

    assert (answer.status, taken.texts) == (400, [])


async def test_a_broken_chunk_is_400(server: Server, taken: Taken) -> None:
    first = head(PATH, SIGNATURE, "Transfer-Encoding: chunked")

    answer = await exchange(server, first, b"5\r\n12345\r\n", b"no number\r\n")

    assert (answer.status, taken.texts) == (400, [])


async def test_a_caller_who_hangs_up_halfway_is_no_fault_of_ours() -> None:
    # As aiohttp tells it where it notices the reset before it gives up the request.
    content = StreamReader(mock.Mock(_reading_paused=False), limit=1)
    content.set_exception(ConnectionResetError("reset by peer"))

    with pytest.raises(BadRequest, match="body"):
        await requests.read_body(make_mocked_request("POST", PATH, payload=content))


async def test_two_signatures_are_refused_though_both_are_right(
    server: Server, taken: Taken
) -> None:
    answer = await exchange(server, head(PATH, SIGNATURE, SIGNATURE.lower(), LENGTH), BODY)

    assert (answer.status, taken.texts) == (403, [])
    assert "more than once" in taken.forgeries[0][1]


@pytest.mark.parametrize("coding", ["br", "gzip", "zstd", "x-unheard-of"])
async def test_any_coding_is_415_and_never_unpacked(
    server: Server, taken: Taken, coding: str
) -> None:
    answer = await exchange(server, head(PATH, f"Content-Encoding: {coding}", LENGTH), BODY)

    assert (answer.status, taken.texts) == (415, [])


async def test_two_requests_on_one_connection_are_answered_in_order(
    server: Server, taken: Taken
) -> None:
    one = head(PATH, SIGNATURE, LENGTH) + BODY

    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(one + head("/healthz", "Connection: close", method="GET"))
    everything = (await reader.read()).decode()
    writer.close()

    assert everything.count("HTTP/1.1 200 OK") == 2
    assert everything.index("<Response/>") < everything.index('"status": "ok"')
    assert len(taken.texts) == 1


async def test_what_could_not_be_parsed_is_not_quoted_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    answer = await exchange(server, b"GET /api/v1/contacts/+12025550142 secret text HTTP/9\r\n\r\n")

    assert answer.status == 400
    assert caplog.records
    assert "12025550142" not in caplog.text
