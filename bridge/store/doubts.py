"""Writes of work that was set aside while nobody knew whether they had been applied.

Such work keeps its intent, so that it looks first when it is tried again. A ticket that it may have
opened concerns its whole lane: who comes after it must not open a second one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.database import Row, Transaction

OF_LANE = """
SELECT id, intent, failed_at FROM work
WHERE lane = $1 AND state = 'failed' AND intent IS NOT NULL ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A ticket that may have been opened. `external_id` is what it would be found by, `since_ms`
    when it was last tried at the latest."""

    work_ids: tuple[int, ...]
    external_id: str
    intent: Mapping[str, Any]
    since_ms: int


def creations(tx: Transaction, lane: str) -> Sequence[Doubt]:
    """The tickets that failed work of this lane may have opened, the oldest first."""
    found: dict[str, Doubt] = {}
    for row in tx.all(OF_LANE, lane):
        intent = json.loads(str(row["intent"]))
        if intent["do"] == "create":  # texts that were to be joined have one between them
            external_id = str(intent["external_id"])
            found[external_id] = _doubt(row, intent, found.get(external_id))
    return list(found.values())


def note_opened(tx: Transaction, doubt: Doubt, ticket_id: int, requester_id: int) -> None:
    """Note for when it is tried again that it opened this ticket: there its comment stands."""
    aside = dict(doubt.intent["aside"])
    aside["requester_id"] = aside.get("requester_id") or requester_id
    intent = {
        "do": "comment",
        "ticket_id": ticket_id,
        "mark": doubt.intent["mark"],
        "at": doubt.intent["at"],
        "aside": aside,
    }
    _keep(tx, doubt, json.dumps(intent, ensure_ascii=False))


def note_not_opened(tx: Transaction, doubt: Doubt) -> None:
    """Note for when it is tried again that it opened none: it has to choose anew."""
    _keep(tx, doubt, None)


def _keep(tx: Transaction, doubt: Doubt, intent: str | None) -> None:
    for work_id in doubt.work_ids:
        tx.run("UPDATE work SET intent = $1 WHERE id = $2 AND state = 'failed'", intent, work_id)


def _doubt(row: Row, intent: Mapping[str, Any], other: Doubt | None) -> Doubt:
    failed_ms = int(row["failed_at"] or 0)
    return Doubt(
        work_ids=(*(other.work_ids if other is not None else ()), int(row["id"])),
        external_id=str(intent["external_id"]),
        intent=intent,
        since_ms=failed_ms if other is None else max(failed_ms, other.since_ms),
    )
