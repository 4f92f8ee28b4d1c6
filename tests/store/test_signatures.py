"""Refused webhooks that are remembered, and the small write of the probes."""

from __future__ import annotations

import pytest

from bridge.store import signatures
from bridge.store.database import Database
from bridge.store.signatures import SignatureFault
from tests.desks.scripted import HandClock
from tests.store.rows import add_message
from tests.stores import column


async def test_the_last_reason_of_each_source_is_kept_and_counted(
    database: Database, clock: HandClock
) -> None:
    for reasons in ({"twilio": "host", "zendesk": "stale"}, {"twilio": "port"}):
        await database.write(lambda tx, r=reasons: signatures.note_all(tx, r))  # type: ignore[misc]
        clock.forward(1)
    now = clock.now_ms()

    assert await database.read(signatures.faults) == [
        SignatureFault(source="twilio", reason="port", seen=2, at=now - 1000, healed=False),
        SignatureFault(source="zendesk", reason="stale", seen=1, at=now - 2000, healed=False),
    ]


@pytest.mark.parametrize(
    ("carrier", "after_s", "healed"),
    [("twilio", 1, True), ("twilio", -1, False), ("plivo", 1, False)],
    ids=["a later text", "an earlier text", "another carrier's"],
)
async def test_a_fault_is_healed_once_a_text_of_the_same_carrier_was_accepted(
    database: Database, clock: HandClock, carrier: str, after_s: int, healed: bool
) -> None:
    await database.write(lambda tx: signatures.note_all(tx, {"twilio": "host"}))
    at_ms = clock.now_ms() + after_s * 1000
    await add_message(database, "m", carrier=carrier, created_at=at_ms)

    (fault,) = await database.read(signatures.faults)

    assert fault.healed is healed


async def test_a_probe_leaves_one_row(database: Database, clock: HandClock) -> None:
    for _ in range(3):
        await database.write(signatures.probe)
        clock.forward(1)

    assert await column(database, "SELECT value FROM meta WHERE name <> 'place'") == [
        str(clock.now_ms() - 1000)
    ]
