"""Stored things to do: put in, claimed by the lane, paused, finished, set aside.

A lane is claimed as a whole, so order holds inside it; a claim is a lease that ends by itself.
Every write that follows a claim names it, and fails with LeaseLost when it no longer holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bridge.errors import BridgeError
from bridge.ids import new_id
from bridge.store.database import Row, Transaction
from bridge.store.ranks import (
    GIVE_BACK,
    NEXT_DUE,
    OPEN_LANE,
    RANKS,
    SWEEP,
    SWEEPS,
    UNLIMITED,
)

UNTIL_CHANGED = "waits until that is changed"  # ends the reason of what the settings keep back
TAKEN_OVER = "+"  # ends a lease that was taken from somebody whose own had run out
Kind = Literal["text", "note", "look", "send", "sweep"]


class LeaseLost(BridgeError):
    """The claim has ended and somebody else may have the lane: nothing may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do. `intent` is a write that may have left already: look before repeating."""

    id: int
    ref: str
    lane: str
    account: str
    kind: Kind
    message_id: str | None
    conversation_id: str | None
    ticket_id: int | None
    payload: Mapping[str, Any]
    intent: Mapping[str, Any] | None
    attempts: int
    starts: int
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lane, ours until the lease ends, and the first item in it."""

    lane: str
    lease: str
    item: Item
    rank: int = UNLIMITED


def lane_in(conversation_id: str) -> str:
    """The lane of what is written to the desk for a conversation."""
    return f"in:{conversation_id}"


def lane_out(conversation_id: str) -> str:
    """The lane of what is sent to a conversation's customer."""
    return f"out:{conversation_id}"


def lane_consent(conversation_id: str) -> str:
    """The lane of answers to STOP and START: they wait behind no text that is in doubt."""
    return f"consent:{conversation_id}"


def lane_files(message_id: str) -> str:
    """The lane of a text's files that did not come in time: what is slow holds up nothing else."""
    return f"files:{message_id}"


def topic_of(account: str) -> str:
    """The topic announced when there is something to do for this account."""
    return f"work {account}"


def put(
    tx: Transaction,
    *,
    lane: str,
    account: str,
    kind: Kind,
    message_id: str | None = None,
    conversation_id: str | None = None,
    ticket_id: int | None = None,
    payload: Mapping[str, Any] | None = None,
    delay_ms: int = 0,
    opens: bool = False,
) -> str:
    """Store something to do, and announce it. Returns its ref.

    `opens`: it will open a ticket, and so updates none.
    """
    now = tx.now_ms()
    ref = new_id()
    tx.run(
        "INSERT INTO work (ref, lane, account, kind, message_id, conversation_id, ticket_id, "
        "payload, state, due_at, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10)",
        *(ref, lane, account, kind, message_id, conversation_id, ticket_id),
        *(json.dumps(payload or {}, ensure_ascii=False), now + delay_ms, now),
    )
    rank = SWEEPS if payload and payload.get(SWEEP) else RANKS[kind]
    tx.run(OPEN_LANE, lane, account, now + delay_ms, UNLIMITED if opens else rank)
    tx.announce(topic_of(account))
    return ref


def claim(
    tx: Transaction,
    *,
    account: str,
    most: int,
    lease_ms: int,
    by_rank: Mapping[int, int] | None = None,
    turn: int = 0,
    after_crash_ms: Callable[[int], int] = lambda _starts: 0,
) -> list[Claim]:
    """Claim lanes of this account that are due: by rank, of each rank at most so many.

    Where not all that are due can be claimed, two thirds are those due the longest and one third
    those due last, so that a backlog holds up nobody who comes now. `turn` counts the calls: one
    lane at a time, every third is of the latter.

    What was begun and never ended by whoever held the lane waits first, as `after_crash_ms` says by
    how often that was.
    """
    claims: list[Claim] = []
    ranks = sorted((by_rank or dict.fromkeys(range(SWEEPS + 1), most)).items())
    if turn % 8 == 7:  # else what comes last waits for as long as there is anything before it
        ranks.insert(0, (ranks[-1][0], min(1, ranks[-1][1])))
    for rank, quota in ranks:
        left = min(quota, most - len(claims))
        latest = (left + turn % 3) // 3
        for newest, share in ((False, left - latest), (True, latest)):
            if share == 0:
                continue
            found = _claim_rank(tx, (account, rank), share, lease_ms=lease_ms, newest=newest)
            claims += [one for one in found if not _waits_first(tx, one, after_crash_ms)]
            if not newest and len(found) < share:
                break
    return sorted(claims, key=lambda claimed: claimed.item.id)  # RETURNING keeps no order


