"""Users, their roles, and the last admin, who can't be lost."""

from __future__ import annotations

import pytest

from bridge.domain.roles import Role
from bridge.errors import UserMistake
from bridge.store import changes, users
from bridge.store.changes import Author
from bridge.store.database import Database, Transaction
from bridge.store.users import User
from tests.desks.scripted import HandClock

ROBIN = Author(how="console", who="Robin")


async def add(database: Database, name: str, role: Role = "admin", *, ready: bool = True) -> User:
    def make(tx: Transaction) -> User:
        user = users.add(tx, name, role, ROBIN)
        if ready:
            users.set_password(tx, user.id, "hashed", ROBIN)
        return users.get(tx, user.id)

    return await database.write(make)


async def test_a_name_stands_for_one_user_in_whatever_case(database: Database) -> None:
    await add(database, "  Robin   Park ")

    found = await database.read(lambda tx: users.by_name(tx, "ROBIN park"))
    assert found is not None
    assert found.name == "Robin Park"
    with pytest.raises(UserMistake, match="already"):
        await add(database, "robin park")


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", "a\x1b[1m"])
async def test_a_name_that_is_none_is_refused(database: Database, name: str) -> None:
    with pytest.raises(UserMistake, match="printable"):
        await add(database, name)


async def test_the_last_admin_who_can_sign_in_stays_one(database: Database) -> None:
    robin = await add(database, "Robin")
    await add(database, "Not ready", ready=False)
    await add(database, "Sam", "manager")

    for act in (
        lambda tx: users.disable(tx, robin.id, ROBIN),
        lambda tx: users.set_role(tx, robin.id, "viewer", ROBIN),
    ):
        with pytest.raises(UserMistake, match="last admin"):
            await database.write(act)
    await add(database, "Kim")
    await database.write(lambda tx: users.disable(tx, robin.id, ROBIN))

    after = await database.read(lambda tx: users.get(tx, robin.id))
    assert after.disabled_at is not None


async def test_every_change_of_a_user_is_logged_without_a_password(database: Database) -> None:
    await add(database, "Robin")
    sam = await add(database, "Sam", "viewer")
    await database.write(lambda tx: users.set_role(tx, sam.id, "manager", ROBIN))
    await database.write(lambda tx: users.disable(tx, sam.id, ROBIN))
    await database.write(lambda tx: users.enable(tx, sam.id, ROBIN))
    await database.write(lambda tx: users.set_password(tx, sam.id, "another hash", ROBIN))

    found = await database.read(lambda tx: changes.list_changes(tx, subject="user", limit=50))

    assert [one.what for one in reversed(found) if one.name == "Sam"] == [
        *("added", "set the password", "changed role", "disabled", "enabled"),
        "changed password",
    ]
    assert "hash" not in "".join(f"{one.before}{one.after}" for one in found)


async def test_a_link_holds_a_day_and_not_for_who_is_disabled(
    database: Database, clock: HandClock
) -> None:
    await add(database, "Robin")
    sam = await add(database, "Sam", "viewer")
    await database.write(lambda tx: users.put_link(tx, "one", sam.id))
    assert await database.read(lambda tx: users.find_link(tx, "one")) is not None
    assert await database.read(lambda tx: users.find_link(tx, "another")) is None

    await database.write(lambda tx: users.put_link(tx, "two", sam.id))
    clock.forward(24 * 3600 + 1)
    assert await database.read(lambda tx: users.find_link(tx, "two")) is None

    await database.write(lambda tx: users.put_link(tx, "three", sam.id))
    await database.write(lambda tx: users.disable(tx, sam.id, ROBIN))
    await database.write(lambda tx: users.enable(tx, sam.id, ROBIN))
    assert await database.read(lambda tx: users.find_link(tx, "three")) is None
