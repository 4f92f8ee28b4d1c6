"""Looks at a ticket that are to be made: asked for by hints and by sweeps, one for many of them."""

from __future__ import annotations

from dataclasses import replace

from bridge.store import work
from bridge.store.database import Transaction
from bridge.store.ranks import NO_PAYLOAD, SWEEP, UNLIMITED
from bridge.store.work import Item


def lane_of(ticket_id: int) -> str:
    """The lane of looks at a ticket's comments."""
    return f"look:{ticket_id}"


def put(tx: Transaction, ticket_id: int, account: str, *, by_sweep: bool = False) -> None:
    """Ask for a look at a ticket, unless one that has not begun is waiting already.

    A hint makes a sweep's look its own: what it finds is news then, and doesn't wait.
    """
    lane = lane_of(ticket_id)
    waiting = tx.first(
        "SELECT id, payload FROM work WHERE lane = $1 AND state = 'waiting' AND starts = 0 "
        "AND attempts = 0 LIMIT 1",
        lane,
    )
    if waiting is None:
        payload = {SWEEP: True} if by_sweep else None
        work.put(tx, lane=lane, account=account, kind="look", ticket_id=ticket_id, payload=payload)
    elif not by_sweep and waiting["payload"] != NO_PAYLOAD:
        _let_hint_have(tx, int(waiting["id"]), lane, account)


def join(tx: Transaction, item: Item) -> Item:
    """Forget the other looks at this ticket: the one that begins now answers them as well.

    A hint among them makes a sweep's look its own.
    """
    dropped = tx.all(
        "DELETE FROM work WHERE lane = $1 AND state = 'waiting' AND id <> $2 RETURNING payload",
        *(item.lane, item.id),
    )
    if not item.payload.get(SWEEP) or all(row["payload"] != NO_PAYLOAD for row in dropped):
        return item
    tx.run("UPDATE work SET payload = $1 WHERE id = $2", NO_PAYLOAD, item.id)
    return replace(item, payload={})


def is_by_sweep(item: Item) -> bool:
    """Whether no hint asked for this look."""
    return bool(item.payload.get(SWEEP))


def as_if_not_begun(tx: Transaction, item: Item) -> None:
    """Let a look that gave way to others be found by `put` as one that waits; a hint that came
    while it was under way has it now."""
    tx.run("UPDATE work SET attempts = 0, starts = 0 WHERE id = $1", item.id)
    if is_by_sweep(item) and not is_by_sweep(join(tx, item)):
        _let_hint_have(tx, item.id, item.lane, item.account)


def _let_hint_have(tx: Transaction, work_id: int, lane: str, account: str) -> None:
    sql = "UPDATE work SET payload = $1, due_at = $2 WHERE id = $3"
    tx.run(sql, NO_PAYLOAD, tx.now_ms(), work_id)
    tx.run("UPDATE lanes SET rank = $1 WHERE lane = $2", UNLIMITED, lane)
    work.hurry(tx, lane)
    tx.announce(work.topic_of(account))  # its rank may have had no room
