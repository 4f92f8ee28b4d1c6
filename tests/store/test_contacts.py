"""Contacts and their consent: what holds now, and a ledger that only grows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.store import contacts, people
from bridge.store.contacts import Source
from bridge.store.database import Database, Transaction
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import ENGINES, Against, rows

SAID = Source(how="text", sender=SENDER, words="Stop.", rule="STOP", message_id="m1")


async def test_a_contact_is_made_once_and_known_after_that(
    database: Database, clock: HandClock
) -> None:
    assert await database.read(lambda tx: contacts.get(tx, CUSTOMER)) is None

    first = await database.write(lambda tx: contacts.know(tx, CUSTOMER))
    clock.forward(5)
    again = await database.write(lambda tx: contacts.know(tx, CUSTOMER))

    assert first == again
    assert (first.address, first.tags, first.opted_out_at, first.requester_id) == (
        CUSTOMER,
        (),
        None,
        None,
    )
    assert len(await rows(database, "SELECT * FROM contacts")) == 1


async def test_the_last_word_decides_and_the_ledger_has_them_all(
    database: Database, clock: HandClock
) -> None:
    times = []
    for change in (contacts.opt_out, contacts.opt_in, contacts.opt_out):
        times.append(clock.now_ms())
        await database.write(lambda tx, c=change: c(tx, CUSTOMER, SAID))  # type: ignore[misc]
        clock.forward(1)

    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))
    ledger = await rows(database, "SELECT action, at FROM consent ORDER BY id")

    assert contact is not None
    assert (contact.opted_out_at, contact.opted_in_at) == (times[2], None)
    assert [(row["action"], row["at"]) for row in ledger] == list(
        zip(["opt_out", "opt_in", "opt_out"], times, strict=True)
    )


async def test_an_opt_in_lifts_an_opt_out(database: Database, clock: HandClock) -> None:
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, SAID))
    await database.write(lambda tx: contacts.opt_in(tx, CUSTOMER, SAID))

    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

    assert contact is not None
    assert (contact.opted_out_at, contact.opted_in_at) == (None, clock.now_ms())


async def test_the_ledger_keeps_the_evidence(database: Database, clock: HandClock) -> None:
    await database.write(lambda tx: contacts.subscribe(tx, CUSTOMER, ["vip"], SAID))

    assert await rows(database, "SELECT * FROM consent") == [
        {
            "id": 1,
            "contact": CUSTOMER,
            "sender": SENDER,
            "action": "subscribe",
            "list": "vip",
            "how": "text",
            "words": "Stop.",
            "rule": "STOP",
            "message_id": "m1",
            "at": clock.now_ms(),
        }
    ]


CHANGES = {"changed": "UPDATE consent SET action = 'opt_in'", "deleted": "DELETE FROM consent"}
REPLACE = "REPLACE INTO consent (id, contact, action, how, at) VALUES (1, 'x', 'opt_in', 'text', 1)"


@pytest.mark.parametrize(
    ("engine", "sql"),
    [
        pytest.param(engine, sql, id=f"{engine}-{name}")
        for engine, name, sql in [
            *((engine, name, sql) for engine in ENGINES for name, sql in CHANGES.items()),
            ("sqlite", "replaced", REPLACE),
            ("postgres", "emptied", "TRUNCATE consent"),
        ]
    ],
    indirect=["engine"],
)
async def test_the_ledger_is_never_changed(database: Database, sql: str) -> None:
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, SAID))
    before = await rows(database, "SELECT * FROM consent")

    with pytest.raises(Against):
        await database.write(lambda tx: tx.run(sql))

    assert await rows(database, "SELECT * FROM consent") == before


async def test_lists_are_joined_and_left_each_by_itself(database: Database) -> None:
    await database.write(lambda tx: contacts.subscribe(tx, CUSTOMER, ["vip", "news"], SAID))
    assert await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))

    await database.write(lambda tx: contacts.unsubscribe(tx, CUSTOMER, ["vip"], SAID))
    assert await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    await database.write(lambda tx: contacts.unsubscribe(tx, CUSTOMER, ["news"], SAID))

    assert not await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    actions = await rows(database, "SELECT action, list FROM consent ORDER BY id")
    assert [(row["action"], row["list"]) for row in actions] == [
        ("subscribe", "vip"),
        ("subscribe", "news"),
        ("unsubscribe", "vip"),
        ("unsubscribe", "news"),
    ]


async def test_who_was_asked_is_on_no_list_until_the_answer(database: Database) -> None:
    asked = Source(how="text", rule="CLUB")
    await database.write(lambda tx: contacts.ask_to_confirm(tx, CUSTOMER, ["club"], asked))

    assert not await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    assert await database.read(lambda tx: contacts.pending_lists(tx, CUSTOMER)) == {"club": "CLUB"}

    await database.write(lambda tx: contacts.subscribe(tx, CUSTOMER, ["club"], SAID))

    assert await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    assert await database.read(lambda tx: contacts.pending_lists(tx, CUSTOMER)) == {}


async def test_one_customers_lists_are_not_anothers(database: Database) -> None:
    await database.write(lambda tx: contacts.subscribe(tx, CUSTOMER, ["vip"], SAID))

    assert not await database.read(lambda tx: contacts.lists_of(tx, "+12025550143"))
    assert await database.read(lambda tx: contacts.pending_lists(tx, "+12025550143")) == {}


async def test_tags_are_added_and_kept_once(database: Database) -> None:
    await database.write(lambda tx: contacts.add_tags(tx, CUSTOMER, ["vip", "us"]))
    await database.write(lambda tx: contacts.add_tags(tx, CUSTOMER, ["us", "größe"]))

    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

    assert contact is not None
    assert contact.tags == ("größe", "us", "vip")


async def test_a_landline_is_remembered_and_forgotten(database: Database, clock: HandClock) -> None:
    await database.write(lambda tx: contacts.know(tx, CUSTOMER))
    for is_landline, at in ((True, clock.now_ms()), (False, None)):
        await database.write(
            lambda tx, now=is_landline: contacts.set_landline(tx, CUSTOMER, is_landline=now)  # type: ignore[misc]
        )
        contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

        assert contact is not None
        assert contact.landline_at == at


async def test_a_requester_is_remembered_and_forgotten(database: Database) -> None:
    await database.write(lambda tx: contacts.know(tx, CUSTOMER))
    for requester_id in (2**53, None):
        await database.write(
            lambda tx, now=requester_id: contacts.set_requester(tx, CUSTOMER, now)  # type: ignore[misc]
        )
        contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

        assert contact is not None
        assert contact.requester_id == requester_id


async def test_fields_are_set_one_by_one(database: Database) -> None:
    def change(tx: Transaction) -> None:
        for fields in ({"size": "L", "colour": "rød"}, {"size": "XL"}, {}):
            contacts.set_fields(tx, CUSTOMER, fields)

    await database.write(change)

    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

    assert contact is not None
    assert contact.fields == {"size": "XL", "colour": "rød"}


@pytest.mark.parametrize("word", [contacts.opt_out, contacts.opt_in])
async def test_stop_and_start_settle_a_wish(
    database: Database, word: Callable[[Transaction, str, Source], None]
) -> None:
    await database.write(lambda tx: contacts.note_wish(tx, CUSTOMER, "m1"))
    await database.write(lambda tx: contacts.note_wish(tx, CUSTOMER, "m2"))
    undecided = await database.read(lambda tx: people.undecided(tx, limit=9))
    asked = await database.read(lambda tx: contacts.get(tx, CUSTOMER))

    await database.write(lambda tx: word(tx, CUSTOMER, SAID))

    settled = await database.read(lambda tx: contacts.get(tx, CUSTOMER))
    assert asked is not None
    assert settled is not None
    assert (asked.stop_wish, settled.stop_wish) == ("m2", None)
    assert [one.address for one in undecided] == [CUSTOMER]
    assert await database.read(lambda tx: people.undecided(tx, limit=9)) == []
