"""Rules that hold in certain hours, or set fields: edited, tried at a time, replayed."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.settings_file import parse
from bridge.store import settings
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.store.rows import SENDER, add_message
from tests.web.admin.people import Person
from tests.web.admin.test_rules import LIST, RULE, SETTINGS, save, stored


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))


async def test_a_rule_has_hours_and_sets_fields(manager: Person, database: SqliteDatabase) -> None:
    fields = {**RULE, "hours": "office", "set_fields": "size = L\r\nsource = JOIN = 2"}

    assert (await save(manager, fields=fields)).status == 303

    rule = (await stored(database)).keywords[-1]
    assert (rule.hours, rule.set_fields) == ("office", {"size": "L", "source": "JOIN = 2"})
    shown = (await manager.get(LIST)).see("rule")[-1]
    assert "in the hours office" in shown
    assert "sets size to L, source to JOIN = 2" in shown
    editor = (await manager.get(f"{LIST}/JOIN2%20(in%20office)")).page
    kept = editor.select_one("#set_fields")
    chosen = editor.select_one("#hours option[selected]")
    assert kept is not None
    assert chosen is not None
    assert kept.get_text().split("\n")[:2] == ["size = L", "source = JOIN = 2"]
    assert chosen["value"] == "office"


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"hours": "never"}, "hours", "there are no hours"),
        ({"set_fields": "Shoe size = 42"}, "set_fields", "shoe_size"),
        ({"set_fields": "size"}, "set_fields", "size needs a value"),
        ({"set_fields": f"size = {'x' * 201}"}, "set_fields", "longer than 200"),
    ],
)
async def test_hours_and_fields_that_make_no_sense_are_told_of(
    manager: Person, fields: dict[str, str], field: str, why: str
) -> None:
    answer = await save(manager, fields={**RULE, **fields})

    assert answer.status == 422
    fault = answer.page.select_one(f"#fault-{field}")
    assert fault is not None
    assert why in fault.get_text()


@pytest.mark.parametrize(
    ("at", "told", "verdict"),
    [
        ("2026-03-02T09:00", "Monday 2 March 2026, 09:00 in Europe/Berlin: office open", "Met"),
        ("2026-03-02T08:59", "Monday 2 March 2026, 08:59 in Europe/Berlin: office closed", "Made"),
        ("2026-03-01T12:00", "Sunday 1 March 2026, 12:00 in Europe/Berlin: office closed", "Made"),
        ("2026-07-01T16:59", "Wednesday 1 July 2026, 16:59 in Europe/Berlin: office open", "Met"),
    ],
)
async def test_a_rule_with_hours_is_tried_at_a_time(
    viewer: Person, at: str, told: str, verdict: str
) -> None:
    fields = {**RULE, "hours": "office", "set_fields": "size = L", "tried": "join2"}

    answer = await viewer.post(f"{LIST}/try", {**fields, "tried_on": SENDER, "tried_at": at})

    assert answer.see("tried-when") == [told]
    assert answer.see("verdict")[0].startswith(verdict)
    assert ("gets size = L" in " ".join(answer.see("effects"))) is (verdict == "Met")


async def test_a_time_that_is_none_is_refused(viewer: Person) -> None:
    fields = {**RULE, "tried": "join2", "tried_at": "noon"}

    assert (await viewer.post(f"{LIST}/try", fields)).status == 400


async def test_what_is_answered_by_itself_is_tried_too(
    viewer: Person, database: SqliteDatabase
) -> None:
    more = SETTINGS.replace('name = "Acme"', 'name = "Acme"\nhours = "office"') + (
        '[[auto_replies]]\nname = "usual"\ngreeting = "Hello"\nout_of_hours = "Closed"\n'
    )
    file = parse(more, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))

    for at, who, replies in (
        ("2026-03-02T12:00", "anybody", ["Hello"]),
        ("2026-03-02T12:00", "subscriber", []),
        ("2026-03-02T20:00", "subscriber", ["Closed"]),
        ("2026-03-02T20:00", "opted_out", []),
    ):
        fields = {**RULE, "tried": "where are you?", "tried_at": at, "who": who}
        answer = await viewer.post(f"{LIST}/try", {**fields, "tried_on": SENDER})
        assert answer.see("tried-reply") == replies


async def test_a_replay_judges_each_text_by_the_hours_of_its_time(
    viewer: Person, database: SqliteDatabase
) -> None:
    now_ms = await database.write(lambda tx: tx.now_ms())
    zone = ZoneInfo("Europe/Berlin")
    within = 0
    for hour in range(7 * 24):
        at_ms = now_ms - hour * 3_600_000 - 60_000
        local = datetime.fromtimestamp(at_ms / 1000, zone)
        within += local.weekday() < 5 and 9 <= local.hour < 17
        await add_message(database, f"m{hour}", body="join2", created_at=at_ms)

    answer = await viewer.post(f"{LIST}/replay", {**RULE, "hours": "office", "days": "7"})

    assert answer.see("replay-end")[0].startswith(f"{within} of 168 texts")
