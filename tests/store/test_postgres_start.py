"""A start on PostgreSQL: what is refused, what is made, and by whom."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bridge.errors import UserMistake
from bridge.store.migrations import read_migrations
from bridge.store.postgres import PostgresDatabase
from tests import postgres
from tests.stores import column, opened


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_a_server_that_can_lose_what_it_has_acknowledged_is_refused(name: str) -> None:
    try:
        url = postgres.start_server({name: "off"})
    except postgres.NoServer as error:
        pytest.skip(str(error))

    with pytest.raises(UserMistake, match=rf"BRIDGE_DATABASE_URL: .* {name} = off"):
        await PostgresDatabase(url).open()


@pytest.fixture
def role(postgres_server: str) -> Iterator[tuple[str, psycopg.Connection[tuple[object, ...]]]]:
    """A role and a database of one name, with nothing else in them, and who may change them."""
    name = f"r{secrets.token_hex(8)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN SUPERUSER".encode())
        admin.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        yield name, admin
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        admin.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize("whose", ["ROLE", "DATABASE"])
async def test_a_setting_of_the_role_or_the_database_counts_like_the_servers(
    postgres_server: str, role: tuple[str, psycopg.Connection[tuple[object, ...]]], whose: str
) -> None:
    name, admin = role
    url = make_conninfo(postgres_server, user=name, dbname=name)
    async with opened(PostgresDatabase(url)):
        pass
    admin.execute(f"ALTER {whose} {name} SET synchronous_commit = off".encode())

    with pytest.raises(UserMistake, match=r"BRIDGE_DATABASE_URL: .* synchronous_commit = off"):
        await PostgresDatabase(url).open()


async def test_a_setting_in_the_url_counts_like_the_servers(postgres_server: str) -> None:
    url = make_conninfo(postgres_server, options="-c synchronous_commit=off")

    with pytest.raises(UserMistake, match=r"BRIDGE_DATABASE_URL: .* synchronous_commit = off"):
        await PostgresDatabase(url).open()


async def test_a_database_of_a_newer_version_is_refused(postgres_url: str) -> None:
    async with opened(PostgresDatabase(postgres_url)) as database:
        await database.write(
            lambda tx: tx.run("INSERT INTO migrations VALUES ($1, $2, $3)", 9999, "tomorrow", 1)
        )

    with pytest.raises(UserMistake, match=r"newer \(9999\).*install the version that made it"):
        await PostgresDatabase(postgres_url).open()


async def test_processes_that_start_together_migrate_once(postgres_url: str) -> None:
    together = [PostgresDatabase(postgres_url) for _ in range(4)]

    await asyncio.gather(*(one.open() for one in together))
    try:
        done = await column(together[0], "SELECT number FROM migrations ORDER BY number")
    finally:
        await asyncio.gather(*(one.close() for one in together))

    assert done == [step.number for step in read_migrations("postgres")]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bridge:hunter2@[/nowhere",
        "postgresql://bridge:hunter2@127.0.0.1:1/none",
        "postgresql://bridge:hunter2@127.0.0.1/none?surprise=1",
    ],
    ids=["not an address", "nobody there", "unknown setting"],
)
async def test_a_url_that_leads_nowhere_is_a_mistake_told_without_its_password(url: str) -> None:
    with pytest.raises(UserMistake, match=r"^BRIDGE_DATABASE_URL: ") as told:
        await PostgresDatabase(url).open()

    assert "hunter2" not in str(told.value)
