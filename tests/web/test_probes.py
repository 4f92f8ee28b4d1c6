"""What an orchestrator and Prometheus ask."""

from __future__ import annotations

import pytest

from bridge.store.sqlite import SqliteDatabase
from bridge.web import probes
from tests.store.rows import add_failed_work
from tests.web.conftest import Client
from tests.web.far_sides import Taken


async def test_health_asks_nobody(client: Client, taken: Taken) -> None:
    taken.unready = "the disk is full"

    response = await client.get("/healthz")

    assert response.status == 200


async def test_ready_as_long_as_messages_can_be_stored(client: Client) -> None:
    response = await client.get("/readyz")

    assert (response.status, await response.json()) == (200, {"status": "ready"})


async def test_not_ready_is_503_with_the_reason(client: Client, taken: Taken) -> None:
    taken.unready = "the disk is full"

    response = await client.get("/readyz")

    assert response.status == 503
    assert (await response.json())["reason"] == "the disk is full"


async def test_a_database_that_hangs_is_not_ready(
    client: Client, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "READY_WITHIN_S", 0.05)
    taken.answering.clear()

    response = await client.get("/readyz")

    assert response.status == 503
    assert "did not answer" in (await response.json())["reason"]


async def test_metrics_show_the_backlog_of_this_moment(
    client: Client, database: SqliteDatabase
) -> None:
    await add_failed_work(database, "w")

    response = await client.get("/metrics")

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert 'bridge_work{state="failed"} 1.0' in await response.text()


async def test_metrics_are_shown_without_the_database_too(
    client: Client, database: SqliteDatabase
) -> None:
    await database.close()

    response = await client.get("/metrics")

    assert response.status == 200
