"""How commands print: JSON for programs, lines and columns for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson

LONGEST_CELL = 60

as_json = click.option(
    "--json", "json", is_flag=True, help="Print JSON, and nothing else, to standard output."
)


def print_json(shown: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings, as wide as they need; `empty` where there are none."""
    if not rows:
        click.echo(empty)
        return
    cells = [list(headings), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one pair a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name.ljust(width)}  {printable(_plain(value))}")


def one_line(cell: object) -> str:
    """A value as it fits into a table: short, and safe to print."""
    text = printable(_plain(cell))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def printable(text: str) -> str:
    """A text without what would move the cursor or recolour the terminal: customers wrote it."""
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "�"
        for character in text
    )


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)
