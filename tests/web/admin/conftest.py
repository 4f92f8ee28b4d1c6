"""The console on a real port, and people of every role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import CookieJar, web
from argon2 import PasswordHasher
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from bridge.domain.roles import Role
from bridge.store.sqlite import SqliteDatabase
from bridge.store.users import User
from bridge.web.admin.console import CONSOLE, Passwords
from bridge.web.server import WebParts, create_app, runner_options
from tests.web.admin.people import PASSWORD, Person, make_user, signed_in
from tests.web.conftest import Client, Server

Enter = Callable[[Role | None], Awaitable[Person]]
NewClient = Callable[[], Awaitable[Client]]
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASHED = QUICK.hash(PASSWORD)


def with_quick_passwords(app: web.Application, hasher: PasswordHasher = QUICK) -> web.Application:
    """Have passwords cost next to nothing: what they cost is the library's business."""
    app[CONSOLE] = replace(app[CONSOLE], passwords=Passwords(hasher))
    return app


@pytest.fixture
async def console(
    aiohttp_server: AiohttpServer, make_parts: Callable[[str | None], WebParts]
) -> Server:
    """The application as a browser on this machine reaches it, without TLS."""
    parts = replace(make_parts(None), public_url="http://127.0.0.1")
    return await aiohttp_server(with_quick_passwords(create_app(parts)), **runner_options())


@pytest.fixture
def new_client(aiohttp_client: AiohttpClient, console: Server) -> NewClient:
    """Makes browsers; each has cookies of its own."""

    async def make() -> Client:
        return await aiohttp_client(console, cookie_jar=CookieJar(unsafe=True))

    return make


@pytest.fixture
def enter(database: SqliteDatabase, console: Server, new_client: NewClient) -> Enter:
    """Makes people: of a role and signed in, or (None) strangers."""

    async def make(role: Role | None) -> Person:
        client = await new_client()
        if role is None:
            return Person(client=client)
        return await signed_in(database, console, client, role)

    return make


@pytest.fixture
async def admin(enter: Enter) -> Person:
    return await enter("admin")


@pytest.fixture
async def manager(enter: Enter) -> Person:
    return await enter("manager")


@pytest.fixture
async def viewer(enter: Enter) -> Person:
    return await enter("viewer")


@pytest.fixture
async def stranger(enter: Enter) -> Person:
    return await enter(None)


@pytest.fixture
async def robin(database: SqliteDatabase) -> User:
    """A manager who has a password."""
    return await make_user(database, "Robin", "manager", HASHED)
