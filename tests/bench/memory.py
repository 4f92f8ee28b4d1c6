"""P6: resident memory, idle, with many texts waiting, and under a steady load."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, at_most, figure
from tests.bench.load import run_load, webhooks
from tests.bench.prepare import keep_waiting, know_customers, set_up
from tests.bench.servers import ROOT, FarSide, Process, bridge
from tests.bench.sizes import TINY, Size
from tests.bench.through import NO_LIMITS

IDLE_S, WAITING_S = 3.0, 10.0
GOAL_IDLE_MB, GOAL_WAITING_MB = 80.0, 150.0
GOAL_GROWTH_MB = 5.0  # "flat": what the allocator may take or give back
STEADY = 100  # texts a second
CUSTOMERS = 5_000
LOOKS = 40


def measure(size: Size) -> list[Figure]:
    """Idle, with a backlog, and over a while of steady load."""
    with TemporaryDirectory() as folder:
        python = sys.executable if size is TINY else installed(Path(folder))
        return [*_idle(python), *_waiting(size, python), *_steady(size, python)]


def installed(folder: Path) -> str:
    """The Python of an environment with what an installation has. Libraries load others where
    those are there: beside the tests' tools they take 6 MB more."""
    command = [sys.executable, "-m", "venv", str(folder / "env")]
    subprocess.run(command, check=True, capture_output=True)
    lock = str(ROOT / "requirements.lock")
    pip = [str(folder / "env" / "bin" / "pip"), "install", "--quiet", "--require-hashes"]
    subprocess.run([*pip, "--requirement", lock], check=True, capture_output=True)
    return str(folder / "env" / "bin" / "python")


def _idle(python: str) -> list[Figure]:
    with TemporaryDirectory() as folder, FarSide() as far_side:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        set_up(database)
        with bridge(database, far_side, python=python) as process:
            time.sleep(IDLE_S)
            values = [process.memory_mb()]
    return [figure("P6", "idle", "memory, idle", "MB", values, goal=at_most(GOAL_IDLE_MB))]


def _waiting(size: Size, python: str) -> list[Figure]:
    with TemporaryDirectory() as folder, FarSide() as far_side:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        set_up(database)
        keep_waiting(database, size.kept, customers=CUSTOMERS)
        far_side.set(status=503)
        with bridge(database, far_side, python=python) as process:
            # More come while they wait, as they would.
            load = list(webhooks(size.texts, first=size.kept, customers=CUSTOMERS))
            run_load(process.port, load, connections=64)
            values = _looks(process, WAITING_S, 20)
    about = f"memory, {size.kept:,} texts waiting while Zendesk is away, more coming in"
    return [figure("P6", "waiting", about, "MB", values, goal=at_most(GOAL_WAITING_MB))]


def _steady(size: Size, python: str) -> list[Figure]:
    with TemporaryDirectory() as folder, FarSide() as far_side:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        set_up(database)
        know_customers(database, 0, CUSTOMERS, linked=True)
        with bridge(database, far_side, NO_LIMITS, python=python) as process:
            values = _load_steadily(process, size.steady_s)
    quarter = max(1, len(values) // 4)
    growth = sum(values[-quarter:]) / quarter - sum(values[quarter : 2 * quarter]) / quarter
    lasting = f"{size.steady_s / 60:g} min of {STEADY} texts/s"
    return [
        figure("P6", "steady", f"memory, {lasting}", "MB", values),
        figure(
            "P6",
            "growth",
            f"growth from its second quarter to its last, {lasting}",
            "MB",
            [growth],
            goal=at_most(GOAL_GROWTH_MB),
        ),
    ]


def _load_steadily(process: Process, seconds: float) -> list[float]:
    """Memory, looked at now and then while texts come in, tenths of a second apart."""
    began, sent = time.monotonic(), 0
    values: list[float] = []
    each_s = seconds / LOOKS
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * STEADY) - sent
        if due > 0:
            load = list(webhooks(due, first=sent, customers=CUSTOMERS))
            run_load(process.port, load, connections=4)
            sent += due
        if passed >= each_s * len(values):
            values.append(process.memory_mb())
        time.sleep(0.1)
    return values


def _looks(process: Process, seconds: float, times: int) -> list[float]:
    values = []
    for _ in range(times):
        values.append(process.memory_mb())
        time.sleep(seconds / times)
    return values
