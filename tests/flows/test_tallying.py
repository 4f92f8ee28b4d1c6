"""A running service keeps the counts behind the charts by itself, beside its other work."""

from __future__ import annotations

from bridge.sandbox.demo import Sandbox
from bridge.store import tallies
from bridge.store.database import Transaction
from bridge.store.tallies import HOUR_MS
from tests.flows.cast import ACME, JONAS, MAYA, text
from tests.flows.conftest import eventually


def kept(tx: Transaction) -> list[int]:
    return [int(row["hour"]) for row in tx.all("SELECT hour FROM tallies ORDER BY hour")]


def received(tx: Transaction) -> int:
    found, _ = tallies.since(tx, tallies.hour_of(tx.now_ms()) - HOUR_MS)
    return tallies.together(list(found.values())).total.received


async def test_a_running_service_counts_its_hours_and_counts_them_anew(sandbox: Sandbox) -> None:
    assert sandbox.service is not None
    database = sandbox.service.database

    async def comes_to(texts: int) -> bool:
        # As if the minute had gone by after which the running hour is counted anew.
        await database.write(lambda tx: tx.run("UPDATE tallies SET due_at = 1"))
        return await database.read(lambda tx: kept(tx) != [] and received(tx) == texts)

    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    await eventually(lambda: comes_to(1))
    await text(sandbox, JONAS, ACME, "And mine?")
    await eventually(lambda: comes_to(2))


async def test_hours_of_before_are_counted_by_a_service_that_starts_later(
    sandbox: Sandbox,
) -> None:
    assert sandbox.service is not None
    database = sandbox.service.database
    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    sql = "UPDATE messages SET created_at = created_at - $1, updated_at = updated_at - $1"
    await database.write(lambda tx: tx.run(sql, 20 * HOUR_MS))

    await eventually(lambda: database.read(lambda tx: len(kept(tx)) >= 21))

    _, missing = await database.read(lambda tx: tallies.since(tx, 0))
    assert missing == 0
