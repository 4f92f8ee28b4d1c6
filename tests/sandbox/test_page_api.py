"""The API of the sandbox's page, and what it lets through to its world."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientPayloadError, ClientTimeout, StreamReader, web
from aiohttp.test_utils import TestClient, TestServer

from bridge.sandbox.page import STATIC, State, add_page
from tests.sandbox.browsing import Client
from tests.sandbox.small_world import ACME, MAYA, SmallWorld


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture
async def client(world: SmallWorld) -> AsyncIterator[Client]:
    app = web.Application()
    add_page(app, world)
    async with TestClient(TestServer(app)) as client:
        yield client


TEXT = {"customer": MAYA, "sender": ACME, "body": "Hi", "copies": 1}


async def test_a_text_is_handed_to_the_world(client: Client, world: SmallWorld) -> None:
    response = await client.post("/sandbox/texts", json=TEXT)

    assert response.status == 200
    assert world.calls == [("text", TEXT)]


async def test_a_picture_is_shown_as_what_it_is_and_nothing_else_is(
    client: Client, world: SmallWorld
) -> None:
    world.pictures |= {
        "mug": ("image/png", b"\x89PNG"),
        "page": ("text/html", b"<script>owned()</script>"),
        "drawing": ("image/svg+xml", b"<svg onload='owned()'/>"),
    }

    mug = await client.get("/sandbox/pictures/mug")

    assert (mug.status, mug.content_type, await mug.read()) == (200, "image/png", b"\x89PNG")
    assert mug.headers["X-Content-Type-Options"] == "nosniff"
    for other in ("page", "drawing", "nothing"):
        assert (await client.get(f"/sandbox/pictures/{other}")).status == 404


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        ("texts", {**TEXT, "body": ""}, "body"),
        ("texts", {**TEXT, "body": " \n"}, "body"),
        ("texts", {**TEXT, "body": "x" * 1601}, "body"),
        ("texts", {**TEXT, "body": 5}, "body"),
        ("texts", {**TEXT, "copies": 0}, "copies"),
        ("texts", {**TEXT, "copies": True}, "copies"),
        ("texts", {**TEXT, "with_picture": "yes"}, "with_picture"),
        ("texts", {**TEXT, "copies": 21}, "copies"),
        ("texts", {**TEXT, "customer": "+12025550999"}, "customer"),
        ("texts", {"customer": MAYA, "body": "Hi"}, "sender"),
        ("replies", {"ticket_id": "5", "html": "Hi", "public": True}, "ticket_id"),
        ("replies", {"ticket_id": 5, "html": "Hi", "public": "yes"}, "public"),
        ("replies", {"ticket_id": 5, "html": "x" * 65537, "public": True}, "html"),
        ("tickets/5/status", {"status": "new"}, "status"),
        ("tickets/5/status", {"status": ["open"]}, "status"),
        ("tickets/99/status", {"status": "open"}, "ticket_id"),
        ("tickets/5/merge", {"into": 0}, "into"),
        ("zendesk", {"down": 1}, "down"),
        ("deliveries", {"customer": MAYA, "outcome": "lost"}, "outcome"),
        ("deliveries", [], "body"),
        ("deliveries", {"customer": "x" * 200_000}, "body"),
    ],
)
async def test_bad_input_is_refused_naming_the_field(
    client: Client, path: str, fields: object, named: str
) -> None:
    response = await client.post(f"/sandbox/{path}", json=fields)

    assert response.status == 400
    assert (await response.json(content_type=None))["field"] == named


async def test_what_is_not_json_is_refused(client: Client) -> None:
    broken = await client.post(
        "/sandbox/texts", data=b"{", headers={"Content-Type": "application/json"}
    )
    form = await client.post("/sandbox/texts", data={"body": "Hi"})

    assert (broken.status, form.status) == (400, 400)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://{host}"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_only_the_page_itself_may_act(
    client: Client, world: SmallWorld, headers: dict[str, str], status: int
) -> None:
    host = f"{client.host}:{client.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}

    response = await client.post("/sandbox/zendesk", json={"down": True}, headers=sent)

    assert response.status == status
    assert bool(world.calls) is (status == 200)


@pytest.mark.parametrize("path", ["/", "/sandbox/state", "/sandbox/static/sandbox.js"])
async def test_every_answer_forbids_foreign_and_inline_content(client: Client, path: str) -> None:
    response = await client.get(path)

    policy = response.headers["Content-Security-Policy"]
    assert response.status == 200
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["../page.py", "%2e%2e/page.py", "index.html", "nothing.js"])
async def test_no_other_file_is_served(client: Client, name: str) -> None:
    response = await client.get(f"/sandbox/static/{name}")

    assert response.status == 404


def test_the_page_names_nothing_from_elsewhere() -> None:
    foreign = re.compile(r"""(?:src|href|url|import)\s*[=(]?\s*["'(]?(?:https?:)?//""")
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=\"")

    for file in sorted(STATIC.iterdir()):
        if file.suffix == ".png":
            continue
        source = file.read_text(encoding="utf-8")
        assert not foreign.search(source), file.name
        assert file.suffix != ".html" or not inline.search(source), file.name
        assert "innerHTML =" not in source, file.name


async def test_events_carry_the_state_and_then_its_changes(
    client: Client, world: SmallWorld
) -> None:
    async with client.get("/sandbox/events", timeout=ClientTimeout(total=5)) as stream:
        first = await read_state(stream.content)
        await world.add_text(MAYA, "Hi")
        second = await read_state(stream.content)

    assert first["texts"] == []
    assert [one["body"] for one in second["texts"]] == ["Hi"]


async def read_state(content: StreamReader) -> State:
    data = ""
    while line := (await content.readline()).decode().strip():
        name, _, value = line.partition(": ")
        data = value if name == "data" else data
    state: State = json.loads(data)
    return state


async def test_stopping_does_not_wait_for_open_streams(world: SmallWorld) -> None:
    app = web.Application()
    add_page(app, world)
    async with (
        TestClient(TestServer(app)) as client,
        client.get("/sandbox/events") as stream,
        asyncio.timeout(30),
    ):
        await read_state(stream.content)

        await app.shutdown()

        with pytest.raises(ClientPayloadError):  # the stream is cut, the browser comes back
            await stream.content.read()
