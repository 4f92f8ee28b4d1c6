"""What commands share: the settings, an open database, and a running event loop."""

from __future__ import annotations

import asyncio
import getpass
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from bridge import logs
from bridge.clock import SystemClock
from bridge.databases import open_database
from bridge.doctor import has_database
from bridge.errors import UserMistake
from bridge.settings import Settings, load_settings
from bridge.store.changes import Author
from bridge.store.database import Database, Transaction

T = TypeVar("T")


def settings_here() -> Settings:
    """The settings of this environment and working folder. Raises UserMistake.

    From here on the log hides their secrets; `serve` sets up its own.
    """
    settings = load_settings()
    level: logs.LogLevel = "debug" if settings.log_level == "debug" else "warning"
    logs.configure("console", level, secrets=settings.secret_values)
    return settings


def whoever_runs_this() -> Author:
    """Who changes something by a command, for the log of changes."""
    try:
        return Author(how="command", who=getpass.getuser())
    except (KeyError, OSError):  # a container's user without a name
        return Author(how="command")


def run_with_database(
    settings: Settings, use: Callable[[Database], Awaitable[T]], *, make: bool = False
) -> T:
    """Open the database, beside a running `serve` or without one, and close it again.

    Only with `make` is it made where there is none. Raises UserMistake otherwise.
    """

    async def run() -> T:
        if not (make or has_database(settings)):
            raise UserMistake(
                f"there is no database at {settings.database_path}: see BRIDGE_DATABASE_URL, or "
                "make one with `bridge migrate`"
            )
        database = open_database(settings, SystemClock())
        await database.open()
        try:
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(run())


def read(settings: Settings, transaction: Callable[[Transaction], T], *, make: bool = False) -> T:
    """Run one reading transaction."""
    return run_with_database(settings, lambda database: database.read(transaction), make=make)


def write(settings: Settings, transaction: Callable[[Transaction], T], *, make: bool = False) -> T:
    """Run one writing transaction."""
    return run_with_database(settings, lambda database: database.write(transaction), make=make)


@contextmanager
def without_traces(settings: Settings) -> Iterator[Settings]:
    """Settings for a dry run; where there is no database, with one that goes away again."""
    if has_database(settings):
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="bridge-dry-run-") as folder:
        yield settings.model_copy(update={"database_url": f"sqlite:///{folder}/bridge.db"})
