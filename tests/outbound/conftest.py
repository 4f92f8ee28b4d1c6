"""A store of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store.sqlite import SqliteDatabase
from tests.desks.scripted import HandClock
from tests.stores import open_store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(tmp_path: Path, clock: HandClock) -> AsyncIterator[SqliteDatabase]:
    async with open_store(tmp_path, clock) as opened:
        yield opened
