"""PostgreSQL's bad days, seen from outside: 503 while nothing can be kept, and one message."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from bridge.store import postgres_server
from tests import postgres
from tests.faults.postgres_proxy import Cut, PostgresProxy, proxied
from tests.flows.cast import (
    ACME,
    MAYA,
    customer_comments,
    messages,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start, eventually
from tests.stores import postgres_only

pytestmark = [postgres_only]

CUSTOMERS = [f"+1202555{number:04}" for number in range(130, 138)]
UNAVAILABLE = 503


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: a socket's path has no room for a long one."""
    made = tempfile.mkdtemp(prefix="bridge-")
    yield Path(made)
    shutil.rmtree(made)


@pytest.fixture
async def proxy(postgres_server: str, folder: Path) -> AsyncIterator[PostgresProxy]:
    with postgres.schema(postgres_server) as url:
        async with proxied(url, folder) as opened:
            yield opened


async def start_behind(start_sandbox: Start, url: str) -> Sandbox:
    """A bridge whose carrier asks once: whether it comes again is the test's to say."""
    sandbox = await start_sandbox(BRIDGE_DATABASE_URL=url)
    sandbox.twilio.add_number(ACME, f"{sandbox.url}/carriers/twilio/inbound#rc=0", kind="long_code")
    return sandbox


async def is_ready(sandbox: Sandbox) -> bool:
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.get("/readyz") as response,
    ):
        return response.status == 200


async def send_until_taken(sandbox: Sandbox, customer: str, body: str) -> None:
    """Text as a carrier that comes again until it hears 200; it may hear nothing else but 503."""
    sent = await sandbox.twilio.customer_texts(customer, ACME, body)
    heard = list(sent.statuses)

    async def is_taken() -> bool:
        if heard[-1] == 200:
            return True
        heard.extend((await sandbox.twilio.redeliver(sent.sid)).statuses)
        return False

    await eventually(is_taken, within_s=30)
    assert set(heard) <= {200, UNAVAILABLE}


@pytest.mark.parametrize("how", ["before", "after"])
async def test_commit_that_is_cut_is_503_and_one_message_when_it_comes_again(
    start_sandbox: Start, proxy: PostgresProxy, how: Cut
) -> None:
    sandbox = await start_behind(start_sandbox, proxy.url)
    proxy.cut_commit_of("cut here", how)

    sent = await sandbox.twilio.customer_texts(MAYA, ACME, "cut here")
    assert (sent.statuses, proxy.cuts) == ((UNAVAILABLE,), 1)
    again = await sandbox.twilio.redeliver(sent.sid, copies=2)
    await settle(sandbox)

    assert again.statuses == (200, 200)
    assert customer_comments(only_ticket(sandbox)) == ["cut here"]
    assert len(await messages(sandbox)) == 1


async def test_outage_of_the_server_is_503_and_passes_by_itself(
    start_sandbox: Start, proxy: PostgresProxy
) -> None:
    sandbox = await start_behind(start_sandbox, proxy.url)
    await text(sandbox, MAYA, ACME, "before")

    proxy.down()
    sent = [await sandbox.twilio.customer_texts(MAYA, ACME, f"text {n}") for n in range(3)]
    assert {one.statuses for one in sent} == {(UNAVAILABLE,)}
    assert not await is_ready(sandbox)
    proxy.up()
    for one in sent:
        assert (await sandbox.twilio.redeliver(one.sid)).statuses == (200,)
    await settle(sandbox)

    assert await is_ready(sandbox)
    assert customer_comments(only_ticket(sandbox)) == ["before", "text 0", "text 1", "text 2"]


async def test_ticket_made_while_the_server_was_away_is_found_long_before_its_lease_ends(
    start_sandbox: Start, proxy: PostgresProxy
) -> None:
    sandbox = await start_behind(start_sandbox, proxy.url)
    answer = sandbox.zendesk.faults.hold_after("POST", "/api/v2/tickets")
    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await answer.wait_arrived()

    proxy.down()
    answer.open()
    await eventually(lambda: proxy.refused > 0)
    proxy.up()
    await eventually(lambda: _is_done(sandbox), within_s=30)

    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def _is_done(sandbox: Sandbox) -> bool:
    return [message["state"] for message in await messages(sandbox)] == ["done"]


