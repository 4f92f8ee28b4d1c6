"""The switch that keeps every text back, in the console: for admins, told to everybody."""

from __future__ import annotations

import pytest

from bridge.store.settings import load_halt
from bridge.store.sqlite import SqliteDatabase
from tests.web.admin.people import Person
from tests.web.admin.stock import stock


@pytest.fixture(autouse=True)
async def stocked(database: SqliteDatabase) -> None:
    await stock(database)


async def is_halted(database: SqliteDatabase) -> bool:
    return (await database.read(load_halt)).is_on


async def test_admin_halts_all_sending_and_resumes_it(
    admin: Person, viewer: Person, database: SqliteDatabase
) -> None:
    assert (await admin.post("/admin/sending/halt", {})).status == 303
    assert await is_halted(database)
    for page in ("/admin/", "/admin/senders"):
        assert 'data-testid="halted"' in (await viewer.get(page)).text
    assert "Resume sending" in (await admin.get("/admin/senders")).text

    assert (await admin.post("/admin/sending/resume", {})).status == 303
    assert not await is_halted(database)
    for page in ("/admin/", "/admin/senders"):
        assert 'data-testid="halted"' not in (await viewer.get(page)).text


async def test_who_is_no_admin_halts_nothing(
    manager: Person, viewer: Person, database: SqliteDatabase
) -> None:
    for person in (manager, viewer):
        assert (await person.post("/admin/sending/halt", {})).status == 403
        assert "/admin/sending/" not in (await person.get("/admin/senders")).text
    assert not await is_halted(database)
