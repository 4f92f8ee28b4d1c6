"""Wishes to stop that wait for a person: shown where one looks, and decided once."""

from __future__ import annotations

import pytest

from bridge.store import changes, contacts, listing
from bridge.store.contacts import Source
from bridge.store.sqlite import SqliteDatabase
from tests.store.rows import CUSTOMER, SENDER
from tests.web.admin.people import Answer, Person
from tests.web.admin.stock import TALK, TEXT, stock

CONTACT = f"/admin/contacts/%2B{CUSTOMER[1:]}"
WORDS = "Please no more <b>texts</b>"


@pytest.fixture(autouse=True)
async def asked(database: SqliteDatabase) -> None:
    await stock(database, WORDS)
    await database.write(lambda tx: contacts.opt_in(tx, CUSTOMER, Source(how="text")))
    await database.write(lambda tx: contacts.note_wish(tx, CUSTOMER, TEXT))


async def decide(person: Person, decision: str, wish: str = TEXT) -> Answer:
    return await person.post(f"{CONTACT}/wish", {"decision": decision, "wish": wish})


async def test_a_wish_is_shown_wherever_somebody_looks(viewer: Person) -> None:
    for path in (CONTACT, f"/admin/conversations/{TALK}"):
        answer = await viewer.get(path)
        (told,) = answer.see("wish")
        assert WORDS in told
        assert "texted until somebody decides" in told
        assert not answer.page.select('button[name="decision"]')
    (told,) = (await viewer.get("/admin/")).see("wishes")
    assert "1 customer may want no more texts" in told
    assert len((await viewer.get("/admin/contacts?undecided")).see("contact")) == 1


async def test_opting_out_is_in_the_ledger_with_the_customers_words(
    manager: Person, database: SqliteDatabase
) -> None:
    answer = await decide(manager, "opt_out")

    assert answer.status == 303
    contact = await database.read(lambda tx: listing.contact(tx, [CUSTOMER]))
    assert contact is not None
    assert contact.opted_out_at_ms is not None
    assert contact.stop_wish is None
    entry = contact.consent[0]
    assert (entry.action, entry.how, entry.sender) == ("opt_out", "admin", SENDER)
    assert entry.words == f"the manager: the customer texted “{WORDS}”"
    assert (entry.rule, entry.message_id) == ("wish to stop", TEXT)
    (change,) = await database.read(lambda tx: changes.list_changes(tx, limit=1))
    assert (change.who, change.what) == ("the manager", "opted out of all texts")
    for path in (CONTACT, f"/admin/conversations/{TALK}"):
        assert (await manager.get(path)).see("wish") == []
    assert (await manager.get("/admin/")).see("wishes") == []
    assert "Nobody waits for a decision" in (await manager.get("/admin/contacts?undecided")).text


async def test_what_was_no_wish_changes_nothing_but_that(
    manager: Person, database: SqliteDatabase
) -> None:
    before = await database.read(lambda tx: listing.contact(tx, [CUSTOMER]))

    assert (await decide(manager, "keep")).status == 303

    after = await database.read(lambda tx: listing.contact(tx, [CUSTOMER]))
    assert before is not None
    assert after is not None
    assert (after.stop_wish, after.opted_out_at_ms) == (None, None)
    assert after.consent == before.consent
    (change,) = await database.read(lambda tx: changes.list_changes(tx, limit=1))
    assert change.what == "had no wish to stop"


@pytest.mark.parametrize(
    ("decision", "wish", "status", "told"),
    [
        ("perhaps", TEXT, 400, "opt_out or keep"),
        ("opt_out", "another", 409, "has written again"),
    ],
)
async def test_a_decision_is_about_the_text_that_was_seen(
    manager: Person, database: SqliteDatabase, decision: str, wish: str, status: int, told: str
) -> None:
    answer = await decide(manager, decision, wish)

    assert answer.status == status
    assert told in answer.text
    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))
    assert contact is not None
    assert (contact.stop_wish, contact.opted_out_at) == (TEXT, None)


async def test_a_wish_is_decided_once(manager: Person, admin: Person) -> None:
    await decide(manager, "keep")

    answer = await decide(admin, "opt_out")

    assert answer.status == 409
    assert "somebody has done it" in answer.text


async def test_a_viewer_decides_nothing(viewer: Person, database: SqliteDatabase) -> None:
    assert (await decide(viewer, "opt_out")).status == 403
    contact = await database.read(lambda tx: contacts.get(tx, CUSTOMER))
    assert contact is not None
    assert contact.stop_wish == TEXT
