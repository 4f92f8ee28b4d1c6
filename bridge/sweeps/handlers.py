"""The sweeps as the worker wants them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from bridge.carriers.contract import Carrier
from bridge.desks.contract import Desk
from bridge.domain.directory import Directory
from bridge.inbound.judge import Rules
from bridge.store.database import Database, Transaction
from bridge.store.work import Item
from bridge.sweeps.plan import plan_after_fault
from bridge.sweeps.replies import ReplySweep
from bridge.sweeps.reports import Counters as ReportCounters
from bridge.sweeps.reports import ReportSweep
from bridge.sweeps.texts import Counters as TextCounters
from bridge.sweeps.texts import TextSweep
from bridge.work.outcomes import Job, Outcome

Handler = Callable[[Job], Awaitable[Outcome]]


class Counters(TextCounters, ReportCounters, Protocol):
    """What is counted here."""

    def count_recovered(self, what: Literal["text", "report"]) -> None:
        """Count what a sweep found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """The handlers by far side, and what to do when one of their items is set aside."""

    carriers: Handler
    desk: Handler
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
    text_sweep = TextSweep(
        database=database,
        carriers=carriers,
        directory=directory,
        rules=rules,
        counters=counters,
        interval_ms=interval_ms,
    )
    report_sweep = ReportSweep(carriers=carriers, directory=directory, counters=counters)

    async def sweep_carrier(job: Job) -> Outcome:
        outcome = await text_sweep.sweep(job)
        await report_sweep.ask(job)
        return outcome

    return Sweeps(
        carriers=sweep_carrier,
        desk=ReplySweep(desk=desk, interval_ms=interval_ms).sweep,
        note_set_aside=partial(plan_after_fault, interval_ms=interval_ms),
    )
