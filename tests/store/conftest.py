"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bridge.store.database import Database
from bridge.store.postgres import PostgresDatabase
from tests.desks.scripted import HandClock
from tests.stores import open_store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(store_url: str, clock: HandClock) -> AsyncIterator[Database]:
    async with open_store(store_url, clock) as opened:
        yield opened


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Two processes' views of one database."""
    async with AsyncExitStack() as stack:
        both = (PostgresDatabase(postgres_url), PostgresDatabase(postgres_url))
        for one in both:
            await one.open()
            stack.push_async_callback(one.close)
        yield both
