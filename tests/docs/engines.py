"""A plugin for pytest: tells on which engines the collected tests run, as JSON in a file.

`python -m pytest --collect-only -p tests.docs.engines --engines-to FILE tests/…`
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

SHOWN = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
# Open a file of their own, without asking for an engine.
OF_SQLITE = frozenset(
    f"tests/store/test_{name}.py"
    for name in ("sqlite", "database_file", "migrations", "start_refused")
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write to."""
    parser.addoption("--engines-to", type=Path, required=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write them: `{"tests/…py::test_…": ["PostgreSQL", "SQLite"]}`; none where it needs none."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in session.items:
        found[item.nodeid.partition("[")[0]] |= _engines_of(item)
    told = {name: sorted(engines) for name, engines in found.items()}
    session.config.getoption("engines_to").write_text(json.dumps(told), encoding="utf-8")


def _engines_of(item: pytest.Item) -> set[str]:
    chosen = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
    if chosen is not None:
        return {SHOWN[str(chosen)]}
    if item.get_closest_marker("postgres") is not None:
        return {"PostgreSQL"}
    is_file = item.nodeid.partition("::")[0] in OF_SQLITE
    return {"SQLite"} if is_file or "disk" in getattr(item, "fixturenames", ()) else set()
