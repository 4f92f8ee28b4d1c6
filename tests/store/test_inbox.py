"""Lists of the console: conversations, searches, work and people, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from bridge.ids import new_id
from bridge.store import contacts, conversations, inbox, overview, people, todo
from bridge.store.contacts import Source
from bridge.store.database import Database, Transaction
from bridge.store.inbox import WINDOW, Line
from tests.desks.scripted import HandClock
from tests.store.rows import BEGAN, CUSTOMER, SENDER, add, add_failed_work, add_message

OTHER = "+18005550199"


async def add_conversation(
    database: Database, key: str, customer: str, *, at: int, sender: str = SENDER
) -> None:
    await add(
        database,
        "conversations",
        id=key,
        sender=sender,
        customer=customer,
        created_at=BEGAN,
        last_at=at,
    )


async def test_conversations_come_by_their_last_word_page_by_page(database: Database) -> None:
    for number in range(5):
        await add_conversation(database, f"c{number}", f"+1202555010{number}", at=number // 2)

    first = await database.read(lambda tx: inbox.recent(tx, sender=None, before=None, limit=3))
    mark = (first[-1].last_at_ms, first[-1].id)
    second = await database.read(lambda tx: inbox.recent(tx, sender=None, before=mark, limit=3))

    assert [one.id for one in (*first, *second)] == ["c4", "c3", "c2", "c1", "c0"]


async def test_conversations_of_one_sender_leave_out_the_others(database: Database) -> None:
    await add_conversation(database, "c1", CUSTOMER, at=1)
    await add_conversation(database, "c2", CUSTOMER, at=2, sender=OTHER)

    found = await database.read(lambda tx: inbox.recent(tx, sender=OTHER, before=None, limit=9))

    assert [one.id for one in found] == ["c2"]


async def test_a_line_shows_the_name_and_what_was_said_last(database: Database) -> None:
    await add_conversation(database, "c1", CUSTOMER, at=1)
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, Source(how="text")))
    await database.write(lambda tx: contacts.set_name(tx, CUSTOMER, "Maya Torres"))
    await add_message(database, "m1", conversation_id="c1", body="first")
    await add_message(database, "m2", conversation_id="c1", body="last", direction="outbound")

    line = await database.read(lambda tx: inbox.line_of(tx, "c1"))

    assert line is not None
    assert (line.name, line.opted_out, line.body, line.direction) == (
        *("Maya Torres", True, "last", "outbound"),
    )


async def test_conversations_are_found_by_number_ticket_and_name(database: Database) -> None:
    await add_conversation(database, "c1", CUSTOMER, at=1)
    await add_conversation(database, "c2", "+13125550142", at=2)
    await database.write(lambda tx: contacts.know(tx, CUSTOMER))
    await database.write(lambda tx: contacts.set_name(tx, CUSTOMER, "Émile Straße"))
    await database.write(
        lambda tx: conversations.link(
            tx, conversation_id="c2", ticket_id=42, requester_id=1, replies_from=0
        )
    )

    async def ids(find: Callable[[Transaction], list[Line]]) -> list[str]:
        return [one.id for one in await database.read(find)]

    assert await ids(lambda tx: inbox.by_customer(tx, "+1202")) == ["c1"]
    assert await ids(lambda tx: inbox.by_customer(tx, "+1")) == ["c2", "c1"]
    assert await ids(lambda tx: inbox.by_ticket(tx, 42)) == ["c2"]
    assert await ids(lambda tx: inbox.by_name(tx, "éMILE strasse")) == ["c1"]
    assert await ids(lambda tx: inbox.by_name(tx, "mile")) == []


@pytest.mark.parametrize(
    ("words", "bodies"),
    [
        ("PARCEL", ["My parcel"]),
        ("100%", ["100% sure"]),
        ("_", ["under_score"]),
        ("\\", ["back\\slash"]),
        ("nothing", []),
    ],
)
async def test_words_are_found_as_they_are_written(
    database: Database, words: str, bodies: list[str]
) -> None:
    for number, body in enumerate(["My parcel", "100% sure", "under_score", "back\\slash"]):
        await add_message(database, f"m{number}", body=body)

    found = await database.read(lambda tx: inbox.find_texts(tx, words=words, limit=9))

    assert [one.body for one in found.texts] == bodies
    assert found.before is None


async def test_a_search_by_words_looks_through_so_many_texts_and_goes_on(
    database: Database,
) -> None:
    await add_message(database, "old", seq=1, body="the parcel")
    await add_message(database, "new", seq=WINDOW + 100, body="hello")

    first = await database.read(lambda tx: inbox.find_texts(tx, words="parcel", limit=9))
    assert (list(first.texts), first.before) == ([], 101)
    assert first.back_to_ms == BEGAN

    second = await database.read(
        lambda tx: inbox.find_texts(tx, words="parcel", before=first.before, limit=9)
    )
    assert ([one.id for one in second.texts], second.before) == (["old"], None)


async def test_texts_of_a_state_come_page_by_page(database: Database) -> None:
    for number in range(5):
        await add_message(database, f"m{number}", state="failed")
    await add_message(database, "fine")

    first = await database.read(lambda tx: inbox.find_texts(tx, state="failed", limit=3))
    second = await database.read(
        lambda tx: inbox.find_texts(tx, state="failed", before=first.before, limit=9)
    )

    assert [one.id for one in (*first.texts, *second.texts)] == ["m4", "m3", "m2", "m1", "m0"]
    assert second.before is None


async def test_texts_are_found_by_verdict_and_sender(database: Database) -> None:
    await add_message(database, "m1", verdict="keyword")
    await add_message(database, "m2", verdict="keyword", sender=OTHER)
    await add_message(database, "m3", verdict="ticket")

    found = await database.read(
        lambda tx: inbox.find_texts(tx, verdict="keyword", sender=SENDER, limit=9)
    )

    assert [one.id for one in found.texts] == ["m1"]


async def test_waiting_work_comes_by_what_is_due_without_the_sweeps(database: Database) -> None:
    for ref, due in (("late", 30), ("soon", 10), ("next", 20)):
        await add_failed_work(database, ref, state="waiting", due_at=due, failed_at=None, lane=ref)
    await add_failed_work(database, "sweep", state="waiting", kind="sweep", failed_at=None)
    await add_failed_work(database, "failed")

    first = await database.read(lambda tx: todo.list_waiting(tx, after=None, limit=2))
    mark = (first[-1].due_at_ms, first[-1].id)
    second = await database.read(lambda tx: todo.list_waiting(tx, after=mark, limit=2))

    assert [one.ref for one in (*first, *second)] == ["soon", "next", "late"]


async def test_people_are_listed_by_age_name_number_and_list(
    database: Database, clock: HandClock
) -> None:
    for number, name in enumerate(["Maya", "Jonas", "maya b"]):
        address = f"+1202555010{number}"
        await database.write(partial(contacts.know, address=address))
        await database.write(partial(contacts.set_name, address=address, name=name))
        clock.forward(1)
    await database.write(
        lambda tx: contacts.subscribe(tx, "+12025550101", ["vip"], Source(how="admin"))
    )

    newest = await database.read(lambda tx: people.newest(tx, before=None, limit=2))
    mark = (newest[-1].created_at_ms, newest[-1].address)
    rest = await database.read(lambda tx: people.newest(tx, before=mark, limit=2))
    assert [one.name for one in (*newest, *rest)] == ["maya b", "Jonas", "Maya"]
    named = await database.read(lambda tx: people.by_name(tx, "MAYA", limit=9))
    assert [one.name for one in named] == ["Maya", "maya b"]
    numbered = await database.read(lambda tx: people.by_address(tx, "+12025550102", limit=9))
    assert [one.name for one in numbered] == ["maya b"]
    listed = await database.read(
        lambda tx: people.on_list(tx, "vip", state="subscribed", after=None, limit=9)
    )
    assert [one.name for one in listed] == ["Jonas"]
    assert await database.read(lambda tx: people.list_sizes(tx, "vip")) == {"subscribed": 1}


async def test_the_overview_counts_the_last_day(database: Database, clock: HandClock) -> None:
    now = clock.now_ms()
    day = 24 * 3600 * 1000
    for number in range(4):
        took = 100 * (number + 1)
        await add_message(
            database,
            f"in{number}",
            verdict="ticket",
            created_at=now - 5000,
            updated_at=now - 5000 + took,
        )
    await add_message(database, "old", verdict="ticket", created_at=now - day - 1)
    await add_message(database, "kept", verdict="keyword", created_at=now)
    await add_message(
        database, "w", state="waiting", verdict="no_sender", sender=OTHER, created_at=now
    )
    for state in ("delivered", "delivered", "delivered", "undelivered", "queued"):
        await add_message(database, new_id(), direction="outbound", state=state, created_at=now)
    await add_failed_work(database, "w1")
    await add(
        database,
        "pauses",
        account="zendesk",
        kind="asked",
        until=now + day,
        reason="429",
        since=1,
    )

    found = await database.read(overview.overview)

    assert (found.received, found.ticketed, found.sent) == (6, 4, 4)
    assert found.delivery_rate == 0.75
    assert (found.usual_ms, found.slow_ms) == (300, 400)
    assert (found.waiting, found.failed) == (0, 1)
    assert [(one.account, one.reason) for one in found.pauses] == [("zendesk", "429")]
    assert found.unknown == {OTHER: 1}
