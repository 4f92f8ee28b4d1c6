"""Long texts in parts: one text in its order, whatever comes when, and nothing twice."""

from __future__ import annotations

from itertools import permutations

import pytest

from bridge.carriers.contract import InboundText, Piece
from bridge.inbound.pieces import KEPT_MS, LATE_MS, take_in_late, take_piece
from bridge.store.database import Database
from tests.desks.scripted import HandClock
from tests.inbound.arrivals import DIRECTORY, RULES, last
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column, rows

WORDS = {1: "Dear Acme, ", 2: "my parcel is late. ", 3: "Yours, Maya"}


async def arrive(
    database: Database,
    number: int,
    *,
    total: int = 3,
    ref: str = "42",
    body: str | None = None,
    carrier_id: str | None = None,
) -> str | None:
    text = InboundText(
        carrier_id=carrier_id or f"{ref}-{number}",
        sender=SENDER,
        customer=CUSTOMER,
        body=WORDS[number] if body is None else body,
        sent_at_ms=1_700_000_000_000 + number,
        piece=Piece(ref=ref, number=number, total=total),
    )
    taken = await database.write(lambda tx: take_piece(tx, "twilio", text, DIRECTORY, RULES))
    return None if taken is None else taken.verdict


async def take_late(database: Database) -> int:
    return await database.write(lambda tx: take_in_late(tx, DIRECTORY, RULES))


async def bodies(database: Database) -> list[str]:
    return [str(one) for one in await column(database, "SELECT body FROM messages ORDER BY seq")]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_parts_in_any_order_are_one_text(
    database: Database, order: tuple[int, int, int]
) -> None:
    verdicts = [await arrive(database, number) for number in order]

    assert verdicts == [None, None, "ticket"]
    assert await bodies(database) == ["Dear Acme, my parcel is late. Yours, Maya"]
    assert (await last(database)).state == "received"


async def test_a_part_that_comes_again_changes_nothing(database: Database) -> None:
    for number in (1, 1, 2, 2, 3, 3, 1):
        await arrive(database, number)

    assert len(await bodies(database)) == 1
    assert await take_late(database) == 0


async def test_a_text_whose_part_is_missing_is_taken_in_with_a_gap(
    database: Database, clock: HandClock
) -> None:
    await arrive(database, 1)
    clock.forward(LATE_MS / 1000 - 1)
    await arrive(database, 3)
    clock.forward(LATE_MS / 1000 - 1)

    assert await take_late(database) == 0
    clock.forward(2)
    assert await take_late(database) == 1

    gap = "[part 2 of 3 did not arrive]"
    assert await bodies(database) == [f"Dear Acme,  {gap} Yours, Maya"]
    assert await take_late(database) == 0


async def test_a_part_that_comes_too_late_is_a_text_of_its_own(
    database: Database, clock: HandClock
) -> None:
    await arrive(database, 1)
    await arrive(database, 3)
    clock.forward(LATE_MS / 1000 + 1)
    await take_late(database)
    await arrive(database, 2)
    clock.forward(LATE_MS / 1000 + 1)

    assert await take_late(database) == 1

    assert "my parcel is late." in (await bodies(database))[1]


async def test_a_reference_that_is_used_again_is_another_text(database: Database) -> None:
    await arrive(database, 1)
    await arrive(database, 1, carrier_id="next-1", body="Second ")

    await arrive(database, 2, carrier_id="next-2", body="text ")
    await arrive(database, 3, carrier_id="next-3", body="whole")

    first, second = await bodies(database)
    assert first.startswith("Dear Acme, ")
    assert second == "Second text whole"


async def test_two_long_texts_at_once_do_not_mix(database: Database) -> None:
    for number in (1, 2):
        await arrive(database, number, total=2, ref="1", body=f"a{number}")
        await arrive(database, number, total=2, ref="2", body=f"b{number}")

    assert await bodies(database) == ["a1a2", "b1b2"]


async def test_words_stand_in_one_place_and_ids_go_when_nothing_comes_again(
    database: Database, clock: HandClock
) -> None:
    for number in (1, 2, 3):
        await arrive(database, number)
    assert [row["body"] for row in await rows(database, "SELECT body FROM pieces")] == [None] * 3

    clock.forward(KEPT_MS / 1000 + 1)
    for number in (1, 2):
        await arrive(database, number, total=2, ref="later", body="x")

    assert await column(database, "SELECT DISTINCT ref FROM pieces") == ["later"]
