"""Sweeps as rows: how far they came, the one that is planned, and the looks that they ask for."""

from __future__ import annotations

import pytest

from bridge.store import contacts, conversations, looks, sweeps, work
from bridge.store.contacts import Source
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.store.work import Claim
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column, rows


async def claim(database: SqliteDatabase) -> Claim:
    (claimed,) = await database.write(
        lambda tx: work.claim(tx, account="zendesk", most=1, lease_ms=60_000)
    )
    return claimed


async def look(database: SqliteDatabase, *, by_sweep: bool) -> None:
    await database.write(lambda tx: looks.put(tx, 7, "zendesk", by_sweep=by_sweep))


async def is_a_sweeps_alone(database: SqliteDatabase) -> bool:
    held = await claim(database)
    return looks.is_by_sweep(await database.write(lambda tx: looks.join(tx, held.item)))


async def test_a_look_that_only_a_sweep_asked_for_is_a_sweeps(database: SqliteDatabase) -> None:
    await look(database, by_sweep=True)
    await look(database, by_sweep=True)

    assert await is_a_sweeps_alone(database)


async def test_a_hint_after_the_sweep_makes_its_look_the_hints(database: SqliteDatabase) -> None:
    await look(database, by_sweep=True)
    await look(database, by_sweep=False)

    assert len(await rows(database, "SELECT 1 FROM work")) == 1
    assert not await is_a_sweeps_alone(database)


async def test_a_hint_before_the_sweep_stays_the_hints(database: SqliteDatabase) -> None:
    await look(database, by_sweep=False)
    await look(database, by_sweep=True)

    assert len(await rows(database, "SELECT 1 FROM work")) == 1
    assert not await is_a_sweeps_alone(database)


async def test_a_sweeps_look_that_answers_a_hint_as_well_stays_the_hints_when_it_is_tried_again(
    database: SqliteDatabase, clock: HandClock
) -> None:
    await look(database, by_sweep=True)
    held = await claim(database)
    await look(database, by_sweep=False)

    first = await database.write(lambda tx: looks.join(tx, held.item))
    await database.write(lambda tx: work.put_off(tx, held, pause_ms=10, reason="away"))
    clock.forward(1)

    assert not looks.is_by_sweep(first)
    assert not await is_a_sweeps_alone(database)


async def test_a_hint_hurries_a_look_that_gave_way_to_others(database: SqliteDatabase) -> None:
    await look(database, by_sweep=True)
    held = await claim(database)

    def give_way(tx: Transaction) -> None:
        work.put_off(tx, held, pause_ms=60_000, reason="others first")
        looks.as_if_not_begun(tx, held.item)

    await database.write(give_way)
    await look(database, by_sweep=False)

    assert not await is_a_sweeps_alone(database)


async def test_there_is_one_next_sweep(database: SqliteDatabase, clock: HandClock) -> None:
    await database.write(lambda tx: sweeps.plan(tx, "zendesk", delay_ms=60_000))
    await database.write(lambda tx: sweeps.plan(tx, "zendesk", delay_ms=60_000))
    await database.write(lambda tx: sweeps.plan(tx, "twilio", delay_ms=60_000))

    lanes = await column(database, "SELECT lane FROM work ORDER BY id")
    assert lanes == ["sweep:zendesk", "sweep:twilio"]

    await database.write(lambda tx: sweeps.plan_now(tx, "zendesk"))
    held = await claim(database)
    await database.write(lambda tx: sweeps.plan(tx, "zendesk", running=held.item.id))

    assert await database.write(lambda tx: work.finish(tx, held)) is not None
    assert len(await rows(database, "SELECT 1 FROM work WHERE lane = 'sweep:zendesk'")) == 1


async def test_a_start_does_not_hurry_a_sweep_that_the_far_side_put_off(
    database: SqliteDatabase,
) -> None:
    await database.write(lambda tx: sweeps.plan(tx, "zendesk"))
    held = await claim(database)
    await database.write(lambda tx: work.put_off(tx, held, pause_ms=40_000, reason="429"))

    await database.write(lambda tx: sweeps.plan_now(tx, "zendesk"))

    due = await database.read(lambda tx: work.next_due_in_ms(tx, "zendesk"))
    assert [wait_ms for wait_ms in due.values() if wait_ms <= 0] == []


async def test_the_next_sweep_is_no_backlog(database: SqliteDatabase) -> None:
    await database.write(lambda tx: sweeps.plan(tx, "zendesk"))

    assert await database.read(work.backlog) == (0, 0, None)


