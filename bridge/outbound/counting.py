"""Counts the states that texts to customers come into, each once and only when it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypedDict, TypeVar

from bridge.store import messages
from bridge.store.database import Transaction
from bridge.work.outcomes import Job, Save

T = TypeVar("T")


class Counters(Protocol):
    """What is counted on the way out."""

    def count_outbound(self, state: str) -> None:
        """Count a text to a customer that came into this state."""
        ...


def watch(
    tx: Transaction, message_id: str, change: Callable[[Transaction], T]
) -> tuple[T, str | None]:
    """Make a change; tell beside its result what state the message came into by it, None where
    it stays or is still on its way."""
    before = messages.get(tx, message_id)
    result = change(tx)
    after = messages.get(tx, message_id)
    if before is None or after is None or after.state in (before.state, "queued", "sending"):
        return result, None
    return result, after.state


class Ending(TypedDict):
    """What the end of a piece of work saves, and does once that is kept."""

    save: Save
    then: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Counting:
    """Makes changes to a message, and counts the state that it comes into by them."""

    counters: Counters
    message_id: str

    async def keep(self, job: Job, change: Callable[[Transaction], T]) -> T:
        """Make a change under the claim. Raises LeaseLost."""
        result, state = await job.keep(lambda tx: watch(tx, self.message_id, change))
        if state is not None:
            self.counters.count_outbound(state)
        return result

    def ends(self, change: Save) -> Ending:
        """A change that ends the work, in one transaction with taking it out."""
        came_into: list[str] = []

        def save(tx: Transaction) -> None:
            _, state = watch(tx, self.message_id, change)
            came_into[:] = [] if state is None else [state]

        def then() -> None:
            for state in came_into:
                self.counters.count_outbound(state)

        return {"save": save, "then": then}
