"""Failed work: what a human has to see, and may try again or give up."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import UserMistake
from bridge.store import changes
from bridge.store.changes import Author
from bridge.store.database import Row, Transaction
from bridge.store.messages import MESSAGES
from bridge.store.parts import ASKED
from bridge.store.work import topic_of

GIVEN_UP = "given up"
A_COMMAND = Author(how="command")

# Work of these kinds carries a message whose state follows the work's.
CARRIES_MESSAGE = ("text", "send")

LIST = """
SELECT id, ref, kind, message_id, ticket_id, reason, attempts, failed_at
FROM work
WHERE state = 'failed' AND (failed_at, id) < ($1, $2)
ORDER BY failed_at DESC, id DESC
LIMIT $3
"""

FIND = """
SELECT ref, lane, account, kind, message_id, ticket_id, state, reason, attempts FROM work
WHERE ref = $1
"""

FAILED_REFS = "SELECT ref FROM work WHERE state = 'failed' ORDER BY id"

REVIVE = """
UPDATE work
SET state = 'waiting', attempts = 0, starts = 0, reason = NULL, failed_at = NULL, due_at = $2
WHERE ref = $1 AND state = 'failed'
"""

# A lane that somebody works in keeps its time: moving it would end the claim early. Whoever
# holds it finds the revived work when they start the lane's next. It is written in any case, so
# that whoever takes away a lane that has nothing more to do meets whoever adds to it.
OPEN_LANE = """
INSERT INTO lanes (lane, account, due_at) VALUES ($1, $2, $3)
ON CONFLICT (lane) DO UPDATE SET due_at = CASE
    WHEN lanes.lease IS NULL AND lanes.due_at > excluded.due_at THEN excluded.due_at
    ELSE lanes.due_at END
"""

# Should it fail once more, the agent shall hear of it once more.
REVIVE_MESSAGE = """
UPDATE messages
SET state = CASE direction WHEN 'inbound' THEN 'received' ELSE 'queued' END,
    error = NULL, reason = NULL, updated_at = $2,
    told_agent = CASE told_agent WHEN 0 THEN 0 ELSE 2 END
WHERE id = $1 AND state IN ('failed', 'refused', 'uncertain')
"""

# What the carrier has taken stays with it, and what it may have taken is looked for once more; the
# rest begins as if it had never been tried.
REVIVE_PARTS = """
UPDATE parts
SET state = CASE WHEN state = 'uncertain' AND begun_at IS NOT NULL THEN 'sending' ELSE 'queued' END,
    begun_at = CASE state WHEN 'uncertain' THEN begun_at END,
    looks = CASE state WHEN 'uncertain' THEN $3 ELSE 0 END,
    error = NULL, reason = NULL, updated_at = $2
WHERE message_id = $1 AND state IN ('failed', 'refused', 'uncertain') AND carrier_id IS NULL
"""

DROP = "DELETE FROM work WHERE ref = $1 AND state = 'failed'"

# "refused" and "uncertain" are final too, and say more than that somebody gave up.
GIVE_UP_MESSAGE = """
UPDATE messages SET state = 'failed', reason = $2, updated_at = $3
WHERE id = $1 AND state IN ('received', 'working', 'failed', 'queued', 'sending')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWork:
    """One piece of failed work. `ref` is its name outside, `since_ms` when it failed."""

    id: int
    ref: str
    kind: str
    message_id: str | None
    ticket_id: int | None
    reason: str | None
    attempts: int
    since_ms: int


def list_failed(tx: Transaction, *, before: tuple[int, int] | None, limit: int) -> list[FailedWork]:
    """Failed work, newest first; `before` is the (since_ms, id) of the last one already seen."""
    since_ms, number = before or (2**62, 2**62)
    return [_failed(row) for row in tx.all(LIST, since_ms, number, limit)]


def retry(tx: Transaction, ref: str, by: Author = A_COMMAND) -> None:
    """Let failed work be tried again, from the start and at once.

    Work that waits to be tried anyway stays as it is, so that asking twice does no harm.
    Raises UserMistake where there is no such work.
    """
    work = _find(tx, ref)
    if work["state"] != "failed":
        return
    _note(tx, by, work, "tried again")
    now_ms = tx.now_ms()
    tx.run(REVIVE, ref, now_ms)
    tx.run(OPEN_LANE, work["lane"], work["account"], now_ms)
    if work["message_id"] is not None and work["kind"] in CARRIES_MESSAGE:
        tx.run(REVIVE_MESSAGE, work["message_id"], now_ms)
        tx.run(REVIVE_PARTS, work["message_id"], now_ms, ASKED)
        tx.announce(MESSAGES)
    tx.announce(topic_of(work["account"]))


def retry_all(tx: Transaction, by: Author = A_COMMAND) -> int:
    """Let everything that failed be tried again; returns how much that was."""
    refs = [str(row["ref"]) for row in tx.all(FAILED_REFS)]
    for ref in refs:
        retry(tx, ref, by)
    return len(refs)


def drop(tx: Transaction, ref: str, by: Author = A_COMMAND) -> None:
    """Give failed work up for good; its message stays, as failed and given up.

    Raises UserMistake where there is no such work, or where it has not failed.
    """
    work = _find(tx, ref)
    if tx.run(DROP, ref) == 0:
        raise UserMistake(f"{ref} has not failed: it is waiting to be tried; nothing was dropped")
    _note(tx, by, work, "given up")
    if work["message_id"] is not None and work["kind"] in CARRIES_MESSAGE:
        tx.run(GIVE_UP_MESSAGE, work["message_id"], GIVEN_UP, tx.now_ms())
        tx.announce(MESSAGES)


def _note(tx: Transaction, by: Author, work: Row, what: str) -> None:
    before = {
        key: work[key]
        for key in ("kind", "message_id", "ticket_id", "reason", "attempts")
        if work[key] is not None
    }
    changes.note(tx, by, subject="failed work", name=str(work["ref"]), what=what, before=before)


def _find(tx: Transaction, ref: str) -> Row:
    work = tx.first(FIND, ref)
    if work is None:
        raise UserMistake(f"there is no failed work {ref}")
    return work


def _failed(row: Row) -> FailedWork:
    return FailedWork(
        id=int(row["id"] or 0),
        ref=str(row["ref"]),
        kind=str(row["kind"]),
        message_id=None if row["message_id"] is None else str(row["message_id"]),
        ticket_id=None if row["ticket_id"] is None else int(row["ticket_id"]),
        reason=None if row["reason"] is None else str(row["reason"]),
        attempts=int(row["attempts"] or 0),
        since_ms=int(row["failed_at"] or 0),
    )
