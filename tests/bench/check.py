"""Fails when accepting has become a third slower than was recorded: `python -m tests.bench.check`.

It is the speed against the bare handler's in the same run that counts. What looks too slow is
measured again for longer, beside the naive store. It may be the disk, or others on the machine:
then a text costs no more of the processor's time than it did, and the naive store has become slower
as well. A slower bridge fails by one of the two.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bridge import logs
from tests.bench.accepting import MANY, cpu_ratios, ratios, rounds, standing
from tests.bench.results import Kept, load, named
from tests.bench.servers import pin_here

ROUNDS, MORE_ROUNDS = 5, 9
TEXTS: Final = 1_500  # a round
LEAST: Final = 2 / 3  # of what was recorded


def main() -> int:
    """Measure and judge. Returns the exit code."""
    logs.configure("json", "error")
    pin_here()
    kept = load()
    wanted = named(kept, "accept_ratio").median * LEAST
    with TemporaryDirectory() as folder, standing(Path(folder), "bare bridge") as servers:
        taken = list(rounds(servers, MANY, ROUNDS, TEXTS, first=0))
    found = statistics.median(ratios(taken))
    print(f"texts accepted against the bare handler: {found:.2f} x; at least {wanted:.2f}")
    if found >= wanted or is_explained(kept, wanted):
        return 0
    print(
        "accepting texts is more than a third slower than recorded in docs/performance/results.json"
        " (docs/performance.md says how to record anew)",
        file=sys.stderr,
    )
    return 1


def is_explained(kept: Kept, wanted: float) -> bool:
    """Whether more rounds are quick enough, or neither the processor's time nor the naive store
    says that it is the bridge which is slower."""
    with TemporaryDirectory() as folder, standing(Path(folder), "bare naive bridge") as servers:
        taken = list(rounds(servers, MANY, MORE_ROUNDS, TEXTS, first=0))
    found = (
        statistics.median(ratios(taken)),
        statistics.median(cpu_ratios(taken)),
        statistics.median(one["bridge"].per_second / one["naive"].per_second for one in taken),
    )
    naive = named(kept, f"bridge_{MANY}").median / named(kept, f"naive_{MANY}").median
    least = (wanted, named(kept, "accept_cpu_ratio").median * LEAST, naive * LEAST)
    names = ("against the bare handler", "by the processor's time", "against the naive store")
    for name, value, limit in zip(names, found, least, strict=True):
        print(f"again, {name}: {value:.2f} x; at least {limit:.2f}")
    return found[0] >= least[0] or (found[1] >= least[1] and found[2] >= least[2])


if __name__ == "__main__":
    sys.exit(main())
