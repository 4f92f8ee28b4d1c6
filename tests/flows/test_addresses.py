"""The way to a far side is lost: its name, its address, its handshake, a redirect elsewhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.sandbox.demo import Sandbox
from bridge.store import work
from tests.flows.cast import ACME, MAYA, customer_comments, messages, only_ticket, settle, text
from tests.flows.conftest import QUICK, NewStore, eventually, free_port
from tests.flows.tls import deaf_port

LookUp = Callable[..., Any]
Begin = Callable[[str], Awaitable[Sandbox]]


@pytest.fixture
async def begin(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Begin]:
    """Start a sandbox whose bridge reaches the desk by a host of the test's choice."""
    started: list[Sandbox] = []

    async def start(address: str) -> Sandbox:
        changes = {**QUICK, "BRIDGE_DATABASE_URL": new_store(tmp_path), "BRIDGE_HTTP_TIMEOUT": "2"}
        sandbox = Sandbox(folder=tmp_path, port=free_port(), changes=changes)
        started.append(sandbox)
        await sandbox.start_far_sides()
        await sandbox.set_up()
        assert sandbox.settings is not None
        url = address.format(port=sandbox.zendesk.url.rpartition(":")[2])
        sandbox.settings = sandbox.settings.model_copy(update={"zendesk_url": url})
        await sandbox.make_service().start()
        return sandbox

    yield start
    for sandbox in started:
        await sandbox.stop()


async def _paused(sandbox: Sandbox, why: str = "") -> None:
    """Wait until the desk's account is paused for this reason (on a busy machine there may have
    been another one before)."""
    service = sandbox.service
    assert service is not None

    async def is_paused() -> bool:
        found = await service.database.read(work.pauses)
        return any(why in reason for _, reason in found.values())

    await eventually(is_paused, within_s=60)


class Names:
    """The machine's resolver, with another answer for `localhost`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._look_up: LookUp = socket.getaddrinfo
        self.answer: str | Exception = "127.0.0.1"
        self.is_slow = False
        self.asked = 0
        self.waited = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up_other)

    def _look_up_other(self, host: object, *rest: object, **more: object) -> object:
        if host != "localhost":
            return self._look_up(host, *rest, **more)
        self.asked += 1
        if self.is_slow:
            self.waited.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self._look_up(self.answer, *rest, **more)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


# -- the name ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN], ids=["none", "try again"])
async def test_desk_whose_name_does_not_resolve_is_waited_for(
    begin: Begin, names: Names, code: int
) -> None:
    names.answer = socket.gaierror(code, "no such name")
    sandbox = await begin("http://localhost:{port}")

    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await _paused(sandbox, "can't be resolved")
    names.answer = "127.0.0.1"
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def test_resolver_that_does_not_answer_holds_up_neither_webhooks_nor_probes(
    begin: Begin, names: Names
) -> None:
    names.is_slow = True
    sandbox = await begin("http://localhost:{port}")
    await sandbox.twilio.customer_texts(MAYA, ACME, "one")
    await eventually(lambda: names.asked)

    async with aiohttp.ClientSession(sandbox.url) as session, session.get("/readyz") as response:
        assert response.status == 200
    answered = await sandbox.twilio.customer_texts(MAYA, ACME, "two")
    assert answered.statuses == (200,)
    await _paused(sandbox)
    assert not names.waited.is_set()
    names.is_slow = False
    names.waited.set()
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]


@pytest.mark.slow
async def test_desk_that_moves_to_another_address_is_found_there(
    begin: Begin, names: Names
) -> None:
    names.answer = "127.0.0.9"  # nobody listens there
    sandbox = await begin("http://localhost:{port}")
    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await _paused(sandbox)

    names.answer = "127.0.0.1"
    await eventually(lambda: sandbox.zendesk.tickets, within_s=30.0)  # answers are kept for 10 s
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["hello"]


# -- the handshake -------------------------------------------------------------------------------


async def test_handshake_that_stalls_ends_in_time_and_was_certainly_not_sent(
    begin: Begin,
) -> None:
    async with deaf_port() as port:
        sandbox = await begin(f"https://localhost:{port}")
        await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
        await _paused(sandbox, "no connection in time")

    (message,) = await messages(sandbox)
    assert message["state"] == "working"


# -- elsewhere -----------------------------------------------------------------------------------


@asynccontextmanager
async def somebody_else() -> AsyncIterator[tuple[str, list[str]]]:
    """Another server: its address, and the credentials that it was shown."""
    shown: list[str] = []

    async def note(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization", "none"))
        return web.json_response({})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", note)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    try:
        yield str(server.make_url("/")).replace("127.0.0.1", "localhost"), shown
    finally:
        await server.close()


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("path", ["*", "/api/v2/tickets*"], ids=["everything", "tickets"])
async def test_desk_that_redirects_is_paused_and_nobody_else_sees_the_credentials(
    sandbox: Sandbox, status: int, path: str
) -> None:
    async with somebody_else() as (address, shown):
        faults = sandbox.zendesk.faults
        faults.refuse("*", path, status, headers={"Location": f"{address}api"}, times=None)
        await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
        await _paused(sandbox, "redirects to localhost")
        faults.clear()
        await settle(sandbox)

        assert shown == []
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def test_log_in_page_in_place_of_every_answer_loses_nothing(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "one")
    rule = sandbox.zendesk.faults.html("*", "*", times=None)
    for body in ("two", "three"):
        await sandbox.twilio.customer_texts(MAYA, ACME, body)
    await eventually(lambda: rule.used > 3)
    assert customer_comments(only_ticket(sandbox)) == ["one"]

    sandbox.zendesk.faults.clear()
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two", "three"]
