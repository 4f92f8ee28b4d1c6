"""The reply box: what it takes, once, and where there is nothing to reply on."""

from __future__ import annotations

import pytest

from bridge.ids import new_id
from bridge.store import changes, contacts, inbox
from bridge.store.contacts import Source
from bridge.store.sqlite import SqliteDatabase
from tests.store.rows import CUSTOMER
from tests.web.admin.people import Answer, Person
from tests.web.admin.stock import TALK, stock
from tests.web.far_sides import Taken

PAGE = f"/admin/conversations/{TALK}"


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    await stock(database)
    await database.write(lambda tx: contacts.opt_in(tx, CUSTOMER, Source(how="text")))


async def under_way(database: SqliteDatabase) -> list[str]:
    return await database.read(lambda tx: inbox.replies_under_way(tx, TALK))


async def form_on(person: Person) -> str:
    field = (await person.get(PAGE)).page.select_one('input[name="once"]')
    assert field is not None
    return str(field["value"])


async def send(person: Person, words: str, once: str | None = None) -> Answer:
    return await person.post(f"{PAGE}/reply", {"reply": words, "once": once or new_id()})


async def test_a_reply_is_under_way_at_once_and_shown(
    manager: Person, database: SqliteDatabase, taken: Taken
) -> None:
    answer = await send(manager, " At the depot.\r\n<b>Tomorrow</b>. ", await form_on(manager))

    assert (answer.status, answer.location) == (303, f"{PAGE}?said=sent")
    assert await under_way(database) == ["At the depot.\n<b>Tomorrow</b>."]
    assert taken.wakes == 1
    (shown,) = (await manager.get(PAGE)).see("under-way")
    assert "<b>Tomorrow</b>." in shown
    (change,) = await database.read(lambda tx: changes.list_changes(tx, subject="reply", limit=9))
    assert (change.who, change.name) == ("the manager", CUSTOMER)
    assert "depot" not in str(change.after)


async def test_a_form_that_is_sent_twice_is_one_reply(
    manager: Person, database: SqliteDatabase
) -> None:
    once = await form_on(manager)
    for _ in range(2):
        await send(manager, "At the depot.", once)
    await send(manager, "At the depot.")

    assert await under_way(database) == ["At the depot.", "At the depot."]


@pytest.mark.parametrize(
    ("words", "once", "field"),
    [("", None, "reply"), (" \n", None, "reply"), ("x" * 1601, None, "reply"), ("x", "1", "once")],
)
async def test_a_reply_that_is_none_is_refused(
    manager: Person, database: SqliteDatabase, words: str, once: str | None, field: str
) -> None:
    answer = await send(manager, words, once)

    assert answer.status == 400
    assert field in answer.text
    assert await under_way(database) == []


async def test_who_has_opted_out_can_not_be_replied_to(
    manager: Person, database: SqliteDatabase
) -> None:
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, Source(how="text")))

    assert "nothing can be texted to them until they send START" in (await manager.get(PAGE)).text
    assert (await send(manager, "Hello")).status == 409
    assert await under_way(database) == []


async def test_without_a_ticket_there_is_nothing_to_reply_on(
    manager: Person, database: SqliteDatabase
) -> None:
    await database.write(lambda tx: tx.run("UPDATE conversations SET ticket_id = NULL"))

    assert "There is no ticket in this conversation" in (await manager.get(PAGE)).text
    assert (await send(manager, "Hello")).status == 409
    missing = {"reply": "Hello", "once": new_id()}
    assert (await manager.post("/admin/conversations/none/reply", missing)).status == 404


async def test_a_viewer_has_no_reply_box(viewer: Person) -> None:
    assert "<textarea" not in (await viewer.get(PAGE)).text


async def test_a_reply_is_measured_while_it_is_written(viewer: Person) -> None:
    for words, size, cost in (
        ("Hello", ["1 segment, GSM-7"], ["costs as 1 text"]),
        ("🎉" * 36, ["2 segments, UCS-2"], ["costs as 2 texts"]),
        ("", [], []),
    ):
        answer = await viewer.post("/admin/measure", {"reply": words})
        assert (answer.see("size"), answer.see("cost")) == (size, cost)


async def test_what_makes_a_reply_dear_is_named_and_can_be_made_plain(viewer: Person) -> None:
    fields = {"greeting": "\u201cHello\u201d\u00a0" + "x" * 70, "measured": "greeting"}

    answer = await viewer.post("/admin/measure", fields)

    (told,) = answer.see("dear")
    assert told.startswith("\u201c \u201d no-break space need UCS-2")
    assert "With plain characters: 1 segment, GSM-7." in told
    button = answer.page.select_one('[data-testid="make-plain"]')
    assert button is not None
    assert button["data-fill"] == "greeting"
    assert button["data-text"] == '"Hello" ' + "x" * 70


async def test_a_sender_that_makes_characters_plain_has_replies_measured_so(
    viewer: Person,
) -> None:
    fields = {"reply": "\u201cHello\u201d", "measured_plain": "yes"}

    assert (await viewer.post("/admin/measure", fields)).see("size") == ["1 segment, GSM-7"]
