"""Contacts as the console lists them: newest first, by number, name or list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.store.database import Row, Transaction

END: Final = "\U0010ffff"  # sorts behind whatever begins a text
COLUMNS = "address, name, opted_out_at, landline_at, created_at"

NEWEST = f"""
SELECT {COLUMNS} FROM contacts WHERE (created_at, address) < ($1, $2)
ORDER BY created_at DESC, address DESC LIMIT $3
"""  # noqa: S608 - our own words

BY_ADDRESS = f"""
SELECT {COLUMNS} FROM contacts WHERE address >= $1 AND address < $2 ORDER BY address LIMIT $3
"""  # noqa: S608 - our own words

BY_NAME = f"""
SELECT {COLUMNS} FROM contacts WHERE folded >= $1 AND folded < $2 ORDER BY folded LIMIT $3
"""  # noqa: S608 - our own words

ON_LIST = """
SELECT p.address, p.name, p.opted_out_at, p.landline_at, p.created_at
FROM memberships m JOIN contacts p ON p.address = m.contact
WHERE m.list = $1 AND m.state = $2 AND m.contact > $3 ORDER BY m.contact LIMIT $4
"""

UNDECIDED = f"""
SELECT {COLUMNS} FROM contacts WHERE stop_wish IS NOT NULL ORDER BY address LIMIT $1
"""  # noqa: S608 - our own words

COUNTS = "SELECT state, count(*) AS n FROM memberships WHERE list = $1 GROUP BY state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact as a list shows it. Times are UTC ms."""

    address: str
    name: str | None
    opted_out_at_ms: int | None
    landline_at_ms: int | None
    created_at_ms: int


def newest(tx: Transaction, *, before: tuple[int, str] | None, limit: int) -> list[Person]:
    """Contacts, the newest first; `before` is (created_at_ms, address) of the last one seen."""
    at, address = before or (2**62, END)
    return _people(tx.all(NEWEST, at, address, limit))


def by_address(tx: Transaction, beginning: str, *, limit: int) -> list[Person]:
    """Contacts whose address begins so."""
    return _people(tx.all(BY_ADDRESS, beginning, beginning + END, limit))


def by_name(tx: Transaction, beginning: str, *, limit: int) -> list[Person]:
    """Contacts whose name begins so, whatever the case."""
    folded = beginning.casefold()
    return _people(tx.all(BY_NAME, folded, folded + END, limit))


def on_list(
    tx: Transaction, name: str, *, state: str, after: str | None, limit: int
) -> list[Person]:
    """Who stands so to a list, by address; `after` is the last one seen."""
    return _people(tx.all(ON_LIST, name, state, after or "", limit))


def undecided(tx: Transaction, *, limit: int) -> list[Person]:
    """Who may want no more texts, where nobody has decided yet."""
    return _people(tx.all(UNDECIDED, limit))


def list_sizes(tx: Transaction, name: str) -> dict[str, int]:
    """How many are subscribed to a list, pending and unsubscribed."""
    return {str(row["state"]): int(row["n"]) for row in tx.all(COUNTS, name)}


def _people(rows: Sequence[Row]) -> list[Person]:
    return [
        Person(
            address=row["address"],
            name=row["name"],
            opted_out_at_ms=row["opted_out_at"],
            landline_at_ms=row["landline_at"],
            created_at_ms=row["created_at"],
        )
        for row in rows
    ]
