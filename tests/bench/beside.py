"""P8: texts accepted on one PostgreSQL by one process, by two that share it, and by four.

Two cores don't hold two busy bridges, a database and what drives them. So each bridge gets the
same small share of a core by the kernel's quota where this process may set one (root, cgroups), or
a core of its own where there are four; without either, only the plain figures are taken.

The store has customers and texts before: two processes get in each other's way where they write
to the same pages, and an empty store has but a few of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tests import postgres
from tests.bench.figures import RATIO, Figure, at_least, figure
from tests.bench.load import run_load, webhook
from tests.bench.prepare import set_up
from tests.bench.servers import FarSide, Process, bridge, cores
from tests.bench.sizes import Size

GOAL: Final = 1.7
CONNECTIONS: Final = 64  # to each process
SHARE: Final = 0.2  # of a core, for each bridge
FILL: Final = (
    """
    INSERT INTO contacts (address, created_at)
    SELECT '+1303' || (2000000 + n), 0 FROM generate_series(0, 99999) n
    """,
    """
    INSERT INTO conversations (id, sender, customer, ticket_id, created_at, last_at)
    SELECT md5('c' || n), '+12025550100', '+1303' || (2000000 + n), n + 1, 0, n
    FROM generate_series(0, 99999) n
    """,
    """
    INSERT INTO messages (id, direction, kind, conversation_id, sender, customer, carrier,
        carrier_id, body, state, verdict, created_at, updated_at)
    SELECT md5('m' || n), 'inbound', 'text', md5('c' || n), '+12025550100',
        '+1303' || (2000000 + n), 'twilio', 'SM' || md5('s' || n), 'hello', 'done', 'ticket', n, n
    FROM generate_series(0, 99999) n
    """,
    "VACUUM ANALYZE",
)
PERIOD_US: Final = 20_000
MANY: Final = 4  # processes
CUSTOMERS: Final = 100_000
STRIDE: Final = 7_919  # prime: who texts next has a number far from the one before
CPU: Final = Path("/sys/fs/cgroup/cpu")  # version 1
UNIFIED: Final = Path("/sys/fs/cgroup")  # version 2


def measure(size: Size) -> list[Figure]:
    """Rounds in turn: one, two, four processes, each held to its share; then one and two free."""
    try:
        url = postgres.start_server({})
    except postgres.NoServer as error:
        print(f"P8   left out: {error}")
        return []
    set_up(url)
    fill(url)
    with ExitStack() as stack:
        far_side = stack.enter_context(FarSide())
        far_side.set(status=429)
        every = cores().servers | cores().load
        bridges = [stack.enter_context(bridge(url, far_side, on=every)) for _ in range(MANY)]
        found: list[Figure] = []
        if can_be_held():
            with held(bridges):
                found += _compare(size, bridges, f"each with {SHARE:.0%} of a core", "held", 1)
        goal = len(every) > MANY and not found
        return found + _compare(size, bridges, f"{len(every)} cores for all", "free", 2, goal=goal)


def _compare(
    size: Size, bridges: Sequence[Process], how: str, name: str, epoch: int, *, goal: bool = True
) -> list[Figure]:
    speeds: dict[int, list[float]] = {1: [], 2: [], MANY: []}
    for number in range(size.rounds):
        for count, taken in speeds.items():
            first = epoch * 100_000_000 + number * 10_000_000 + count * 1_000_000
            load = [
                webhook(text, text * STRIDE % CUSTOMERS)
                for text in range(first, first + size.texts // 2 * count)
            ]
            ports = [each.port for each in bridges[:count]]
            taken.append(run_load(ports, load, connections=CONNECTIONS * count).per_second)
    wanted = at_least(GOAL) if goal else None
    two = [b / a for a, b in zip(speeds[1], speeds[2], strict=True)]
    about = f"PostgreSQL, two processes against one, {how}"
    return [
        figure("P8", f"two_{name}", about, RATIO, two, goal=wanted),
        *(
            figure("P8", f"{name}_{count}", f"{count} on one PostgreSQL, {how}", "texts/s", taken)
            for count, taken in speeds.items()
        ),
    ]


def fill(url: str) -> None:
    """Store the customers, a conversation and a text of each."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement)


def can_be_held() -> bool:
    """Whether the kernel lets this process set quotas."""
    return os.geteuid() == 0 and (
        os.access(CPU / "cpu.cfs_quota_us", os.W_OK)
        or "cpu" in _read(UNIFIED / "cgroup.subtree_control").split()
    )


@contextmanager
def held(bridges: Sequence[Process]) -> Iterator[None]:
    """Each of the bridges gets no more than its share of a core."""
    base = CPU if CPU.exists() else UNIFIED
    groups = [base / f"bridge-bench-{each.pid}" for each in bridges]
    try:
        for each, group in zip(bridges, groups, strict=True):
            group.mkdir()
            quota_us = int(PERIOD_US * SHARE)
            if base == CPU:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(quota_us))
            else:
                (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            (group / "cgroup.procs").write_text(str(each.pid))
        yield
    finally:
        for each, group in zip(bridges, groups, strict=True):
            if group.exists():
                (base / "cgroup.procs").write_text(str(each.pid))
                group.rmdir()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
