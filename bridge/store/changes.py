"""The log of changes: who changed what, when, and how it was before. Only ever added to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bridge.store.database import Row, Transaction, Value

How = Literal["console", "api", "command"]
Document = Mapping[str, Any]
LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whose doing a change is: a user of the console, the API's token, whoever ran a command."""

    how: How
    who: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the log. `before` and `after` hold what differed, None where there was nothing.

    `subject` is the kind of thing ("keyword rule", "user"), `name` which one, `what` the verb.
    """

    id: int
    at_ms: int
    how: How
    who: str | None
    subject: str
    name: str
    what: str
    before: Document | None
    after: Document | None


def note(
    tx: Transaction,
    author: Author,
    *,
    subject: str,
    name: str,
    what: str,
    before: Document | None = None,
    after: Document | None = None,
) -> None:
    """Add a line, in the transaction that makes the change."""
    tx.run(
        "INSERT INTO changes (at, how, who, subject, name, what, before, after) VALUES "
        "($1, $2, $3, $4, $5, $6, $7, $8)",
        *(tx.now_ms(), author.how, author.who, subject, name, what),
        *(_written(before), _written(after)),
    )


def list_changes(
    tx: Transaction, *, subject: str | None = None, before: int | None = None, limit: int
) -> list[Change]:
    """Changes, newest first; `before` is the id of the last one already seen."""
    values: list[Value] = [LARGEST_ID if before is None else before, limit]
    term = ""
    if subject is not None:
        values.append(subject)
        term = "AND subject = $3 "
    sql = (
        f"SELECT * FROM changes WHERE id < $1 {term}"  # noqa: S608 - our own words
        "ORDER BY id DESC LIMIT $2"
    )
    return [_change(row) for row in tx.all(sql, *values)]


def _written(document: Document | None) -> str | None:
    return None if document is None else json.dumps(document, ensure_ascii=False)


def _change(row: Row) -> Change:
    return Change(
        id=row["id"],
        at_ms=row["at"],
        how=row["how"],
        who=row["who"],
        subject=row["subject"],
        name=row["name"],
        what=row["what"],
        before=None if row["before"] is None else json.loads(row["before"]),
        after=None if row["after"] is None else json.loads(row["after"]),
    )
