"""Measures each peer alike: a load against a Zendesk that takes 100 ms, kill -9, an outage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, figure
from tests.bench.load import LoadFailed, run_load, run_until
from tests.bench.peers.kinds import KINDS, NotHere, Peer
from tests.bench.servers import FarSide
from tests.bench.sizes import Size
from tests.bench.through import DELAY_S, LONGEST_S, speed

CONNECTIONS = 64
WARM_UP = 200
KILLED_AFTER_S = 1.5
MOST_KILLED = 20_000  # requests: more than anybody answers until then
TEXTS_AWAY, EACH_S = 100, 0.05
QUIET_S = 15.0  # without a text arriving: none will


def measure(size: Size) -> list[Figure]:
    """One peer after the other; who can't be had is named."""
    found: list[Figure] = []
    for kind in KINDS:
        with TemporaryDirectory(prefix="bridge-peer-") as folder:
            peer = kind(Path(folder))
            try:
                peer.install(WARM_UP + size.peers * size.peer_rounds + MOST_KILLED + TEXTS_AWAY)
                found += _measure(peer, size)
            except (NotHere, OSError) as error:
                print(f"P10 {peer.title}: left out, {error}")
                sys.stdout.flush()
    return found


def _measure(peer: Peer, size: Size) -> Iterator[Figure]:
    first, accepted, tails, through, memory = WARM_UP, [], [], [], []
    with FarSide() as far_side, peer.start(far_side) as process:
        far_side.set(delay=DELAY_S)
        run_load(process.port, [peer.request(one) for one in range(WARM_UP)], connections=8)
        for _ in range(size.peer_rounds):
            requests = [peer.request(first + one) for one in range(size.peers)]
            taken = run_load(process.port, requests, connections=CONNECTIONS)
            memory.append(process.memory_mb())
            accepted.append(taken.per_second)
            tails.append(taken.p99)
            if peer.reaches_desk:
                through.append(speed(far_side, first, size.peers))
            first += size.peers
        process.kill()
    yield figure("P10", f"{peer.name}.accepted", peer.title, "texts/s", accepted)
    yield figure("P10", f"{peer.name}.p99", peer.title, "ms", tails)
    yield figure("P10", f"{peer.name}.memory", peer.title, "MB", memory)
    if through:
        yield figure("P10", f"{peer.name}.through", peer.title, "texts/s", through)
    yield from _killed(peer, first)
    if peer.reaches_desk:
        yield _away(peer, first + MOST_KILLED)


def _killed(peer: Peer, first: int) -> Iterator[Figure]:
    """Kill it in the middle, start it again, and count what was acknowledged and never came."""
    kept_before = peer.kept()
    with FarSide() as far_side:
        far_side.set(delay=DELAY_S)
        with peer.start(far_side) as process:
            requests = [peer.request(first + one) for one in range(MOST_KILLED)]
            acknowledged = run_until(
                process.kill,
                process.port,
                requests,
                connections=CONNECTIONS,
                after_s=KILLED_AFTER_S,
            )
        numbers = {first + one for one in acknowledged}
        if peer.reaches_desk:
            with peer.start(far_side):
                times = _settled(far_side, numbers)
            lost = len(numbers - times.keys())
            doubled = sum(count > 1 for count in times.values())
            yield figure("P10", f"{peer.name}.doubled", peer.title, "texts", [doubled])
        else:
            lost = max(0, len(numbers) - (peer.kept() - kept_before))
    yield figure("P10", f"{peer.name}.lost", peer.title, f"of {len(numbers):,}", [lost])


def _away(peer: Peer, first: int) -> Figure:
    """Text while Zendesk answers 503, and count what it has some time after it is back."""
    numbers = set(range(first, first + TEXTS_AWAY))
    with FarSide() as far_side, peer.start(far_side) as process:
        far_side.set(status=503)
        for number in sorted(numbers):
            with suppress(LoadFailed, OSError):
                run_load(process.port, [peer.request(number)], connections=1)
            time.sleep(EACH_S)
        far_side.set(status=200)
        times = _settled(far_side, numbers)
    here = len(numbers & times.keys())
    return figure("P10", f"{peer.name}.away", peer.title, f"of {len(numbers)}", [here])


def _settled(far_side: FarSide, numbers: set[int]) -> dict[int, int]:
    """How often each text came, once all are there or none comes any more."""
    deadline, quiet_since, before = time.monotonic() + LONGEST_S, time.monotonic(), 0
    while True:
        times = {number: count for number, (count, _) in far_side.texts().items()}
        now = time.monotonic()
        if len(times) > before:
            quiet_since, before = now, len(times)
        is_quiet = now - quiet_since > (QUIET_S if numbers - times.keys() else DELAY_S * 10)
        if is_quiet or now > deadline:
            return times
        time.sleep(0.25)
