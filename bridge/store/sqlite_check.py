"""Whether the whole of SQLite's file is sound: it is looked through at each start.

A start waits for that, yet for a large file only a moment: coming up again must not take the longer
the more has been kept. The rest is looked through beside the work. Where that finds damage the
process ends, and the next start waits until it has seen all of the file, and says what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from typing import IO, Final

import structlog

from bridge.errors import UserMistake
from bridge.store.sqlite_file import ruined

log = structlog.get_logger()
WITHIN_S = 0.5  # enough for some hundred thousand rows
LOOK = "PRAGMA quick_check(1)"
UNFINISHED_CHECK: Final = "not all of the database has been looked through\n"


class Check:
    """One look through a file. In the file of the lock it notes that a start went on without."""

    def __init__(self, path: str, lock: IO[str]) -> None:
        self._path = path
        self._lock = lock
        self._connection: sqlite3.Connection | None = None
        self._looking: asyncio.Task[str] | None = None
        self._going_on: asyncio.Task[None] | None = None

    async def start(self, *, may_go_on: bool) -> None:
        """Look through the file: to its end, unless that takes long and the start may go on
        without. Raises UserMistake for a damaged one."""
        may_go_on = may_go_on and not os.pread(self._lock.fileno(), 1, 0)
        self._looking = asyncio.create_task(asyncio.to_thread(self._look), name="file check")
        await asyncio.wait([self._looking], timeout=WITHIN_S if may_go_on else None)
        if self._looking.done():
            self._judge(self._looking.result())
        else:
            self._note(UNFINISHED_CHECK)
            self._going_on = asyncio.create_task(self._go_on(self._looking), name="going on")

    async def stop(self) -> None:
        """Look no further."""
        if self._going_on is not None:
            self._going_on.cancel()
            if self._looking is not None and not self._looking.done():
                self._note("")  # nothing is found so far, and whoever stops it is no crash
        if self._looking is not None:
            while not self._looking.done():
                connection = self._connection
                if connection is not None:
                    with contextlib.suppress(sqlite3.ProgrammingError):  # it is just over
                        connection.interrupt()
                await asyncio.wait([self._looking], timeout=0.05)

    async def _go_on(self, looking: asyncio.Task[str]) -> None:
        try:
            self._judge(await asyncio.shield(looking))
        except UserMistake as error:
            log.critical("database.damaged", error=str(error))
            os._exit(os.EX_IOERR)

    def _judge(self, found: str) -> None:
        if found != "ok":
            raise ruined(self._path, found)
        self._note("")

    def _note(self, words: str) -> None:
        with contextlib.suppress(OSError):  # a full disk: the next start may go on, too
            os.ftruncate(self._lock.fileno(), 0)  # past what would flush it again at the close
            os.pwrite(self._lock.fileno(), words.encode(), 0)

    def _look(self) -> str:
        """What SQLite says of the file. Raises nothing: what it can't read is damaged."""
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection = connection  # for `stop`, from another thread
        try:
            return str(connection.execute(LOOK).fetchone()[0]).splitlines()[-1]
        except sqlite3.DatabaseError as error:
            return str(error)
        finally:
            self._connection = None
            connection.close()
