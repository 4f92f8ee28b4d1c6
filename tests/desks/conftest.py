"""A scripted Zendesk, and our client pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.http import HttpClient
from tests.desks.scripted import HandClock, Handler, RawServer, ScriptedZendesk


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def zendesk() -> AsyncIterator[ScriptedZendesk]:
    server = ScriptedZendesk()
    await server.start()
    yield server
    await server.stop()
    assert server.unscripted == []


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(timeout_s=2)
    await client.open()
    yield client
    await client.close()


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    servers: list[RawServer] = []

    async def start(handler: Handler) -> str:
        servers.append(RawServer(handler))
        return await servers[-1].start()

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture
def api(zendesk: ScriptedZendesk, http: HttpClient, clock: HandClock) -> ZendeskApi:
    credentials = ApiToken(email="bridge@example.org", api_token="s3cret-token")
    return ZendeskApi(base_url=zendesk.url, credentials=credentials, http=http, clock=clock)


@pytest.fixture
def desk(api: ZendeskApi) -> ZendeskDesk:
    return ZendeskDesk(api=api, number_field=lambda: 3600001)
