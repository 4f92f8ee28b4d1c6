"""Both sweeps as the worker wants them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bridge.carriers.contract import Carrier
from bridge.desks.contract import Desk
from bridge.domain.directory import Directory
from bridge.inbound.judge import Rules
from bridge.store.database import Database, Transaction
from bridge.store.work import Item
from bridge.sweeps.plan import plan_after_fault
from bridge.sweeps.replies import ReplySweep
from bridge.sweeps.texts import Counters, TextSweep
from bridge.work.outcomes import Job, Outcome

Handler = Callable[[Job], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """The handlers, and what to do when one of their items is set aside."""

    texts: Handler
    replies: Handler
    note_set_aside: Callable[[Transaction, Item, str], None]


def build_sweeps(
    *,
    database: Database,
    desk: Desk,
    carriers: Mapping[str, Carrier],
    directory: Callable[[Transaction], Directory],
    rules: Rules,
    counters: Counters,
    interval_s: float,
) -> Sweeps:
    """The sweeps of one service."""
    interval_ms = int(interval_s * 1000)
    texts = TextSweep(
        database=database,
        carriers=carriers,
        directory=directory,
        rules=rules,
        counters=counters,
        interval_ms=interval_ms,
    )
    return Sweeps(
        texts=texts.sweep,
        replies=ReplySweep(desk=desk, interval_ms=interval_ms).sweep,
        note_set_aside=partial(plan_after_fault, interval_ms=interval_ms),
    )
