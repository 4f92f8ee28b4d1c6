"""A sender's pace in segments: turns in order, replies before campaigns, nobody else held up."""

from __future__ import annotations

import pytest

from bridge.outbound.pace import AHEAD_MS, wait_ms
from bridge.store import messages, parts
from bridge.store.database import Database, Transaction
from bridge.store.messages import OutboundKind
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column


async def ask(
    database: Database,
    name: str,
    *,
    kind: OutboundKind = "reply",
    segments: int = 1,
    sender: str = SENDER,
    pace: float | None = 1.0,
    is_strict: bool = True,
) -> int:
    """How many milliseconds this text has to wait; it is made when it is asked about first."""

    def look(tx: Transaction) -> int:
        if messages.get(tx, name) is None:
            messages.add_outbound(
                tx,
                message_id=name,
                kind=kind,
                conversation_id="c",
                sender=sender,
                customer=CUSTOMER,
                carrier="twilio",
                body="hello",
                segments=segments,
            )
            parts.add(
                tx,
                part_id=name,
                message_id=name,
                position=0,
                body="hello",
                segments=segments,
                carrier="twilio",
            )
        message, part = messages.get(tx, name), parts.get(tx, name)
        assert message is not None
        assert part is not None
        return wait_ms(tx, message, part, pace=pace, is_strict=is_strict)

    return await database.write(look)


async def test_each_text_waits_for_the_segments_before_it(database: Database) -> None:
    assert await ask(database, "a", segments=3) == 0
    assert await ask(database, "b", segments=2) == 3000
    assert await ask(database, "c") == 5000


async def test_a_turn_once_given_is_kept_however_often_it_is_asked_for(
    database: Database, clock: HandClock
) -> None:
    await ask(database, "a", segments=2)
    assert await ask(database, "b") == 2000
    clock.forward(1)
    assert await ask(database, "b") == 1000
    assert await ask(database, "c") == 2000
    clock.forward(1)

    assert await ask(database, "b") == 0
    assert await ask(database, "c") == 1000
    assert await column(database, "SELECT part_id FROM turns") == ["c"]


async def test_the_pace_is_in_segments_a_second(database: Database) -> None:
    await ask(database, "a", segments=3, pace=30.0)

    assert await ask(database, "b", pace=30.0) == 100
    assert await ask(database, "c", pace=0.5) == 133


async def test_a_slow_sender_holds_up_no_other(database: Database) -> None:
    await ask(database, "a", segments=10)

    assert await ask(database, "b", sender="+12025550101") == 0


async def test_time_that_passed_unused_is_not_saved_up(
    database: Database, clock: HandClock
) -> None:
    await ask(database, "a")
    clock.forward(3600)

    assert [await ask(database, name) for name in "bcd"] == [0, 1000, 2000]


async def test_without_a_pace_nothing_waits(database: Database) -> None:
    assert [await ask(database, name, segments=10, pace=None) for name in "abc"] == [0, 0, 0]


async def test_an_hours_worth_goes_ahead_where_nobody_has_set_a_pace(
    database: Database,
) -> None:
    ahead = AHEAD_MS // 1000
    assert await ask(database, "first", segments=ahead, is_strict=False) == 0
    assert await ask(database, "second", segments=5, is_strict=False) == 0

    assert await ask(database, "third", is_strict=False) == 5000


async def test_an_answer_to_stop_waits_for_nobody_and_takes_its_time_all_the_same(
    database: Database,
) -> None:
    await ask(database, "a", segments=600)

    assert await ask(database, "stop", kind="opt_out_answer") == 0
    assert await ask(database, "b") == 601_000


async def test_campaign_texts_queue_behind_one_another_and_let_replies_go_first(
    database: Database, clock: HandClock
) -> None:
    waits = [await ask(database, f"c{number}", kind="campaign") for number in range(4)]
    assert waits == [0, 1000, 2000, 3000]

    assert await ask(database, "reply", segments=2) == 1000
    clock.forward(1)
    assert await ask(database, "reply") == 0
    assert await ask(database, "c1", kind="campaign") == 2000
    clock.forward(2)

    assert await ask(database, "c1", kind="campaign") == 0
    assert await ask(database, "c2", kind="campaign") == 1000


@pytest.mark.parametrize("kind", ["reply", "campaign"])
async def test_a_long_queue_is_worked_off_at_the_pace(
    database: Database, clock: HandClock, kind: OutboundKind
) -> None:
    names = [f"m{number}" for number in range(20)]
    waiting = {name: await ask(database, name, kind=kind) for name in names}
    left = [name for name in names if waiting[name] == 0]

    for _ in range(19):
        clock.forward(1)
        left += [
            name for name in names if name not in left and await ask(database, name, kind=kind) == 0
        ]

    assert left == names
