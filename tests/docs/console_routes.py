"""Writes the table of docs/console.md: `python -m tests.docs.console_routes`."""

from __future__ import annotations

from itertools import groupby

from bridge.web.admin import ROUTES


def table() -> str:
    """Every address of the console, as rows of Markdown."""
    lines = ["| method | address | who |", "|---|---|---|"]
    for path, routes in groupby(sorted(ROUTES, key=lambda one: one.path), key=lambda one: one.path):
        by_role: dict[str, list[str]] = {}
        for route in routes:
            by_role.setdefault(route.needs, []).append(route.method)
        lines += [f"| {', '.join(found)} | `{path}` | {who} |" for who, found in by_role.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201 - that is what it is for
