"""Comments that were written or met, and how far tickets have been read."""

from __future__ import annotations

from bridge.store import comments
from bridge.store.comments import Origin
from bridge.store.database import Database
from tests.desks.scripted import HandClock
from tests.stores import rows


async def meet(
    database: Database, comment_id: int, *, origin: Origin = "agent", at_ms: int | None = None
) -> bool:
    return await database.write(
        lambda tx: comments.meet(
            tx, comment_id=comment_id, ticket_id=7, origin=origin, outcome="sent", at_ms=at_ms
        )
    )


async def test_a_comment_is_met_once_and_the_first_word_stays(database: Database) -> None:
    assert not await database.read(lambda tx: comments.is_known(tx, 1))
    assert await meet(database, 1, origin="ours")
    assert not await meet(database, 1, origin="agent")

    assert await database.read(lambda tx: comments.is_known(tx, 1))
    (kept,) = await rows(database, "SELECT origin FROM comments")
    assert kept["origin"] == "ours"


async def test_when_a_comment_was_written_is_remembered(
    database: Database, clock: HandClock
) -> None:
    await meet(database, 1, at_ms=500)
    await meet(database, 2)

    times = [
        await database.read(lambda tx, n=number: comments.written_at(tx, n))  # type: ignore[misc]
        for number in (1, 2, 3)
    ]

    assert times == [500, clock.now_ms(), 0]


async def test_a_tickets_cursor_only_moves_forward(database: Database) -> None:
    assert await database.read(lambda tx: comments.read_to(tx, 7)) is None

    seen = []
    for at_ms in (100, 300, 200):
        await database.write(lambda tx, at=at_ms: comments.set_read_to(tx, 7, at))  # type: ignore[misc]
        seen.append(await database.read(lambda tx: comments.read_to(tx, 7)))

    assert seen == [100, 300, 300]
    assert await database.read(lambda tx: comments.read_to(tx, 8)) is None