def _claim_rank(
    tx: Transaction, of: tuple[str, int], most: int, *, lease_ms: int, newest: bool
) -> list[Claim]:
    """The start of each first item is counted before the work begins, so that an item that kills
    its process can be told from one that has never been tried. A lane that another process is
    about to claim is passed over rather than waited for; SQLite has one writer and takes that for
    a comment.
    """
    now = tx.now_ms()
    lease = new_id()
    order = "DESC" if newest else "ASC"
    lanes = tx.all(
        # Named, as PostgreSQL may run a subquery twice, and would then lock more than the limit.
        "WITH due AS (SELECT lane FROM lanes WHERE account = $3 AND rank = $6 AND due_at <= $4 "  # noqa: S608
        f"ORDER BY due_at {order} LIMIT $5 /*postgres FOR UPDATE SKIP LOCKED */) "
        "UPDATE lanes SET lease = CASE WHEN lease IS NULL THEN CAST($1 AS TEXT) "
        f"ELSE CAST($1 AS TEXT) || '{TAKEN_OVER}' END, due_at = $2 "
        "WHERE lane IN (SELECT lane FROM due) RETURNING lane, lease",
        *(lease, now + lease_ms, of[0], now, most, of[1]),
    )
    claims = []
    for row in lanes:
        lane = str(row["lane"])
        item = _start_first(tx, lane)
        if item is None:
            tx.run("DELETE FROM lanes WHERE lane = $1", lane)
        else:
            claims.append(Claim(lane=lane, lease=str(row["lease"]), item=item, rank=of[1]))
    return claims


def _waits_first(tx: Transaction, claimed: Claim, after_crash_ms: Callable[[int], int]) -> bool:
    if not claimed.lease.endswith(TAKEN_OVER):
        return False
    pause_ms = after_crash_ms(claimed.item.starts - 1)
    if pause_ms > 0:
        tx.run("UPDATE work SET starts = starts - 1 WHERE id = $1", claimed.item.id)
        sql = "UPDATE lanes SET lease = NULL, due_at = $1 WHERE lane = $2"
        tx.run(sql, tx.now_ms() + pause_ms, claimed.lane)
    return pause_ms > 0


def next_due_in_ms(tx: Transaction, account: str) -> Mapping[int, int]:
    """How long until the next lane of each rank is due (0 or less: now); those without are left
    out. A read, so that an idle bridge writes nothing.

    By the database's clock alone: a machine whose own is wrong must not wait wrongly for it.
    """
    row = tx.first(NEXT_DUE, account)
    assert row is not None, "it has no condition"  # noqa: S101 - SQL guarantees it
    due = {rank: row[f"rank{rank}"] for rank in range(SWEEPS + 1)}
    return {rank: int(at) - tx.now_ms() for rank, at in due.items() if at is not None}


def renew(tx: Transaction, leases: Sequence[tuple[str, str]], lease_ms: int) -> None:
    """Push the end of these (lane, lease) claims away; those that are lost stay lost."""
    for lane, lease in leases:
        tx.run(
            "UPDATE lanes SET due_at = $1 WHERE lane = $2 AND lease = $3",
            *(tx.now_ms() + lease_ms, lane, lease),
        )


