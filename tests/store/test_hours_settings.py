"""Hours and auto-replies go in and out by the settings file, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.clock import SystemClock
from bridge.domain.settings_file import parse
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Database
from tests.store.test_settings import ACME, CARRIERS, SHORT, load
from tests.stores import open_store

OFFICE = '[[hours]]\nname = "office"\nzone = "Europe/Berlin"\nopen = ["Mon-Fri 09:00-17:00"]\n'
HOLIDAYS = 'holidays = [2026-12-25, "01-01"]\n'
USUAL = '[[auto_replies]]\nname = "usual"\ngreeting = "Hello"\n'
OWN = '[[auto_replies]]\nname = "own"\nsenders = ["50500"]\nout_of_hours = "Closed"\n'
RULE = '[[keywords]]\nwords = ["JOIN"]\nreply = "Soon"\nhours = "office"\n'


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    async with open_store(store_url, SystemClock()) as opened:
        yield opened


async def test_an_export_with_hours_and_auto_replies_changes_nothing(database: Database) -> None:
    text = ACME + 'hours = "office"\n' + SHORT + OFFICE + HOLIDAYS + USUAL + OWN + RULE

    changes = await load(database, text)
    exported = await database.read(settings.export_settings)

    assert changes[2:] == [
        "keyword rule JOIN (in office): added",
        "hours office: added",
        "auto-reply usual: added",
        "auto-reply own: added",
    ]
    assert await load(database, exported, prune=True) == []
    directory = await database.read(settings.load_directory)
    assert directory.senders["+12025550100"].hours == "office"
    own, usual = directory.auto_texts("US:50500"), directory.auto_texts("+12025550100")
    assert own is not None
    assert usual is not None
    assert (own.out_of_hours, usual.greeting) == ("Closed", "Hello")


async def test_a_preview_tells_what_changes_in_hours(database: Database) -> None:
    await load(database, OFFICE)
    file = parse(OFFICE + HOLIDAYS, CARRIERS)

    plan = await database.read(lambda tx: settings.preview_import(tx, file, CARRIERS, prune=False))

    (change,) = plan.changes
    assert str(change) == "hours office: changed holidays"
    assert change.after == {"holidays": ["2026-12-25", "01-01"]}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ACME + 'hours = "ofice"\n' + OFFICE, 'senders 1, hours: there are no hours "ofice"; did'),
        (RULE, 'keywords 1, hours: there are no hours "office"'),
        (OWN, 'auto_replies 1, senders: there is no sender "50500"'),
        (SHORT + OWN + OWN.replace('"own"', '"b"'), "auto_replies 2, senders: US:50500 has the au"),
        (USUAL.replace('"usual"', '"b"'), "auto_replies 1, senders: the auto-reply usual is for"),
    ],
)
async def test_what_names_nothing_or_too_much_is_refused_whole(
    database: Database, text: str, fault: str
) -> None:
    await load(database, USUAL)
    version = await database.read(settings.settings_version)

    with pytest.raises(UserMistake) as caught:
        await load(database, text)

    assert fault in str(caught.value)
    assert await database.read(settings.settings_version) == version
