"""A clock that tests move by hand."""

from __future__ import annotations

START_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """UTC milliseconds since 1970."""
        return self._now_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += int(seconds * 1000)