def check(tx: Transaction, claimed: Claim) -> None:
    """Make sure that the claim still holds. Raises LeaseLost."""
    sql = "SELECT 1 FROM lanes WHERE lane = $1 AND lease = $2"
    if tx.first(sql, claimed.lane, claimed.lease) is None:
        raise LeaseLost(claimed.lane)


def save_intent(tx: Transaction, claimed: Claim, intent: Mapping[str, Any] | None) -> None:
    """Note a write that is about to leave (None: it is settled). Raises LeaseLost."""
    check(tx, claimed)
    text = None if intent is None else json.dumps(intent, ensure_ascii=False)
    tx.run("UPDATE work SET intent = $1 WHERE id = $2", text, claimed.item.id)


def finish(tx: Transaction, claimed: Claim) -> Item | None:
    """Take the item out and start the lane's next, or give the lane back. Raises LeaseLost."""
    check(tx, claimed)
    tx.run("DELETE FROM work WHERE id = $1", claimed.item.id)
    return _go_on(tx, claimed)


def set_aside(tx: Transaction, claimed: Claim, reason: str) -> Item | None:
    """Keep the item as failed work and start the lane's next. Raises LeaseLost."""
    check(tx, claimed)
    tx.run(
        "UPDATE work SET state = 'failed', reason = $1, failed_at = $2, attempts = attempts + 1, "
        "starts = 0 WHERE id = $3",
        *(reason, tx.now_ms(), claimed.item.id),
    )
    return _go_on(tx, claimed)


def put_off(
    tx: Transaction, claimed: Claim, *, pause_ms: int, reason: str, counts: bool = True
) -> None:
    """Give the lane back until the pause is over. `counts` is false when it was not this item's
    doing (a shutdown, a paused account). Raises LeaseLost."""
    check(tx, claimed)
    due = tx.now_ms() + pause_ms
    tx.run(
        "UPDATE work SET due_at = $1, reason = $2, attempts = attempts + $3, starts = 0 "
        "WHERE id = $4",
        *(due, reason, int(counts), claimed.item.id),
    )
    tx.run(GIVE_BACK, due, claimed.lane)


def give_back(tx: Transaction, claimed: Claim) -> None:
    """Give a lane back untouched, its next item due now, behind the others. Raises LeaseLost."""
    check(tx, claimed)
    tx.run("UPDATE work SET starts = starts - 1 WHERE id = $1", claimed.item.id)
    tx.run(GIVE_BACK, tx.now_ms(), claimed.lane)
    tx.announce(topic_of(claimed.item.account))


def hurry(tx: Transaction, lane: str) -> None:
    """Make a lane that waits for its time due now (an answer came that it waits for)."""
    hurried = tx.first(
        "UPDATE lanes SET due_at = $1 WHERE lane = $2 AND lease IS NULL AND due_at > $1 "
        "RETURNING account",
        *(tx.now_ms(), lane),
    )
    if hurried is not None:
        tx.announce(topic_of(hurried["account"]))


def hurry_kept_back(tx: Transaction) -> None:
    """Have looked at anew, once the settings have changed, what they have kept back."""
    kept_back = f"%: {UNTIL_CHANGED}"
    hurried = tx.all(
        "UPDATE lanes SET due_at = $1 WHERE lease IS NULL AND due_at > $1 AND lane IN "
        "(SELECT lane FROM work WHERE state = 'waiting' AND reason LIKE $2 AND id = "
        "(SELECT min(id) FROM work o WHERE o.lane = work.lane AND o.state = 'waiting')) "
        "RETURNING account",
        *(tx.now_ms(), kept_back),
    )
    # Also of those that stand behind another by now: their own time would hold them up.
    tx.run(
        "UPDATE work SET due_at = $1, reason = NULL WHERE state = 'waiting' AND reason LIKE $2",
        *(tx.now_ms(), kept_back),
    )
    for account in {str(row["account"]) for row in hurried}:
        tx.announce(topic_of(account))


