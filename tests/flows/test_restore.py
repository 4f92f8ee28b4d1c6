"""Started from a backup: what was sent and written since then is found, and nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from tests import postgres
from tests.flows.cast import customer_comments, tickets
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import (
    ACME,
    JONAS,
    MAYA,
    SEND,
    failed,
    notes,
    open_ticket,
    replies,
    send_hint,
    settled,
    words,
)
from tests.flows.serving import Process, Serve, serving

pytestmark = [pytest.mark.both_engines, pytest.mark.slow]
AMIRA = "+14155550177"


@pytest.fixture
async def serve(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Serve]:
    async with serving(tmp_path, new_store) as start:
        yield start


class Backup:
    """A copy of the database, taken while the service runs and put back while it doesn't."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        assert sandbox.settings is not None
        self._settings = sandbox.settings
        self._environment = sandbox._environment
        self._copy = folder / "backup"

    async def take(self) -> None:
        if self._settings.uses_postgres:
            await self._run(_tool("pg_dump"), "-Fc", f"-f{self._copy}", f"-n{self._schema()}")
        else:
            await self._run(sys.executable, "-m", "bridge", "backup", str(self._copy))

    async def put_back(self) -> None:
        if self._settings.uses_postgres:
            schema = self._schema()
            with psycopg.connect(self._settings.database_url, autocommit=True) as connection:
                connection.execute("SET client_min_messages = error")
                connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())
            await self._run(_tool("pg_restore"), "-d", self._settings.database_url, str(self._copy))
        else:
            path = self._settings.database_path
            path.write_bytes(self._copy.read_bytes())
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    def _schema(self) -> str:
        with psycopg.connect(self._settings.database_url) as connection:
            row = connection.execute("SELECT current_schema()").fetchone()
            assert row is not None
            return str(row[0])

    async def _run(self, *command: str) -> None:
        if command[0].endswith("pg_dump"):
            command = (*command, self._settings.database_url)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            **self._environment,
        }
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def _tool(name: str) -> str:
    for folder in postgres._binaries():
        if (folder / name).exists():
            return str(folder / name)
    pytest.skip(f"{name} is not installed")


async def has_looked(process: Process) -> None:
    """Wait until the start after the restore has looked."""
    await eventually(
        lambda: any(line["event"] == "restore.looked" for line in process.lines()), within_s=60
    )


def all_comments(sandbox: Sandbox) -> list[list[str]]:
    return [customer_comments(ticket) for ticket in tickets(sandbox)]


async def test_nothing_is_doubled_and_nothing_lost(serve: Serve, tmp_path: Path) -> None:
    sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="2", BRIDGE_HTTP_TIMEOUT="5")
    first = await open_ticket(sandbox, "one")
    await sandbox.zendesk.agent_replies(first, "<p>Before</p>")
    await settled(sandbox)
    backup = Backup(sandbox, tmp_path)
    await backup.take()

    await sandbox.twilio.customer_texts(MAYA, ACME, "two")
    second = await open_ticket(sandbox, "hello", customer=JONAS)
    await sandbox.twilio.customer_texts(JONAS, ACME, "hello again")
    await sandbox.twilio.customer_texts(AMIRA, ACME, "STOP")
    for ticket, words_said in ((first, "Same"), (second, "Hi"), (first, "Same")):
        await sandbox.zendesk.agent_replies(ticket, f"<p>{words_said}</p>")
    await settled(sandbox)
    told = notes(sandbox, first), notes(sandbox, second)
    await process.kill()
    # Nobody hears of these, neither before nor now.
    await sandbox.twilio.customer_texts(MAYA, ACME, "anybody there?")
    await sandbox.zendesk.agent_replies(first, "<p>While you slept</p>")
    await sandbox.zendesk.idle()
    sent = len(sandbox.twilio.sent)
    await backup.put_back()
    sandbox.zendesk.ticket_calls.forget_keys()  # the backup is hours old

    await process.start()
    await has_looked(process)
    hint = sandbox.zendesk.deliveries.invocations[0].body
    assert await send_hint(sandbox, hint) == 200

    async def is_whole() -> bool:
        return len(sandbox.twilio.sent) > sent and all_comments(sandbox)[0][-1:] == [
            "anybody there?"
        ]

    await eventually(is_whole, within_s=60)
    await settled(sandbox, within_s=60)
    assert all_comments(sandbox) == [["one", "two", "anybody there?"], ["hello", "hello again"]]
    assert words(sandbox, MAYA) == ["Before", "Same", "Same", "While you slept"]
    assert words(sandbox, JONAS) == ["Hi"]
    assert len(sandbox.twilio.sent) == sent + 1
    assert (notes(sandbox, first), notes(sandbox, second)) == told
    # It goes on as if nothing had been: links, comments and replies are known again.
    assert {one["state"] for one in await replies(sandbox)} == {"delivered"}
    await sandbox.twilio.customer_texts(JONAS, ACME, "and now?")
    await sandbox.zendesk.agent_replies(second, "<p>All is well</p>")
    await settled(sandbox, within_s=60)
    assert all_comments(sandbox)[1:] == [["hello", "hello again", "and now?"]]
    assert words(sandbox, JONAS) == ["Hi", "All is well"]
    assert await failed(sandbox) == []


