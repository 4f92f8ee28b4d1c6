"""A start from a restored database: nothing leaves until both far sides have been swept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from bridge.clock import rfc3339
from bridge.domain.directory import Directory
from bridge.store import looks, restored
from bridge.store.database import Database, Transaction
from bridge.store.restored import Restored
from bridge.store.work import Item
from bridge.work.outcomes import Job, Later, Outcome
from bridge.work.worker import Worker

log = structlog.get_logger()
Handler = Callable[[Job], Awaitable[Outcome]]
HELD = frozenset({"text", "note", "send"})
WORDS = "restored from a backup: looks for what happened since before it goes on"
PAUSE_S = 1.0


def begin(
    tx: Transaction, directory: Directory, desk: str, carriers: Sequence[str]
) -> Restored | None:
    """Begin to look, where this database was restored; the sweeps start where the backup ends."""
    known = restored.begin(tx, (desk, *carriers))
    if known is None:
        return None
    restored.seed_sweep(tx, desk, "", known)
    for address, sender in directory.senders.items():
        if sender.carrier in carriers:
            restored.seed_sweep(tx, sender.carrier, address, known)
    return known


def hold_back(workers: Sequence[Worker], database: Database, known: Restored | None) -> None:
    """Have the workers wait with all that leaves, as long as we look."""
    if known is None or not known.is_looking:
        return
    log.warning("restore.looking", since=rfc3339(known.since_ms), accounts=sorted(known.left))
    gate = _Gate(database)
    for worker in workers:
        worker.handlers = gate.before(worker.handlers)


class _Gate:
    """Open once all has been swept; from then on nobody asks any more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened_ms: int | None = None  # by the database's clock

    def before(self, handlers: Mapping[str, Handler]) -> Mapping[str, Handler]:
        """These handlers, behind the gate where they write to a far side."""
        return {
            kind: self._held(handler) if kind in HELD else handler
            for kind, handler in handlers.items()
        }

    def _held(self, handler: Handler) -> Handler:
        async def handle(job: Job) -> Outcome:
            item = job.item
            if not await self._must_wait(item):
                return await handler(job)
            return Later(
                words=WORDS, pause_s=PAUSE_S, save=lambda tx: looks.as_if_not_begun(tx, item)
            )

        return handle

    async def _must_wait(self, item: Item) -> bool:
        if self._opened_ms is not None and item.created_at > self._opened_ms:
            return False
        known, is_flagged, now_ms = await self._database.read(
            lambda tx: (restored.current(tx), restored.is_flagged(tx, item), tx.now_ms())
        )
        if known is not None and known.is_looking:
            return True
        if self._opened_ms is None:
            self._opened_ms = now_ms
            log.info("restore.looked")
        # Claimed before it was flagged: the next time it knows what it has to look for.
        return is_flagged and restored.FLAG not in item.payload
