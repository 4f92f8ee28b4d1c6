"""The power goes: what was acknowledged is there, whichever flush was the last."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from bridge.store.database import Transaction
from bridge.store.migrations import read_migrations
from bridge.store.sqlite import SqliteDatabase
from tests.conftest import NO_SKIP
from tests.desks.scripted import HandClock
from tests.faults.disk import Disk
from tests.faults.writer import AS_IT_IS
from tests.stores import opened

WRITER = Path(__file__).with_name("writer.py")
CUTS = 50 if os.environ.get(NO_SKIP) else 12


async def write_on(disk: Disk, *, synchronous: str, count: int = 400) -> None:
    """Have a process write until it is done, with a cut noted at each of its flushes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(WRITER), str(disk.folder / "bridge.db"), str(disk.acks)),
        *(synchronous, str(count)),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
        | disk.environment,
    )
    assert await process.wait() == 0


def spread(cuts: list[Path], most: int) -> list[Path]:
    """Some of them: the first ten, where the file is made, and others up to the last."""
    step = max(1, len(cuts) // most)
    return [*cuts[:10], *cuts[10::step]]


def folded(disk: Disk, cut: Path, target: Path) -> int:
    """How large the file without its log was at this cut."""
    disk.after_cut(target, cut)
    path = target / "bridge.db"
    return path.stat().st_size if path.exists() else 0


def lost_at(disk: Disk, cut: Path, target: Path) -> set[str]:
    """What had been acknowledged before this cut and is not found after it."""
    disk.after_cut(target, cut)
    promised = set(disk.promised_at(cut))
    if not (target / "bridge.db").exists():
        return promised
    connection = sqlite3.connect(target / "bridge.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'")
    has_schema = tables.fetchone() == (1,)
    names = connection.execute("SELECT name FROM meta").fetchall() if has_schema else []
    connection.close()
    return promised - {name for (name,) in names}


@pytest.mark.timeout(400)
async def test_what_was_acknowledged_is_there_after_a_cut_at_any_flush(
    disk: Disk, tmp_path: Path
) -> None:
    await write_on(disk, synchronous=AS_IT_IS)
    cuts = spread(disk.cuts(), CUTS)
    assert len(cuts) >= CUTS
    assert len(disk.promised_at(cuts[-1])) > 100
    # The log was folded into the file on the way, by flushes of the file's own.
    first, last = (folded(disk, cut, tmp_path / cut.name) for cut in (cuts[9], cuts[-1]))
    assert first < last

    lost = {cut.name: lost_at(disk, cut, tmp_path / f"after-{cut.name}") for cut in cuts}

    assert lost == {cut.name: set() for cut in cuts}


@pytest.mark.timeout(400)
async def test_the_same_loses_what_was_acknowledged_where_commits_are_not_flushed(
    disk: Disk, tmp_path: Path
) -> None:
    await write_on(disk, synchronous="NORMAL")

    lost = [lost_at(disk, cut, tmp_path / f"after-{cut.name}") for cut in disk.cuts()[10:]]

    assert any(lost)  # or the cuts above prove nothing


@pytest.mark.timeout(400)
async def test_a_cut_in_the_first_start_leaves_all_of_the_schema_or_none(
    disk: Disk, tmp_path: Path
) -> None:
    await write_on(disk, synchronous=AS_IT_IS, count=1)
    steps = [step.number for step in read_migrations()]

    for cut in disk.cuts():
        target = tmp_path / f"after-{cut.name}"
        disk.after_cut(target, cut)
        async with opened(SqliteDatabase(str(target / "bridge.db"), HandClock())) as database:
            done = await database.read(lambda tx: tx.all("SELECT number FROM migrations"))

            assert [row["number"] for row in done] == steps
            assert await database.write(_put) == 1


def _put(tx: Transaction) -> int:
    return tx.run("INSERT INTO meta (name, value) VALUES ('goes on', 'x')")
