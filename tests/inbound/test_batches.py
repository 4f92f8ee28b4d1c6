"""Texts that share one commit: what they are to one another, and what they are not."""

from __future__ import annotations

import asyncio

import pytest

from bridge.store import work
from bridge.store.database import Database, Transaction
from tests.inbound.arrivals import arrive, ledger, work_of
from tests.store.rows import CUSTOMER
from tests.stores import column

BODIES = "SELECT body FROM messages WHERE direction = 'inbound' ORDER BY seq"
POISON = "half a pair: \ud83c"  # no database takes that for a text


async def test_a_text_that_can_not_be_stored_harms_none_beside_it(database: Database) -> None:
    ended = await asyncio.gather(
        *(arrive(database, body) for body in ("one", POISON, "two", POISON, "three")),
        return_exceptions=True,
    )

    assert [ended[at] for at in (0, 2, 4)] == ["ticket"] * 3
    assert all(isinstance(ended[at], UnicodeEncodeError) for at in (1, 3))
    assert await column(database, BODIES) == ["one", "two", "three"]
    assert len(await work_of(database, "text")) == 3


async def test_a_text_whose_work_fails_leaves_nothing_and_harms_none_beside_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = work.put

    def fail_on_its_own(tx: Transaction, **given: object) -> str:
        row = tx.first("SELECT body FROM messages WHERE id = $1", str(given["message_id"]))
        if row is not None and row["body"] == "two":
            raise RuntimeError("injected")
        return put(tx, **given)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(work, "put", fail_on_its_own)
    strangers = [f"+1202555014{number}" for number in range(3)]
    ended = await asyncio.gather(
        *(
            arrive(database, body, customer=customer)
            for body, customer in zip(("one", "two", "three"), strangers, strict=True)
        ),
        return_exceptions=True,
    )

    assert (ended[0], str(ended[1]), ended[2]) == ("ticket", "injected", "ticket")
    assert await column(database, BODIES) == ["one", "three"]
    known = await column(database, "SELECT customer FROM conversations ORDER BY customer")
    assert known == [strangers[0], strangers[2]]


async def test_a_stop_and_the_texts_around_it_are_judged_in_their_order(
    database: Database,
) -> None:
    said = ("hello", "STOP", "still there?", "START", "fine")

    verdicts = await asyncio.gather(*(arrive(database, body) for body in said))

    assert verdicts == ["ticket", "opt_out", "ticket", "opt_in", "ticket"]
    assert await column(database, BODIES) == list(said)
    assert await ledger(database) == [("opt_out", None), ("opt_in", None)]
    warned = [bool(row["payload"]["warning"]) for row in await work_of(database, "text")]
    assert warned == [False, True, False]  # the second is from somebody opted out


async def test_a_batch_knows_whom_it_has_met_itself(database: Database) -> None:
    twice = [arrive(database, "again", carrier_id="SM-again") for _ in range(4)]

    verdicts = await asyncio.gather(arrive(database, "first"), *twice, arrive(database, "last"))

    assert verdicts == ["ticket", "ticket", None, None, None, "ticket"]
    assert await column(database, "SELECT customer FROM conversations") == [CUSTOMER]
    lanes = {row["lane"] for row in await work_of(database, "text")}
    assert len(lanes) == 1
