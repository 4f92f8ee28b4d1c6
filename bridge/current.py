"""The admin's settings as they are now, for every part of a running service."""

from __future__ import annotations

from bridge.domain.directory import Directory, make_directory
from bridge.store import settings
from bridge.store.database import Transaction


class CurrentDirectory:
    """Holds the last snapshot; loads a new one when the stored version has moved on.

    Inside a transaction `at` is exact: what was imported a moment ago counts. Outside, `latest`
    is as old as the last transaction or the last tick of the service, a second at most.
    """

    def __init__(self) -> None:
        self.latest: Directory = make_directory(version=-1)

    def at(self, tx: Transaction) -> Directory:
        """The settings that this transaction sees."""
        current = self.latest
        if settings.settings_version(tx) != current.version:
            current = self.latest = settings.load_directory(tx)
        return current
