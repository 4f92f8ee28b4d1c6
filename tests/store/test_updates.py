"""Updates are counted before they leave: for every process, and through every crash."""

from __future__ import annotations

import asyncio

import pytest

from bridge.domain.limits import ACCOUNT_WINDOW_MS, TICKET_WINDOW_MS, Limits, Room
from bridge.store import conversations, updates
from bridge.store.database import Database, Transaction
from bridge.store.updates import NoRoom, Turn
from tests.desks.scripted import HandClock
from tests.stores import column, open_store


async def take(
    database: Database, limits: Limits, *, ticket: int = 7, for_text: bool = True, times: int = 1
) -> None:
    await database.write(
        lambda tx: updates.take(tx, ticket, limits, for_text=for_text, times=times)
    )


async def turn(database: Database, limits: Limits, *, ticket: int | None = 7) -> Turn:
    def find(tx: Transaction) -> Turn:
        conversation = conversations.open_for(tx, "+12025550100", "+12025550142")
        tx.run("UPDATE conversations SET ticket_id = $1", ticket)
        found, its_turn = updates.conversation_with_turn(tx, conversation.id, limits)
        assert found is not None
        assert found.ticket_id == ticket
        return its_turn

    return await database.write(find)


async def test_two_processes_together_take_no_more_than_there_is(
    store_url: str, clock: HandClock
) -> None:
    limits = Limits(per_minute=10)

    async def try_to_take(database: Database, ticket: int) -> bool:
        try:
            await take(database, limits, ticket=ticket)
        except NoRoom:
            return False
        return True

    async with open_store(store_url, clock) as one, open_store(store_url, clock) as two:
        taken = await asyncio.gather(
            *(try_to_take((one, two)[number % 2], number) for number in range(40))
        )
        assert sum(taken) == 10
        assert len(await column(one, "SELECT id FROM updates")) == 10


async def test_a_tickets_texts_leave_room_for_notes(database: Database) -> None:
    limits = Limits(per_ticket=6)
    for _ in range(5):
        await take(database, limits)

    with pytest.raises(NoRoom):
        await take(database, limits)
    await take(database, limits, ticket=8)
    await take(database, limits, for_text=False)
    with pytest.raises(NoRoom):
        await take(database, limits, for_text=False)


async def test_room_comes_back_with_time(database: Database, clock: HandClock) -> None:
    limits = Limits(per_minute=2)
    await take(database, limits, times=2)

    with pytest.raises(NoRoom) as full:
        await take(database, limits)
    assert full.value.wait_ms == ACCOUNT_WINDOW_MS
    clock.forward(ACCOUNT_WINDOW_MS / 1000)
    await take(database, limits)


async def test_what_is_not_taken_is_not_noted_and_undoes_the_intent(database: Database) -> None:
    limits = Limits(per_ticket=1)
    await take(database, limits)

    def write(tx: Transaction) -> None:
        tx.run("INSERT INTO meta (name, value) VALUES ('intent', 'x')")
        updates.take(tx, 7, limits, for_text=True)

    with pytest.raises(NoRoom):
        await database.write(write)
    assert await column(database, "SELECT value FROM meta WHERE name = 'intent'") == []
    assert len(await column(database, "SELECT id FROM updates")) == 1


async def test_texts_are_joined_only_when_a_limit_comes_near(
    database: Database, clock: HandClock
) -> None:
    limits = Limits(per_ticket=6, per_minute=100)
    for _ in range(3):
        await take(database, limits)
    assert await turn(database, limits) == Turn()

    await take(database, limits)
    crowded = await turn(database, limits)
    assert crowded == Turn(wait_ms=TICKET_WINDOW_MS // 2, joins=True)
    assert await turn(database, limits, ticket=None) == Turn()
    clock.forward(crowded.wait_ms / 1000)
    assert await turn(database, limits) == Turn(joins=True)


async def test_texts_are_joined_when_the_accounts_room_is_short(database: Database) -> None:
    limits = Limits(per_minute=4)
    await take(database, limits, ticket=1)
    assert await turn(database, limits) == Turn()

    await take(database, limits, ticket=2)

    assert await turn(database, limits) == Turn(joins=True)
    assert await turn(database, limits, ticket=None) == Turn(joins=True)


async def test_a_ticket_that_the_desk_calls_full_waits_and_its_texts_are_joined(
    database: Database, clock: HandClock
) -> None:
    off = Limits()
    await database.write(lambda tx: updates.note_refusal(tx, 7, 30_000))

    assert await turn(database, off) == Turn(wait_ms=30_000, joins=True)
    assert await turn(database, off, ticket=8) == Turn()
    clock.forward(30)
    assert await turn(database, off) == Turn(joins=True)
    clock.forward(TICKET_WINDOW_MS / 1000)
    assert await turn(database, off) == Turn()


async def test_without_limits_nothing_is_counted(database: Database) -> None:
    await take(database, Limits())
    await database.write(lambda tx: updates.note(tx, 7, Limits()))

    assert await column(database, "SELECT id FROM updates") == []
    assert await database.read(lambda tx: updates.room(tx, Limits())) == Room()


async def test_what_no_limit_looks_at_is_forgotten(database: Database, clock: HandClock) -> None:
    limits = Limits(per_ticket=6)
    await take(database, limits, ticket=1)
    clock.forward(TICKET_WINDOW_MS / 1000 - 1)
    await take(database, limits, ticket=2)
    await database.write(updates.forget_old)
    assert await column(database, "SELECT ticket_id FROM updates ORDER BY id") == [1, 2]

    clock.forward(1)
    await database.write(updates.forget_old)

    assert await column(database, "SELECT ticket_id FROM updates") == [2]
