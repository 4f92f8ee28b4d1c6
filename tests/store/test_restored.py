"""How far the sweeps after a restore have to be, while the clock is set."""

from __future__ import annotations

import pytest

from bridge.store import leaps, restored
from bridge.store.database import Database, Transaction
from bridge.store.restored import Restored
from tests.desks.scripted import HandClock

pytestmark = pytest.mark.both_engines
DAY_S = 86_400


async def begin(database: Database) -> Restored:
    def put_back(tx: Transaction) -> Restored | None:
        tx.run("INSERT INTO meta (name, value) VALUES ('restored', '{}')")
        return restored.begin(tx, ["zendesk", "twilio"])

    begun = await database.write(put_back)
    assert begun is not None
    return begun


async def current(database: Database) -> Restored:
    known = await database.read(restored.current)
    assert known is not None
    return known


@pytest.mark.parametrize("leap_s", [DAY_S, -DAY_S], ids=["ahead", "back"])
async def test_when_the_clock_is_set_sweeps_have_to_come_as_far_as_before(
    database: Database, clock: HandClock, leap_s: int
) -> None:
    begun = await begin(database)

    clock.forward(leap_s)
    await database.write(lambda tx: leaps.follow(tx, leap_s * 1000))

    async def swept_to(reached_ms: int) -> bool:
        return await database.write(
            lambda tx: restored.note_swept(tx, "twilio", reached_ms=reached_ms)
        )

    assert not await swept_to(clock.now_ms() - 1)
    assert (await current(database)).left == {"zendesk", "twilio"}
    assert await swept_to(clock.now_ms())
    assert (await current(database)).left == {"zendesk"}
    # The far sides' clocks were not set: what may have been done before is what it was.
    assert (await current(database)).began_ms == begun.began_ms


async def test_once_all_was_swept_a_clock_that_is_set_changes_nothing(database: Database) -> None:
    await begin(database)
    await database.write(lambda tx: restored.note_swept(tx, "zendesk"))
    await database.write(lambda tx: restored.note_swept(tx, "twilio"))
    before = await current(database)

    await database.write(lambda tx: leaps.follow(tx, -DAY_S * 1000))

    assert await current(database) == before
