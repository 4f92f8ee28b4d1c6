"""Who waits for whom on PostgreSQL, and for how long at most."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bridge.errors import NotDurable
from bridge.store import postgres as store
from bridge.store import postgres_server
from bridge.store.database import Transaction
from bridge.store.postgres import PostgresDatabase
from tests.store.counting import COUNT, add_one, put
from tests.stores import column, opened


@pytest.fixture
async def database(pair: tuple[PostgresDatabase, PostgresDatabase]) -> PostgresDatabase:
    return pair[0]


async def test_who_is_always_overtaken_has_the_others_wait(
    pair: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    slow, quick = pair
    await slow.write(put("count", "0"))
    loop = asyncio.get_running_loop()
    runs = 0
    overtaking: list[asyncio.Task[None]] = []
    waits: list[bool] = []  # for each run, whether the other had to wait for it

    async def overtake() -> None:
        overtaking.append(asyncio.create_task(quick.write(add_one)))
        await asyncio.wait(overtaking[-1:], timeout=5 if runs <= store.POLITE_RUNS else 1)

    def overtaken(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        tx.first(COUNT)
        asyncio.run_coroutine_threadsafe(overtake(), loop).result()
        waits.append(not overtaking[-1].done())
        add_one(tx)

    await slow.write(overtaken)
    await asyncio.gather(*overtaking)

    assert waits == [*[False] * store.POLITE_RUNS, True]
    assert await column(slow, COUNT) == [str(2 * runs - store.POLITE_RUNS)]


async def test_readers_that_take_long_do_not_hold_up_the_writer(
    database: PostgresDatabase,
) -> None:
    go_on = threading.Event()
    reads = [
        asyncio.create_task(database.read(lambda _tx: go_on.wait(20)))
        for _ in range(store.READERS + 3)
    ]

    try:
        assert await asyncio.wait_for(database.write(put("one")), 10) == 1
    finally:
        go_on.set()
    assert await asyncio.gather(*reads) == [True] * len(reads)


async def test_who_is_in_the_way_for_ever_is_not_waited_for_for_ever(
    pair: tuple[PostgresDatabase, PostgresDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = pair
    await slow.write(put("count", "0"))
    monkeypatch.setattr(store, "MOST_RUNS", store.POLITE_RUNS)
    loop = asyncio.get_running_loop()

    def overtaken(tx: Transaction) -> None:
        tx.first(COUNT)
        asyncio.run_coroutine_threadsafe(quick.write(add_one), loop).result(5)
        add_one(tx)

    with pytest.raises(NotDurable, match="others got in the way 3 times"):
        await slow.write(overtaken)

    assert await column(quick, COUNT) == ["3"]


async def test_a_statement_that_takes_too_long_is_not_durable(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        postgres_server, "SET_UP", postgres_server.SET_UP.replace("= 8000", "= 100")
    )
    async with opened(PostgresDatabase(database._url)) as impatient:
        for use in (impatient.write, impatient.read):
            with pytest.raises(NotDurable, match="statement timeout"):
                await use(lambda tx: tx.all("SELECT pg_sleep(20)"))

        assert await impatient.write(put("one")) == 1
