"""Conversations, texts and why they went so, as a viewer sees them."""

from __future__ import annotations

import pytest

from bridge.domain.settings_file import parse
from bridge.store.settings import import_settings
from bridge.store.sqlite import SqliteDatabase
from tests.store.rows import CUSTOMER, SENDER, add_message
from tests.web.admin.people import Person
from tests.web.admin.stock import REPLY, TALK, TEXT, stock

LIST = "/admin/conversations"
SETTINGS = '[[senders]]\nnumber = "+12025550100"\ncarrier = "twilio"\nname = "Acme"\n'


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    await stock(database)
    file = parse(SETTINGS, {"twilio": {}})
    await database.write(lambda tx: import_settings(tx, file, {"twilio": {}}, prune=False))


async def test_conversations_are_listed_with_the_last_word(viewer: Person) -> None:
    (line,) = (await viewer.get(LIST)).see("conversation")

    assert "Where is my parcel?" in line
    assert "opted out" in line
    assert "ticket 42" in line


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("+1 202-555-0142", 1),
        ("(202) 555-0142", 1),
        ("+1202", 1),
        ("#42", 1),
        ("42", 1),
        ("where is", 1),
        ("+1 999", 0),
        ("#43", 0),
        ("nobody", 0),
    ],
)
async def test_a_conversation_is_found_by_number_ticket_or_name(
    viewer: Person, words: str, lines: int
) -> None:
    answer = await viewer.get(f"{LIST}?q={words.replace('+', '%2B').replace('#', '%23')}")

    assert len(answer.see("conversation")) == lines


async def test_texts_are_found_by_their_words_whatever_the_case(viewer: Person) -> None:
    found = (await viewer.get(f"{LIST}?q=PARCEL")).see("text")

    assert len(found) == 2
    assert "Nothing found" in (await viewer.get(f"{LIST}?q=tulips")).text


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("state=failed", 1),
        ("state=done", 1),
        ("verdict=ticket", 1),
        ("verdict=keyword", 0),
        (f"state=failed&sender=%2B{SENDER[1:]}", 1),
        ("state=failed&sender=%2B1999", 0),
        ("state=failed&q=tulips", 0),
    ],
)
async def test_texts_are_chosen_by_state_verdict_and_number(
    viewer: Person, query: str, texts: int
) -> None:
    assert len((await viewer.get(f"{LIST}?{query}")).see("text")) == texts


@pytest.mark.parametrize(
    "query",
    ["state=well", "verdict=guilty", "before=x", "before=1-%3Cx%3E", "older=-1", "q=" + "x" * 300],
)
async def test_a_question_that_makes_no_sense_is_refused_by_name(
    viewer: Person, query: str
) -> None:
    answer = await viewer.get(f"{LIST}?{query}")

    assert answer.status == 400
    assert query.partition("=")[0] in answer.text


async def test_a_long_list_goes_on_behind_its_last_line(
    viewer: Person, database: SqliteDatabase
) -> None:
    for number in range(60):
        await add_message(database, f"f{number:02}", state="failed", body=f"text no {number:02}")

    first = await viewer.get(f"{LIST}?state=failed")
    following = first.page.select_one('a[rel="next"]')
    assert following is not None
    second = await viewer.get(str(following["href"]))

    assert len(first.see("text")) == 50
    assert len(second.see("text")) == 11
    assert second.page.select_one('a[rel="next"]') is None


async def test_a_thread_shows_both_sides_with_their_states(viewer: Person) -> None:
    answer = await viewer.get(f"{LIST}/{TALK}")

    states = [one["data-state"] for one in answer.page.select('[data-testid="bubble"]')]
    assert states == ["done", "failed"]
    assert "made a ticket or comment" in answer.text
    assert f'href="/admin/messages/{TEXT}"' in answer.text


async def test_a_long_thread_begins_with_its_end(viewer: Person, database: SqliteDatabase) -> None:
    for number in range(60):
        await add_message(database, f"t{number:02}", conversation_id=TALK, body=f"word {number:02}")

    latest = await viewer.get(f"{LIST}/{TALK}")
    link = latest.page.select_one(".thread .more a")
    assert link is not None
    earlier = await viewer.get(str(link["href"]))

    assert "word 59" in latest.text
    assert "word 09" not in latest.text
    assert "word 09" in earlier.text
    assert "every 3s" in latest.text
    assert "every 3s" not in earlier.text


async def test_a_thread_is_sent_again_only_where_it_has_changed(
    viewer: Person, database: SqliteDatabase
) -> None:
    thread = (await viewer.get(f"{LIST}/{TALK}")).page.select_one("#thread")
    assert thread is not None
    again = str(thread["hx-get"])

    assert (await viewer.get(again)).status == 204
    await add_message(database, "new", conversation_id=TALK, body="One more thing")
    changed = await viewer.get(again)

    assert changed.status == 200
    assert "One more thing" in changed.text
    assert "<html" not in changed.text


async def test_a_text_shows_why_it_went_as_it_did(viewer: Person) -> None:
    answer = await viewer.get(f"/admin/messages/{REPLY}")

    (steps,) = answer.see("steps")
    assert "It answers" in steps
    assert "Send a text: refused" in steps
    assert "failed" in steps
    assert "(code" in steps


@pytest.mark.parametrize(
    "path", [f"{LIST}/none", f"{LIST}/none/thread", "/admin/messages/none", "/admin/contacts/%2B1"]
)
async def test_what_is_not_there_is_not_there(viewer: Person, path: str) -> None:
    assert (await viewer.get(path)).status == 404


async def test_contacts_are_listed_and_found(viewer: Person) -> None:
    for query, found in (("", 1), ("?q=where", 1), ("?q=%2B1202", 1), ("?q=is", 0)):
        assert len((await viewer.get(f"/admin/contacts{query}")).see("contact")) == found


async def test_a_contact_shows_what_was_agreed_and_how(viewer: Person) -> None:
    answer = await viewer.get(f"/admin/contacts/%2B{CUSTOMER[1:]}")

    subscribed, opted_out = answer.see("ledger-entry")
    assert "subscribed" in subscribed
    assert "opted out of all texts" in opted_out
    assert "by text to +1 202-555-0100" in opted_out
    assert "Write it into the ledger" not in answer.text


async def test_a_file_that_came_in_is_shown_with_its_kind(viewer: Person) -> None:
    answer = await viewer.get(f"/admin/messages/{TEXT}")

    assert answer.see("file") == ["File: image/png https://media.example/x"]
