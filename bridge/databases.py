"""Which database the settings name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import cast

from bridge.clock import Clock, SystemClock
from bridge.errors import UserMistake
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.sqlite import SqliteDatabase


def open_database(settings: Settings, clock: Clock, *, exclusive: bool = False) -> Database:
    """The store that BRIDGE_DATABASE_URL names, not yet opened. Raises UserMistake."""
    if settings.uses_postgres:
        # The server's clock rules there; one that a test moves stands for it as well.
        moved = None if type(clock) is SystemClock else clock
        return cast("Database", _postgres().PostgresDatabase(settings.database_url, clock=moved))
    return SqliteDatabase(
        str(settings.database_path),
        clock,
        exclusive=exclusive,
        must_exist=settings.database_must_exist,
    )


def _postgres() -> ModuleType:
    """The module with PostgreSQL's driver, which is installed only where it is wanted."""
    try:
        return import_module("bridge.store.postgres")
    except ImportError as error:
        raise UserMistake(
            "BRIDGE_DATABASE_URL: PostgreSQL needs a driver that is not installed; install it "
            "with: pip install 'sms-ticket-bridge[postgres]'"
        ) from error
