"""Fetching what others name: never into a private network, never with credentials elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.carriers.media import MediaSource
from bridge.domain.filetypes import type_of
from bridge.fetching import Fetcher, FetchFailed, is_public

PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_none_of_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "54.172.60.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(address)


@dataclass
class Names(AbstractResolver):
    """Answers with these addresses, one list for each question."""

    answers: list[list[str]]
    asked: int = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for one in found
        ]

    async def close(self) -> None:
        return


@dataclass
class Host:
    """Files on loopback: each path has an answer. `seen` holds what came along."""

    url: str = ""
    answers: dict[str, web.Response] = field(default_factory=dict)
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, request.headers.get("Authorization")))
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 10_000)
        if request.path == "/round":
            return to("/round")
        if request.path == "/hangs":
            await asyncio.Event().wait()
        if request.path == "/locked" and request.headers.get("Authorization") != "Basic new":
            return web.Response(status=401)
        return self.answers.get(request.path, web.Response(status=404))

    def source(self, *logins: str) -> MediaSource:
        return MediaSource(api_url=self.url, logins=lambda: logins)


async def _serve() -> tuple[Host, web.AppRunner]:
    host, app = Host(), web.Application()
    app.router.add_get("/{path:.*}", host.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return host, runner


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    found, runner = await _serve()
    yield found
    await runner.cleanup()


@pytest.fixture
async def storage() -> AsyncIterator[Host]:
    found, runner = await _serve()
    yield found
    await runner.cleanup()


def fetcher(timeout_s: float = 20.0, resolver: AbstractResolver | None = None) -> Fetcher:
    return Fetcher(timeout_s=timeout_s, most_bytes=1_000_000, resolver=resolver)


def to(url: str) -> web.Response:
    return web.Response(status=302, headers={"Location": url})


async def test_a_file_is_fetched_and_its_redirect_followed_without_credentials(
    host: Host, storage: Host
) -> None:
    host.answers["/file"] = to(f"{storage.url}/stored")
    storage.answers["/stored"] = web.Response(body=b"content")

    assert await fetcher().fetch(host.source("Basic secret"), f"{host.url}/file") == b"content"
    assert host.seen == [("/file", "Basic secret")]
    assert storage.seen == [("/stored", None)]


async def test_the_next_login_is_tried_while_the_first_is_refused(host: Host) -> None:
    host.answers["/locked"] = web.Response(body=b"content")

    found = await fetcher().fetch(host.source("Basic old", "Basic new"), f"{host.url}/locked")

    assert found == b"content"


@pytest.mark.parametrize(
    "url",
    [
        *("https://evil.example/x", "http://169.254.169.254/latest", "http://10.0.0.1/x"),
        *("http://2130706433/x", "http://0177.0.0.1/x", "http://0x7f.1/x", "http://127.1/x"),
        *("http://[::ffff:127.0.0.1]/x", "http://localhost.evil.example/x", "file:///etc/passwd"),
        *("gopher://127.0.0.1/x", "//evil.example/x", "http://u:p@127.0.0.1/x", ""),
    ],
)
async def test_neither_an_address_nor_a_redirect_leads_anywhere_else(host: Host, url: str) -> None:
    with pytest.raises(FetchFailed):
        await fetcher().fetch(host.source(), url)
    assert host.seen == []

    host.answers["/file"] = to(url)
    with pytest.raises(FetchFailed):
        await fetcher().fetch(host.source(), f"{host.url}/file")
    assert {path for path, _ in host.seen} == {"/file"}


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
async def test_a_name_of_the_carriers_that_leads_inside_is_not_followed(address: str) -> None:
    source = MediaSource(api_url="https://api.carrier.example")
    names = Names([["1.1.1.1", address]])

    with pytest.raises(FetchFailed, match="private network"):
        await fetcher(resolver=names).fetch(source, "https://api.carrier.example/x")
    assert names.asked == 1


async def test_a_private_address_is_refused_even_as_the_carriers_own() -> None:
    source = MediaSource(api_url="https://10.0.0.1")

    with pytest.raises(FetchFailed, match="private network"):
        await fetcher().fetch(source, "https://10.0.0.1/x")


async def test_what_was_resolved_first_is_what_is_connected_to(host: Host) -> None:
    """The second answer would lead elsewhere; nobody asks for it."""
    port = host.url.rpartition(":")[2]
    names = Names([["127.0.0.1"], ["169.254.169.254"]])
    host.answers["/file"] = web.Response(body=b"content")
    url = f"http://localhost:{port}"

    source = MediaSource(api_url=url)
    assert await fetcher(resolver=names).fetch(source, f"{url}/file") == b"content"
    assert names.asked == 1


@pytest.mark.parametrize(
    ("path", "why", "again"),
    [
        ("/none", "HTTP 404", False),
        ("/gone", "HTTP 410", False),
        ("/busy", "HTTP 429", True),
        ("/broken", "HTTP 500", True),
        ("/locked", "HTTP 401", False),
        ("/large", "larger than 1 MB", False),
        ("/endless", "larger than 1 MB", False),
        ("/round", "from address to address", False),
    ],
)
async def test_what_cant_be_had_says_why(host: Host, path: str, why: str, *, again: bool) -> None:
    host.answers |= {
        "/gone": web.Response(status=410),
        "/busy": web.Response(status=429),
        "/broken": web.Response(status=500),
        "/large": web.Response(body=b"x" * 1_000_001),
    }

    with pytest.raises(FetchFailed, match=why) as raised:
        await fetcher().fetch(host.source("Basic a"), f"{host.url}{path}")
    assert raised.value.again is again


async def test_what_hangs_ends_in_time(host: Host) -> None:
    with pytest.raises(FetchFailed, match="in time") as raised:
        await fetcher(timeout_s=0.2).fetch(host.source(), f"{host.url}/hangs")
    assert raised.value.again


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xd8\xff\xe0x", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nx", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x18ftyp3gp4", "video/3gpp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"#!AMR\n", "audio/amr"),
        (b"%PDF-1.7", "application/pdf"),
        (b"BEGIN:VCARD\r\n", "text/vcard"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"<html><script>", None),
        (b"MZ\x90", None),
        (b"PK\x03\x04", None),
        (b"\x7fELF", None),
        (b"RIFF\0\0\0\0AVI ", None),
        (b"", None),
    ],
)
def test_a_file_is_what_it_begins_with(content: bytes, expected: str | None) -> None:
    found = type_of(content)
    assert (None if found is None else found.content_type) == expected
