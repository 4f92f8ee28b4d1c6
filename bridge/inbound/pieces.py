"""Long texts of carriers that hand them on in parts: put together, whatever order they come in.

A part is on disk before its carrier is answered. The text is taken in with its last part, or
without the missing ones once they are late.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.carriers.contract import InboundText
from bridge.domain.directory import Directory
from bridge.inbound.judge import Rules
from bridge.inbound.receive import Taken, take_in
from bridge.store import pieces
from bridge.store.database import Transaction
from bridge.store.pieces import StoredPiece

LATE_MS = 120_000  # after the last part that came
KEPT_MS = 3 * 24 * 3600 * 1000  # a carrier repeats a webhook for a day


def take_piece(
    tx: Transaction, carrier: str, text: InboundText, directory: Directory, rules: Rules
) -> Taken | None:
    """Keep a part, and take the text in when it is the last one. None where it is not."""
    assert text.piece is not None, "a part"  # noqa: S101
    if pieces.is_known(tx, carrier, text.carrier_id):
        return None
    piece = StoredPiece(
        carrier=carrier,
        carrier_id=text.carrier_id,
        sender=text.sender,
        customer=text.customer,
        ref=text.piece.ref,
        number=text.piece.number,
        total=text.piece.total,
        body=text.body,
        sent_at=text.sent_at_ms,
    )
    others = pieces.beside(tx, piece)
    if any(other.number == piece.number for other in others):
        _join(tx, others, directory, rules)  # its number is used again: that was another text
        others = []
    pieces.add(tx, piece)
    if len(others) + 1 < piece.total:
        return None
    return _join(tx, pieces.beside(tx, piece), directory, rules)


def take_in_late(tx: Transaction, directory: Directory, rules: Rules) -> int:
    """Take in the texts whose missing parts are late. Returns how many."""
    taken = 0
    for piece in pieces.late(tx, tx.now_ms() - LATE_MS):
        group = pieces.beside(tx, piece)
        if group:  # else it went with another of its text
            _join(tx, group, directory, rules)
            taken += 1
    return taken


def _join(
    tx: Transaction, group: Sequence[StoredPiece], directory: Directory, rules: Rules
) -> Taken | None:
    first = group[0]
    text = InboundText(
        carrier_id=first.carrier_id,
        sender=first.sender,
        customer=first.customer,
        body=_words(group),
        sent_at_ms=first.sent_at,
    )
    pieces.forget(tx, tx.now_ms() - KEPT_MS)
    pieces.set_joined(tx, first.carrier, [piece.carrier_id for piece in group])
    return take_in(tx, first.carrier, text, directory, rules)


def _words(group: Sequence[StoredPiece]) -> str:
    """The parts in order, with a mark where one is missing."""
    total = group[0].total
    found = {piece.number: piece.body for piece in group}
    return "".join(
        found.get(number, f" [part {number} of {total} did not arrive] ")
        for number in range(1, total + 1)
    ).strip(" ")
