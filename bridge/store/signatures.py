"""What `doctor` and the probes need of the store: refused webhooks, and a small write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFault:
    """The last refused webhook of one source. `healed`: others were accepted after it."""

    source: str
    reason: str
    seen: int
    at: int
    healed: bool


def note_all(tx: Transaction, reasons: Mapping[str, str]) -> None:
    """Remember why webhooks were refused, the last reason of each source."""
    for source, reason in reasons.items():
        tx.run(
            "INSERT INTO signature_faults (source, reason, seen, at) VALUES ($1, $2, 1, $3) "
            "ON CONFLICT (source) DO UPDATE SET reason = excluded.reason, "
            "seen = signature_faults.seen + 1, at = excluded.at",
            *(source, reason, tx.now_ms()),
        )


def faults(tx: Transaction) -> Sequence[SignatureFault]:
    """The refused webhooks that are remembered."""
    return [
        SignatureFault(
            source=row["source"],
            reason=row["reason"],
            seen=row["seen"],
            at=row["at"],
            healed=_accepted_after(tx, row["source"], row["at"]),
        )
        for row in tx.all("SELECT * FROM signature_faults ORDER BY source")
    ]


def _accepted_after(tx: Transaction, source: str, at: int) -> bool:
    """A carrier's text is a message; a desk's hint leaves an attempted look."""
    newest = tx.first(
        "SELECT created_at AS at FROM messages WHERE direction = 'inbound' AND carrier = $1 "
        "ORDER BY seq DESC LIMIT 1",
        source,
    )
    if newest is None and source == "zendesk":
        newest = tx.first("SELECT at FROM attempts WHERE kind = 'look' ORDER BY id DESC LIMIT 1")
    return newest is not None and int(newest["at"]) > at


def probe(tx: Transaction) -> None:
    """A small write, to know that one can be made."""
    tx.run(
        "INSERT INTO meta (name, value) VALUES ('probed_at', $1) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        str(tx.now_ms()),
    )
