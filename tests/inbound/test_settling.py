"""Where texts are judged that waited for a change of settings: not where the events are."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.app import Service
from bridge.carriers.contract import InboundText
from bridge.domain.settings_file import parse
from bridge.settings import load_settings
from bridge.store.settings import import_settings
from bridge.store.sqlite import SqliteDatabase
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column

FILE = parse(f'[[senders]]\nnumber = "{SENDER}"\ncarrier = "twilio"\n', {"twilio": {}})
JUDGED = "UPDATE messages SET verdict"
KEPT = "INSERT INTO messages"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service that takes texts in; its own rounds don't run."""
    environment = {
        "BRIDGE_ZENDESK_URL": "https://acme.zendesk.com",
        "BRIDGE_ZENDESK_EMAIL": "me@example.com",
        "BRIDGE_ZENDESK_API_TOKEN": "t",
        "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path / 'bridge.db'}",
    }
    made = Service(load_settings(environment, env_file=None))
    await made.database.open()
    yield made
    await made.database.close()


async def arrives(service: Service, body: str) -> None:
    text = InboundText(carrier_id=f"SM-{body}", sender=SENDER, customer=CUSTOMER, body=body)
    await service.take_text("twilio", text)


async def threads_of(service: Service, body: str) -> list[tuple[str, int]]:
    """What a text's arrival wrote of texts, and on which thread."""
    database = service.database
    assert isinstance(database, SqliteDatabase)
    assert database._writer is not None
    seen: list[tuple[str, int]] = []

    def note(sql: str) -> None:
        seen.extend((what, threading.get_ident()) for what in (JUDGED, KEPT) if what in sql)

    await database._writer.set_trace_callback(note)
    await arrives(service, body)
    return seen


async def test_what_waited_for_new_settings_is_judged_off_the_event_loops_thread(
    service: Service,
) -> None:
    for body in ("one", "two", "three"):
        await arrives(service, body)
    await service.database.write(lambda tx: import_settings(tx, FILE, {"twilio": {}}, prune=False))

    seen = await threads_of(service, "four")

    assert [what for what, _ in seen] == [JUDGED] * 3 + [KEPT]
    assert threading.get_ident() not in {thread for _, thread in seen}
    states = await column(service.database, "SELECT state FROM messages ORDER BY seq")
    assert "waiting" not in states
    assert len(states) == 4


async def test_where_the_settings_are_the_same_a_text_is_taken_in_briefly(
    service: Service,
) -> None:
    await arrives(service, "one")

    assert await threads_of(service, "two") == [(KEPT, threading.get_ident())]
