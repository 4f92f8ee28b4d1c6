"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.store.database import Database
from tests.desks.scripted import HandClock
from tests.stores import open_store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(store_url: str, clock: HandClock) -> AsyncIterator[Database]:
    async with open_store(store_url, clock) as opened:
        yield opened
