"""Measures the bridge beside its yardsticks: `make bench`, some minutes; docs/performance.md.

python -m tests.bench [P1 P4 ...] [--full] [--peers] [--print-only]
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from bridge import logs
from tests.bench import (
    accepting,
    backlog,
    beside,
    drain,
    large,
    latency,
    memory,
    results,
    sizes,
    through,
)
from tests.bench.figures import Figure
from tests.bench.peers import measuring as peers
from tests.bench.servers import pin_here
from tests.bench.sizes import Size

MEASURES: Final[Mapping[str, Callable[[Size], list[Figure]]]] = {
    "P1 P2": accepting.measure,
    "P3": latency.measure,
    "P4": through.measure,
    "P5 P9": large.measure,
    "P6": memory.measure,
    "P7": drain.measure,
    "P8": beside.measure,
}


def main() -> None:
    """Measure what the command line asks for, print it, keep it."""
    asked = _asked()
    size = sizes.TINY if asked.tiny else sizes.FULL if asked.full else sizes.QUICK
    logs.configure("json", "error")
    pin_here()
    # A time limit from outside must leave no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    began = time.monotonic()
    found = [
        one
        for names, measure in MEASURES.items()
        if asked.parts & set(names.split())
        for one in measure(size)
    ]
    if size.with_limits and "P7" in asked.parts:
        found += backlog.measure()
    if asked.peers:
        found += peers.measure(size)
    print(f"measured in {(time.monotonic() - began) / 60:.1f} minutes")
    if not asked.print_only:
        results.keep(found, "full" if asked.full else "quick")
        print(f"kept: {', '.join(str(path) for path in results.written())}")


def _asked() -> argparse.Namespace:
    every = {name for names in MEASURES for name in names.split()}
    ask = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    ask.add_argument("parts", nargs="*", help=f"of {' '.join(sorted(every))}; none: all of them")
    ask.add_argument("--full", action="store_true", help="an hour and more instead of minutes")
    ask.add_argument("--peers", action="store_true", help="P10 too; alone where no part is named")
    ask.add_argument("--print-only", action="store_true", help="keep nothing")
    ask.add_argument("--tiny", action="store_true", help="a look whether it all runs")
    asked = ask.parse_args()
    unknown = set(asked.parts) - every
    if unknown:
        ask.error(f"there is no {' '.join(sorted(unknown))}")
    asked.parts = set(asked.parts) or (set() if asked.peers else every)
    asked.print_only |= asked.tiny
    return asked


if __name__ == "__main__":
    main()
