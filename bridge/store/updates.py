"""The updates of tickets that have left or are about to, counted for every process alike.

They are noted in the transaction that makes the intent durable, by the database's clock, so that
neither a crash nor a second process can pass a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.limits import (
    ACCOUNT_WINDOW_MS,
    TICKET_WINDOW_MS,
    Limits,
    Room,
    Used,
    room_in_account,
    wait_for_ticket_ms,
)
from bridge.errors import BridgeError
from bridge.store import conversations
from bridge.store.conversations import Conversation
from bridge.store.database import Row, Transaction

# One statement counts and notes: it costs every comment a round trip, so it has to be one.
TAKE = """
INSERT INTO updates (ticket_id, at)
SELECT $1, $2
WHERE ($3 = 0 OR (SELECT count(*) FROM updates WHERE ticket_id = $1 AND at > $4) < $3)
  AND ($5 = 0 OR (SELECT count(*) FROM updates WHERE at > $6) < $5)
"""

OF_TICKET = """
SELECT count(*) AS used, max(at) AS newest, min(at) AS oldest
FROM updates WHERE ticket_id = $1 AND at > $2
"""

OF_ACCOUNT = """
SELECT count(*) AS used, max(at) AS newest, min(at) AS oldest FROM updates WHERE at > $1
"""

# So does this one.
WITH_COUNTS = """
SELECT c.*,
    (SELECT count(*) FROM updates WHERE ticket_id = c.ticket_id AND at > $2) AS on_ticket,
    (SELECT max(refused_until) FROM updates WHERE ticket_id = c.ticket_id AND at > $2) AS refused,
    (SELECT count(*) FROM updates WHERE at > $3) AS on_account
FROM conversations c WHERE c.id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a text may be written, and whether together with those that wait behind it."""

    wait_ms: int = 0
    joins: bool = False


class NoRoom(BridgeError):
    """A limit is used up: nothing was noted, and nothing may leave for `wait_ms`."""

    def __init__(self, words: str, wait_ms: int) -> None:
        super().__init__(words)
        self.words = words
        self.wait_ms = wait_ms


def take(
    tx: Transaction, ticket_id: int, limits: Limits, *, for_text: bool, times: int = 1
) -> None:
    """Note an update that is about to leave (or several). Raises NoRoom."""
    if limits.per_minute == limits.per_ticket == 0:
        return
    now = tx.now_ms()
    most = limits.for_texts if for_text else limits.per_ticket
    noted = tx.run(
        TAKE,
        *(ticket_id, now, most, now - TICKET_WINDOW_MS),
        *(limits.per_minute, now - ACCOUNT_WINDOW_MS),
    )
    if noted == 0:
        raise _no_room(tx, ticket_id, limits, most)
    for _ in range(times - 1):
        note(tx, ticket_id, limits)


def note(tx: Transaction, ticket_id: int, limits: Limits) -> None:
    """Note an update that leaves in any case."""
    if limits.per_minute or limits.per_ticket:
        tx.run("INSERT INTO updates (ticket_id, at) VALUES ($1, $2)", ticket_id, tx.now_ms())


def note_refusal(tx: Transaction, ticket_id: int, pause_ms: int) -> None:
    """Remember that the desk itself takes no more updates of this ticket for a while."""
    now = tx.now_ms()
    tx.run(
        "INSERT INTO updates (ticket_id, at, refused_until) VALUES ($1, $2, $3)",
        *(ticket_id, now, now + pause_ms),
    )


def conversation_with_turn(
    tx: Transaction, conversation_id: str, limits: Limits
) -> tuple[Conversation | None, Turn]:
    """A conversation, and its next text's turn: one statement as long as there is room."""
    now = tx.now_ms()
    since = (now - TICKET_WINDOW_MS, now - ACCOUNT_WINDOW_MS)
    row = tx.first(WITH_COUNTS, conversation_id, *since)
    if row is None:
        return None, Turn()
    is_short = limits.per_minute > 0 and limits.unspaced <= row["on_account"]
    is_full = limits.per_ticket > 0 and limits.at_once <= row["on_ticket"]
    wait_ms = 0
    if row["ticket_id"] is not None and (is_full or row["refused"] is not None):
        used = _used(tx.first(OF_TICKET, row["ticket_id"], since[0]))
        wait_ms = max(wait_for_ticket_ms(limits, used, now), (row["refused"] or 0) - now)
        is_full = True
    turn = Turn(wait_ms=wait_ms, joins=is_short or is_full)
    return conversations.conversation_of(row), turn


def room(tx: Transaction, limits: Limits) -> Room:
    """The account's room for updates now."""
    if limits.per_minute == 0:
        return Room()
    now = tx.now_ms()
    return room_in_account(limits, _used(tx.first(OF_ACCOUNT, now - ACCOUNT_WINDOW_MS)), now)


def forget_old(tx: Transaction) -> None:
    """Drop what no limit looks at any more."""
    tx.run(
        "DELETE FROM updates WHERE at <= $1 AND (refused_until IS NULL OR refused_until <= $2)",
        *(tx.now_ms() - TICKET_WINDOW_MS, tx.now_ms()),
    )


def _no_room(tx: Transaction, ticket_id: int, limits: Limits, most: int) -> NoRoom:
    now = tx.now_ms()
    used = _used(tx.first(OF_TICKET, ticket_id, now - TICKET_WINDOW_MS))
    if most and used.count >= most:
        words = f"ticket {ticket_id} has had {used.count} updates in ten minutes"
        return NoRoom(words, max(1, used.oldest_ms + TICKET_WINDOW_MS - now))
    words = "the account has had its updates of this minute"
    return NoRoom(words, max(1, room(tx, limits).wait_ms))


def _used(row: Row | None) -> Used:
    assert row is not None, "an aggregate has a row"  # noqa: S101 - SQL guarantees it
    return Used(count=row["used"], newest_ms=row["newest"] or 0, oldest_ms=row["oldest"] or 0)
