"""How much is worked at once, and how long between tries."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bridge.domain.retries import pause_ms
from bridge.errors import OutcomeUnknown, TryLater
from bridge.store.work import Item
from bridge.work.outcomes import GaveUp, Later, Outcome

MOST_FAULTS = 5  # a fault of ours this often: set aside
# A crash this often as well. More than of faults: one that is told proves something against this
# very item, while whoever kills the process also hits whatever is at work beside the culprit. Where
# every second try is hit by a kill from outside, as it is when those come as often as answers, ten
# make out three culprits among 3,000 items by chance alone; twenty, one in three hundred times.
MOST_CRASHES = 20
LONGEST_CRASH_PAUSE_S = 60.0
LONGEST_WAIT_MS = 72 * 3600 * 1000  # a far side that stays away longer: set aside, seen by a human
FEWEST_TRIES = 10  # before that: it may have waited behind a pause, or a human has it tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many lanes at once, and how long between tries (seconds)."""

    at_once: int = 64
    retry_base_s: float = 1.0
    retry_max_s: float = 300.0
    settle_wait_s: float = 5.0

    def pause_after_crash_ms(self, starts: int) -> int:
        """How long what was begun so often and never ended waits before it is begun again.

        Nothing after the first time. Then longer and longer, and each by chance: so that what
        crashes the process meets fewer and fewer others at work, those get done meanwhile, and
        any number of kills in a minute proves nothing against anybody.
        """
        if starts < 2:
            return 0
        return pause_ms(
            starts - 1,
            base_s=self.retry_base_s,
            max_s=LONGEST_CRASH_PAUSE_S,
            jitter=random.random(),  # noqa: S311 - spreads tries, guards nothing
            asked_s=None,
        )

    def again(self, item: Item, error: TryLater | OutcomeUnknown, waited_ms: int) -> Outcome:
        """When to try again: with growing pauses, and for three days at most."""
        if waited_ms > LONGEST_WAIT_MS and item.attempts >= FEWEST_TRIES:
            return GaveUp(words=f"given up after three days: {error.words}")
        if isinstance(error, TryLater):
            return Later(words=error.words, pause_s=error.pause_s)
        longest_s = max(self.settle_wait_s, self.retry_max_s)
        pause_s = min(self.settle_wait_s * 2 ** min(item.attempts, 30), longest_s)
        return Later(words=error.words, pause_s=max(pause_s, error.pause_s or 0.0), unknown=True)

    def pause_of(self, item: Item, outcome: Later) -> int:
        """How long what is tried again waits, in milliseconds."""
        if outcome.unknown and outcome.pause_s is not None:
            return int(outcome.pause_s * 1000)
        return pause_ms(
            item.attempts + 1,
            base_s=self.retry_base_s,
            max_s=self.retry_max_s,
            jitter=random.random(),  # noqa: S311 - spreads tries, guards nothing
            asked_s=outcome.pause_s,
        )
