"""What the settings keep back is due once they change, and nothing else is."""

from __future__ import annotations

from bridge.store import failed, work
from bridge.store.database import Database
from bridge.store.work import UNTIL_CHANGED, Claim
from tests.stores import column

HALTED = f"halted: {UNTIL_CHANGED}"
HOUR_MS = 3_600_000


async def put(database: Database, lane: str) -> str:
    return await database.write(lambda tx: work.put(tx, lane=lane, account="twilio", kind="send"))


async def claims(database: Database) -> list[Claim]:
    return await database.write(
        lambda tx: work.claim(tx, account="twilio", most=9, lease_ms=60_000)
    )


async def put_off(database: Database, claimed: Claim, reason: str) -> None:
    await database.write(
        lambda tx: work.put_off(tx, claimed, pause_ms=HOUR_MS, reason=reason, counts=False)
    )


async def test_a_change_of_settings_has_only_what_they_kept_back_looked_at(
    database: Database,
) -> None:
    for lane, reason in (("halted", HALTED), ("busy", "the carrier asks to wait")):
        await put(database, lane)
        (claimed,) = await claims(database)
        await put_off(database, claimed, reason)
    told: list[str] = []
    database.listen(work.topic_of("twilio"), lambda: told.append("work"))

    await database.write(work.hurry_kept_back)

    assert told == ["work"]
    assert [claimed.lane for claimed in await claims(database)] == ["halted"]
    assert await column(database, "SELECT reason FROM work ORDER BY id") == [
        None,
        "the carrier asks to wait",
    ]


async def test_what_stands_behind_a_text_that_is_tried_again_waits_for_that_alone(
    database: Database,
) -> None:
    first = await put(database, "a")
    (claimed,) = await claims(database)
    await database.write(lambda tx: work.set_aside(tx, claimed, "refused"))
    await put(database, "a")
    (claimed,) = await claims(database)
    await put_off(database, claimed, HALTED)
    await database.write(lambda tx: failed.retry(tx, first))
    await database.write(work.hurry_kept_back)
    (claimed,) = await claims(database)
    assert claimed.item.ref == first

    behind = await database.write(lambda tx: work.finish(tx, claimed))

    assert behind is not None


async def test_what_waits_behind_another_hurries_nobody(database: Database) -> None:
    first = await put(database, "a")
    (claimed,) = await claims(database)
    await database.write(lambda tx: work.set_aside(tx, claimed, "refused"))
    await put(database, "a")
    (claimed,) = await claims(database)
    await put_off(database, claimed, HALTED)
    await database.write(lambda tx: failed.retry(tx, first))
    await database.write(lambda tx: work.hurry(tx, "a"))
    (claimed,) = await claims(database)
    await put_off(database, claimed, "the carrier asks to wait")

    await database.write(work.hurry_kept_back)

    assert await claims(database) == []
