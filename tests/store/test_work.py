"""Stored work: lanes, claims that end by themselves, pauses, and what is kept of each try."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bridge.store import attempts, ranks, work
from bridge.store.database import Database, Transaction
from bridge.store.work import Claim, LeaseLost
from tests.desks.scripted import HandClock
from tests.stores import column, rows

LEASE_MS = 60_000


async def put(
    database: Database,
    lane: str,
    *,
    account: str = "zendesk",
    message_id: str | None = None,
    delay_ms: int = 0,
) -> str:
    return await database.write(
        lambda tx: work.put(
            tx,
            lane=lane,
            account=account,
            kind="note",
            message_id=message_id,
            delay_ms=delay_ms,
        )
    )


async def claim(
    database: Database, *, most: int = 10, account: str = "zendesk"
) -> dict[str, Claim]:
    claims = await database.write(
        lambda tx: work.claim(tx, account=account, most=most, lease_ms=LEASE_MS)
    )
    return {found.lane: found for found in claims}


async def next_due(database: Database) -> Mapping[int, int]:
    return await database.read(lambda tx: work.next_due_in_ms(tx, "zendesk"))


async def put_off(
    database: Database, claimed: Claim, pause_ms: int, *, counts: bool = True
) -> None:
    await database.write(
        lambda tx: work.put_off(tx, claimed, pause_ms=pause_ms, reason="busy", counts=counts)
    )


async def test_a_lane_is_worked_in_the_order_of_storing(database: Database) -> None:
    refs = [await put(database, "a") for _ in range(3)]

    claimed = (await claim(database))["a"]
    met = [claimed.item.ref]
    item = await database.write(lambda tx: work.finish(tx, claimed))
    while item is not None:
        met.append(item.ref)
        current = Claim(lane="a", lease=claimed.lease, item=item)
        item = await database.write(lambda tx, c=current: work.finish(tx, c))  # type: ignore[misc]

    assert met == refs
    assert await rows(database, "SELECT * FROM work") == []
    assert await rows(database, "SELECT * FROM lanes") == []


async def test_a_claimed_lane_is_not_claimed_again_and_holds_up_no_other(
    database: Database,
) -> None:
    await put(database, "a")
    assert list(await claim(database)) == ["a"]

    await put(database, "a")
    await put(database, "b")

    assert list(await claim(database)) == ["b"]
    assert list(await claim(database)) == []


async def test_an_item_keeps_everything_that_was_put_in(database: Database) -> None:
    ref = await database.write(
        lambda tx: work.put(
            tx,
            lane="a",
            account="zendesk",
            kind="send",
            message_id="m",
            conversation_id="c",
            ticket_id=7,
            payload={"text": "Größe 🎈", "tags": ["x"]},
        )
    )

    item = (await claim(database))["a"].item

    assert (item.ref, item.lane, item.account, item.kind) == (ref, "a", "zendesk", "send")
    assert (item.message_id, item.conversation_id, item.ticket_id) == ("m", "c", 7)
    assert item.payload == {"text": "Größe 🎈", "tags": ["x"]}
    assert (item.attempts, item.starts, item.intent) == (0, 1, None)


async def test_of_a_backlog_the_oldest_and_the_newest_come_first_and_only_of_the_account(
    database: Database, clock: HandClock
) -> None:
    for lane in "abcdef":
        await put(database, lane, account="twilio" if lane == "b" else "zendesk")
        clock.forward(1)

    assert set(await claim(database, most=3)) == {"a", "c", "f"}
    assert set(await claim(database, account="twilio")) == {"b"}


async def test_delayed_work_waits_for_its_time(database: Database, clock: HandClock) -> None:
    await put(database, "a", delay_ms=5000)

    assert await claim(database) == {}
    assert await next_due(database) == {ranks.NOTES: 5000}
    clock.forward(5)
    assert await next_due(database) == {ranks.NOTES: 0}
    assert list(await claim(database)) == ["a"]


async def test_delayed_work_behind_other_work_waits_for_its_time(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    await put(database, "a", delay_ms=5000)
    claimed = (await claim(database))["a"]

    assert await database.write(lambda tx: work.finish(tx, claimed)) is None
    assert await claim(database) == {}
    clock.forward(5)
    assert (await claim(database))["a"].item.id != claimed.item.id


async def test_a_lease_that_ends_frees_the_lane_and_counts_the_start(
    database: Database, clock: HandClock
) -> None:
    ref = await put(database, "a")
    first = (await claim(database))["a"]

    clock.forward(59.9)
    assert await claim(database) == {}
    clock.forward(0.1)
    second = (await claim(database))["a"]

    assert second.item.ref == first.item.ref == ref
    assert (first.item.starts, second.item.starts) == (1, 2)
    assert second.lease != first.lease


async def test_a_renewed_lease_lasts(database: Database, clock: HandClock) -> None:
    await put(database, "a")
    held = (await claim(database))["a"]
    clock.forward(50)

    await database.write(lambda tx: work.renew(tx, [("a", held.lease), ("gone", "x")], LEASE_MS))
    clock.forward(59.9)
    assert await claim(database) == {}
    clock.forward(0.1)
    assert list(await claim(database)) == ["a"]


WRITES: dict[str, Callable[[Transaction, Claim], object]] = {
    "finish": work.finish,
    "set aside": lambda tx, claimed: work.set_aside(tx, claimed, "no"),
    "put off": lambda tx, claimed: work.put_off(tx, claimed, pause_ms=5, reason="no"),
    "give back": work.give_back,
    "intent": lambda tx, claimed: work.save_intent(tx, claimed, {"do": "x"}),
    "check": work.check,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_has_lost_the_lease_changes_nothing(
    database: Database, clock: HandClock, write: Callable[[Transaction, Claim], object]
) -> None:
    await put(database, "a")
    stale = (await claim(database))["a"]
    clock.forward(60)
    await claim(database)
    before = await rows(database, "SELECT * FROM work"), await rows(database, "SELECT * FROM lanes")

    with pytest.raises(LeaseLost):
        await database.write(lambda tx: write(tx, stale))

    after = await rows(database, "SELECT * FROM work"), await rows(database, "SELECT * FROM lanes")
    assert after == before


async def test_a_lost_lease_can_not_be_renewed(database: Database, clock: HandClock) -> None:
    await put(database, "a")
    stale = (await claim(database))["a"]
    clock.forward(60)
    await claim(database)
    before = await rows(database, "SELECT * FROM lanes")

    await database.write(lambda tx: work.renew(tx, [("a", stale.lease)], 10 * LEASE_MS))

    assert await rows(database, "SELECT * FROM lanes") == before


async def test_an_intent_is_kept_for_whoever_claims_next(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    first = (await claim(database))["a"]
    await database.write(lambda tx: work.save_intent(tx, first, {"do": "create", "key": "ü"}))
    clock.forward(60)

    second = (await claim(database))["a"]
    assert second.item.intent == {"do": "create", "key": "ü"}

    await database.write(lambda tx: work.save_intent(tx, second, None))
    clock.forward(60)
    assert (await claim(database))["a"].item.intent is None


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)], ids=["its", "not its"])
async def test_work_put_off_comes_back_after_the_pause_before_what_follows_it(
    database: Database, clock: HandClock, counts: bool, attempts: int
) -> None:
    first = await put(database, "a")
    await put_off(database, (await claim(database))["a"], 3000, counts=counts)
    await put(database, "a")  # new work in the lane does not cut the pause short

    assert await claim(database) == {}
    clock.forward(3)
    again = (await claim(database))["a"].item

    assert (again.ref, again.attempts, again.starts) == (first, attempts, 1)
    assert await column(database, "SELECT reason FROM work ORDER BY id LIMIT 1") == ["busy"]


async def test_a_lane_given_back_is_due_behind_the_others_and_counts_nothing(
    database: Database, clock: HandClock
) -> None:
    await put(database, "a")
    held = (await claim(database))["a"]
    await put(database, "b")
    clock.forward(1)

    await database.write(lambda tx: work.give_back(tx, held))

    assert list(await claim(database, most=1)) == ["b"]
    again = (await claim(database, most=1))["a"].item
    assert (again.attempts, again.starts) == (0, 1)


async def test_giving_back_forgets_no_earlier_crash(database: Database, clock: HandClock) -> None:
    await put(database, "a")
    await claim(database)
    clock.forward(60)  # that one ended without a word

    held = (await claim(database))["a"]
    await database.write(lambda tx: work.give_back(tx, held))

    assert (await claim(database))["a"].item.starts == 2


async def test_work_set_aside_is_kept_and_the_lane_goes_on(database: Database) -> None:
    bad = await put(database, "a")
    good = await put(database, "a")
    held = (await claim(database))["a"]

    following = await database.write(lambda tx: work.set_aside(tx, held, "a form field is missing"))

    assert following is not None
    assert following.ref == good
    kept = await rows(database, "SELECT * FROM work WHERE state = 'failed'")
    assert [(row["ref"], row["reason"], row["attempts"], row["starts"]) for row in kept] == [
        (bad, "a form field is missing", 1, 0)
    ]
    assert kept[0]["failed_at"] is not None


async def test_the_last_work_set_aside_closes_the_lane(database: Database) -> None:
    await put(database, "a")
    held = (await claim(database))["a"]

    assert await database.write(lambda tx: work.set_aside(tx, held, "no")) is None

    assert await rows(database, "SELECT * FROM lanes") == []
    assert await claim(database) == {}


async def test_a_lane_without_work_is_swept_away_when_claimed(database: Database) -> None:
    await put(database, "a")
    await database.write(lambda tx: tx.run("DELETE FROM work"))

    assert await claim(database) == {}
    assert await rows(database, "SELECT * FROM lanes") == []


async def test_an_answer_hurries_a_lane_that_waits(database: Database, clock: HandClock) -> None:
    await put(database, "a")
    await put_off(database, (await claim(database))["a"], 60_000)

    await database.write(lambda tx: work.hurry(tx, "a"))

    assert list(await claim(database)) == ["a"]
    before = await rows(database, "SELECT * FROM lanes")
    await database.write(lambda tx: work.hurry(tx, "a"))
    assert await rows(database, "SELECT * FROM lanes") == before  # a lease is not cut short


async def test_what_is_put_in_is_announced(database: Database) -> None:
    told: list[str] = []
    database.listen(work.topic_of("zendesk"), lambda: told.append("work"))
    database.listen(work.topic_of("twilio"), lambda: told.append("work of others"))

    await put(database, "a")
    held = (await claim(database))["a"]
    assert told == ["work"]

    await database.write(lambda tx: work.give_back(tx, held))
    assert told == ["work", "work"]


async def test_the_backlog_counts_what_waits_and_what_failed(
    database: Database, clock: HandClock
) -> None:
    assert await database.read(work.backlog) == (0, 0, None)

    await put(database, "a")
    held = (await claim(database))["a"]
    await database.write(lambda tx: work.set_aside(tx, held, "no"))
    clock.forward(10)
    oldest = clock.now_ms()
    await put(database, "b")
    clock.forward(10)
    await put(database, "b")

    assert await database.read(work.backlog) == (2, 1, oldest)


async def test_attempts_say_what_was_tried_and_how_long_it_took(
    database: Database, clock: HandClock
) -> None:
    ref = await put(database, "a", message_id="m")
    item = (await claim(database))["a"].item
    began_ms = clock.now_ms()
    clock.forward(1.5)

    await database.write(
        lambda tx: attempts.note_attempt(tx, item, outcome="later", words="503", began_ms=began_ms)
    )

    assert await rows(database, "SELECT * FROM attempts") == [
        {
            "id": 1,
            "work_ref": ref,
            "message_id": "m",
            "kind": "note",
            "outcome": "later",
            "words": "503",
            "at": began_ms,
            "took_ms": 1500,
        }
    ]
