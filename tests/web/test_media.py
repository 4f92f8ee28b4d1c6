"""/media/: a file for whoever has its signed address, and nothing for anybody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer
from yarl import URL

from bridge.domain.signed_addresses import Signed, sign
from bridge.store import files
from bridge.store.database import Database
from bridge.store.files import File
from bridge.web.server import WebParts, create_app, runner_options
from tests.web.conftest import TOKEN, Client

pytestmark = pytest.mark.both_engines
KEY = b"k" * 32
CONTENT = bytes(range(256)) * 40
HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def file(file_id: str = "f1", **changes: object) -> File:
    whole = File(
        id=file_id,
        message_id="m1",
        position=int(file_id[1:]),
        name="mug.jpg",
        content_type="image/jpeg",
        ends_at=now_ms() + HOUR_MS,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def address(of: File, *, key: bytes = KEY, ends_at_ms: int | None = None) -> Signed:
    until = of.ends_at if ends_at_ms is None else ends_at_ms
    return sign(key, file_id=of.id, ends_at_ms=until, name=of.name)


@pytest.fixture
async def kept(database: Database) -> File:
    """One file that may be fetched, and another one."""
    mine, other = file("f1"), file("f2", name="other.png", content_type="image/png")
    await database.write(lambda tx: files.keep(tx, mine, CONTENT))
    await database.write(lambda tx: files.keep(tx, other, b"the other one"))
    return mine


@pytest.fixture
async def served(
    aiohttp_server: AiohttpServer, make_parts: Callable[[str | None], WebParts]
) -> TestServer:
    app = create_app(replace(make_parts(TOKEN), media_key=KEY))
    return await aiohttp_server(app, **runner_options())


@pytest.fixture
async def client(served: TestServer, aiohttp_client: Callable[..., object]) -> Client:
    made: Client = await aiohttp_client(served)  # type: ignore[misc]
    return made


async def test_file_is_given_out_with_the_headers_of_something_foreign(
    client: Client, kept: File
) -> None:
    answer = await client.get(address(kept).path)

    assert (answer.status, await answer.read()) == (200, CONTENT)
    assert {
        name: answer.headers[name]
        for name in ("Content-Type", "Content-Disposition", "Cache-Control")
    } == {
        "Content-Type": "image/jpeg",
        "Content-Disposition": 'attachment; filename="mug.jpg"',
        "Cache-Control": "no-store",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_head_tells_type_and_length_and_gives_nothing(client: Client, kept: File) -> None:
    answer = await client.head(address(kept).path)

    assert (answer.status, await answer.read()) == (200, b"")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(CONTENT))


async def test_ended_address_is_410_also_while_the_file_is_there(
    client: Client, kept: File
) -> None:
    ended = address(kept, ends_at_ms=now_ms() - 2_000)

    assert (await client.get(ended.path)).status == 410


async def test_address_of_a_file_that_is_gone_is_410(
    client: Client, kept: File, database: Database
) -> None:
    await database.write(lambda tx: files.drop(tx, kept.message_id))

    assert (await client.get(address(kept).path)).status == 410


FORGERIES: dict[str, Callable[[Signed], str]] = {
    "another file": lambda own: replace(own, file_id="f2").path,
    "another name": lambda own: replace(own, name="mug.html").path,
    "a later end": lambda own: replace(own, ends_at_s=str(int(own.ends_at_s) + 9)).path,
    "the same end, written longer": lambda own: replace(own, ends_at_s=f"0{own.ends_at_s}").path,
    "no number as end": lambda own: replace(own, ends_at_s="never").path,
    "a negative end": lambda own: replace(own, ends_at_s="-1").path,
    "an endless end": lambda own: replace(own, ends_at_s="9" * 400).path,
    "no signature": lambda own: own.path.replace(own.signature, ""),
    "half a signature": lambda own: own.path.replace(own.signature, own.signature[:20]),
    "padded": lambda own: own.path.replace(own.signature, f"{own.signature}="),
    "letters turned": lambda own: own.path.replace(own.signature, own.signature.swapcase()),
    "not ASCII": lambda own: own.path.replace(own.signature, "%C3%A9" * 40),
    "no text": lambda own: own.path.replace(own.signature, "%FF" * 40),
    "moved borders": lambda own: own.path.replace("/f1/", "/f1%0A"),
    "the name encoded": lambda own: own.path.replace("mug.jpg", "%6Dug.jpg"),
    "a slash encoded": lambda own: own.path.replace("/f1/", "/f1%2F"),
    "steps upwards": lambda own: f"/media/../media{own.path.removeprefix('/media')}",
    "steps upwards, encoded": lambda own: own.path.replace("/f1/", "/%2e%2e/f1/"),
    "a file of the machine": lambda own: own.path.replace("/f1/", "/..%2F..%2Fetc%2Fpasswd/"),
    "a query": lambda own: f"{own.path}?as=text/html",
    "more path": lambda own: f"{own.path}/more",
    "a slash at the end": lambda own: f"{own.path}/",
    "a NUL": lambda own: own.path.replace("/f1/", "/f1%00/"),
    "nothing": lambda _: "/media/",
    "the list": lambda _: "/media",
    "no parts": lambda own: f"/media/{own.file_id}",
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
async def test_whatever_we_did_not_sign_is_404(
    client: Client, kept: File, forged: Callable[[Signed], str]
) -> None:
    path = forged(address(kept))

    for method in ("GET", "HEAD"):
        asked = URL(f"http://{client.host}:{client.port}{path}", encoded=True)
        async with client.session.request(method, asked) as answer:
            assert answer.status == 404
            assert CONTENT[:64] not in await answer.read()


async def test_address_signed_with_another_key_is_404(client: Client, kept: File) -> None:
    assert (await client.get(address(kept, key=b"x" * 32).path)).status == 404


async def test_without_a_key_of_our_own_there_is_nothing(
    aiohttp_client: Callable[..., object],
    make_parts: Callable[[str | None], WebParts],
    kept: File,
) -> None:
    client: Client = await aiohttp_client(create_app(make_parts(TOKEN)))  # type: ignore[misc]

    assert (await client.get(address(kept, key=b"").path)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_file_can_only_be_read(client: Client, kept: File, method: str) -> None:
    answer = await client.request(method, address(kept).path)

    assert answer.status == 405
    assert (await client.get(address(kept).path)).status == 200
