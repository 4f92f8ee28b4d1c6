"""How large a storm is, who takes part in it, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.checker import Violation

AREAS = ("202", "212", "213", "305", "312", "404", "415", "503", "512", "617", "702", "713")
WORDS = (
    "where is my order",
    "the parcel came today",
    "grüße aus Köln",
    "is this still open?",
    "thanks 👍",
    "it broke again, again and again",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything. `seconds` is how long people talk; quiet takes what it takes."""

    seed: int
    texts: int
    conversations: int
    replies: int
    seconds: float
    processes: int = 1
    faults: float = 0.15  # share of the calls
    kill_every_s: float = 1.0
    stops: float = 0.15  # share of the conversations
    real_leases: bool = False  # else a killed process's claims end in seconds
    patience_s: float = 180.0  # without anything getting on


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a storm."""

    plan: Plan
    texts: int = 0
    unacknowledged: int = 0
    replies: int = 0
    unhinted: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    talked_s: float = 0.0
    settled_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        logged = ", ".join(
            f"{what} {count}" for what, count in sorted((self.logged + self.states).items())
        )
        broken = "".join(f"\n  {violation}" for violation in self.violations)
        return (
            f"seed {self.plan.seed}: {self.texts} texts ({self.unacknowledged} not acknowledged) "
            f"in {self.plan.conversations} conversations, {self.replies} replies "
            f"({self.unhinted} without a hint), {self.kills} kills, {self.faults.total()} faults "
            f"({faults}); talked {self.talked_s:.0f} s, settled after {self.settled_s:.0f} s; "
            f"besides: {logged or 'nothing'}; {len(self.violations)} violations{broken}"
        )


def customers() -> Iterator[str]:
    """Numbers that are kept for fiction, each once."""
    for area in AREAS:
        for last in range(100, 200):
            if (area, last) != ("202", 100):  # that one is ours
                yield f"+1{area}5550{last}"
