"""How much is measured: enough for a few minutes, or all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of each. Times in seconds."""

    rounds: int  # of everything that is compared in turn
    texts: int  # a round
    tries: int  # of each latency
    through: int  # texts a round, all the way to Zendesk
    stored: int  # messages in the large database
    contacts: int  # and conversations there
    kept: int  # texts that wait while memory is looked at
    steady_s: float  # how long a steady load is watched
    drained: int  # texts of a backlog
    peers: int  # texts a round, to each peer
    peer_rounds: int
    with_limits: bool  # a second backlog, within Zendesk's limits


QUICK: Final = Size(
    rounds=5,
    texts=3_000,
    tries=40,
    through=2_500,
    stored=1_000_000,
    contacts=100_000,
    kept=100_000,
    steady_s=30.0,
    drained=10_000,
    peers=1_500,
    peer_rounds=3,
    with_limits=False,
)
FULL: Final = replace(
    QUICK,
    rounds=9,
    texts=5_000,
    tries=200,
    through=5_000,
    steady_s=3_600.0,
    drained=100_000,
    peers=3_000,
    peer_rounds=5,
    with_limits=True,
)
# For a look whether it all runs.
TINY: Final = Size(
    rounds=1,
    texts=300,
    tries=3,
    through=200,
    stored=2_000,
    contacts=200,
    kept=1_000,
    steady_s=2.0,
    drained=300,
    peers=200,
    peer_rounds=1,
    with_limits=False,
)
