"""What commands share: the settings, an open database, and a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bridge import logs
from bridge.app import open_database
from bridge.clock import SystemClock
from bridge.settings import Settings, load_settings
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


def run_with_database(settings: Settings, use: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database, beside a running `serve` or without one, and close it again."""

    async def run() -> T:
        database = open_database(settings, SystemClock())
        await database.open()
        try:
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(run())


def read(settings: Settings, transaction: Callable[[Transaction], T]) -> T:
    """Run one reading transaction."""
    return run_with_database(settings, lambda database: database.read(transaction))


def write(settings: Settings, transaction: Callable[[Transaction], T]) -> T:
    """Run one writing transaction."""
    return run_with_database(settings, lambda database: database.write(transaction))
