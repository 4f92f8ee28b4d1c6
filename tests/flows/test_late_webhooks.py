"""A webhook that comes long after its text was sent, beside what a sweep finds meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bridge.store.database import Database, Transaction
from tests.flows.cast import ACME, MAYA, VIP, contact
from tests.flows.conftest import Start
from tests.flows.test_text_sweep import HOUR_MS, LIST, lose, start, taken_in

T = TypeVar("T")


@pytest.mark.parametrize("when", ["before the list is read", "after it was compared"])
async def test_recovered_stop_holds_against_an_earlier_start_whose_webhook_came_late(
    start_sandbox: Start, when: str
) -> None:
    sandbox, clock = await start(start_sandbox)
    assert sandbox.service is not None
    await sandbox.service.stop()
    (started,) = await lose(sandbox, MAYA, VIP, "START")
    clock.ahead_ms += 61_000
    await lose(sandbox, MAYA, ACME, "STOP")
    clock.ahead_ms += 2 * HOUR_MS

    service = sandbox.make_service()
    if when == "before the list is read":
        listing = sandbox.twilio.faults.hold_before(*LIST)
        await service.start()
        await listing.wait_arrived()
        await sandbox.twilio.redeliver(started)
        listing.open()
    else:
        once_compared(service.database, lambda: sandbox.twilio.redeliver(started))
        await service.start()
    await taken_in(sandbox, 2)

    known = await contact(sandbox, MAYA)
    assert known["opted_out_at"] is not None
    assert [entry["action"] for entry in known["consent"]] == ["opt_out", "opt_in"]


def once_compared(database: Database, call: Callable[[], Awaitable[object]]) -> None:
    """Call once a sweep has compared the carrier's list with the store."""
    real_read = database.read

    async def read(transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        result = await real_read(transaction, brief=brief)
        if transaction.__qualname__.startswith("TextSweep.sweep."):
            setattr(database, "read", real_read)  # noqa: B010 - a method, of this one object
            await call()
        return result

    setattr(database, "read", read)  # noqa: B010
