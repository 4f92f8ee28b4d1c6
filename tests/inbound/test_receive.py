"""A text arrives: kept once, in order, and judged in the same transaction."""

from __future__ import annotations

import asyncio

import pytest

from bridge.carriers.contract import Media
from bridge.domain.directory import Sender, make_directory
from bridge.errors import NotDurable
from bridge.inbound.receive import take_in_waiting
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase
from tests.inbound.arrivals import DIRECTORY, RULES, answers, arrive, last, ledger, work_of
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column, rows, sqlite_only

NOBODY = make_directory()
STRANGE = "+12025550199"


async def test_a_text_is_kept_judged_and_given_to_the_desk_at_once(
    database: Database,
) -> None:
    media = Media(url="https://api.twilio.com/m/1", content_type="image/png")

    verdict = await arrive(database, "Grüße 🎈", media=(media,))

    message = await last(database)
    assert (verdict, message.verdict, message.state) == ("ticket", "ticket", "received")
    assert (message.body, message.why) == ("Grüße 🎈", "an ordinary text")
    assert message.media == ({"url": media.url, "content_type": "image/png"},)
    (work,) = await work_of(database, "text")
    assert (work["lane"], work["message_id"], work["account"]) == (
        f"in:{message.conversation_id}",
        message.id,
        "zendesk",
    )


async def test_a_text_delivered_twice_is_one_message_and_one_piece_of_work(
    database: Database,
) -> None:
    verdicts = await asyncio.gather(
        *(arrive(database, "hello", carrier_id="SM-twice") for _ in range(5))
    )

    assert sorted(verdicts, key=str) == [None, None, None, None, "ticket"]
    assert len(await rows(database, "SELECT 1 FROM messages")) == 1
    assert len(await work_of(database, "text")) == 1


async def test_a_stop_delivered_twice_is_one_confirmation(database: Database) -> None:
    for _ in range(2):
        await arrive(database, "ARRET", carrier_id="SM-stop")

    assert len(await answers(database)) == 1
    assert await ledger(database) == [("opt_out", None)]


async def test_texts_of_one_pair_are_one_conversation_in_order(database: Database) -> None:
    await asyncio.gather(*(arrive(database, f"text {number}") for number in range(10)))

    work = await work_of(database, "text")
    arrived = await rows(database, "SELECT id, body FROM messages ORDER BY seq")
    assert len({row["lane"] for row in work}) == 1
    assert [row["message_id"] for row in work] == [row["id"] for row in arrived]
    assert [row["body"] for row in arrived] == [f"text {number}" for number in range(10)]


async def test_other_pairs_have_lanes_of_their_own(database: Database) -> None:
    await arrive(database, "hello")
    await arrive(database, "hello", customer="+12025550143")
    await arrive(database, "hello", sender="+12025550101")

    assert len({row["lane"] for row in await work_of(database, "text")}) == 3


async def test_a_text_for_no_sender_waits_and_leads_to_nothing(database: Database) -> None:
    verdict = await arrive(database, "STOP", sender=STRANGE)

    message = await last(database)
    assert (verdict, message.verdict, message.state) == ("no_sender", "no_sender", "waiting")
    assert message.conversation_id is None
    for table in ("work", "consent", "conversations"):
        assert await rows(database, f"SELECT * FROM {table}") == []


async def test_waiting_texts_are_worked_off_in_order_once_the_sender_is_added(
    database: Database,
) -> None:
    for number in range(3):
        await arrive(database, f"text {number}", directory=NOBODY)
    await arrive(database, "for another", sender=STRANGE, directory=NOBODY)

    taken = await database.write(lambda tx: take_in_waiting(tx, DIRECTORY, RULES))
    again = await database.write(lambda tx: take_in_waiting(tx, DIRECTORY, RULES))

    assert (taken, again) == (3, 0)
    work = await work_of(database, "text")
    bodies = [
        (await column(database, "SELECT body FROM messages WHERE id = $1", row["message_id"]))[0]
        for row in work
    ]
    assert bodies == ["text 0", "text 1", "text 2"]
    states = await column(database, "SELECT state FROM messages ORDER BY seq")
    assert states == ["received", "received", "received", "waiting"]


async def test_what_waited_is_judged_as_if_it_came_now(database: Database) -> None:
    for body in ("hello", "ARRET", "and another thing"):
        await arrive(database, body, directory=NOBODY)

    await database.write(lambda tx: take_in_waiting(tx, DIRECTORY, RULES))

    verdicts = await column(
        database, "SELECT verdict FROM messages WHERE direction = 'inbound' ORDER BY seq"
    )
    assert verdicts == ["ticket", "opt_out", "ticket"]
    assert await ledger(database) == [("opt_out", None)]


@sqlite_only
async def test_a_text_that_can_not_be_kept_leaves_nothing(database: Database) -> None:
    assert isinstance(database, SqliteDatabase)
    assert database._writer is not None
    pages = await (await database._writer.execute("PRAGMA page_count")).fetchone()
    assert pages is not None
    await database._writer.execute(f"PRAGMA max_page_count = {pages[0]}")

    with pytest.raises(NotDurable):
        await arrive(database, "x" * 100_000)

    for table in ("messages", "work", "conversations", "contacts"):
        assert await rows(database, f"SELECT * FROM {table}") == []


async def test_a_text_from_a_number_of_ours_is_a_loop_and_leads_to_nothing(
    database: Database,
) -> None:
    directory = make_directory(
        senders=[
            Sender(number=number, carrier="twilio", country="US") for number in (SENDER, CUSTOMER)
        ]
    )

    verdict = await arrive(database, "STOP", directory=directory)

    message = await last(database)
    assert (verdict, message.verdict, message.state) == ("loop", "loop", "done")
    for table in ("work", "consent", "conversations"):
        assert await rows(database, f"SELECT * FROM {table}") == []
