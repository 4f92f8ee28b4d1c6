"""Hours, holidays and auto-replies in the console."""

from __future__ import annotations

import pytest

from bridge.domain.directory import AutoReply, Hours
from bridge.domain.settings_changes import Documents
from bridge.domain.settings_file import parse
from bridge.store import changes, settings
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.store.rows import SENDER
from tests.web.admin.people import Person

SETTINGS = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
name = "Acme"
hours = "office"

[[hours]]
name = "office"
zone = "UTC"
open = ["Mon-Sun 00:00-24:00"]

[[auto_replies]]
name = "usual"
greeting = "Hello <b>there</b>"
"""
NIGHT = {
    "name": "night",
    "zone": "America/New_York",
    "open": "Fri 22:00-02:00\r\nSat 22:00-02:00\r\n",
    "holidays": "12-25, 2026-11-26",
}


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))


async def stored(database: SqliteDatabase) -> Documents:
    return await database.read(settings.load_documents)


async def logged(database: SqliteDatabase) -> list[tuple[str, str, str]]:
    found = await database.read(lambda tx: changes.list_changes(tx, limit=3))
    return [(one.subject, one.name, one.what) for one in found]


async def test_hours_are_added_changed_and_removed(
    manager: Person, database: SqliteDatabase
) -> None:
    assert (await manager.post("/admin/hours/new", NIGHT)).status == 303
    assert (await stored(database)).hours[1] == Hours(
        name="night",
        zone="America/New_York",
        open=("Fri 22:00-02:00", "Sat 22:00-02:00"),
        holidays=("12-25", "2026-11-26"),
    )
    assert (await logged(database))[0] == ("hours", "night", "added")

    changed = NIGHT | {"zone": "Europe/Berlin"}
    assert (await manager.post("/admin/hours/night", changed)).status == 303
    assert (await stored(database)).hours[1].zone == "Europe/Berlin"
    assert (await logged(database))[0] == ("hours", "night", "changed zone")

    assert (await manager.post("/admin/hours/night/remove")).status == 303
    assert [one.name for one in (await stored(database)).hours] == ["office"]
    # Who still has the form open is told that they are gone, and doesn't bring them back.
    assert (await manager.post("/admin/hours/night", changed)).status == 404
    assert (await manager.post("/admin/hours/night/remove")).status == 404
    assert [one.name for one in (await stored(database)).hours] == ["office"]


async def test_hours_that_a_sender_goes_by_stay(manager: Person, database: SqliteDatabase) -> None:
    refused = await manager.post("/admin/hours/office/remove")

    assert refused.status == 409
    assert f"the sender {SENDER} goes by them" in refused.text
    assert [one.name for one in (await stored(database)).hours] == ["office"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"zone": "Atlantis"}, "zone"),
        ({"open": "always"}, "open"),
        ({"holidays": "02-30"}, "holidays"),
        ({"name": "Office"}, "name"),
        ({"name": ""}, "name"),
    ],
)
async def test_hours_that_can_not_be_are_told_by_field(
    manager: Person, database: SqliteDatabase, fields: dict[str, str], field: str
) -> None:
    answer = await manager.post("/admin/hours/new", NIGHT | fields)

    assert answer.status == 422
    assert f'id="fault-{field}"' in answer.text
    assert len((await stored(database)).hours) == 1


async def test_an_auto_reply_is_added_changed_and_removed(
    manager: Person, database: SqliteDatabase
) -> None:
    fields = {
        "name": "acme",
        "senders": SENDER,
        "greeting": "",
        "out_of_hours": "Nobody\r\nis here",
        "quiet_hours": "6",
    }
    assert (await manager.post("/admin/auto-replies/new", fields)).status == 303
    assert (await stored(database)).auto_replies[1] == AutoReply(
        name="acme", senders=(SENDER,), out_of_hours="Nobody\nis here", quiet_hours=6
    )
    assert (await logged(database))[0] == ("auto-reply", "acme", "added")

    assert (await manager.post("/admin/auto-replies/acme/remove")).status == 303
    assert [one.name for one in (await stored(database)).auto_replies] == ["usual"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"quiet_hours": "soon"}, "quiet_hours"),
        ({"quiet_hours": "0"}, "quiet_hours"),
        ({"senders": "+19995550100"}, "senders"),
        ({}, "senders"),  # for all, as another is
        ({"name": "USUAL"}, "name"),
    ],
)
async def test_an_auto_reply_that_can_not_be_is_told_by_field(
    manager: Person, database: SqliteDatabase, fields: dict[str, str], field: str
) -> None:
    answer = await manager.post("/admin/auto-replies/new", {"name": "b", "greeting": "Hi"} | fields)

    assert answer.status == 422
    assert f'id="fault-{field}"' in answer.text
    assert len((await stored(database)).auto_replies) == 1


async def test_the_page_says_what_holds_now_and_what_a_text_costs(viewer: Person) -> None:
    page = await viewer.get("/admin/hours")

    assert "open now" in page.see("hours")[0]
    assert "for Acme" in page.see("hours")[0]
    (reply,) = page.see("auto-reply")
    assert "Hello <b>there</b>" in reply
    assert "1 segment, GSM-7" in reply
    form = await viewer.get("/admin/auto-replies/usual")
    assert "1 segment, GSM-7" in form.see("size")[0]


async def test_a_sender_is_given_hours(admin: Person, database: SqliteDatabase) -> None:
    address = f"/admin/senders/%2B{SENDER[1:]}"
    assert 'value="office" selected' in (await admin.get(address)).text
    fields = {"number": SENDER, "carrier": "twilio", "keep_signature": "yes"}

    assert (await admin.post(address, fields | {"hours": "none"})).status == 422
    assert (await admin.post(address, fields)).status == 303
    assert (await stored(database)).senders[0].hours is None
    assert (await admin.post(address, fields | {"hours": "office"})).status == 303
    assert (await stored(database)).senders[0].hours == "office"
