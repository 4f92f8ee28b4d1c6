"""Keeps the hourly counts behind the console's charts, a few hours at a time, beside all else."""

from __future__ import annotations

from typing import Final

from bridge.store import tallies
from bridge.store.database import Database, Transaction
from bridge.store.tallies import Tally

MOST_AT_ONCE: Final = 8  # hours of a tick: a month is counted in a minute and a half


class Tallying:
    """Counts what is due. Texts are read beside the writers; what is written is a row an hour."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._most_waiting = 0

    async def go_on(self, waiting: int) -> None:
        """Count a few hours, if any are due; `waiting`: the work that waits now."""
        self._most_waiting = max(self._most_waiting, waiting)
        counted = await self._database.read(_count)
        if counted:
            seen = self._most_waiting
            await self._database.write(lambda tx: tallies.keep(tx, counted, waiting=seen))
            self._most_waiting = waiting


def _count(tx: Transaction) -> dict[int, Tally]:
    hours = tallies.hours_to_count(tx, most=MOST_AT_ONCE)
    return {hour: tallies.count_hour(tx, hour) for hour in hours}
