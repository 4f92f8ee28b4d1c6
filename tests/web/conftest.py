"""The application on a real port, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from bridge.clock import SystemClock
from bridge.metrics import Metrics
from bridge.store.database import Database
from bridge.web.server import WebParts, create_app, runner_options
from tests.stores import choose_engines, open_store
from tests.web.far_sides import PaperCarrier, Taken

TOKEN = "a-token-of-the-tests"
PUBLIC_URL = "https://bridge.example"

Client = TestClient[web.Request, None]
Server = TestServer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on PostgreSQL as well what is marked so."""
    choose_engines(metafunc)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    async with open_store(store_url, SystemClock()) as opened:
        yield opened


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_parts(
    database: Database, taken: Taken, metrics: Metrics
) -> Callable[[str | None], WebParts]:
    def make(api_token: str | None) -> WebParts:
        return WebParts(
            database=database,
            carriers={
                "paper": PaperCarrier("paper", methods=frozenset({"GET", "POST"})),
                "strict": PaperCarrier("strict", methods=frozenset({"POST"})),
            },
            public_url=PUBLIC_URL,
            api_token=api_token,
            clock=SystemClock(),
            metrics=metrics,
            take_text=taken.take_text,
            take_report=taken.take_report,
            take_hint=taken.take_hint,
            webhook_secrets=lambda: taken.secrets,
            note_forgery=taken.note_forgery,
            queue_message=taken.queue_message,
            wake=taken.wake,
            ready=taken.ready,
        )

    return make


@pytest.fixture
async def server(
    aiohttp_server: AiohttpServer, make_parts: Callable[[str | None], WebParts]
) -> Server:
    return await aiohttp_server(create_app(make_parts(TOKEN)), **runner_options())


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, server: Server) -> Client:
    return await aiohttp_client(server)


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, server: Server) -> Client:
    """A client that carries the token."""
    return await aiohttp_client(server, headers={"Authorization": f"Bearer {TOKEN}"})
