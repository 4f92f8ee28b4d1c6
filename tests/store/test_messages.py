"""Texts as rows: taken in once, in order, and how they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.store import messages
from bridge.store.database import Database, Transaction
from bridge.store.messages import Arrival, Judged, Message
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER, TICKET, arrival
from tests.stores import Against, column, rows

MEDIA = [{"url": "https://api.twilio.com/m/1", "content_type": "image/jpeg"}]


def add(tx: Transaction, message_id: str, *, judged: Judged = TICKET, **changes: object) -> Arrival:
    text = arrival(
        message_id,
        body="Grüße 🎈\r\n\u202eשלום\u202c",
        media=tuple(MEDIA),
        handled="STOP",
        created_at=tx.now_ms(),
        **changes,
    )
    messages.add_inbound(tx, text, judged)
    return text


def queue(tx: Transaction, message_id: str, **more: str | int | None) -> None:
    messages.add_outbound(
        tx,
        message_id=message_id,
        kind="reply",
        conversation_id="c",
        sender=SENDER,
        customer=CUSTOMER,
        carrier="twilio",
        body="On its way.",
        segments=1,
        **more,  # type: ignore[arg-type]
    )


async def get(database: Database, message_id: str) -> Message:
    found = await database.read(lambda tx: messages.get(tx, message_id))
    assert found is not None
    return found


async def test_a_text_is_kept_exactly_as_it_came(database: Database, clock: HandClock) -> None:
    await database.write(lambda tx: add(tx, "m1"))

    kept = await get(database, "m1")

    assert (kept.direction, kept.kind, kept.state) == ("inbound", "text", "received")
    assert (kept.sender, kept.customer, kept.carrier) == (SENDER, CUSTOMER, "twilio")
    assert kept.body == "Grüße 🎈\r\n\u202eשלום\u202c"
    assert kept.media == tuple(MEDIA)
    assert (kept.handled, kept.created_at) == ("STOP", clock.now_ms())


async def test_an_id_of_a_carriers_is_kept_once(database: Database) -> None:
    told: list[str] = []
    database.listen(messages.MESSAGES, lambda: told.append("x"))

    await database.write(lambda tx: add(tx, "m1", carrier_id="SM1"))
    with pytest.raises(Against):
        await database.write(lambda tx: add(tx, "m2", carrier_id="SM1"))
    await database.write(lambda tx: add(tx, "m3", carrier_id="SM1", carrier="plivo"))

    assert await column(database, "SELECT id FROM messages ORDER BY seq") == ["m1", "m3"]
    assert told == ["x", "x"]


async def test_texts_keep_the_order_of_arrival_not_of_the_clock(
    database: Database, clock: HandClock
) -> None:
    for number in range(5):
        await database.write(lambda tx, n=number: add(tx, f"m{n}"))  # type: ignore[misc]
        clock.forward(-1)  # somebody sets the machine's clock back

    ids = await column(database, "SELECT id FROM messages ORDER BY seq")

    assert ids == [f"m{number}" for number in range(5)]


async def test_texts_for_no_sender_wait_in_order(database: Database) -> None:
    waits = replace(TICKET, verdict="no_sender", state="waiting", conversation_id=None)

    def take(tx: Transaction) -> list[Arrival]:
        return [
            add(tx, f"m{number}", judged=replace(waits, state="done") if number == 1 else waits)
            for number in range(3)
        ]

    taken = await database.write(take)

    waiting = await database.read(lambda tx: messages.waiting_for(tx, SENDER))
    assert waiting == [taken[0], taken[2]]
    assert await database.read(lambda tx: messages.waiting_for(tx, "+12025550199")) == []


async def test_a_verdict_is_kept_with_its_reasons(database: Database, clock: HandClock) -> None:
    waits = replace(TICKET, verdict="no_sender", state="waiting", conversation_id=None)
    text = await database.write(lambda tx: add(tx, "m1", judged=waits))
    clock.forward(1)
    by_rule = Judged(
        verdict="keyword",
        why="“join” is a keyword",
        rule="JOIN",
        state="done",
        conversation_id="c",
    )
    await database.write(lambda tx: messages.set_verdict(tx, text, by_rule))

    (row,) = await rows(
        database, "SELECT verdict, why, rule, state, conversation_id, updated_at FROM messages"
    )

    assert tuple(row.values()) == (
        "keyword",
        "“join” is a keyword",
        "JOIN",
        "done",
        "c",
        clock.now_ms(),
    )


async def test_a_failed_text_that_reached_its_ticket_has_no_error_any_more(
    database: Database,
) -> None:
    await database.write(lambda tx: add(tx, "m1", carrier_id="SM1"))
    await database.write(
        lambda tx: messages.set_state(tx, "m1", "failed", error="422", reason="a field is missing")
    )
    (row,) = await rows(database, "SELECT state, error, reason FROM messages")
    assert tuple(row.values()) == ("failed", "422", "a field is missing")

    await database.write(lambda tx: messages.set_ticket(tx, "m1", 7, None))

    (row,) = await rows(
        database, "SELECT state, error, reason, ticket_id, comment_id FROM messages"
    )
    assert tuple(row.values()) == ("done", None, None, 7, None)


async def test_a_text_to_send_is_found_by_its_callers_key(database: Database) -> None:
    await database.write(lambda tx: queue(tx, "m1", idempotency_key="k1", ticket_id=7))
    await database.write(lambda tx: queue(tx, "m2"))
    await database.write(lambda tx: queue(tx, "m3"))

    found = await database.read(lambda tx: messages.by_idempotency_key(tx, "k1"))

    assert found is not None
    assert (found.id, found.state, found.ticket_id) == ("m1", "queued", 7)
    assert await database.read(lambda tx: messages.by_idempotency_key(tx, "k2")) is None


async def test_a_callers_key_is_used_once(database: Database) -> None:
    await database.write(lambda tx: queue(tx, "m1", idempotency_key="k1"))

    with pytest.raises(Against, match="idempotency_key"):
        await database.write(lambda tx: queue(tx, "m2", idempotency_key="k1"))


async def test_an_agent_is_told_of_a_failure_once(database: Database) -> None:
    await database.write(lambda tx: queue(tx, "m1"))
    await database.write(lambda tx: queue(tx, "m2"))

    owed = [await database.write(lambda tx: messages.tell_agent_once(tx, "m1")) for _ in range(3)]

    assert owed == [True, False, False]
    assert (await get(database, "m1")).told_agent
    assert not (await get(database, "m2")).told_agent


@pytest.mark.parametrize(
    "column_and_value",
    [("state", "lost"), ("verdict", "maybe"), ("kind", "fax"), ("direction", "sideways")],
    ids=lambda pair: pair[0],
)
async def test_a_state_that_does_not_exist_is_refused(
    database: Database, column_and_value: tuple[str, str]
) -> None:
    await database.write(lambda tx: queue(tx, "m1"))
    name, value = column_and_value

    with pytest.raises(Against, match=r"(?i)check"):
        await database.write(lambda tx: tx.run(f"UPDATE messages SET {name} = $1", value))
