"""What the console lists: conversations by their last word, and texts by what is said in them.

Every page is a walk along an index, or over a window of so many texts: none reads a whole table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.store.database import Row, Transaction, Value
from bridge.store.listing import LARGEST_SEQ, MESSAGE_COLUMNS, Message, messages_of

WINDOW: Final = 30_000  # texts that one page of a search by words looks through
MOST_OF_ONE: Final = 60  # conversations of one customer, ticket or name
LAST: Final = (2**62, "~")

RECENT = """
SELECT * FROM conversations WHERE (last_at, id) < ($1, $2) ORDER BY last_at DESC, id DESC LIMIT $3
"""

RECENT_OF_SENDER = """
SELECT * FROM conversations WHERE sender = $4 AND (last_at, id) < ($1, $2)
ORDER BY last_at DESC, id DESC LIMIT $3
"""

BY_CUSTOMER = """
SELECT * FROM conversations WHERE customer >= $1 AND customer < $2
ORDER BY customer LIMIT $3
"""

BY_TICKET = """
SELECT c.* FROM tickets t JOIN conversations c ON c.id = t.conversation_id
WHERE t.ticket_id = $1 LIMIT $2
"""

BY_NAME = """
SELECT c.* FROM contacts p JOIN conversations c ON c.customer = p.address
WHERE p.folded >= $1 AND p.folded < $2 ORDER BY p.folded LIMIT $3
"""

LAST_SAID = """
SELECT body, direction, state, verdict FROM messages WHERE conversation_id = $1
ORDER BY seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A conversation as a list shows it, with what was said last (None: nothing was)."""

    id: str
    sender: str
    customer: str
    name: str | None
    opted_out: bool
    ticket_id: int | None
    last_at_ms: int
    body: str | None
    direction: str | None
    state: str | None
    verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Texts that a search found, newest first.

    `before` is where to go on, None where everything has been looked through; `back_to_ms` is
    how far this page looked where that, and not its length, ended it.
    """

    texts: Sequence[Message]
    before: int | None
    back_to_ms: int | None = None


def recent(
    tx: Transaction, *, sender: str | None, before: tuple[int, str] | None, limit: int
) -> list[Line]:
    """Conversations by their last word, newest first; `before` is (last_at_ms, id) of the last."""
    at, key = before or LAST
    if sender is None:
        return [_line(tx, row) for row in tx.all(RECENT, at, key, limit)]
    return [_line(tx, row) for row in tx.all(RECENT_OF_SENDER, at, key, limit, sender)]


def by_customer(tx: Transaction, beginning: str) -> list[Line]:
    """Conversations whose customer's address begins so."""
    return _lines(tx, tx.all(BY_CUSTOMER, beginning, _after(beginning), MOST_OF_ONE))


def of_customer(tx: Transaction, customer: str) -> list[Line]:
    """All conversations of one customer."""
    sql = "SELECT * FROM conversations WHERE customer = $1 LIMIT $2"
    return _lines(tx, tx.all(sql, customer, MOST_OF_ONE))


def by_ticket(tx: Transaction, ticket_id: int) -> list[Line]:
    """Conversations that are or were on this ticket."""
    return _lines(tx, tx.all(BY_TICKET, ticket_id, MOST_OF_ONE))


def by_name(tx: Transaction, beginning: str) -> list[Line]:
    """Conversations of customers whose name begins so, whatever the case."""
    folded = beginning.casefold()
    return _lines(tx, tx.all(BY_NAME, folded, _after(folded), MOST_OF_ONE))


