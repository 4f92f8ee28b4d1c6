"""Keeps what was measured: a JSON file for programs, a block of docs/performance.md, a plot."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.figures import Figure, Goal, shown, shown_goal, verdict
from tests.bench.plot import draw
from tests.bench.servers import ROOT, cores

FILE: Final = ROOT / "docs" / "performance" / "results.json"
PLOT: Final = ROOT / "docs" / "performance" / "results.svg"
PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
FLUSHES: Final = 200
PEER_COLUMNS: Final = {
    "accepted": "accepted",
    "through": "to Zendesk",
    "p99": "p99 of accepting",
    "memory": "memory",
    "lost": "lost by kill -9",
    "doubled": "doubled by it",
    "away": "delivered of what came while Zendesk was away",
}
Kept = Mapping[str, Any]


def keep(found: Sequence[Figure], size: str) -> None:
    """Put these parts in the place of what was kept of them; the others stay."""
    kept: dict[str, Any] = dict(load()) if FILE.exists() else {"parts": {}}
    taken = datetime.now(UTC).date().isoformat()
    parts = dict(kept["parts"])
    for part in sorted({one.part for one in found}):
        figures = [asdict(one) for one in found if one.part == part]
        parts[part] = {"taken": taken, "size": size, "commit": commit(), "figures": figures}
    kept = {"machine": machine(), "parts": dict(sorted(parts.items(), key=_number))}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PLOT.write_text(draw(list(figures_in(kept))), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replaced(page, block(kept)), encoding="utf-8")


def written() -> Sequence[Path]:
    """What `keep` writes, seen from the root."""
    return [path.relative_to(ROOT) for path in (FILE, PLOT, PAGE)]


def load() -> Kept:
    """What was kept last. Raises FileNotFoundError."""
    found: Kept = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def figures_in(kept: Kept) -> Iterator[Figure]:
    """Every figure that was kept."""
    for part in kept["parts"].values():
        for record in part["figures"]:
            goal = None if record["goal"] is None else Goal(**record["goal"])
            yield Figure(**{**record, "goal": goal})


def named(kept: Kept, name: str) -> Figure:
    """The figure of this name. Raises KeyError."""
    for one in figures_in(kept):
        if one.name == name:
            return one
    raise KeyError(name)


def replaced(page: str, text: str) -> str:
    """The page with this between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{text}{END}{after}"


def block(kept: Kept) -> str:
    """What stands on the page between the marks."""
    found = list(figures_in(kept))
    goals = [one for one in found if one.goal is not None]
    others = [one for one in found if one.goal is None and one.part != "P10"]
    peers = [one for one in found if one.part == "P10"]
    lines = [
        *_about(kept),
        "| | | goal | measured | |",
        "|---|---|---|---|---|",
        *(
            f"| {one.part} | {one.what} | {shown_goal(one)} | {shown(one)} | {verdict(one)} |"
            for one in goals
        ),
        "",
        "Beside them, in the same runs:",
        "",
        "| | | measured |",
        "|---|---|---|",
        *(f"| {one.part} | {one.what} | {shown(one)} |" for one in others),
        "",
        *(_peers(peers) if peers else ()),
    ]
    return "\n".join(lines) + "\n"


def machine() -> Mapping[str, str | int]:
    """What it was measured on, as far as it explains figures."""
    return {
        "cores": len(cores().servers | cores().load),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "flushes_per_second": round(flushes_per_second()),
    }


def commit() -> str:
    """What was measured: the commit that is checked out, with a plus where files differ from it."""
    command = ("git", "describe", "--always", "--dirty=+", "--exclude=*")
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "no commit"


def flushes_per_second() -> float:
    """How often 4 KiB can be appended and flushed here."""
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        for _ in range(FLUSHES):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return FLUSHES / (time.monotonic() - began)


def _about(kept: Kept) -> Iterator[str]:
    on = kept["machine"]
    runs: dict[tuple[str, str, str], list[str]] = {}
    for name, part in kept["parts"].items():
        runs.setdefault((part["taken"], part["size"], part["commit"]), []).append(name)
    when = "; ".join(
        f"{' '.join(names)} on {day} ({size}) at {at}" for (day, size, at), names in runs.items()
    )
    yield (
        f"Measured {when}: {on['cores']} cores, {on['system']}, Python {on['python']}, "
        f"SQLite {on['sqlite']}, a disk with {on['flushes_per_second']:,} flushes a second. "
        "Medians; in brackets the least and the most of the rounds."
    )
    yield ""


def _peers(found: Sequence[Figure]) -> Iterator[str]:
    yield "Side by side (P10), 64 connections, a Zendesk that takes 100 ms, one core:"
    yield ""
    yield f"| | {' | '.join(PEER_COLUMNS.values())} |"
    yield f"|---|{'---|' * len(PEER_COLUMNS)}"
    by_name = {one.name: one for one in found}
    for peer in dict.fromkeys(one.name.partition(".")[0] for one in found):
        cells = [by_name.get(f"{peer}.{column}") for column in PEER_COLUMNS]
        what = next(one.what for one in found if one.name.startswith(f"{peer}."))
        yield f"| {what} | {' | '.join('–' if one is None else shown(one) for one in cells)} |"
    yield ""


def _number(part: tuple[str, object]) -> int:
    return int(part[0].removeprefix("P"))


if __name__ == "__main__":
    sys.stdout.write(block(load()))
