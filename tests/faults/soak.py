"""A storm by hand: `make soak`, with SIZE, SECONDS and SEED. Ends with 1 on any violation."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests import postgres
from tests.faults.machine import play
from tests.faults.plan import Plan
from tests.faults.storm import Storm

# Texts, conversations, replies, seconds of talk.
SIZES = {
    "small": Plan(seed=0, texts=60, conversations=8, replies=20, seconds=6),
    "middle": Plan(seed=0, texts=90, conversations=15, replies=30, seconds=6),
    "full": Plan(seed=0, texts=2000, conversations=200, replies=1000, seconds=120),
}


def main(arguments: Sequence[str]) -> int:
    """Run one storm an engine; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--seconds", type=float, help="how long people talk")
    parser.add_argument("--seed", type=int, help="of an earlier storm, to have it again")
    parser.add_argument("--engine", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--stories", type=int, default=200, help="of the state machine, before")
    parser.add_argument("--real-leases", action="store_true", help="wait a minute for the dead")
    parser.add_argument("--keep", type=Path, help="a folder to keep logs and file in")
    given = parser.parse_args(arguments)
    seed = random.randrange(10**6) if given.seed is None else given.seed
    plan = replace(SIZES[given.size], seed=seed, real_leases=given.real_leases)
    if given.seconds is not None:
        plan = replace(plan, seconds=given.seconds)
    engines = ["sqlite", "postgres"] if given.engine == "both" else [given.engine]
    for engine in engines:
        _stories(given.stories, seed, engine)
    return max([_storm(plan, engine, given.keep) for engine in engines])


def _stories(count: int, seed: int, engine: str) -> None:
    """Raises what the first story that fails raises, with its steps."""
    if not count:
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-")))
        server = postgres.server_url(folder) if engine == "postgres" else ""

        def new_store(where: Path) -> str:
            if engine == "sqlite":
                return f"sqlite:///{where / 'soak.db'}"
            return stack.enter_context(postgres.schema(server))

        print(f"{engine}, {count} stories, seed {seed} ...", flush=True)
        play(new_store, folder, examples=count, steps=30, number=seed)


def _storm(plan: Plan, engine: str, keep: Path | None) -> int:
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-")))
        url = f"sqlite:///{folder / 'soak.db'}"
        if engine == "postgres":
            plan = replace(plan, processes=2)
            url = stack.enter_context(postgres.schema(postgres.server_url(folder)))
        print(f"{engine}, seed {plan.seed} ...", flush=True)
        report = asyncio.run(Storm(plan, folder, url).run())
        print(f"{engine}, {report}", flush=True)
        return int(bool(report.violations))


if __name__ == "__main__":
    # Whoever ends it early leaves no process behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
