"""Parts of long texts that wait for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.store.database import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPiece:
    """One part that waits. `number` counts from 1; `sent_at` is in UTC milliseconds."""

    carrier: str
    carrier_id: str
    sender: str
    customer: str
    ref: str
    number: int
    total: int
    body: str
    sent_at: int | None


def add(tx: Transaction, piece: StoredPiece) -> bool:
    """Keep a part. False where it had come before."""
    return (
        tx.run(
            "INSERT INTO pieces (carrier, carrier_id, sender, customer, ref, number, total, body, "
            "sent_at, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
            "ON CONFLICT (carrier, carrier_id) DO NOTHING",
            *(piece.carrier, piece.carrier_id, piece.sender, piece.customer, piece.ref),
            *(piece.number, piece.total, piece.body, piece.sent_at, tx.now_ms()),
        )
        > 0
    )


def is_known(tx: Transaction, carrier: str, carrier_id: str) -> bool:
    """Whether this part had come before."""
    row = tx.first(
        "SELECT 1 AS one FROM pieces WHERE carrier = $1 AND carrier_id = $2",
        *(carrier, carrier_id),
    )
    return row is not None


def beside(tx: Transaction, piece: StoredPiece) -> Sequence[StoredPiece]:
    """The parts of the same text that wait, this one among them once it is kept; in order."""
    rows = tx.all(
        "SELECT * FROM pieces WHERE joined_at IS NULL AND carrier = $1 AND sender = $2 "
        "AND customer = $3 AND ref = $4 AND total = $5 ORDER BY number",
        *(piece.carrier, piece.sender, piece.customer, piece.ref, piece.total),
    )
    return [_piece(row) for row in rows]


def late(tx: Transaction, before_ms: int) -> Sequence[StoredPiece]:
    """Parts that wait, of texts of which nothing has come since then."""
    rows = tx.all(
        "SELECT * FROM pieces WHERE joined_at IS NULL AND at < $1 AND NOT EXISTS ("
        "SELECT 1 FROM pieces AS other WHERE other.joined_at IS NULL AND other.at >= $1 "
        "AND other.carrier = pieces.carrier AND other.sender = pieces.sender "
        "AND other.customer = pieces.customer AND other.ref = pieces.ref "
        "AND other.total = pieces.total) ORDER BY at, id",
        before_ms,
    )
    return [_piece(row) for row in rows]


def set_joined(tx: Transaction, carrier: str, carrier_ids: Sequence[str]) -> None:
    """The words of these parts stand in a message now."""
    for carrier_id in carrier_ids:
        tx.run(
            "UPDATE pieces SET body = NULL, joined_at = $1 WHERE carrier = $2 AND carrier_id = $3",
            *(tx.now_ms(), carrier, carrier_id),
        )


def forget(tx: Transaction, before_ms: int) -> int:
    """Drop what was joined before then: no part of it comes again. Returns how many."""
    return tx.run("DELETE FROM pieces WHERE joined_at IS NOT NULL AND joined_at < $1", before_ms)


def _piece(row: Row) -> StoredPiece:
    return StoredPiece(
        carrier=row["carrier"],
        carrier_id=row["carrier_id"],
        sender=row["sender"],
        customer=row["customer"],
        ref=row["ref"],
        number=row["number"],
        total=row["total"],
        body=row["body"],
        sent_at=row["sent_at"],
    )
