"""P7: a backlog drained at the pace of a Zendesk that takes 100 ms, while newcomers text."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.http import AT_ONCE
from tests.bench.figures import RATIO, Figure, at_least, at_most, figure
from tests.bench.load import run_load, webhooks
from tests.bench.prepare import keep_waiting, know_customers, set_up
from tests.bench.servers import FarSide, Process, bridge
from tests.bench.sizes import Size
from tests.bench.through import DELAY_S, NO_LIMITS

TEXTS_EACH = 10
NEWCOMERS = 10_000_000  # the number of the first one's text
NEWCOMER_EVERY_S = 1.0
SETTLED_S = 15.0  # after which the last newcomer has to be there
SLOWER_THAN_GOAL = 4
GOAL_SHARE, GOAL_WAIT_S = 0.8, 1.0


def measure(size: Size) -> list[Figure]:
    """Fill, start, watch."""
    customers = max(1, size.drained // TEXTS_EACH)
    with TemporaryDirectory() as folder, FarSide() as far_side:
        database = f"sqlite:///{Path(folder) / 'bench.db'}"
        set_up(database)
        know_customers(database, 0, customers, linked=True)
        keep_waiting(database, size.drained, customers=customers)
        far_side.set(delay=DELAY_S)
        with bridge(database, far_side, NO_LIMITS) as process:
            began = time.monotonic()
            sent = _send_newcomers(process, far_side, size.drained, customers)
            calls = sum(far_side.calls().values())
            time.sleep(DELAY_S * TEXTS_EACH)
            texts = far_side.texts()
    old = [one for number, one in texts.items() if number < NEWCOMERS]
    doubled = sum(times > 1 for times, _ in old)
    if len(old) < size.drained or doubled:
        raise RuntimeError(f"{size.drained - len(old)} texts did not arrive, {doubled} came twice")
    took_s = max(first for _, first in old) - began
    waits = [texts[number][1] - at for number, at in sent.items() if number in texts]
    allowed = AT_ONCE / DELAY_S * took_s
    return [
        figure(
            "P7",
            "drain",
            f"{size.drained:,} waiting texts: calls against what the far side allows",
            RATIO,
            [calls / allowed],
            goal=at_least(GOAL_SHARE),
        ),
        figure("P7", "drain_speed", "the same", "texts/s", [size.drained / took_s]),
        figure(
            "P7",
            "newcomer",
            "the slowest of the newcomers' texts meanwhile, sent → ticket being made",
            "s",
            [max(waits, default=SETTLED_S)],
            goal=at_most(GOAL_WAIT_S),
        ),
        figure("P7", "newcomers", "all of the newcomers' texts", "s", waits or [SETTLED_S]),
    ]


def _send_newcomers(
    process: Process, far_side: FarSide, count: int, customers: int
) -> dict[int, float]:
    """A new customer each second until the backlog is gone. Returns when each text was sent."""
    sent: dict[int, float] = {}
    deadline = time.monotonic() + SLOWER_THAN_GOAL * count * 2 * DELAY_S / AT_ONCE + SETTLED_S
    while True:
        number = NEWCOMERS + len(sent)
        sent[number] = time.monotonic()
        load = webhooks(1, first=number, customers=1, first_customer=customers + len(sent))
        run_load(process.port, list(load), connections=1)
        time.sleep(NEWCOMER_EVERY_S)
        arrived = far_side.texts()
        if sum(each < NEWCOMERS for each in arrived) >= count or time.monotonic() > deadline:
            return sent
