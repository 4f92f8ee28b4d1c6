"""The texts that an outbound message is sent as, each with its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.store.database import Row, Transaction

EARLY_MS = 24 * 3600 * 1000
# Added to a part's looks:
RESENT = 100  # it has been sent again, which happens once by itself
ASKED = 200  # somebody has it tried again: after one look it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One text that is sent. `begun_at` is when its first attempt may have left."""

    id: str
    message_id: str
    position: int
    body: str
    segments: int
    state: str
    carrier: str
    carrier_id: str | None
    error: str | None
    reason: str | None
    begun_at: int | None
    looks: int  # at the carrier; see RESENT and ASKED
    asked: int  # how often a sweep has asked what became of it


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyReport:
    """A delivery report that came before its text was known."""

    state: str
    error: str | None
    reason: str | None


def add(
    tx: Transaction,
    *,
    part_id: str,
    message_id: str,
    position: int,
    body: str,
    segments: int,
    carrier: str,
) -> None:
    """Keep a part that is to be sent."""
    tx.run(
        "INSERT INTO parts (id, message_id, position, body, segments, state, carrier, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7)",
        *(part_id, message_id, position, body, segments, carrier, tx.now_ms()),
    )


def set_body(tx: Transaction, part_id: str, body: str, segments: int) -> None:
    """Change the words of a part that has not begun to leave."""
    tx.run("UPDATE parts SET body = $1, segments = $2 WHERE id = $3", body, segments, part_id)


def of_message(tx: Transaction, message_id: str) -> Sequence[Part]:
    """A message's parts, in order."""
    rows = tx.all("SELECT * FROM parts WHERE message_id = $1 ORDER BY position", message_id)
    return [_part(row) for row in rows]


def get(tx: Transaction, part_id: str) -> Part | None:
    """A part by our id."""
    row = tx.first("SELECT * FROM parts WHERE id = $1", part_id)
    return None if row is None else _part(row)


def by_carrier_id(tx: Transaction, carrier: str, carrier_id: str) -> Part | None:
    """A part by the carrier's id."""
    row = tx.first(
        "SELECT * FROM parts WHERE carrier = $1 AND carrier_id = $2", carrier, carrier_id
    )
    return None if row is None else _part(row)


def is_claimed(tx: Transaction, carrier: str, carrier_id: str) -> bool:
    """Whether this text at the carrier is already known as one of our parts."""
    return by_carrier_id(tx, carrier, carrier_id) is not None


def begin(tx: Transaction, part_id: str) -> None:
    """Note that a send may leave from now on."""
    tx.run(
        "UPDATE parts SET state = 'sending', begun_at = coalesce(begun_at, $1), updated_at = $1 "
        "WHERE id = $2",
        *(tx.now_ms(), part_id),
    )


def take_back(tx: Transaction, part_id: str) -> None:
    """Note that the send certainly did not happen; that it was sent again stays remembered."""
    tx.run(
        "UPDATE parts SET state = 'queued', begun_at = NULL, updated_at = $1, "
        "looks = CASE WHEN looks >= $2 THEN $2 ELSE 0 END WHERE id = $3",
        *(tx.now_ms(), RESENT, part_id),
    )


def send_again(tx: Transaction, part_id: str) -> None:
    """Give up looking for a lost send and have it sent once more."""
    tx.run(
        "UPDATE parts SET state = 'queued', begun_at = NULL, looks = $1, updated_at = $2 "
        "WHERE id = $3 AND carrier_id IS NULL",  # its report may come at the last moment
        *(RESENT, tx.now_ms(), part_id),
    )


def count_look(tx: Transaction, part_id: str) -> None:
    """Count a look at the carrier's list."""
    tx.run("UPDATE parts SET looks = looks + 1 WHERE id = $1", part_id)


def set_outcome(
    tx: Transaction,
    part_id: str,
    state: str,
    *,
    carrier_id: str | None = None,
    segments: int | None = None,
    error: str | None = None,
    reason: str | None = None,
) -> None:
    """Note how a part stands; an id that is known stays."""
    tx.run(
        "UPDATE parts SET state = $1, carrier_id = coalesce(carrier_id, $2), "
        "segments = coalesce($3, segments), error = $4, reason = $5, updated_at = $6 "
        "WHERE id = $7",
        *(state, carrier_id, segments, error, reason, tx.now_ms(), part_id),
    )


def without_end(
    tx: Transaction, carrier: str, *, asked: int, since_ms: int, until_ms: int, most: int
) -> Sequence[Part]:
    """Parts with the carrier that have no final state, began in this time, and have been asked
    about so often; the oldest first."""
    rows = tx.all(
        "SELECT * FROM parts WHERE carrier = $1 AND state IN ('sending', 'sent') "
        "AND carrier_id IS NOT NULL AND asked = $2 AND begun_at > $3 AND begun_at <= $4 "
        "ORDER BY begun_at LIMIT $5",
        *(carrier, asked, since_ms, until_ms, most),
    )
    return [_part(row) for row in rows]


def note_asked(tx: Transaction, part_id: str, asked: int) -> None:
    """Note that the carrier was asked what became of a part, for the so-many-th time."""
    tx.run("UPDATE parts SET asked = $1 WHERE id = $2", asked, part_id)


def keep_early_report(
    tx: Transaction, *, carrier: str, carrier_id: str, report: EarlyReport
) -> None:
    """Keep a report until the send that it speaks of is known, for a day at most: other systems
    may send from our numbers too."""
    tx.run("DELETE FROM early_reports WHERE at < $1", tx.now_ms() - EARLY_MS)
    tx.run(
        "INSERT INTO early_reports (carrier, carrier_id, state, error, reason, at) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        *(carrier, carrier_id, report.state, report.error, report.reason, tx.now_ms()),
    )


def take_early_reports(tx: Transaction, carrier: str, carrier_id: str) -> Sequence[EarlyReport]:
    """The reports kept for this text, in order of arrival; they are kept no longer."""
    rows = tx.all(
        "DELETE FROM early_reports WHERE carrier = $1 AND carrier_id = $2 "
        "RETURNING state, error, reason, at",
        *(carrier, carrier_id),
    )
    ordered = sorted(rows, key=lambda row: int(row["at"]))
    return [
        EarlyReport(state=row["state"], error=row["error"], reason=row["reason"]) for row in ordered
    ]


def _part(row: Row) -> Part:
    return Part(
        id=row["id"],
        message_id=row["message_id"],
        position=row["position"],
        body=row["body"],
        segments=row["segments"],
        state=row["state"],
        carrier=row["carrier"],
        carrier_id=row["carrier_id"],
        error=row["error"],
        reason=row["reason"],
        begun_at=row["begun_at"],
        looks=row["looks"],
        asked=row["asked"],
    )
