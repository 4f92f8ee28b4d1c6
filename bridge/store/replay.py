"""Texts of the last days, to be judged once more: newest first, so many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.store.database import Transaction

AT_ONCE: Final = 1000
LAST: Final = 2**63 - 1

# By the index on time: neither outbound texts nor what is older is read.
TEXTS = """
SELECT seq, id, sender, customer, body, handled, created_at FROM messages
WHERE created_at >= $1 AND created_at <= $2 AND direction = 'inbound'
AND (created_at < $2 OR seq < $3)
ORDER BY created_at DESC, seq DESC LIMIT $4
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldText:
    """A text as it came in."""

    seq: int
    id: str
    sender: str
    customer: str
    body: str
    handled: str | None
    created_at_ms: int


def texts_since(
    tx: Transaction, since_ms: int, *, before: tuple[int, int] | None
) -> Sequence[OldText]:
    """AT_ONCE texts that came in since then, newest first.

    `before` is (created_at_ms, seq) of the last one seen.
    """
    at, seq = before or (LAST, LAST)
    return [
        OldText(
            seq=row["seq"],
            id=row["id"],
            sender=row["sender"],
            customer=row["customer"],
            body=row["body"],
            handled=row["handled"],
            created_at_ms=row["created_at"],
        )
        for row in tx.all(TEXTS, since_ms, at, seq, AT_ONCE)
    ]
