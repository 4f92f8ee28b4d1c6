"""Lists, senders and the whole settings file in the console."""

from __future__ import annotations

import pytest

from bridge.domain.settings_changes import Documents
from bridge.domain.settings_file import parse
from bridge.store import contacts, settings
from bridge.store.contacts import Source
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.store.rows import CUSTOMER, SENDER
from tests.web.admin.people import Person

SETTINGS = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
name = "Acme"
pace = 2.5

[[lists]]
name = "vip club"

[[keywords]]
words = ["JOIN"]
lists = ["vip club"]
"""
NEW = {"number": "50500", "carrier": "twilio", "country": "US", "kind": "short_code"}


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))


async def stored(database: SqliteDatabase) -> Documents:
    return await database.read(settings.load_documents)


async def test_a_list_is_added_and_removed(manager: Person, database: SqliteDatabase) -> None:
    assert (await manager.post("/admin/lists", {"name": " gold "})).status == 303
    assert [one.name for one in (await stored(database)).lists] == ["vip club", "gold"]

    assert (await manager.post("/admin/lists/remove", {"name": "gold"})).status == 303
    used = await manager.post("/admin/lists/remove", {"name": "vip club"})

    assert used.status == 422
    assert "JOIN uses it" in used.text
    assert [one.name for one in (await stored(database)).lists] == ["vip club"]


@pytest.mark.parametrize(("name", "why"), [("VIP Club", "already"), ("", "one line")])
async def test_a_list_that_can_not_be_is_refused(manager: Person, name: str, why: str) -> None:
    answer = await manager.post("/admin/lists", {"name": name})

    assert answer.status == 422
    assert why in answer.text


async def test_a_list_shows_its_members_and_gives_them_out(
    manager: Person, viewer: Person, database: SqliteDatabase
) -> None:
    await database.write(
        lambda tx: contacts.subscribe(tx, CUSTOMER, ["vip club"], Source(how="admin"))
    )
    await database.write(lambda tx: contacts.set_name(tx, CUSTOMER, "=1+1"))

    assert "1" in (await viewer.get("/admin/lists")).see("list")[0]
    page = await viewer.get("/admin/lists/members?name=vip%20club")
    file = await manager.get("/admin/lists/members.csv?name=vip%20club")

    assert page.see("member") == ["=1+1 +1 202-555-0142"]
    assert f"{CUSTOMER},'=1+1,no," in file.text
    assert (await viewer.get("/admin/lists/members?name=none")).status == 404


async def test_a_sender_is_added_changed_and_removed(
    admin: Person, database: SqliteDatabase
) -> None:
    assert (await admin.post("/admin/senders/new", NEW)).status == 303
    assert [one.address for one in (await stored(database)).senders] == [SENDER, "US:50500"]
    assert (await admin.get("/admin/senders/US:50500")).status == 200

    fields = {
        "number": SENDER,
        "carrier": "twilio",
        "name": "Acme Ltd",
        "tags": "us, east",
        "tickets_from": "subscribers",
        "brand_id": "7",
        "answers_set": "yes",
        "answers": "STOP",
        "text_HELP": "Ask us.\r\nReply STOP to end.",
        "keep_signature": "",
    }
    assert (await admin.post(f"/admin/senders/%2B{SENDER[1:]}", fields)).status == 303
    sender = (await stored(database)).senders[0]
    assert (sender.name, sender.tags, sender.tickets_from, sender.brand_id) == (
        *("Acme Ltd", ("us", "east"), "subscribers", 7),
    )
    assert (sender.answers, sender.texts.help) == (("STOP",), "Ask us.\nReply STOP to end.")
    assert sender.pace == 2.5
    assert not sender.keep_signature

    assert (await admin.post("/admin/senders/US:50500/remove")).status == 303
    assert [one.address for one in (await stored(database)).senders] == [SENDER]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"number": "nonsense"}, "number"),
        ({"number": SENDER, "kind": "long_code"}, "number"),
        ({"country": ""}, "number"),
        ({"brand_id": "seven"}, "brand_id"),
        ({"kind": "alphanumeric"}, "kind"),
        ({"tags": 'a"b'}, "tags"),
        ({"carrier": "pigeon"}, "carrier"),
    ],
)
async def test_a_faulty_sender_is_shown_again_with_what_to_mend(
    admin: Person, database: SqliteDatabase, fields: dict[str, str], field: str
) -> None:
    before = await stored(database)

    answer = await admin.post("/admin/senders/new", {**NEW, **fields})

    assert answer.status == 422
    assert answer.page.select_one(f"#fault-{field}") is not None
    assert await stored(database) == before


async def test_the_form_of_a_sender_saves_what_it_shows(
    admin: Person, database: SqliteDatabase
) -> None:
    before = await stored(database)
    form = (await admin.get(f"/admin/senders/%2B{SENDER[1:]}")).page.select_one("main form")
    assert form is not None
    fields = {
        str(one["name"]): str(one.get("value", "yes"))
        for one in form.select("input[name]")
        if one.get("type") != "checkbox" or one.has_attr("checked")
    }
    for select in form.select("select"):
        chosen = select.select_one("option[selected]") or select.select_one("option")
        assert chosen is not None
        fields[str(select["name"])] = str(chosen["value"])

    answer = await admin.post(f"/admin/senders/%2B{SENDER[1:]}", fields)

    assert answer.location == "/admin/senders?said=nothing"
    assert await stored(database) == before


async def test_the_settings_file_is_given_out(viewer: Person, database: SqliteDatabase) -> None:
    answer = await viewer.get("/admin/settings/bridge-settings.toml")

    assert answer.text == await database.read(settings.export_settings)
    assert "attachment" in answer.headers["Content-Disposition"]


async def test_an_import_is_looked_at_first_and_then_done(
    admin: Person, database: SqliteDatabase
) -> None:
    before = await stored(database)
    file = SETTINGS.replace('name = "Acme"', 'name = "Acme Ltd"') + 'reply = "Welcome"\n'

    look = await admin.post("/admin/settings/preview", {"file": file})

    assert [one.partition("{")[0].strip() for one in look.see("planned")] == [
        "Sender +12025550100 : changed name",
        "Keyword rule JOIN : changed reply",
    ]
    assert await stored(database) == before
    form = look.page.select_one('form[action="/admin/settings/import"]')
    assert form is not None
    fields = {str(one["name"]): str(one["value"]) for one in form.select("input[name]")}
    fields["file"] = form.select("textarea")[0].get_text()

    done = await admin.post("/admin/settings/import", fields)

    assert done.location == "/admin/settings?said=imported"
    assert (await stored(database)).senders[0].name == "Acme Ltd"
    # A second time, with the version of before: it is looked at once more.
    again = await admin.post("/admin/settings/import", fields)
    assert "This would change nothing" in again.text


async def test_pruning_takes_away_what_the_file_does_not_name(
    admin: Person, database: SqliteDatabase
) -> None:
    look = await admin.post("/admin/settings/preview", {"file": "", "prune": "yes"})
    version = look.page.select_one('input[name="version"]')
    assert version is not None
    assert len(look.see("planned")) == 3

    fields = {"file": "", "prune": "yes", "version": str(version["value"])}
    await admin.post("/admin/settings/import", fields)

    assert await stored(database) == Documents()


async def test_a_faulty_file_is_told_of_line_by_line_and_changes_nothing(
    admin: Person, database: SqliteDatabase
) -> None:
    before = await stored(database)
    file = SETTINGS.replace('"JOIN"', '"STOP"') + "[[lists]]\ncolour = 1\n"

    for path in ("preview", "import"):
        version = str(await database.read(settings.settings_version))
        answer = await admin.post(f"/admin/settings/{path}", {"file": file, "version": version})

        assert answer.status == 422
        (faults,) = answer.see("faults")
        assert "line 12: keywords 1, words" in faults
        assert "lists 2, colour: there is no such key" in faults
        assert await stored(database) == before


async def test_a_manager_sees_senders_and_settings_and_changes_neither(manager: Person) -> None:
    for path in (f"/admin/senders/%2B{SENDER[1:]}", "/admin/settings"):
        answer = await manager.get(path)
        assert answer.status == 200
        assert "Save the sender" not in answer.text
        assert "Show what would change" not in answer.text
