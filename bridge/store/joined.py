"""Texts that are written together: those that wait in a lane behind the one that is claimed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store import attempts, messages
from bridge.store.database import Transaction
from bridge.store.restored import FLAG
from bridge.store.work import Item

MOST = 100  # in one comment: all of them are settled in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Fellow:
    """A text that is written together with the claimed one."""

    work_id: int
    ref: str
    message_id: str
    warning: str | None = None
    reopens: bool = True


def behind(tx: Transaction, item: Item) -> Sequence[Fellow]:
    """The texts right behind this one, up to the first that is something else or of its own."""
    rows = tx.all(
        "SELECT id, ref, kind, message_id, intent, payload FROM work "
        "WHERE lane = $1 AND state = 'waiting' AND id > $2 ORDER BY id LIMIT $3",
        *(item.lane, item.id, MOST - 1),
    )
    found: list[Fellow] = []
    for row in rows:
        if row["kind"] != "text" or row["intent"] is not None or FLAG in _payload(row):
            break
        found.append(_fellow(row))
    return found


def still_there(tx: Transaction, item: Item) -> Sequence[Fellow]:
    """The texts that an earlier write of this one was to take along.

    What may have left is repeated as it was: were the repeat to take others along, finding one of
    the two would not tell which texts it holds.
    """
    found = []
    for work_id in ids_in(item.intent):
        if work_id != item.id:
            row = tx.first(
                "SELECT id, ref, message_id, payload FROM work WHERE id = $1 AND lane = $2",
                *(work_id, item.lane),
            )
            if row is not None:
                found.append(_fellow(row))
    return found


def ids_in(intent: Mapping[str, Any] | None) -> Sequence[int]:
    """The work that a noted write settles all at once; none where it is of one text alone."""
    return [int(work_id) for work_id in (intent or {}).get("aside", {}).get("joined", ())]


def finish(tx: Transaction, item: Item, fellow: Fellow, *, words: str, began_ms: int) -> None:
    """Take out a text that was written together with this one, and say so in its trace."""
    as_item = Item(
        id=fellow.work_id,
        ref=fellow.ref,
        lane=item.lane,
        account=item.account,
        kind="text",
        message_id=fellow.message_id,
        conversation_id=item.conversation_id,
        ticket_id=None,
        payload={},
        intent=None,
        attempts=0,
        starts=0,
        created_at=item.created_at,
    )
    attempts.note_attempt(tx, as_item, outcome="done", words=words, began_ms=began_ms)
    tx.run("DELETE FROM work WHERE id = $1 AND lane = $2", fellow.work_id, item.lane)


def set_aside(tx: Transaction, item: Item, words: str) -> None:
    """Keep the texts of a write whose outcome nobody knows as failed work, together.

    Each keeps the intent, so that whichever is tried again looks for the one comment first.
    """
    row = tx.first("SELECT intent FROM work WHERE id = $1", item.id)
    intent = None if row is None or row["intent"] is None else str(row["intent"])
    for work_id in ids_in(None if intent is None else json.loads(intent)):
        if work_id == item.id:
            continue
        found = tx.first(
            "UPDATE work SET state = 'failed', reason = $1, failed_at = $2, intent = $3, "
            "starts = 0 WHERE id = $4 AND lane = $5 AND state = 'waiting' RETURNING message_id",
            *(words, tx.now_ms(), intent, work_id, item.lane),
        )
        if found is not None:
            messages.set_state(tx, str(found["message_id"]), "failed", reason=words)


def _fellow(row: Mapping[str, Any]) -> Fellow:
    return Fellow(
        work_id=int(row["id"]),
        ref=str(row["ref"]),
        message_id=str(row["message_id"]),
        warning=_payload(row).get("warning"),
        reopens=bool(_payload(row).get("reopens", True)),
    )


def _payload(row: Mapping[str, Any]) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = json.loads(str(row["payload"]))
    return payload
