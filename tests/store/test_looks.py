"""Looks at a ticket: a burst of hints is one look, and none is lost."""

from __future__ import annotations

from bridge.store import looks, work
from bridge.store.database import Database, Transaction
from bridge.store.work import Claim
from tests.desks.scripted import HandClock
from tests.stores import column, rows


async def claim(database: Database) -> Claim:
    claims = await database.write(
        lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=60_000)
    )
    assert claims[0].lane == "look:7"
    return claims[0]


async def how_many(database: Database) -> int:
    return len(await rows(database, "SELECT 1 FROM work WHERE kind = 'look'"))


async def look(database: Database, ticket_id: int = 7) -> None:
    await database.write(lambda tx: looks.put(tx, ticket_id, "zendesk"))


async def test_hints_in_a_burst_make_one_look(database: Database) -> None:
    for _ in range(5):
        await look(database)
    await look(database, 8)

    assert await how_many(database) == 2


async def test_a_hint_during_a_look_makes_another(database: Database) -> None:
    await look(database)
    held = await claim(database)

    await look(database)
    await look(database)

    assert await how_many(database) == 2
    assert await database.write(lambda tx: work.finish(tx, held)) is not None


async def test_a_look_that_begins_answers_those_that_wait(database: Database) -> None:
    await look(database)
    held = await claim(database)
    await look(database)
    await look(database, 8)

    await database.write(lambda tx: looks.join(tx, held.item))

    assert await column(database, "SELECT ticket_id FROM work ORDER BY id") == [7, 8]


async def test_a_hint_during_a_look_that_is_put_off_is_kept(
    database: Database, clock: HandClock
) -> None:
    await look(database)
    held = await claim(database)
    await database.write(lambda tx: work.put_off(tx, held, pause_ms=1000, reason="busy"))

    await look(database)
    await look(database)

    assert await how_many(database) == 2
    clock.forward(1)
    assert (await claim(database)).item.attempts == 1


async def test_a_hint_during_a_look_of_a_sweep_that_gives_way_is_not_held_up(
    database: Database,
) -> None:
    await database.write(lambda tx: looks.put(tx, 7, "zendesk", by_sweep=True))
    held = await claim(database)
    await look(database)

    def give_way(tx: Transaction) -> None:
        work.put_off(tx, held, pause_ms=60_000, reason="leaves the rest to others", counts=False)
        looks.as_if_not_begun(tx, held.item)

    await database.write(give_way)

    assert await how_many(database) == 1
    again = (await claim(database)).item
    assert (again.id, looks.is_by_sweep(again)) == (held.item.id, False)
