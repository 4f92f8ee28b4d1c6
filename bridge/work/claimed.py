"""A claimed item, as its handler has it in hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bridge.store import work
from bridge.store.database import Database, Transaction
from bridge.store.work import Claim, Item
from bridge.work.outcomes import Save, nothing
from bridge.work.throttle import Throttle

T = TypeVar("T")


@dataclass(slots=True)
class ClaimedJob:
    """A claimed item as its handler sees it (the `Job` contract)."""

    database: Database
    claimed: Claim
    item: Item
    began_ms: int
    throttle: Throttle

    async def intend(self, intent: Mapping[str, Any] | None, save: Save = nothing) -> None:
        """Make durable that this write may leave."""

        def commit(tx: Transaction) -> None:
            work.save_intent(tx, self.claimed, intent)
            save(tx)

        await self.database.write(commit, brief=True)
        self.item = replace(self.item, intent=intent)
        self.throttle.noted(self.claimed.lane)

    async def read(self, transaction: Callable[[Transaction], T]) -> T:
        """Run a reading transaction: it waits for no commit."""
        return await self.database.read(transaction, brief=True)

    async def keep(self, transaction: Callable[[Transaction], T]) -> T:
        """Run a transaction of some statements under the claim."""
        return await self._keep(transaction, brief=True)

    async def keep_much(self, transaction: Callable[[Transaction], T]) -> T:
        """The same for one of some hundred statements and more."""
        return await self._keep(transaction, brief=False)

    async def _keep(self, transaction: Callable[[Transaction], T], *, brief: bool) -> T:
        def commit(tx: Transaction) -> T:
            work.check(tx, self.claimed)
            return transaction(tx)

        return await self.database.write(commit, brief=brief)
