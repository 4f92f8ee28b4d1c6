"""A new version starts beside the old one, migrates, and takes over, while people text."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import bridge
from bridge.sandbox.demo import Sandbox
from tests.faults.ending import count_unfinished
from tests.flows import conftest as flows
from tests.flows.cast import ACME, customer_comments, tickets
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import words
from tests.flows.serving import Process, beside, serving
from tests.stores import postgres_only

engine, new_store = flows.engine, flows.new_store  # fixtures
# On SQLite there is one process, which is stopped before the next one starts.
pytestmark = [postgres_only, pytest.mark.slow, pytest.mark.timeout(400)]

CUSTOMERS = [f"+1202555{number:04}" for number in range(130, 134)]
# Expands only, as a release's migrations do; a table that both versions read all the time.
STEP = """\
ALTER TABLE messages ADD COLUMN tomorrow TEXT;
CREATE TABLE tomorrows (id BIGINT PRIMARY KEY, at BIGINT NOT NULL);
CREATE INDEX tomorrows_by_time ON tomorrows (at);
"""
Versions = tuple[Sandbox, Process, Process]


@pytest.fixture
async def versions(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Versions]:
    """A sandbox, the old version, which runs, and the new one, which does not yet."""
    folder = tmp_path / "new"
    shutil.copytree(
        Path(bridge.__file__).parent,
        folder / "bridge",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (folder / "bridge/store/migrations/9999_tomorrow.sql").write_text(STEP, encoding="utf-8")
    path = os.pathsep.join([str(folder), *sys.path])
    async with serving(tmp_path, new_store) as serve:
        sandbox, old = await serve(BRIDGE_HTTP_TIMEOUT="5", BRIDGE_SWEEP_INTERVAL="1")
        send_to(sandbox, old)
        async with beside(sandbox, tmp_path, PYTHONPATH=path) as new:
            yield sandbox, old, new


def send_to(sandbox: Sandbox, process: Process) -> None:
    """Have the carrier call this process, once for each text: repeats are the test's."""
    url = f"{process.url}/carriers/twilio/inbound#rc=0"
    sandbox.twilio.add_number(ACME, url, kind="long_code")


class Talk:
    """Customers and agents who write to each other, each in order, until told to stop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._stopping = False
        self.answers: set[int] = set()
        self.said: dict[str, list[str]] = {customer: [] for customer in CUSTOMERS}
        self.replied: dict[str, list[str]] = {customer: [] for customer in CUSTOMERS}
        self._tasks = [asyncio.create_task(self._talk(customer)) for customer in CUSTOMERS]

    @property
    def count(self) -> int:
        """How many texts have been taken."""
        return sum(map(len, self.said.values()))

    async def goes_on(self, texts: int = 12) -> None:
        """Wait until so many more have been taken."""
        before = self.count
        await eventually(lambda: self.count >= before + texts)

    async def end(self) -> None:
        """Let everybody finish."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _talk(self, customer: str) -> None:
        for number in range(10**6):
            if self._stopping:
                return
            await self._text(customer, f"{customer[-3:]} {number}")
            if number % 4 == 3:
                await self._reply(customer, f"re {number}")

    async def _text(self, customer: str, body: str) -> None:
        """Text, and come again as a carrier does until somebody has taken it."""
        sent = await self._sandbox.twilio.customer_texts(customer, ACME, body)
        heard = list(sent.statuses)
        while heard[-1] != 200:
            self.answers.update(heard)
            await asyncio.sleep(0.1)
            heard = list((await self._sandbox.twilio.redeliver(sent.sid)).statuses)
        self.answers.update(heard)
        self.said[customer].append(body)

    async def _reply(self, customer: str, body: str) -> None:
        for ticket in tickets(self._sandbox):
            if customer_comments(ticket)[0].startswith(f"{customer[-3:]} "):
                await self._sandbox.zendesk.agent_replies(ticket.id, f"<p>{body}</p>")
                self.replied[customer].append(body)
                return


async def test_new_version_takes_over_from_the_old_one_without_a_gap_or_a_double(
    versions: Versions,
) -> None:
    sandbox, old, new = versions
    talk = Talk(sandbox)
    await talk.goes_on()

    await new.start()  # it has migrated then
    await talk.goes_on()  # through the old one, on the new schema
    send_to(sandbox, new)
    await talk.goes_on()
    assert old.is_running
    assert await old.terminate(within_s=25) == 0
    await talk.goes_on()
    await talk.end()

    def is_written() -> bool:
        written = sum(len(customer_comments(ticket)) for ticket in tickets(sandbox))
        return written >= talk.count

    def is_texted() -> bool:
        return all(len(words(sandbox, each)) >= len(talk.replied[each]) for each in CUSTOMERS)

    async def is_quiet() -> bool:
        await sandbox.zendesk.idle()
        await sandbox.twilio.idle()
        assert sandbox.settings is not None
        return not await asyncio.to_thread(count_unfinished, sandbox.settings.database_url, 0)

    await eventually(is_written)
    await eventually(is_texted)  # those whose hint went to the old one's address by a sweep
    await eventually(is_quiet)
    assert talk.answers <= {200, 503}
    assert sorted(map(customer_comments, tickets(sandbox))) == sorted(talk.said.values())
    assert {each: words(sandbox, each) for each in CUSTOMERS} == talk.replied
    assert any(talk.replied.values())
    assert [line for line in old.lines() + new.lines() if line["level"] == "error"] == []
    code, told = await old.start_beside()
    assert code != 0
    assert "newer" in told
