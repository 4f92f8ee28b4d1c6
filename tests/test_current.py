"""The settings as they are now, in every transaction."""

from __future__ import annotations

from pathlib import Path

from bridge.clock import SystemClock
from bridge.current import CurrentDirectory
from bridge.domain.directory import CarrierWords, Directory
from bridge.domain.settings_file import parse
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from tests.stores import open_store

SENDER = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
country = "US"
name = "{name}"
"""


CARRIERS: CarrierWords = {"twilio": {}}


def set_sender(tx: Transaction, name: str) -> None:
    file = parse(SENDER.format(name=name), CARRIERS)
    settings.import_settings(tx, file, CARRIERS, prune=False)


def names(directory: Directory) -> list[str | None]:
    return [sender.name for sender in directory.senders.values()]


async def test_a_transaction_sees_what_was_imported_a_moment_ago(tmp_path: Path) -> None:
    current = CurrentDirectory()
    async with open_store(tmp_path, SystemClock()) as database:
        before = await database.read(current.at)
        await database.write(lambda tx: set_sender(tx, "Acme"))
        inside = await database.write(current.at)

    assert names(before) == []
    assert names(inside) == ["Acme"]
    assert current.latest is inside


async def test_nothing_is_loaded_again_until_the_settings_change(tmp_path: Path) -> None:
    current = CurrentDirectory()
    async with open_store(tmp_path, SystemClock()) as database:
        await database.write(lambda tx: set_sender(tx, "Acme"))
        first = await database.read(current.at)
        second = await database.read(current.at)
        await database.write(lambda tx: set_sender(tx, "Acme Ltd"))
        third = await database.read(current.at)

    assert first is second
    assert names(third) == ["Acme Ltd"]


async def test_an_import_by_another_process_is_seen(tmp_path: Path) -> None:
    current = CurrentDirectory()
    async with open_store(tmp_path, SystemClock()) as serving:
        await serving.read(current.at)
        other = SqliteDatabase(str(tmp_path / "bridge.db"), SystemClock())
        await other.open()
        await other.write(lambda tx: set_sender(tx, "Acme"))
        await other.close()

        assert names(await serving.read(current.at)) == ["Acme"]
