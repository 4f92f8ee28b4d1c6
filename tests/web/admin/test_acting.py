"""What a manager does to contacts and work: done, in the ledger, and in the log."""

from __future__ import annotations

import csv
import io

import pytest

from bridge.domain.settings_file import parse
from bridge.store import changes, listing, todo
from bridge.store.changes import Change
from bridge.store.listing import Contact
from bridge.store.settings import import_settings
from bridge.store.sqlite import SqliteDatabase
from tests.store.rows import CUSTOMER, add_failed_work
from tests.web.admin.people import Person
from tests.web.admin.stock import WORK, stock
from tests.web.far_sides import Taken

CONTACT = f"/admin/contacts/%2B{CUSTOMER[1:]}"


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    await stock(database)
    file = parse('[[lists]]\nname = "vip news"\n', {})
    await database.write(lambda tx: import_settings(tx, file, {}, prune=False))


async def contact(database: SqliteDatabase) -> Contact:
    found = await database.read(lambda tx: listing.contact(tx, [CUSTOMER]))
    assert found is not None
    return found


async def last_change(database: SqliteDatabase) -> Change:
    return (await database.read(lambda tx: changes.list_changes(tx, limit=1)))[0]


async def test_consent_is_changed_with_a_reason_into_ledger_and_log(
    manager: Person, database: SqliteDatabase
) -> None:
    for what, standing in (("opt_in", None), ("opt_out", True), ("subscribe vip news", True)):
        fields = {"what": what, "reason": " asked on the phone "}
        answer = await manager.post(f"{CONTACT}/consent", fields)

        assert answer.status == 303
        assert (await manager.get(answer.location)).status == 200
        assert ((await contact(database)).opted_out_at_ms is not None) is bool(standing)

    newest = (await contact(database)).consent[0]
    assert (newest.action, newest.list, newest.how) == ("subscribe", "vip news", "admin")
    assert newest.words == "the manager: asked on the phone"
    change = await last_change(database)
    assert (change.who, change.subject, change.name) == ("the manager", "contact", CUSTOMER)
    assert (change.what, change.after) == (
        *("subscribed vip news", {"reason": "asked on the phone"}),
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"what": "opt_in", "reason": " "}, "reason"),
        ({"what": "opt_in", "reason": "x" * 501}, "reason"),
        ({"what": "subscribe nothing", "reason": "x"}, "what"),
        ({"what": "subscribe", "reason": "x"}, "what"),
        ({"what": "opt_out vip news", "reason": "x"}, "what"),
        ({"what": "forget", "reason": "x"}, "what"),
        ({"reason": "x"}, "what"),
    ],
)
async def test_a_change_of_consent_that_makes_no_sense_changes_nothing(
    manager: Person, database: SqliteDatabase, fields: dict[str, str], field: str
) -> None:
    before = await contact(database)

    answer = await manager.post(f"{CONTACT}/consent", fields)

    assert answer.status == 400
    assert field in answer.text
    assert await contact(database) == before


async def test_the_ledger_is_exported_without_formulas(
    viewer: Person, manager: Person, database: SqliteDatabase
) -> None:
    for reason in ("=1+1", "+1+1", "-1", "@x", "\tx"):
        fields = {"what": "opt_out", "reason": "x"} if reason == "\tx" else None
        source = fields or {"what": "opt_out", "reason": reason}
        await manager.post(f"{CONTACT}/consent", source)

    answer = await viewer.get(f"{CONTACT}/consent.csv")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="consent-12025550142.csv"'
    )
    heading, *rows = csv.reader(io.StringIO(answer.text))
    assert heading[0] == "at"
    assert len(rows) == 7
    assert {row[1] for row in rows} == {CUSTOMER}
    assert not [cell for row in rows for cell in row if cell[:1] in "=-@\t\r" and cell]


async def test_failed_work_is_shown_and_tried_again(
    manager: Person, database: SqliteDatabase, taken: Taken
) -> None:
    (shown,) = (await manager.get("/admin/work")).see("failed-work")
    assert "Send a text" in shown
    assert (await manager.get(f"/admin/work/{WORK}")).see("attempt")

    answer = await manager.post(f"/admin/work/{WORK}/retry")

    assert (answer.status, answer.location) == (303, "/admin/work?said=retried")
    found = await database.read(lambda tx: todo.work_by_ref(tx, WORK))
    assert found is not None
    assert found[0].state == "waiting"
    assert taken.wakes == 1
    assert (await last_change(database)).what == "tried again"
    assert (await manager.get("/admin/work?show=waiting")).see("waiting-work")


async def test_everything_that_failed_is_tried_again(
    manager: Person, database: SqliteDatabase
) -> None:
    await add_failed_work(database, "w2")

    await manager.post("/admin/work/retry-all")

    assert (await manager.get("/admin/work")).see("failed-work") == []
    assert len((await manager.get("/admin/work?show=waiting")).see("waiting-work")) == 2


async def test_failed_work_is_given_up(manager: Person, database: SqliteDatabase) -> None:
    answer = await manager.post(f"/admin/work/{WORK}/give-up")

    assert answer.location == "/admin/work?said=given-up"
    assert "Given up" in (await manager.get(answer.location)).see("notice")[0]
    assert await database.read(lambda tx: todo.work_by_ref(tx, WORK)) is None
    assert (await last_change(database)).what == "given up"


async def test_work_that_only_waits_can_not_be_given_up(
    manager: Person, database: SqliteDatabase
) -> None:
    await manager.post(f"/admin/work/{WORK}/retry")

    answer = await manager.post(f"/admin/work/{WORK}/give-up")

    assert answer.status == 409
    assert "has not failed" in answer.text
    assert (await manager.post("/admin/work/none/give-up")).status == 404


async def test_a_viewer_is_offered_nothing_to_change(viewer: Person) -> None:
    for path in ("/admin/work", f"/admin/work/{WORK}", CONTACT):
        forms = (await viewer.get(path)).page.select('form[method="post"]')
        assert {str(form["action"]) for form in forms} == {"/admin/sign-out"}