async def test_a_position_starts_where_it_is_first_asked_for(
    database: SqliteDatabase, clock: HandClock
) -> None:
    began_ms = clock.now_ms()
    first = await database.write(lambda tx: sweeps.begin(tx, "twilio", SENDER))
    clock.forward(60)
    await database.write(lambda tx: sweeps.move(tx, "twilio", SENDER, position="17", is_done=False))

    second = await database.write(lambda tx: sweeps.begin(tx, "twilio", SENDER))

    assert (first.position, first.since_ms, first.done_at_ms) == (None, began_ms, None)
    assert (second.position, second.since_ms) == ("17", began_ms)
    assert (second.asked_at_ms, second.done_at_ms) == (clock.now_ms(), None)
    assert await database.read(sweeps.ages) == {"twilio": began_ms}


async def test_a_number_that_comes_back_starts_anew(
    database: SqliteDatabase, clock: HandClock
) -> None:
    await database.write(lambda tx: sweeps.begin(tx, "twilio", SENDER))
    await database.write(lambda tx: sweeps.keep_only(tx, "twilio", []))
    clock.forward(60)

    again = await database.write(lambda tx: sweeps.begin(tx, "twilio", SENDER))

    assert again.since_ms == clock.now_ms()


async def test_a_change_is_known_as_seen_until_there_is_a_newer_one(
    database: SqliteDatabase,
) -> None:
    def link(tx: Transaction) -> None:
        conversation = conversations.open_for(tx, SENDER, CUSTOMER)
        conversations.link(
            tx, conversation_id=conversation.id, ticket_id=7, requester_id=1, replies_from=0
        )
        sweeps.note_seen(tx, 7, 5_000)

    await database.write(link)

    assert await database.read(lambda tx: sweeps.has_seen(tx, 7, 5_000))
    assert not await database.read(lambda tx: sweeps.has_seen(tx, 7, 6_000))
    assert await database.read(lambda tx: sweeps.is_linked(tx, 7))
    assert not await database.read(lambda tx: sweeps.is_linked(tx, 8))


async def test_of_two_words_the_one_said_last_holds_whichever_is_heard_last(
    database: SqliteDatabase, clock: HandClock
) -> None:
    early, late = clock.now_ms() - 60_000, clock.now_ms() - 30_000

    def hear(tx: Transaction) -> tuple[object, object]:
        contacts.opt_out(tx, "+1", Source(how="text", said_at_ms=late))
        contacts.opt_in(tx, "+1", Source(how="text", said_at_ms=early))
        contacts.opt_in(tx, "+2", Source(how="text", said_at_ms=late))
        contacts.opt_out(tx, "+2", Source(how="text", said_at_ms=early))
        contacts.opt_out(tx, "+3", Source(how="text", said_at_ms=early))
        contacts.opt_in(tx, "+3", Source(how="text"))
        found = [contacts.know(tx, address) for address in ("+1", "+2", "+3")]
        return (
            [contact.opted_out_at for contact in found],
            [contact.opted_in_at for contact in found],
        )

    assert await database.write(hear) == ([late, None, None], [None, late, clock.now_ms()])


@pytest.mark.parametrize("apart_ms", [0, 999, 1000])
async def test_of_two_words_in_one_second_the_opt_out_holds(
    database: SqliteDatabase, clock: HandClock, apart_ms: int
) -> None:
    said_ms = clock.now_ms()
    clock.forward(apart_ms / 1000)

    def hear(tx: Transaction) -> bool:
        contacts.opt_in(tx, "+1", Source(how="text"))
        contacts.opt_out(tx, "+1", Source(how="text", said_at_ms=said_ms))  # in whole seconds
        return contacts.know(tx, "+1").opted_out_at is not None

    assert await database.write(hear) is (apart_ms < 1000)


@pytest.mark.parametrize("newest_is_stop", [True, False], ids=["stop", "start"])
async def test_a_word_that_is_told_later_makes_no_newer_one_older(
    database: SqliteDatabase, clock: HandClock, newest_is_stop: bool
) -> None:
    said_ms = clock.now_ms()
    clock.forward(300)
    same, other = contacts.opt_out, contacts.opt_in
    if not newest_is_stop:
        same, other = other, same

    def hear(tx: Transaction) -> bool:
        same(tx, "+1", Source(how="text"))
        same(tx, "+1", Source(how="text", said_at_ms=said_ms))
        other(tx, "+1", Source(how="text", said_at_ms=said_ms + 120_000))  # between the two
        return contacts.know(tx, "+1").opted_out_at is not None

    assert await database.write(hear) is newest_is_stop
