"""Failed work: shown, tried again, given up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from bridge.clock import SystemClock
from bridge.errors import UserMistake
from bridge.store import failed, work
from bridge.store.database import Database, Transaction, Value
from tests.store.rows import BEGAN, add, add_failed_work, add_message, add_part
from tests.stores import open_store, sqlite_only


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    async with open_store(store_url, SystemClock()) as opened:
        yield opened


async def column(database: Database, sql: str, *values: Value) -> Value:
    row = await database.read(lambda tx: tx.first(sql, *values))
    assert row is not None
    value: Value = next(iter(dict(row).values()))
    return value


async def test_failed_work_comes_newest_first_and_in_pages(database: Database) -> None:
    for number in range(5):
        # Two at the same millisecond: the page must not end between them and lose one.
        await add_failed_work(database, f"w{number}", failed_at=BEGAN + number // 2)

    first = await database.read(lambda tx: failed.list_failed(tx, before=None, limit=2))
    before = (first[-1].since_ms, first[-1].id)
    rest = await database.read(lambda tx: failed.list_failed(tx, before=before, limit=9))

    assert [item.ref for item in first] == ["w4", "w3"]
    assert [item.ref for item in rest] == ["w2", "w1", "w0"]


async def test_retried_work_is_claimed_at_once_and_from_the_start(
    database: Database,
) -> None:
    await add_message(database, "m", state="failed", error="500", reason="broken")
    await add_failed_work(database, "w", message_id="m")

    await database.write(lambda tx: failed.retry(tx, "w"))
    claims = await database.write(
        lambda tx: work.claim(tx, account="zendesk", most=5, lease_ms=1000)
    )

    assert [(c.item.ref, c.item.attempts, c.item.starts) for c in claims] == [("w", 0, 1)]
    assert await column(database, "SELECT state FROM messages WHERE id = 'm'") == "received"
    assert await column(database, "SELECT reason FROM messages WHERE id = 'm'") is None


async def test_a_retried_reply_is_queued_again_with_what_was_not_accepted(
    database: Database,
) -> None:
    await add_message(database, "m", direction="outbound", state="uncertain", told_agent=1)
    await add_part(database, "m", 0, state="delivered")
    await add_part(database, "m", 1, state="uncertain", carrier_id=None, begun_at=BEGAN, looks=4)
    await add_part(database, "m", 2, state="failed", error="30008")
    await add_part(database, "m", 3, state="failed", carrier_id=None, begun_at=BEGAN)
    await add_failed_work(database, "w", message_id="m", kind="send", lane="out:c1")

    await database.write(lambda tx: failed.retry(tx, "w"))

    assert await column(database, "SELECT state FROM messages WHERE id = 'm'") == "queued"
    assert await column(database, "SELECT state FROM parts WHERE id = 'm-0'") == "delivered"
    # What may have left is looked for first; what certainly has not begins anew.
    assert await column(database, "SELECT state FROM parts WHERE id = 'm-1'") == "sending"
    assert await column(database, "SELECT begun_at FROM parts WHERE id = 'm-1'") == BEGAN
    assert await column(database, "SELECT state FROM parts WHERE id = 'm-2'") == "failed"
    assert await column(database, "SELECT state FROM parts WHERE id = 'm-3'") == "queued"
    assert await column(database, "SELECT begun_at FROM parts WHERE id = 'm-3'") is None
    assert await column(database, "SELECT told_agent FROM messages WHERE id = 'm'") == 2


async def test_a_lane_that_is_worked_in_keeps_its_claim(database: Database) -> None:
    await add_failed_work(database, "w")
    await add(
        database,
        "lanes",
        lane="in:c1",
        account="zendesk",
        due_at=2**50,
        lease="somebody",
    )

    await database.write(lambda tx: failed.retry(tx, "w"))

    assert await column(database, "SELECT due_at FROM lanes") == 2**50
    assert await column(database, "SELECT state FROM work WHERE ref = 'w'") == "waiting"


async def test_a_lane_that_waits_for_its_time_is_due_at_once(database: Database) -> None:
    await add_failed_work(database, "w")
    await add(database, "lanes", lane="in:c1", account="zendesk", due_at=2**50)

    await database.write(lambda tx: failed.retry(tx, "w"))

    due = await column(database, "SELECT due_at FROM lanes")
    assert isinstance(due, int)
    assert due < 2**50


async def test_retrying_twice_changes_nothing_more(database: Database) -> None:
    await add_failed_work(database, "w")

    await database.write(lambda tx: failed.retry(tx, "w"))
    due = await column(database, "SELECT due_at FROM work WHERE ref = 'w'")
    await database.write(lambda tx: failed.retry(tx, "w"))

    assert await column(database, "SELECT due_at FROM work WHERE ref = 'w'") == due


async def test_a_failed_note_leaves_the_message_it_speaks_of_alone(
    database: Database,
) -> None:
    await add_message(database, "m", direction="outbound", state="failed", reason="blocked")
    await add_failed_work(database, "w", message_id="m", kind="note")

    await database.write(lambda tx: failed.retry(tx, "w"))

    assert await column(database, "SELECT state FROM messages WHERE id = 'm'") == "failed"
    assert await column(database, "SELECT reason FROM messages WHERE id = 'm'") == "blocked"


async def test_everything_failed_can_be_retried_together(database: Database) -> None:
    for number in range(3):
        await add_failed_work(database, f"w{number}", lane=f"in:c{number}")

    assert await database.write(failed.retry_all) == 3
    assert await database.read(lambda tx: failed.list_failed(tx, before=None, limit=9)) == []


async def test_dropped_work_is_gone_and_its_message_given_up(database: Database) -> None:
    await add_message(database, "m", state="failed", reason="broken")
    await add_failed_work(database, "w", message_id="m")

    await database.write(lambda tx: failed.drop(tx, "w"))

    assert await column(database, "SELECT count(*) FROM work") == 0
    assert await column(database, "SELECT state FROM messages") == "failed"
    assert await column(database, "SELECT reason FROM messages") == "given up"


async def test_dropping_an_uncertain_text_leaves_it_uncertain(database: Database) -> None:
    await add_message(database, "m", direction="outbound", state="uncertain", reason="lost")
    await add_failed_work(database, "w", message_id="m", kind="send")

    await database.write(lambda tx: failed.drop(tx, "w"))

    assert await column(database, "SELECT state FROM messages") == "uncertain"
    assert await column(database, "SELECT reason FROM messages") == "lost"


@pytest.mark.parametrize("act", [failed.retry, failed.drop], ids=["retry", "drop"])
async def test_unknown_work_is_refused(
    database: Database, act: Callable[[Transaction, str], None]
) -> None:
    with pytest.raises(UserMistake, match="no failed work nothing"):
        await database.write(lambda tx: act(tx, "nothing"))


async def test_work_that_waits_is_not_dropped(database: Database) -> None:
    await add_failed_work(database, "w", state="waiting", failed_at=None)

    with pytest.raises(UserMistake, match="has not failed"):
        await database.write(lambda tx: failed.drop(tx, "w"))

    assert await column(database, "SELECT count(*) FROM work") == 1


@sqlite_only
async def test_failed_work_is_read_along_its_index(database: Database) -> None:
    plan = await database.read(
        lambda tx: tx.all(f"EXPLAIN QUERY PLAN {failed.LIST}", 2**62, 2**62, 50)
    )

    (step,) = [str(row["detail"]) for row in plan]  # one step: nothing is sorted
    assert step.startswith("SEARCH work USING INDEX work_failed ")
