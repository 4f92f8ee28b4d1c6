"""Writes to the store as fast as it can, and notes each write once it was acknowledged.

Run as a process of its own: `python writer.py DATABASE ACKS SYNCHRONOUS COUNT`.
"""

from __future__ import annotations

import asyncio
import os
import sys

from bridge.clock import SystemClock
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase

LANES = 4
AS_IT_IS = "AS_IT_IS"  # what the store has set itself
PADDING = "x" * 700  # so that the log is folded into the file on the way (1,000 pages)


async def main(path: str, acks_path: str, synchronous: str, count: int) -> None:
    """Write `count` rows from each of several lanes."""
    acks = os.open(acks_path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    database = SqliteDatabase(path, SystemClock())
    await database.open()
    if synchronous != AS_IT_IS:
        assert database._writer is not None
        await database._writer.execute(f"PRAGMA synchronous = {synchronous}")

    async def write(lane: int) -> None:
        for number in range(count):
            name = f"{lane}-{number:05}"

            def put(tx: Transaction, name: str = name) -> None:
                tx.run("INSERT INTO meta (name, value) VALUES ($1, $2)", name, PADDING)

            await database.write(put, brief=lane > 0)  # with others and without
            os.write(acks, f"{name}\n".encode())

    await asyncio.gather(*(write(lane) for lane in range(LANES)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
