"""Templates in the console: written, shown filled in, offered beside the reply box."""

from __future__ import annotations

import pytest

from bridge.domain.directory import Template
from bridge.domain.settings_file import parse
from bridge.store import changes, contacts, settings
from bridge.store.contacts import Source
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.store.rows import CUSTOMER
from tests.web.admin.people import Person
from tests.web.admin.stock import TALK, stock

LIST = "/admin/templates"
SETTINGS = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
name = "Acme"

[[templates]]
name = "Solved"
text = "Hello {{ contact.first_name }}, ticket {{ ticket.id }} is solved. {{ sender.name }}"
"""
NEW = {"name": "Size", "text": "You take size {{ contact.fields.size }}."}


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    await stock(database)
    await database.write(lambda tx: contacts.opt_in(tx, CUSTOMER, Source(how="text")))
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))


async def stored(database: SqliteDatabase) -> tuple[Template, ...]:
    return (await database.read(settings.load_documents)).templates


async def test_templates_are_listed_and_shown_to_all(viewer: Person) -> None:
    (line,) = (await viewer.get(LIST)).see("template")
    answer = await viewer.get(f"{LIST}/Solved")

    assert line.startswith("Solved Hello {{ contact.first_name }}")
    assert answer.see("filled") == ["Hello Maya, ticket 35436 is solved. Acme"]
    assert answer.see("size") == ["1 segment, GSM-7"]
    assert answer.page.select("fieldset[disabled]")
    assert "Save the template" not in answer.text


async def test_a_template_is_saved_logged_and_comes_out_of_the_file(
    manager: Person, database: SqliteDatabase
) -> None:
    answer = await manager.post(f"{LIST}/new", NEW)

    assert (answer.status, answer.location) == (303, f"{LIST}?said=changed")
    assert [one.name for one in await stored(database)] == ["Solved", "Size"]
    (change,) = await database.read(lambda tx: changes.list_changes(tx, limit=1))
    assert (change.who, change.subject, change.what) == ("the manager", "template", "added")
    exported = await database.read(settings.export_settings)
    plan = await database.read(
        lambda tx: settings.preview_import(tx, parse(exported, CARRIERS), CARRIERS, prune=True)
    )
    assert plan.changes == ()
    assert "[[templates]]" in exported


async def test_a_template_is_changed_in_its_place_and_taken_away(
    manager: Person, database: SqliteDatabase
) -> None:
    await manager.post(f"{LIST}/new", NEW)
    changed = {"name": "Solved", "text": "Done.\r\nBye."}

    assert (await manager.post(f"{LIST}/Solved", changed)).status == 303
    assert [one.text for one in await stored(database)] == ["Done.\nBye.", NEW["text"]]
    same = await manager.post(f"{LIST}/Solved", changed)
    assert same.location == f"{LIST}?said=nothing"

    assert (await manager.post(f"{LIST}/Solved/remove")).location == f"{LIST}?said=removed"
    assert [one.name for one in await stored(database)] == ["Size"]
    assert (await manager.post(f"{LIST}/Solved/remove")).status == 404
    assert (await manager.post(f"{LIST}/Solved", changed)).status == 404
    (change,) = await database.read(lambda tx: changes.list_changes(tx, limit=1))
    assert (change.what, change.before) == ("removed", {"name": "Solved", "text": "Done.\nBye."})


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"name": ""}, "name", "one line"),
        ({"name": "solved"}, "name", "there is a template of this name already"),
        ({"text": ""}, "text", "some text"),
        ({"text": "x" * 1601}, "text", "1600"),
        ({"text": "{{ contact.nam }}"}, "text", "there is no {{ contact.nam }}"),
        ({"text": "Hi {{ contact.name"}, "text", "no }} behind it"),
    ],
)
async def test_a_faulty_template_is_shown_again_with_what_to_mend(
    manager: Person, database: SqliteDatabase, fields: dict[str, str], field: str, why: str
) -> None:
    before = await stored(database)

    answer = await manager.post(f"{LIST}/new", {**NEW, **fields})

    assert answer.status == 422
    fault = answer.page.select_one(f"#fault-{field}")
    assert fault is not None
    assert why in fault.get_text()
    assert await stored(database) == before


async def test_a_template_keeps_its_name(manager: Person) -> None:
    assert (await manager.post(f"{LIST}/Solved", {**NEW, "name": "Other"})).status == 422


@pytest.mark.parametrize(
    ("text", "testid", "told"),
    [
        ("Hi {{ contact.first_name }}", "filled", "Hi Maya"),
        ("{{ contact.nam }}", "template-fault", "there is no {{ contact.nam }}; there is"),
        ("<script>owned()</script>", "filled", "<script>owned()</script>"),
    ],
)
async def test_a_template_is_shown_filled_in_while_it_is_written(
    viewer: Person, text: str, testid: str, told: str
) -> None:
    answer = await viewer.post(f"{LIST}/try", {"text": text})

    assert answer.see(testid)[0].startswith(told)
    assert "<html" not in answer.text


async def test_the_reply_box_offers_templates_with_the_customers_own_words(
    manager: Person, database: SqliteDatabase
) -> None:
    await manager.post(f"{LIST}/new", NEW)
    await database.write(lambda tx: contacts.set_name(tx, CUSTOMER, "Maya <b>Lindqvist"))

    first = (await manager.get(f"/admin/conversations/{TALK}")).page.select("#template option")
    await database.write(lambda tx: contacts.set_fields(tx, CUSTOMER, {"size": "L"}))
    then = (await manager.get(f"/admin/conversations/{TALK}")).page.select("#template option")

    assert [one["value"] for one in first] == [
        "",
        "Hello Maya, ticket 42 is solved. Acme",
        "You take size.",
    ]
    assert first[2].get_text() == "Size (unknown: contact.fields.size)"
    assert (then[2]["value"], then[2].get_text()) == ("You take size L.", "Size")


async def test_without_templates_the_reply_box_offers_none(manager: Person) -> None:
    await manager.post(f"{LIST}/Solved/remove")

    assert not (await manager.get(f"/admin/conversations/{TALK}")).page.select("#template")
    assert "Write the first template" in (await manager.get(LIST)).text