def pause_account(
    tx: Transaction, account: str, *, pause_ms: int, reason: str, kind: str = "asked"
) -> bool:
    """Stop calling an account for a while. Returns whether it was not paused before."""
    until = tx.now_ms() + pause_ms
    known = tx.first("SELECT 1 FROM pauses WHERE account = $1", account)
    tx.run(
        "INSERT INTO pauses (account, kind, until, reason, since) VALUES ($1, $2, $3, $4, $5) "
        # Of two answers the one that asks for longer holds.
        "ON CONFLICT (account) DO UPDATE SET kind = excluded.kind, reason = excluded.reason, "
        "until = CASE WHEN excluded.until > pauses.until THEN excluded.until ELSE pauses.until END",
        *(account, kind, until, reason, tx.now_ms()),
    )
    return known is None


def end_pause(tx: Transaction, account: str) -> bool:
    """Forget a pause that is over once a call went through. Returns whether there was one.

    One that still runs stays: the call that went through may have begun before it.
    """
    sql = "DELETE FROM pauses WHERE account = $1 AND until <= $2"
    return tx.run(sql, account, tx.now_ms()) > 0


def end_credential_pauses(tx: Transaction) -> None:
    """Try again at once after a start: the credentials may be other ones now."""
    tx.run("DELETE FROM pauses WHERE kind = 'credentials'")


def pauses(tx: Transaction) -> dict[str, tuple[int, str]]:
    """The paused accounts: until when, and why."""
    rows = tx.all("SELECT account, until, reason FROM pauses")
    return {str(row["account"]): (int(row["until"]), str(row["reason"])) for row in rows}


def backlog(tx: Transaction) -> tuple[int, int, int | None]:
    """Waiting items, failed items, and when the oldest waiting one was stored.

    The next sweep, which always waits, is left out.
    """
    row = tx.first(
        "SELECT (SELECT count(*) FROM work WHERE state = 'waiting' AND kind <> 'sweep') "
        "AS waiting, (SELECT count(*) FROM work WHERE state = 'failed') AS failed, "
        "(SELECT min(created_at) FROM work WHERE state = 'waiting' AND kind <> 'sweep') AS oldest"
    )
    assert row is not None, "an aggregate has a row"  # noqa: S101 - SQL guarantees it
    oldest = row["oldest"]
    return int(row["waiting"]), int(row["failed"]), None if oldest is None else int(oldest)


def _start_first(tx: Transaction, lane: str) -> Item | None:
    row = tx.first(
        "SELECT * FROM work WHERE lane = $1 AND state = 'waiting' ORDER BY id LIMIT 1", lane
    )
    if row is None:
        return None
    tx.run("UPDATE work SET starts = starts + 1 WHERE id = $1", row["id"])
    return _item(row)


def _go_on(tx: Transaction, claimed: Claim) -> Item | None:
    """Start the lane's next item if it is due; else leave the lane to its time."""
    row = tx.first(
        "SELECT id, due_at FROM work WHERE lane = $1 AND state = 'waiting' ORDER BY id LIMIT 1",
        claimed.lane,
    )
    if row is None:
        tx.run("DELETE FROM lanes WHERE lane = $1", claimed.lane)
        return None
    if int(row["due_at"]) > tx.now_ms():
        tx.run(GIVE_BACK, row["due_at"], claimed.lane)
        return None
    return _start_first(tx, claimed.lane)


def _item(row: Row) -> Item:
    intent = row["intent"]
    return Item(
        id=int(row["id"]),
        ref=str(row["ref"]),
        lane=str(row["lane"]),
        account=str(row["account"]),
        kind=row["kind"],
        message_id=None if row["message_id"] is None else str(row["message_id"]),
        conversation_id=None if row["conversation_id"] is None else str(row["conversation_id"]),
        ticket_id=None if row["ticket_id"] is None else int(row["ticket_id"]),
        payload=json.loads(str(row["payload"])),
        intent=None if intent is None else json.loads(str(intent)),
        attempts=int(row["attempts"]),
        starts=int(row["starts"]) + 1,
        created_at=int(row["created_at"]),
    )
