"""The smallest transactions there are: put a name in, count one up."""

from __future__ import annotations

from collections.abc import Callable

from bridge.store.database import Transaction

COUNT = "SELECT value FROM meta WHERE name = 'count'"


def put(name: str, value: str = "x") -> Callable[[Transaction], int]:
    sql = "INSERT INTO meta (name, value) VALUES ($1, $2)"
    return lambda tx: tx.run(sql, name, value)


def add_one(tx: Transaction) -> None:
    row = tx.first(COUNT)
    assert row is not None
    tx.run("UPDATE meta SET value = $1 WHERE name = 'count'", str(int(row["value"]) + 1))
