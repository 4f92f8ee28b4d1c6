"""Files that carriers may fetch for a while, to send them along with a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.store.database import Row, Transaction

KEPT_MS: Final = 7 * 24 * 3600 * 1000  # for work that can still be tried again, and no longer
COLUMNS = "id, message_id, position, name, content_type, ends_at"

# Work that is done is deleted: what there is, waits or has failed, and may need the file.
ENDED = """
ends_at <= $1 AND (ends_at <= $2
    OR NOT EXISTS (SELECT 1 FROM work w WHERE w.message_id = files.message_id AND w.kind = 'send'))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file without its content. `position` is its place among its message's media."""

    id: str
    message_id: str
    position: int
    name: str
    content_type: str
    ends_at: int


def keep(tx: Transaction, file: File, content: bytes) -> None:
    """Keep a file, in the place of an older one of the same message and position."""
    tx.run(
        "DELETE FROM files WHERE message_id = $1 AND position = $2", file.message_id, file.position
    )
    tx.run(
        "INSERT INTO files (id, message_id, position, name, content_type, content, ends_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(file.id, file.message_id, file.position, file.name, file.content_type, content),
        file.ends_at,
    )


def of_message(tx: Transaction, message_id: str) -> Sequence[File]:
    """The files that go along with a message, in order."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM files WHERE message_id = $1 ORDER BY position",  # noqa: S608
        message_id,
    )
    return [_file(row) for row in rows]


def get(tx: Transaction, file_id: str) -> tuple[File, bytes] | None:
    """A file and its content."""
    row = tx.first("SELECT * FROM files WHERE id = $1", file_id)
    return None if row is None else (_file(row), bytes(row["content"]))


def prolong(tx: Transaction, message_id: str, ends_at_ms: int) -> None:
    """Have the files of a message stay until then."""
    tx.run("UPDATE files SET ends_at = $1 WHERE message_id = $2", ends_at_ms, message_id)


def drop(tx: Transaction, message_id: str) -> None:
    """Forget the files of a message: it is not sent, or its customer is erased."""
    tx.run("DELETE FROM files WHERE message_id = $1", message_id)


def has_ended(tx: Transaction) -> bool:
    """Whether there are files that nobody needs any more."""
    now_ms = tx.now_ms()
    sql = f"SELECT 1 FROM files WHERE {ENDED} LIMIT 1"  # noqa: S608
    return tx.first(sql, now_ms, now_ms - KEPT_MS) is not None


def drop_ended(tx: Transaction) -> int:
    """Forget the files whose addresses have ended, but not those of a text that is still to be
    sent or may be tried again: these are kept for KEPT_MS. Returns how many there were."""
    now_ms = tx.now_ms()
    return tx.run(f"DELETE FROM files WHERE {ENDED}", now_ms, now_ms - KEPT_MS)  # noqa: S608


def _file(row: Row) -> File:
    return File(**{name: row[name] for name in COLUMNS.split(", ")})
