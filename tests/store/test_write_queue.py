"""Who queues behind commits that fail is not kept waiting for each of them."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import NotDurable
from bridge.store import write_queue
from bridge.store.database import Transaction
from bridge.store.write_queue import Waiting, WriteQueue


def nothing(_tx: Transaction) -> None:
    """A transaction that does nothing."""


@pytest.mark.parametrize(("patience_s", "commits"), [(0.0, 1), (3600.0, 3)], ids=["long", "short"])
async def test_who_has_waited_long_gives_up_with_the_commit_that_failed(
    monkeypatch: pytest.MonkeyPatch, patience_s: float, commits: int
) -> None:
    monkeypatch.setattr(write_queue, "PATIENCE_S", patience_s)
    batches: list[int] = []

    async def fail(batch: list[Waiting]) -> None:
        await asyncio.sleep(0.01)
        batches.append(len(batch))
        for waiting in batch:
            waiting.fail(NotDurable("away"))

    queue = WriteQueue(fail, most=2)
    queue.start()
    ended = await asyncio.gather(*(queue.put(nothing) for _ in range(6)), return_exceptions=True)
    await queue.stop()

    assert [str(error) for error in ended] == ["away"] * 6
    assert batches == [2] * commits


async def test_a_fault_of_ones_own_is_no_reason_for_others_to_give_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_queue, "PATIENCE_S", 0.0)

    async def commit(batch: list[Waiting]) -> None:
        await asyncio.sleep(0.01)
        batch[0].fail(ValueError("his own"))

    queue = WriteQueue(commit, most=2)
    queue.start()
    ended = await asyncio.gather(*(queue.put(nothing) for _ in range(4)), return_exceptions=True)
    await queue.stop()

    assert [type(one) for one in ended] == [ValueError, type(None), ValueError, type(None)]


async def test_what_is_ready_with_the_first_shares_its_commit() -> None:
    batches: list[int] = []

    async def commit(batch: list[Waiting]) -> None:
        batches.append(len(batch))
        await asyncio.sleep(0.01)

    async def put_later() -> None:
        await asyncio.sleep(0)
        await queue.put(nothing)

    queue = WriteQueue(commit, most=10)
    queue.start()
    await asyncio.gather(queue.put(nothing), *(put_later() for _ in range(5)))
    await queue.stop()

    assert batches == [6]