async def test_work_that_waited_in_the_backup_and_was_done_since_is_not_done_again(
    serve: Serve, tmp_path: Path
) -> None:
    sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="2", BRIDGE_HTTP_TIMEOUT="5")
    ticket = await open_ticket(sandbox, "one")
    sandbox.zendesk.faults.refuse("PUT", f"/api/v2/tickets/{ticket}", 503, times=None)
    sandbox.twilio.faults.refuse(*SEND, 429, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "two")
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await eventually(lambda: sandbox.twilio.faults.seen(*SEND), within_s=60)
    backup = Backup(sandbox, tmp_path)
    await backup.take()
    sandbox.zendesk.faults.clear()
    sandbox.twilio.faults.clear()
    await settled(sandbox, within_s=60)
    assert (all_comments(sandbox), words(sandbox)) == ([["one", "two"]], ["Once"])
    await process.kill()
    await backup.put_back()

    await process.start()
    await has_looked(process)
    await settled(sandbox, within_s=60)

    assert (all_comments(sandbox), words(sandbox)) == ([["one", "two"]], ["Once"])
    assert [one["state"] for one in await replies(sandbox)] == ["delivered"]


async def test_old_replies_are_shown_to_the_agent_only_where_they_were_not_sent(
    serve: Serve, tmp_path: Path
) -> None:
    sandbox, process = await serve(
        BRIDGE_SWEEP_INTERVAL="2", BRIDGE_HTTP_TIMEOUT="5", BRIDGE_REPLY_MAX_AGE="1"
    )
    ticket = await open_ticket(sandbox, "one")
    backup = Backup(sandbox, tmp_path)
    await backup.take()
    await sandbox.zendesk.agent_replies(ticket, "<p>Sent in time</p>")
    await settled(sandbox)
    await process.kill()
    await sandbox.zendesk.agent_replies(ticket, "<p>Nobody heard</p>")
    await sandbox.zendesk.idle()
    await asyncio.sleep(2.5)  # an age in whole seconds
    await backup.put_back()

    await process.start()
    await has_looked(process)
    await eventually(lambda: notes(sandbox, ticket), within_s=60)
    await settled(sandbox, within_s=60)

    assert words(sandbox) == ["Sent in time"]
    (note,) = notes(sandbox, ticket)
    assert note.startswith("Not texted: The reply of")
    assert [one["state"] for one in await replies(sandbox)] == ["delivered", "refused"]


async def test_nothing_leaves_before_both_far_sides_have_been_asked(
    serve: Serve, tmp_path: Path
) -> None:
    sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="2", BRIDGE_HTTP_TIMEOUT="5")
    ticket = await open_ticket(sandbox, "one")
    backup = Backup(sandbox, tmp_path)
    await backup.take()
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)
    await process.kill()
    await backup.put_back()
    sandbox.twilio.faults.refuse("GET", "*/Messages.json", 503, times=None)

    await process.start()
    taken = await sandbox.twilio.customer_texts(JONAS, ACME, "hello")
    await sandbox.zendesk.agent_replies(ticket, "<p>Are you well?</p>")
    await sandbox.zendesk.idle()
    await eventually(
        lambda: len(sandbox.twilio.faults.seen("GET", "*/Messages.json")) >= 2, within_s=60
    )
    assert taken.statuses == (200,)  # kept, whatever we are looking for
    assert len(tickets(sandbox)) == 1

    sandbox.twilio.faults.clear()
    await has_looked(process)
    await settled(sandbox, within_s=60)

    assert words(sandbox) == []  # the STOP of before the restore holds
    assert all_comments(sandbox)[1:] == [["hello"]]
    assert any("opted out" in note for note in notes(sandbox, ticket))
