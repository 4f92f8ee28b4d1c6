"""How long to wait before the next try."""

from __future__ import annotations

import math

# 2**60 steps of a microsecond are 36,000 years: beyond any cap, and far from a float's overflow.
_LARGEST_DOUBLING = 60


def pause_ms(
    attempt: int, *, base_s: float, max_s: float, jitter: float, asked_s: float | None
) -> int:
    """Milliseconds to wait after try number `attempt` (1 for the first) has failed.

    Doubles from `base_s` up to `max_s`; `jitter` in [0, 1) moves it between half the step and
    the whole. What the far side asked for (`asked_s`, Retry-After) takes the step's place, be it
    shorter or beyond `max_s`; the pause is then never shorter than asked.
    """
    first_ms = min(base_s, max_s) * 1000
    if asked_s is not None and math.isfinite(asked_s):
        # The jitter keeps those that were turned away together from coming back together; half
        # the first step keeps a "Retry-After: 0" from turning into a tight loop.
        return max(math.ceil(asked_s * 1000) + int(jitter * first_ms), _half_or_more(first_ms, 0))
    doublings = min(max(attempt - 1, 0), _LARGEST_DOUBLING)
    return _half_or_more(min(base_s * 2.0**doublings, max_s) * 1000, jitter)


def _half_or_more(step_ms: float, jitter: float) -> int:
    return math.ceil(step_ms * (1 + jitter) / 2)
