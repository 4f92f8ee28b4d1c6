"""A transaction that goes along with the next commit that announces a topic, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bridge.errors import NotDurable
from bridge.store import work
from bridge.store.database import Database, Transaction
from tests.stores import column

TOPIC = work.topic_of("zendesk")


def put(lane: str) -> Callable[[Transaction], str]:
    return lambda tx: work.put(tx, lane=lane, account="zendesk", kind="note")


def lanes(tx: Transaction) -> list[str]:
    return [str(row["lane"]) for row in tx.all("SELECT lane FROM lanes ORDER BY lane")]


async def test_it_sees_what_it_goes_along_with(database: Database) -> None:
    along = database.along(TOPIC, lanes)

    await database.write(put("a"))

    assert await asyncio.wait_for(along, 30) == ["a"]


async def test_it_runs_once(database: Database) -> None:
    runs: list[list[str]] = []
    along = database.along(TOPIC, lambda tx: runs.append(lanes(tx)))

    await database.write(put("a"))
    await asyncio.wait_for(along, 30)
    await database.write(put("b"))

    assert runs == [["a"]]


async def test_it_waits_for_its_own_topic(database: Database) -> None:
    along = database.along(TOPIC, lanes)

    await database.write(lambda tx: tx.announce("another"))
    await database.write(lambda _: None)

    assert not along.done()
    assert database.withdraw(TOPIC)


async def test_what_is_withdrawn_does_not_run(database: Database) -> None:
    runs: list[Transaction] = []
    along = database.along(TOPIC, runs.append)

    assert database.withdraw(TOPIC)
    assert not database.withdraw(TOPIC)
    await database.write(put("a"))

    assert (along.result(), runs) == (None, [])


async def test_a_transaction_that_fails_brings_nothing_along(database: Database) -> None:
    along = database.along(TOPIC, lanes)

    def fail(tx: Transaction) -> None:
        put("a")(tx)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await database.write(fail)

    assert not along.done()
    assert database.withdraw(TOPIC)


async def test_its_own_fault_takes_nothing_from_what_it_goes_along_with(
    database: Database,
) -> None:
    def fail(tx: Transaction) -> None:
        put("b")(tx)
        raise ValueError("its own")

    along = database.along(TOPIC, fail)
    await database.write(put("a"))

    with pytest.raises(ValueError, match="its own"):
        await asyncio.wait_for(along, 30)
    assert await column(database, "SELECT lane FROM lanes") == ["a"]


async def test_closing_lets_nobody_wait(database: Database) -> None:
    along = database.along(TOPIC, lanes)

    await database.close()

    assert await along is None
    with pytest.raises(NotDurable):
        _ = database.along(TOPIC, lanes)