async def test_server_that_crashes_under_load_loses_and_doubles_nothing(
    start_sandbox: Start,
) -> None:
    try:
        url = await asyncio.to_thread(postgres.start_server, {})
    except postgres.NoServer as error:
        pytest.skip(str(error))
    sandbox = await start_behind(start_sandbox, f"{url}&application_name=bridge")
    bodies = [f"text {number}" for number in range(6)]

    taken: list[str] = []

    async def talk(customer: str) -> None:
        for body in bodies:
            await send_until_taken(sandbox, customer, body)
            taken.append(body)

    talking = asyncio.gather(*(talk(customer) for customer in CUSTOMERS))
    for enough in (3, 15, 30):
        await eventually(lambda enough=enough: len(taken) >= enough, within_s=60)
        await asyncio.to_thread(kill_backend, url)
    await talking

    async def all_are_done() -> bool:
        try:
            found = await messages(sandbox)
        except AssertionError:  # the server is not back yet
            return False
        return [one["state"] for one in found] == ["done"] * len(bodies) * len(CUSTOMERS)

    await eventually(all_are_done, within_s=40)
    assert [customer_comments(ticket) for ticket in tickets(sandbox)] == [bodies] * len(CUSTOMERS)


def kill_backend(url: str) -> None:
    """Kill one of the server's processes: it ends all the others and recovers, as after a crash."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            os.kill(row[0], signal.SIGKILL)
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return  # as meant, or it recovers from the one before
    raise AssertionError("a killed backend has answered")


async def test_lock_that_somebody_holds_is_waited_for_a_while_and_is_503_then(
    start_sandbox: Start, proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = postgres_server.SET_UP.replace("statement_timeout = 8000", "statement_timeout = 300")
    monkeypatch.setattr(postgres_server, "SET_UP", quick)
    sandbox = await start_behind(start_sandbox, proxy.url)
    async with await psycopg.AsyncConnection.connect(proxy.url) as connection:
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        sent = await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    again = await sandbox.twilio.redeliver(sent.sid)
    await settle(sandbox)

    assert (sent.statuses, again.statuses) == ((UNAVAILABLE,), (200,))
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


# What the server itself says of a disk that is full (its own can't be filled here).
FULL = """
CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('CREATE TRIGGER is_full BEFORE INSERT OR UPDATE ON %I '
            'EXECUTE FUNCTION is_full()', t.tablename);
    END LOOP;
END $$;
"""
FREED = "DROP FUNCTION is_full() CASCADE"


async def test_server_whose_disk_is_full_is_503_and_not_ready_and_passes_by_itself(
    start_sandbox: Start, postgres_server: str
) -> None:
    with postgres.schema(postgres_server) as url:
        sandbox = await start_behind(start_sandbox, url)
        await text(sandbox, MAYA, ACME, "before")
        answer = sandbox.zendesk.faults.hold_before("PUT", "/api/v2/tickets/*")
        await sandbox.twilio.customer_texts(MAYA, ACME, "on its way")
        await answer.wait_arrived()
        run(url, FULL)
        answer.open()

        sent = await sandbox.twilio.customer_texts(MAYA, ACME, "meanwhile")
        assert sent.statuses == (UNAVAILABLE,)
        assert not await is_ready(sandbox)
        run(url, FREED)
        await eventually(lambda: is_ready(sandbox))
        assert (await sandbox.twilio.redeliver(sent.sid)).statuses == (200,)
        await settle(sandbox)

        assert customer_comments(only_ticket(sandbox)) == ["before", "on its way", "meanwhile"]
        await sandbox.stop()


async def test_server_that_takes_no_more_connections_is_503_and_passes_by_itself(
    start_sandbox: Start, postgres_server: str
) -> None:
    with postgres.schema(postgres_server) as url:
        name = run(url, "SELECT current_schema()")
        run(url, f"CREATE ROLE {name} LOGIN; GRANT ALL ON SCHEMA {name} TO {name}")
        try:
            sandbox = await start_behind(start_sandbox, url.replace("bridge@", f"{name}@"))
            await text(sandbox, MAYA, ACME, "before")
            run(url, f"ALTER ROLE {name} CONNECTION LIMIT 0")
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = "
            run(url, f"{end}'{name}'")

            sent = await sandbox.twilio.customer_texts(MAYA, ACME, "meanwhile")
            assert sent.statuses == (UNAVAILABLE,)
            assert not await is_ready(sandbox)
            run(url, f"ALTER ROLE {name} CONNECTION LIMIT -1")
            await eventually(lambda: is_ready(sandbox))
            assert (await sandbox.twilio.redeliver(sent.sid)).statuses == (200,)
            await settle(sandbox)

            assert customer_comments(only_ticket(sandbox)) == ["before", "meanwhile"]
            await sandbox.stop()
        finally:
            run(url, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def run(url: str, sql: str) -> str:
    """Run this as the server's owner; returns the first field of what it answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        row = cursor.fetchone() if cursor.description else None
        return "" if row is None else str(row[0])
