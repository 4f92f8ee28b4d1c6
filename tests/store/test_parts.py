"""The texts that a message is sent as, and reports that overtake them."""

from __future__ import annotations

import pytest

from bridge.store import parts
from bridge.store.database import Database, Transaction
from bridge.store.parts import EarlyReport, Part
from tests.desks.scripted import HandClock
from tests.stores import Against, rows


def add(tx: Transaction, part_id: str, position: int = 0, message_id: str = "m") -> None:
    parts.add(
        tx,
        part_id=part_id,
        message_id=message_id,
        position=position,
        body=f"part {position}",
        segments=2,
        carrier="twilio",
    )


async def get(database: Database, part_id: str = "p") -> Part:
    found = await database.read(lambda tx: parts.get(tx, part_id))
    assert found is not None
    return found


async def test_parts_come_in_their_order(database: Database) -> None:
    def add_all(tx: Transaction) -> None:
        for position in (2, 0, 1):
            add(tx, f"p{position}", position)
        add(tx, "q", message_id="another")

    await database.write(add_all)

    found = await database.read(lambda tx: parts.of_message(tx, "m"))
    assert [(part.id, part.body, part.state) for part in found] == [
        ("p0", "part 0", "queued"),
        ("p1", "part 1", "queued"),
        ("p2", "part 2", "queued"),
    ]


async def test_the_first_attempts_time_is_kept_through_the_next(
    database: Database, clock: HandClock
) -> None:
    await database.write(lambda tx: add(tx, "p"))
    began = clock.now_ms()
    await database.write(lambda tx: parts.begin(tx, "p"))
    clock.forward(5)
    await database.write(lambda tx: parts.begin(tx, "p"))

    part = await get(database)

    assert (part.state, part.begun_at) == ("sending", began)


async def test_a_send_that_did_not_happen_is_as_if_never_begun(database: Database) -> None:
    def use(tx: Transaction) -> None:
        add(tx, "p")
        parts.begin(tx, "p")
        parts.count_look(tx, "p")
        parts.take_back(tx, "p")

    await database.write(use)

    part = await get(database)
    assert (part.state, part.begun_at, part.looks) == ("queued", None, 0)


async def test_looks_are_counted_and_a_second_send_is_remembered(
    database: Database,
) -> None:
    def use(tx: Transaction) -> None:
        add(tx, "p")
        parts.begin(tx, "p")
        parts.count_look(tx, "p")
        parts.count_look(tx, "p")

    await database.write(use)
    assert (await get(database)).looks == 2

    await database.write(lambda tx: parts.send_again(tx, "p"))
    part = await get(database)
    assert (part.state, part.begun_at, part.looks) == ("queued", None, 100)


async def test_an_outcome_keeps_the_carriers_id_and_count_that_are_known(
    database: Database,
) -> None:
    await database.write(lambda tx: add(tx, "p"))
    await database.write(
        lambda tx: parts.set_outcome(tx, "p", "sent", carrier_id="SM1", segments=3)
    )
    await database.write(
        lambda tx: parts.set_outcome(tx, "p", "failed", carrier_id="SM2", error="30003")
    )

    part = await get(database)
    by_id = await database.read(lambda tx: parts.by_carrier_id(tx, "twilio", "SM1"))

    assert (part.state, part.carrier_id, part.segments, part.error) == ("failed", "SM1", 3, "30003")
    assert by_id == part
    assert await database.read(lambda tx: parts.is_claimed(tx, "twilio", "SM1"))
    assert not await database.read(lambda tx: parts.is_claimed(tx, "twilio", "SM2"))
    assert not await database.read(lambda tx: parts.is_claimed(tx, "plivo", "SM1"))


async def test_one_text_at_the_carrier_is_one_part(database: Database) -> None:
    def use(tx: Transaction) -> None:
        for position, name in enumerate(("p", "q")):
            add(tx, name, position)
            parts.set_outcome(tx, name, "sent", carrier_id="SM1")

    with pytest.raises(Against, match="carrier_id"):
        await database.write(use)


async def test_early_reports_are_kept_once_and_handed_over_once_in_order(
    database: Database, clock: HandClock
) -> None:
    for state, carrier_id in [
        ("sent", "SM1"),
        ("undelivered", "SM1"),
        ("delivered", "SM1"),
        ("sent", "SM1"),
        ("failed", "SM2"),
    ]:
        report = EarlyReport(
            state=state, error="30003" if state == "undelivered" else None, reason="x"
        )
        await database.write(
            lambda tx, r=report, c=carrier_id: parts.keep_early_report(  # type: ignore[misc]
                tx, carrier="twilio", carrier_id=c, report=r
            )
        )
        clock.forward(1)

    taken = await database.write(lambda tx: parts.take_early_reports(tx, "twilio", "SM1"))
    again = await database.write(lambda tx: parts.take_early_reports(tx, "twilio", "SM1"))

    assert [(report.state, report.error) for report in taken] == [
        ("sent", None),
        ("undelivered", "30003"),
        ("delivered", None),
    ]
    assert again == []
    assert len(await rows(database, "SELECT * FROM early_reports")) == 1
