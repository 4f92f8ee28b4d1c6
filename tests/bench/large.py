"""P5 and P9: the same on a database of a million messages and on one with next to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.accepting import MANY
from tests.bench.figures import RATIO, Figure, at_most, figure
from tests.bench.load import run_load, webhooks
from tests.bench.prepare import know_customers, write_all
from tests.bench.seed import seed
from tests.bench.servers import FarSide, Process, bridge
from tests.bench.sizes import Size
from tests.bench.through import NO_LIMITS, speed

SMALL = (1_000, 100)  # messages and contacts: a page is full, an index has one level
DAYS = 60
CALLERS = 100  # who text: both databases know them
LISTED = 200  # texts on the carrier's list that a sweep looks up
WATCHED_S = 8.0
GOAL_COST = 1.1
GOAL_START_S, GOAL_LARGE_START_S = 1.0, 2.0
PAGES = ("messages?limit=50", "conversations?limit=50", "messages/m500", "contacts/%2B13032000050")
ASKED = 30  # times, of each page in a round
OFTEN = NO_LIMITS | {"BRIDGE_SWEEP_INTERVAL": "1"}
Pair = tuple[Process, Process]  # small, large


def measure(size: Size) -> list[Figure]:
    """Rounds in turn on both."""
    with TemporaryDirectory() as folder:
        urls = _seeded(Path(folder), size)
        starts = [[_start_s(url) for url in urls] for _ in range(size.rounds)]
        customers = size.contacts * 2  # whom neither knows from its messages
        for url in urls:
            know_customers(url, customers, size.through * (size.rounds + 1), linked=False)
        costs = {}
        with _both(urls, 200) as (small, large, far_side):
            working = _working(size, far_side, customers)
            costs["work"] = _compare(size, (small, large), working)
        with _both(urls, 200, OFTEN) as (small, large, far_side):
            far_side.set(listed=LISTED)
            costs["sweep"] = _compare(size, (small, large), _sweeping, rounds=2)
        with _both(urls, 429) as (small, large, _):  # last: the pause it asks for is stored
            costs["accept"] = _compare(size, (small, large), _accepting(size))
            costs["pages"] = _compare(size, (small, large), _pages)
    return [*_costs(size, costs), *_starts(starts)]


def _costs(size: Size, costs: dict[str, list[float]]) -> Iterator[Figure]:
    large = f"{size.stored:,} messages against 1,000"
    for name, what in (
        ("accept", "accepting a text"),
        ("work", "a text's way to Zendesk"),
        ("sweep", "a sweep each second, processor's time"),
        ("pages", "a page of the API"),
    ):
        about = f"{what}, {large}"
        goal = at_most(GOAL_COST)
        yield figure("P5", f"large_{name}", about, RATIO, costs[name], goal=goal)


def _starts(starts: list[list[float]]) -> Iterator[Figure]:
    for which, name, about, most_s in (
        (0, "start", "start to ready, small database", GOAL_START_S),
        (1, "start_large", "start to ready, large database", GOAL_LARGE_START_S),
    ):
        values = [each[which] for each in starts]
        yield figure("P9", name, about, "s", values, goal=at_most(most_s))


def _seeded(folder: Path, size: Size) -> tuple[str, str]:
    for name, (messages, contacts) in (
        ("small", SMALL),
        ("large", (size.stored, size.contacts)),
    ):
        asyncio.run(seed(folder / f"{name}.db", messages, contacts, DAYS))
        # What waits in it would be worked on as soon as a bridge starts.
        write_all(f"sqlite:///{folder / name}.db", [lambda tx: tx.run("DELETE FROM work")])
    return f"sqlite:///{folder / 'small.db'}", f"sqlite:///{folder / 'large.db'}"


@contextmanager
def _both(
    urls: tuple[str, str], status: int, changes: Mapping[str, str] = NO_LIMITS
) -> Iterator[tuple[Process, Process, FarSide]]:
    with ExitStack() as stack:
        far_side = stack.enter_context(FarSide())
        far_side.set(status=status)
        small, large = (stack.enter_context(bridge(url, far_side, changes)) for url in urls)
        time.sleep(2)  # what a start has to catch up with
        yield small, large, far_side


def _compare(
    size: Size, pair: Pair, cost: Callable[[Process, int], float], *, rounds: int | None = None
) -> list[float]:
    """The large one's cost against the small one's, round by round; the first is not counted."""
    found = []
    for number in range((rounds or size.rounds) + 1):
        order = pair if number % 2 == 0 else pair[::-1]
        costs = {id(each): cost(each, number) for each in order}
        found.append(costs[id(pair[1])] / costs[id(pair[0])])
    return found[1:]


def _accepting(size: Size) -> Callable[[Process, int], float]:
    def accept(process: Process, number: int) -> float:
        first = (number + 1) * 10_000_000
        load = list(webhooks(size.texts, first=first, customers=CALLERS))
        return 1 / run_load(process.port, load, connections=MANY).per_second

    return accept


def _working(size: Size, far_side: FarSide, customers: int) -> Callable[[Process, int], float]:
    def work(process: Process, number: int) -> float:
        first = (2 * number + 1) * 10_000_000 + process.port * 1_000_000_000
        begin = customers + size.through * number
        count = size.through
        load = list(webhooks(count, first=first, customers=count, first_customer=begin))
        run_load(process.port, load, connections=MANY)
        return 1 / speed(far_side, first, count)

    return work


def _sweeping(process: Process, _number: int) -> float:
    before_s = process.cpu_s()
    time.sleep(WATCHED_S)
    return (process.cpu_s() - before_s) / WATCHED_S


def _pages(process: Process, _number: int) -> float:
    for path in PAGES:
        process.get(f"/api/v1/{path}")
    began = time.monotonic()
    for _ in range(ASKED):
        for path in PAGES:
            process.get(f"/api/v1/{path}")
    return (time.monotonic() - began) / ASKED


def _start_s(url: str) -> float:
    with FarSide() as far_side, bridge(url, far_side) as process:
        return process.started_in_s
