"""P1 and P2: texts accepted, durable and judged, against a handler that only parses them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import RATIO, Figure, at_least, at_most, figure
from tests.bench.load import Measured, run_load, webhooks
from tests.bench.prepare import set_up
from tests.bench.servers import FarSide, Process, bridge, free_port
from tests.bench.sizes import Size

MANY, FEW = 64, 16  # connections
ALL = "bare naive bridge ceiling"
WARM_UP = 1_000
GOAL_RATIO, GOAL_TAIL = 0.7, 2.0


def measure(size: Size) -> list[Figure]:
    """Rounds in turn: the bare handler, one commit a request, the bridge."""
    with TemporaryDirectory() as folder, standing(Path(folder)) as servers:
        many = list(rounds(servers, MANY, size.rounds, size.texts, first=0))
        few = list(rounds(servers, FEW, size.rounds, size.texts, first=50_000_000))
        ceiling = run_load(
            servers["ceiling"].port,
            list(webhooks(size.texts * 5, first=0)),
            connections=MANY,
        )
    found = [
        figure(
            "P1",
            "accept_ratio",
            f"texts accepted, {MANY} connections, against the bare handler",
            RATIO,
            ratios(many),
            goal=at_least(GOAL_RATIO),
        ),
        figure(
            "P2",
            "accept_tail",
            f"p99 of accepting, {FEW} connections, against the bare handler's",
            RATIO,
            [one["bridge"].p99 / one["bare"].p99 for one in few],
            goal=at_most(GOAL_TAIL),
        ),
    ]
    about = "the same by the processor's time a text"
    found.append(figure("P1", "accept_cpu_ratio", about, RATIO, cpu_ratios(many)))
    for name, what in (
        ("bridge", "the bridge"),
        ("bare", "the bare handler"),
        ("naive", "one commit a request"),
    ):
        for connections, taken in ((MANY, many), (FEW, few)):
            speeds = [one[name].per_second for one in taken]
            about = f"{what}, {connections} connections"
            found.append(figure("P1", f"{name}_{connections}", about, "texts/s", speeds))
    for name, what in (("bridge", "the bridge"), ("bare", "the bare handler")):
        tails = [one[name].p99 for one in few]
        found.append(
            figure("P2", f"{name}_p99_{FEW}", f"{what}, p99, {FEW} connections", "ms", tails)
        )
    about = "what the load itself can do at most (a server that only answers)"
    found.append(figure("P1", "ceiling", about, "texts/s", [ceiling.per_second]))
    return found


@contextmanager
def standing(folder: Path, names: str = ALL) -> Iterator[dict[str, Process]]:
    """The bridge and its yardsticks; Zendesk has it wait, so that accepting alone is measured."""
    database = f"sqlite:///{folder / 'bench.db'}"
    set_up(database)
    with ExitStack() as stack:
        far_side = stack.enter_context(FarSide())
        far_side.set(status=429)
        servers = {}
        for name in names.split():
            if name == "bridge":
                server = bridge(database, far_side)
            else:
                port = free_port()
                module = {"ceiling": "responder"}.get(name, name)
                command = [sys.executable, "-m", f"tests.bench.{module}", str(port)]
                server = Process([*command, str(folder / "naive.db")], port=port)
            servers[name] = stack.enter_context(server)
        yield servers


def rounds(
    servers: Mapping[str, Process], connections: int, count: int, texts: int, *, first: int
) -> Iterator[dict[str, Measured]]:
    """So many rounds; in each the servers have their turns, first the one and then the other way
    round, so that nobody always follows the same."""
    names = [name for name in servers if name != "ceiling"]
    for name in names:
        run_load(servers[name].port, list(webhooks(WARM_UP, first=first)), connections=connections)
    first += WARM_UP
    for number in range(count):
        taken = {}
        for name in names if number % 2 == 0 else reversed(names):
            # The naive store takes several times as long for as many.
            requests = list(webhooks(texts // 3 if name == "naive" else texts, first=first))
            before_s = servers[name].cpu_s()
            measured = run_load(servers[name].port, requests, connections=connections)
            cpu_us = (servers[name].cpu_s() - before_s) / len(requests) * 1e6
            taken[name] = replace(measured, cpu_us=cpu_us)
        first += texts
        yield taken


def ratios(taken: list[dict[str, Measured]]) -> list[float]:
    """The bridge's speed in each round against the bare handler's in the same."""
    return [one["bridge"].per_second / one["bare"].per_second for one in taken]


def cpu_ratios(taken: list[dict[str, Measured]]) -> list[float]:
    """The same by the processor's time that a text costs, which others' load hardly changes."""
    return [one["bare"].cpu_us / one["bridge"].cpu_us for one in taken]
