"""When the next sweep of a far side is due: there is always one, whatever became of the last."""

from __future__ import annotations

from bridge.store import sweeps
from bridge.store.database import Transaction
from bridge.store.work import Item


def plan_next(tx: Transaction, item: Item, delay_ms: int) -> None:
    """Plan the sweep after this one."""
    sweeps.plan(tx, item.account, delay_ms=delay_ms, running=item.id)


def plan_after_fault(tx: Transaction, item: Item, _words: str, *, interval_ms: int) -> None:
    """A sweep is set aside: the next one is tried all the same, and one such failure is shown."""
    sweeps.drop_failed(tx, item)
    plan_next(tx, item, interval_ms)
