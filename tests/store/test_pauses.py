"""Accounts that must not be called for a while."""

from __future__ import annotations

from bridge.store import work
from bridge.store.database import Database
from tests.desks.scripted import HandClock


async def pause(
    database: Database, account: str, seconds: int, kind: str = "asked", why: str = "429"
) -> bool:
    return await database.write(
        lambda tx: work.pause_account(tx, account, pause_ms=seconds * 1000, reason=why, kind=kind)
    )


async def until(database: Database) -> dict[str, int]:
    paused = await database.read(work.pauses)
    return {account: ends for account, (ends, _) in paused.items()}


async def test_each_account_is_paused_by_itself(database: Database, clock: HandClock) -> None:
    now = clock.now_ms()

    assert await pause(database, "zendesk", 60)
    assert await pause(database, "twilio", 5)

    assert await until(database) == {"zendesk": now + 60_000, "twilio": now + 5_000}


async def test_a_pause_is_new_once(database: Database) -> None:
    assert await pause(database, "zendesk", 60)
    assert not await pause(database, "zendesk", 60)


async def test_a_shorter_pause_does_not_cut_a_longer_one_short(
    database: Database, clock: HandClock
) -> None:
    now = clock.now_ms()
    await pause(database, "zendesk", 60)

    await pause(database, "zendesk", 1, why="and again")
    assert await until(database) == {"zendesk": now + 60_000}

    await pause(database, "zendesk", 90)
    assert await until(database) == {"zendesk": now + 90_000}


async def test_a_call_that_went_through_ends_no_pause_that_still_runs(
    database: Database, clock: HandClock
) -> None:
    await pause(database, "zendesk", 60)

    assert not await database.write(lambda tx: work.end_pause(tx, "zendesk"))
    assert list(await until(database)) == ["zendesk"]

    clock.forward(60)
    assert await database.write(lambda tx: work.end_pause(tx, "zendesk"))
    assert await until(database) == {}
    assert not await database.write(lambda tx: work.end_pause(tx, "zendesk"))


async def test_a_start_ends_what_credentials_paused_and_keeps_what_was_asked_for(
    database: Database,
) -> None:
    await pause(database, "zendesk", 300, "credentials", "401")
    await pause(database, "twilio", 300, "asked", "429")

    await database.write(work.end_credential_pauses)

    assert list(await until(database)) == ["twilio"]