def find_texts(
    tx: Transaction,
    *,
    words: str | None = None,
    sender: str | None = None,
    state: str | None = None,
    verdict: str | None = None,
    before: int | None = None,
    limit: int,
) -> Found:
    """Texts that fit all that is given, newest first."""
    high = before if before is not None else _newest(tx) + 1
    low = max(0, high - WINDOW) if words or verdict else 0
    values: list[Value] = [high, low, limit]
    terms = ["seq < $1", "seq >= $2"]
    for column, wanted in (("sender", sender), ("state", state), ("verdict", verdict)):
        if wanted:
            values.append(wanted)
            terms.append(f"{column} = ${len(values)}")
    if words:
        values.append(f"%{_literal(words.lower())}%")
        terms.append(f"lower(body) LIKE ${len(values)} ESCAPE '\\'")
    sql = (
        f"SELECT {MESSAGE_COLUMNS} FROM messages "  # noqa: S608 - our own words
        f"WHERE {' AND '.join(terms)} ORDER BY seq DESC LIMIT $3"
    )
    rows = tx.all(sql, *values)
    full = len(rows) == limit
    shown = rows[: limit - 1] if full else rows
    following = int(shown[-1]["seq"]) if full else (low or None)
    return Found(
        texts=messages_of(tx, shown),
        before=following,
        back_to_ms=_time_of(tx, low) if low and not full else None,
    )


def thread(
    tx: Transaction, conversation_id: str, *, before: int | None, limit: int
) -> list[Message]:
    """The texts of a conversation, newest first; `before` is the seq of the last one seen."""
    sql = (
        f"SELECT {MESSAGE_COLUMNS} FROM messages "  # noqa: S608 - our own words
        "WHERE conversation_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
    )
    high = LARGEST_SEQ if before is None else before
    return messages_of(tx, tx.all(sql, conversation_id, high, limit))


def replies_under_way(tx: Transaction, conversation_id: str) -> list[str]:
    """Replies written in the console that are not on the ticket yet, in order."""
    rows = tx.all(
        "SELECT payload FROM work WHERE lane = $1 AND state = 'waiting' AND kind = 'note' "
        "ORDER BY id",
        f"in:{conversation_id}",
    )
    payloads = [json.loads(row["payload"]) for row in rows]
    return [str(one["text"]) for one in payloads if one.get("public")]


def line_of(tx: Transaction, conversation_id: str) -> Line | None:
    """One conversation, None where there is none with this id."""
    row = tx.first("SELECT * FROM conversations WHERE id = $1", conversation_id)
    return None if row is None else _line(tx, row)


def conversation_of(tx: Transaction, message_id: str) -> str | None:
    """The conversation that a text belongs to, if to any."""
    row = tx.first("SELECT conversation_id FROM messages WHERE id = $1", message_id)
    return None if row is None or row["conversation_id"] is None else str(row["conversation_id"])


def _newest(tx: Transaction) -> int:
    row = tx.first("SELECT max(seq) AS newest FROM messages")
    return 0 if row is None or row["newest"] is None else int(row["newest"])


def _time_of(tx: Transaction, seq: int) -> int | None:
    row = tx.first("SELECT created_at FROM messages WHERE seq >= $1 ORDER BY seq LIMIT 1", seq)
    return None if row is None else int(row["created_at"])


def _after(beginning: str) -> str:
    """The first text, in the order of code points, that doesn't begin so any more."""
    return beginning + "\U0010ffff"


def _literal(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _lines(tx: Transaction, rows: Sequence[Row]) -> list[Line]:
    found = [_line(tx, row) for row in rows]
    return sorted(found, key=lambda line: (line.last_at_ms, line.id), reverse=True)


def _line(tx: Transaction, row: Row) -> Line:
    contact = tx.first(
        "SELECT name, opted_out_at FROM contacts WHERE address = $1", row["customer"]
    )
    said = tx.first(LAST_SAID, row["id"])
    return Line(
        id=row["id"],
        sender=row["sender"],
        customer=row["customer"],
        name=None if contact is None else contact["name"],
        opted_out=contact is not None and contact["opted_out_at"] is not None,
        ticket_id=row["ticket_id"],
        last_at_ms=row["last_at"],
        body=None if said is None else said["body"],
        direction=None if said is None else said["direction"],
        state=None if said is None else said["state"],
        verdict=None if said is None else said["verdict"],
    )
