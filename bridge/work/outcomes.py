"""How a piece of work can end, as values that a handler returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bridge.store import attempts, work
from bridge.store.database import Transaction
from bridge.store.work import Item

T = TypeVar("T")
Save = Callable[[Transaction], None]


LONGEST_KEPT_S = 3600.0  # by the settings: then looked at, just in case


def nothing(_tx: Transaction) -> None:
    """Save nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It is done. `save` runs in the transaction that takes the work out, `then` once that is
    kept."""

    words: str
    save: Save = nothing
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not yet: try again after `pause_s` (None: the next step of the ladder).

    `save` runs once the lane is given back, so that it may hurry it.
    """

    words: str
    pause_s: float | None = None
    save: Save = nothing
    unknown: bool = False  # the call may have been applied
    counts: bool = True  # false: nothing was tried, it was not its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """It can't be done; it is kept as failed work. `save` notes it on the message, `then` runs
    once that is kept."""

    words: str
    save: Save = nothing
    then: Callable[[], None] = lambda: None


Outcome = Done | Later | GaveUp


def its_turn_later(words: str, wait_ms: int) -> Later:
    """Nothing was tried: a limit leaves no room now."""
    return Later(words=f"{words}: waits for its turn", pause_s=wait_ms / 1000, counts=False)


def kept_back(words: str, still: Callable[[Transaction], object]) -> Later:
    """Nothing was tried, as the settings keep it back; `still` asks whether they do. A change of
    them has it looked at anew: looking time and again would be work, and each look would be kept.
    """

    def save(tx: Transaction) -> None:
        if not still(tx):
            work.hurry_kept_back(tx)  # changed just now, while its lane was not given back yet

    words = f"{words}: {work.UNTIL_CHANGED}"
    return Later(words=words, pause_s=LONGEST_KEPT_S, save=save, counts=False)


class Job(Protocol):
    """A claimed item in the hands of its handler."""

    item: Item

    async def intend(self, intent: Mapping[str, Any] | None, save: Save = nothing) -> None:
        """Make durable, before the call, that this write may leave. Raises LeaseLost."""
        ...

    async def read(self, transaction: Callable[[Transaction], T]) -> T:
        """Run a reading transaction. Whether the claim holds is for the next write to say."""
        ...

    async def keep(self, transaction: Callable[[Transaction], T]) -> T:
        """Run a transaction of some statements under the claim. Raises LeaseLost."""
        ...

    async def keep_much(self, transaction: Callable[[Transaction], T]) -> T:
        """The same for one of some hundred statements and more."""
        ...


def name_of(outcome: Outcome) -> attempts.Outcome:
    """How an attempt with this outcome is kept."""
    match outcome:
        case Done():
            return "done"
        case Later():
            return "unknown" if outcome.unknown else "later"
        case GaveUp():
            return "refused"
