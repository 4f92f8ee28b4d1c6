"""The switch that keeps every text back, whatever its sender."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Whether it is thrown: since then (UTC ms), None where texts leave."""

    since_ms: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether texts are kept back."""
        return self.since_ms is not None
