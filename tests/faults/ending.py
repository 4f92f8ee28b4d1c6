"""The database as it stands in the end, read past the bridge's own code."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]
POSTGRES = "postgresql://"
# Rows bear the time at which their transaction began. On SQLite one begins after the other; on
# PostgreSQL, beside each other, one that began later may have been before it.
LONGEST_COMMIT_MS = 10_000

# Rows that speak of one that isn't there.
ORPHANS = {
    "a part without its message": "SELECT id FROM parts WHERE message_id NOT IN "
    "(SELECT id FROM messages)",
    "a text to be sent without parts": "SELECT id FROM messages WHERE direction = 'outbound' "
    "AND id NOT IN (SELECT message_id FROM parts)",
    "a message without its conversation": "SELECT id FROM messages WHERE conversation_id IS NOT "
    "NULL AND conversation_id NOT IN (SELECT id FROM conversations)",
    "work without its message": "SELECT ref FROM work WHERE message_id IS NOT NULL "
    "AND message_id NOT IN (SELECT id FROM messages)",
    "work that no lane leads to": "SELECT ref FROM work WHERE state = 'waiting' "
    "AND lane NOT IN (SELECT lane FROM lanes)",
    "a ticket without its conversation": "SELECT ticket_id FROM tickets WHERE conversation_id "
    "NOT IN (SELECT id FROM conversations)",
    "a consent without its message": "SELECT id FROM consent WHERE message_id IS NOT NULL "
    "AND message_id NOT IN (SELECT id FROM messages)",
    "an answer without what it answers": "SELECT id FROM messages WHERE cause_id IS NOT NULL "
    "AND cause_id NOT IN (SELECT id FROM messages)",
}
CONSENT = (
    "SELECT consent.id, contact, action, at, message_id, messages.created_at AS kept_at, "
    "messages.carrier_id FROM consent LEFT JOIN messages ON messages.id = consent.message_id "
    "WHERE action IN ('opt_out', 'opt_in') ORDER BY consent.id"
)
SENT = (
    "SELECT parts.carrier_id, parts.begun_at, messages.id, messages.kind, messages.cause_id "
    "FROM parts JOIN messages ON messages.id = parts.message_id "
    "WHERE parts.carrier_id IS NOT NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text, either way."""

    id: str
    direction: str
    kind: str
    sender: str
    customer: str
    carrier_id: str | None
    comment_id: int | None
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the database knows of a text that the carrier took: `begun_ms` when it left."""

    carrier_id: str
    begun_ms: int | None
    message_id: str
    kind: str
    cause_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A word about texts: `carrier_id` of the text it was said in, and between when and when that
    was committed."""

    customer: str
    opts_out: bool
    committed_ms: int
    message_id: str | None
    carrier_id: str | None
    begun_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work that is left. `failed` work has a reason."""

    ref: str
    kind: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Everything the checker asks of a database. `faults` is what its engine complains of."""

    messages: tuple[Message, ...] = ()
    sent: tuple[Sent, ...] = ()
    consent: tuple[Consent, ...] = ()
    work: tuple[Work, ...] = ()
    faults: tuple[str, ...] = ()


def read_ending(url: str) -> Ending:
    """Read a database by its URL."""
    with _asking(url) as ask:
        if url.startswith(POSTGRES):
            return _read(ask, (), commit_takes_ms=LONGEST_COMMIT_MS)
        said = [str(next(iter(row.values()))) for row in ask("PRAGMA integrity_check")]
        faults = tuple(each for each in said if each != "ok")
        return _read(ask, faults, commit_takes_ms=0)


def count_unfinished(url: str, swept_since_ms: int) -> int:
    """Work that waits, and sweeps that have not been through since then."""
    with _asking(url) as ask:
        (row,) = ask(
            "SELECT (SELECT count(*) FROM work WHERE state = 'waiting' AND kind <> 'sweep') + "
            "(SELECT count(*) FROM sweeps WHERE coalesce(done_at, 0) < "
            f"{int(swept_since_ms)}) AS unfinished"
        )
        return int(row["unfinished"])


@contextmanager
def _asking(url: str) -> Iterator[Ask]:
    """Ask one state of a database, which may be in use."""
    if url.startswith(POSTGRES):
        with psycopg.connect(url, row_factory=dict_row) as server:
            server.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield lambda sql: list(server.execute(sql.encode()))
        return
    path = f"file:{url.removeprefix('sqlite:///')}?mode=ro"
    with closing(sqlite3.connect(path, uri=True, isolation_level=None)) as file:
        file.row_factory = sqlite3.Row
        file.execute("BEGIN")
        yield lambda sql: [dict(row) for row in file.execute(sql)]


def _read(ask: Ask, faults: tuple[str, ...], *, commit_takes_ms: int) -> Ending:
    return Ending(
        messages=tuple(
            Message(**{name: row[name] for name in Message.__slots__})
            for row in ask("SELECT * FROM messages ORDER BY seq")
        ),
        sent=tuple(
            Sent(
                carrier_id=row["carrier_id"],
                begun_ms=row["begun_at"],
                message_id=row["id"],
                kind=row["kind"],
                cause_id=row["cause_id"],
            )
            for row in ask(SENT)
        ),
        consent=tuple(_consent(row, commit_takes_ms) for row in ask(CONSENT)),
        work=tuple(
            Work(**{name: row[name] for name in Work.__slots__})
            for row in ask("SELECT * FROM work ORDER BY id")
        ),
        faults=(*faults, *_orphans(ask)),
    )


def _consent(row: Row, commit_takes_ms: int) -> Consent:
    # One that a sweep found counts from when it was said, which is before it was known.
    begun_ms = max(row["at"], row["kept_at"] or 0)
    return Consent(
        customer=row["contact"],
        opts_out=row["action"] == "opt_out",
        committed_ms=begun_ms + commit_takes_ms,
        message_id=row["message_id"],
        carrier_id=row["carrier_id"],
        begun_ms=begun_ms,
    )


def _orphans(ask: Ask) -> Iterator[str]:
    for what, sql in ORPHANS.items():
        found = [str(next(iter(row.values()))) for row in ask(sql)]
        if found:
            yield f"{what}: {', '.join(found[:5])}"
