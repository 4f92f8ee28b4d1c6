"""P4: texts all the way to a Zendesk that takes 100 ms, against aiohttp's client alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.http import AT_ONCE
from tests.bench.figures import RATIO, Figure, at_least, figure
from tests.bench.load import run_load, webhooks
from tests.bench.prepare import know_customers, set_up
from tests.bench.servers import FarSide, bridge, cores
from tests.bench.sizes import Size

DELAY_S = 0.1
CONNECTIONS = 64
GOAL = 0.8
# A conversation's first ticket isn't an update; comments are, and their limit isn't measured here.
NO_LIMITS = {"BRIDGE_ZENDESK_UPDATES_PER_MINUTE": "0", "BRIDGE_ZENDESK_UPDATES_PER_TICKET": "0"}
LONGEST_S = 120.0


def measure(size: Size) -> list[Figure]:
    """Both kinds of texts: one call where a ticket is made, two where one is read first."""
    return [
        *_compare(size, "new", "a new ticket for each"),
        *_compare(size, "known", "comments on tickets"),
    ]


def _compare(size: Size, kind: str, what: str) -> list[Figure]:
    with TemporaryDirectory() as folder, FarSide() as far_side:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        set_up(database)
        count = size.through
        know_customers(database, 0, count * size.rounds, linked=kind == "known")
        far_side.set(delay=DELAY_S)
        ours, alone = [], []
        with bridge(database, far_side, NO_LIMITS) as service:
            for number in range(size.rounds):
                alone.append(client_alone(far_side, count, kind))
                first = (number + 1) * 10_000_000
                load = list(webhooks(count, first=first, customers=count,
                                     first_customer=number * count))  # fmt: skip
                run_load(service.port, load, connections=CONNECTIONS)
                ours.append(speed(far_side, first, count))
    pairs = zip(ours, alone, strict=True)
    return [
        figure(
            "P4",
            f"through_{kind}",
            f"texts to Zendesk (100 ms), {what}, against the client alone",
            RATIO,
            [one / other for one, other in pairs],
            goal=at_least(GOAL),
        ),
        figure("P4", f"through_{kind}_speed", f"the bridge, {what}", "texts/s", ours),
        figure("P4", f"alone_{kind}_speed", f"the client alone, {what}", "texts/s", alone),
    ]


def client_alone(far_side: FarSide, count: int, kind: str) -> float:
    """Texts a second that the client gets through, on the servers' core."""
    command = [sys.executable, "-m", "tests.bench.client", str(far_side.port)]
    core = ",".join(map(str, cores().servers))
    said = subprocess.run(
        ["taskset", "-c", core, *command, str(count), str(AT_ONCE), kind],
        check=True,
        capture_output=True,
        timeout=LONGEST_S,
    ).stdout
    return count / float(said)


def speed(far_side: FarSide, first: int, count: int) -> float:
    """Texts a second that arrived, from the first of these to the last, all waited for."""
    times = arrivals(far_side, lambda number: first <= number < first + count, count)
    return (count - 1) / (max(times) - min(times))


def arrivals(far_side: FarSide, is_one: Callable[[int], bool], count: int) -> list[float]:
    """When each of so many texts arrived first. Raises TimeoutError."""
    deadline = time.monotonic() + LONGEST_S
    found: list[float] = []
    while time.monotonic() < deadline:
        found = [first for number, (_, first) in far_side.texts().items() if is_one(number)]
        if len(found) >= count:
            return found
        time.sleep(0.25)
    raise TimeoutError(f"{count - len(found)} of {count} texts did not arrive")
