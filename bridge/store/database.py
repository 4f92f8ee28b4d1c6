"""The database as the rest of the bridge sees it: whole transactions, each a plain function.

A transaction is a synchronous function of a `Transaction`, so nothing can be awaited, and no far
side called, while it is open. It runs in one hop on the database's own thread; one that is brief
may run on the event loop's, and only its commit elsewhere.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

Value = str | int | float | bool | bytes | None
Row = Mapping[str, Any]  # what a column holds is stated where it is read
T = TypeVar("T")


class Transaction(Protocol):
    """An open transaction. Placeholders are `$1`, `$2` ... on every engine."""

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        """Run and return every row."""
        ...

    def first(self, sql: str, *values: Value) -> Row | None:
        """Run and return the first row, or None."""
        ...

    def run(self, sql: str, *values: Value) -> int:
        """Run and return how many rows were touched."""
        ...

    def now_ms(self) -> int:
        """The database's time, the one that leases go by: UTC milliseconds."""
        ...

    def announce(self, topic: str) -> None:
        """Tell whoever listens to this topic, in every process, once this is durable."""
        ...


class Database(Protocol):
    """A store that keeps what it has committed through a power cut."""

    async def open(self) -> None:
        """Connect, migrate, and check that commits are durable. Raises UserMistake."""
        ...

    async def close(self) -> None:
        """Finish what is under way and disconnect."""
        ...

    async def write(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run a transaction that may write; durable when this returns. Raises NotDurable.

        `brief`: a few dozen statements that go by an index, whatever is stored.
        """
        ...

    async def read(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run a transaction that only reads, beside the writers; `brief` as in `write`.

        Raises NotDurable.
        """
        ...

    def listen(self, topic: str, call: Callable[[], None]) -> None:
        """Call this, on the event loop, after each commit that announced the topic."""
        ...

    def along(self, topic: str, transaction: Callable[[Transaction], T]) -> Future[T | None]:
        """Have a brief transaction run with the next commit that announces the topic: in that very
        commit where the engine can do so, else in one that follows at once. Listeners of this
        process are not told of what it has seen so.

        One at a time for each topic. Raises NotDurable, as does the future.
        """
        ...

    def withdraw(self, topic: str) -> bool:
        """Take back what waits to go along, so that its future gets None. Returns False where there
        is nothing, or it is under way."""
        ...

    async def back_up(self, path: str) -> None:
        """Copy the whole database to a new file while it is in use. Raises UserMistake."""
        ...
