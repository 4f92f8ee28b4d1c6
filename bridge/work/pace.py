"""How much is worked at once, and how long between tries."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bridge.domain.retries import pause_ms

LONGEST_CRASH_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at once, and how long between tries (seconds)."""

    at_once: int = 64
    retry_base_s: float = 1.0
    retry_max_s: float = 300.0
    settle_wait_s: float = 5.0

    def pause_after_crash_ms(self, starts: int) -> int:
        """How long what was begun so often and never ended waits after a restart.

        Nothing after the first time. Then longer and longer, and each by chance: so that what
        crashes the process meets fewer and fewer others at work, those get done meanwhile, and
        ten kills in a minute prove nothing against anybody.
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
