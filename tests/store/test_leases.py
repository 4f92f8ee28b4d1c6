"""Claims that nobody works on any more are given back, and nobody else's ever."""

from __future__ import annotations

import pytest

from bridge.store import leases, work
from bridge.store.database import Database, Transaction
from bridge.store.work import Claim, LeaseLost
from tests.desks.scripted import HandClock
from tests.stores import rows

LEASE_MS = 60_000
LANES = "SELECT lane, lease, due_at FROM lanes ORDER BY lane"


async def put(database: Database, lane: str) -> None:
    await database.write(lambda tx: work.put(tx, lane=lane, account="zendesk", kind="note"))


async def claim(database: Database) -> list[Claim]:
    return await database.write(
        lambda tx: work.claim(tx, account="zendesk", most=9, lease_ms=LEASE_MS)
    )


async def lanes(database: Database) -> list[str]:
    return [claimed.lane for claimed in await claim(database)]


async def take_back(database: Database, claims: list[Claim]) -> int:
    return await database.write(lambda tx: leases.take_back(tx, claims, pause_ms=1000))


async def test_claims_taken_back_are_due_after_the_pause_as_if_never_begun(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    await put(database, "b")
    claims = await claim(database)

    assert await take_back(database, claims) == 2

    clock.forward(0.999)
    assert await claim(database) == []
    clock.forward(0.001)
    assert [(one.lane, one.item.starts) for one in await claim(database)] == [("a", 1), ("b", 1)]


async def test_a_lane_that_another_has_taken_over_stays_theirs(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    mine = await claim(database)
    clock.forward(60)
    theirs = await claim(database)
    before = await rows(database, LANES), await rows(database, "SELECT * FROM work")

    assert await take_back(database, mine) == 0

    assert (await rows(database, LANES), await rows(database, "SELECT * FROM work")) == before
    await database.write(lambda tx: work.finish(tx, theirs[0]))


async def test_what_was_finished_after_all_counts_the_next_start_as_begun(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    await put(database, "a")
    (claimed,) = await claim(database)
    await database.write(lambda tx: work.finish(tx, claimed))  # its answer was lost

    assert await take_back(database, [claimed]) == 1

    clock.forward(1)
    (following,) = await claim(database)
    assert (following.item.id, following.item.starts) == (claimed.item.id + 1, 2)
    assert len(await rows(database, "SELECT id FROM work")) == 1


async def test_what_was_claimed_before_a_restart_is_due_at_once(database: Database) -> None:
    await put(database, "a")
    await put(database, "b")
    both = await claim(database)
    await database.write(lambda tx: work.put_off(tx, both[1], pause_ms=60_000, reason="busy"))
    stale = both[0]

    assert await database.write(lambda tx: leases.forget_leases(tx, lambda _: 0)) == 1

    assert await lanes(database) == ["a"]  # and what waits for its time still waits
    with pytest.raises(LeaseLost):
        await database.write(lambda tx: work.finish(tx, stale))


async def test_what_was_at_work_in_crash_after_crash_waits_before_it_is_begun_again(
    database: Database, clock: HandClock
) -> None:
    for lane in ("calm", "deadly"):
        await put(database, lane)
    for _ in range(3):
        await database.write(lambda tx: work.claim(tx, account="zendesk", most=9, lease_ms=1))
        clock.forward(1)
    calm = (await claim(database))[0]
    await database.write(lambda tx: work.finish(tx, calm))
    await put(database, "calm")
    await claim(database)

    await database.write(lambda tx: leases.forget_leases(tx, lambda starts: 1000 * (starts - 1)))

    assert await lanes(database) == ["calm"]
    clock.forward(2.999)
    assert await lanes(database) == []
    clock.forward(0.001)
    assert await lanes(database) == ["deadly"]


async def test_what_others_began_and_never_ended_waits_before_it_is_begun_again(
    database: Database, clock: HandClock
) -> None:
    def claim(tx: Transaction) -> list[Claim]:
        return work.claim(
            tx,
            account="zendesk",
            most=9,
            lease_ms=LEASE_MS,
            after_crash_ms=lambda starts: 5_000 if starts >= 2 else 0,
        )

    await database.write(lambda tx: work.put(tx, lane="a", account="zendesk", kind="note"))
    begun = []
    for _ in range(2):  # each dies at it
        begun += await database.write(claim)
        clock.forward(LEASE_MS / 1000)

    for seconds in (0, 4.999):
        clock.forward(seconds)
        assert await database.write(claim) == []
    clock.forward(0.001)
    begun += await database.write(claim)

    assert [one.item.starts for one in begun] == [1, 2, 3]
    assert len({one.lease for one in begun}) == 3
    await database.write(lambda tx: work.check(tx, begun[-1]))
