"""The numbered steps that make and change the schema, and how they are read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step: `number` orders them, `statements` run in one transaction."""

    number: int
    name: str
    statements: tuple[str, ...]


def read_migrations() -> tuple[Migration, ...]:
    """All steps, in order."""
    found = []
    for entry in resources.files(__package__).iterdir():
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            text = entry.read_text(encoding="utf-8")
            found.append(Migration(number=int(number), name=name, statements=statements_of(text)))
    return tuple(sorted(found, key=lambda migration: migration.number))


def statements_of(text: str) -> tuple[str, ...]:
    """Cut a script into statements; a trigger's inner semicolons stay inside it."""
    found = []
    pending = ""
    for line in text.splitlines(keepends=True):
        if not pending and (not line.strip() or line.lstrip().startswith("--")):
            continue
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"unfinished statement: {pending.strip()[:60]}")
    return tuple(found)
