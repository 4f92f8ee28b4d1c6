"""A storm of webhooks while nothing can be stored: 503 in time, bounded memory, nothing lost."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.twilio.signature import sign
from tests.flows import conftest as flows
from tests.flows.cast import ACME
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import metric
from tests.flows.serving import Process, serving
from tests.stores import ENGINES

engine, new_store = flows.engine, flows.new_store  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TEXTS = 1_500
CONNECTIONS = 150
ROUNDS = 4  # of all connections, refused before the lock is let go
PADDING = "x" * 100_000  # in each: what is kept of those refused would show
# The bridge answers within 13 s by itself: a commit gives up after 8, and nobody waits behind a
# second one for longer than 5. The rest is for the machine, that has other things to do.
ANSWERED_WITHIN_S = 30.0
# The first round has taken the memory for all that is under way at once. Of what is refused after
# it nothing may stay: half of that is left to chance.
MOST_GROWTH = (ROUNDS - 1) * CONNECTIONS * len(PADDING) // 2


class Carrier:
    """Brings texts, signed, over so many connections; no answer in time ends the test."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._session = session
        self.answers: Counter[int] = Counter()
        self.refused: list[int] = []

    async def bring(self, texts: Sequence[int]) -> None:
        """Bring each of them once."""
        waiting = iter(texts)

        async def bring_some() -> None:
            for number in waiting:
                status = await self._bring_one(number)
                self.answers[status] += 1
                if status != 200:
                    self.refused.append(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(bring_some())

    async def _bring_one(self, number: int) -> int:
        url = f"{self._sandbox.url}/carriers/twilio/inbound"
        fields = {
            "MessageSid": sid(number),
            "AccountSid": self._sandbox.twilio.account_sid,
            "From": f"+1202555{number % 100 + 100:04}",
            "To": ACME,
            "Body": f"text {number}",
            "NumMedia": "0",
            "Padding": PADDING,
        }
        signature = sign(url, fields.items(), self._sandbox.twilio.auth_token)
        async with self._session.post(
            url,
            data=urlencode(fields),
            headers={
                "X-Twilio-Signature": signature,
                "Content-Type": "application/x-www-form-urlencoded",
            },
        ) as response:
            await response.read()
        return response.status


def sid(number: int) -> str:
    return f"SM{number:032x}"


@pytest.fixture
async def served(tmp_path: Path, new_store: NewStore) -> AsyncIterator[tuple[Sandbox, Process]]:
    async with serving(tmp_path, new_store) as serve:
        # Zendesk is away as well: the storm is the carrier's alone.
        sandbox, process = await serve(BRIDGE_RETRY_BASE="5", BRIDGE_RETRY_MAX="60")
        sandbox.zendesk.faults.refuse("*", "/*", 503, times=1_000_000)
        yield sandbox, process


@pytest.fixture
async def carrier(served: tuple[Sandbox, Process]) -> AsyncIterator[Carrier]:
    limits = aiohttp.ClientTimeout(total=ANSWERED_WITHIN_S)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:
        yield Carrier(served[0], session)


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold the lock that everybody needs who writes, from outside of the process."""
    if url.startswith("postgresql://"):
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE migrations IN EXCLUSIVE MODE")  # as one that runs alone
            yield
    else:
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


def stored(url: str) -> Counter[str]:
    """How often each text is in the store."""
    sql = "SELECT carrier_id FROM messages WHERE direction = 'inbound'"
    if url.startswith("postgresql://"):
        with psycopg.connect(url) as connection:
            return Counter(row[0] for row in connection.execute(sql.encode()))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return Counter(row[0] for row in connection.execute(sql))


def most_memory(process: Process) -> int:
    """The most memory that it has ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def status_of(sandbox: Sandbox, path: str) -> int:
    async with aiohttp.ClientSession(sandbox.url) as session, session.get(path) as response:
        return response.status


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_while_nothing_can_be_stored_a_storm_is_503_in_time_and_in_bounded_memory(
    served: tuple[Sandbox, Process], carrier: Carrier
) -> None:
    sandbox, process = served
    assert sandbox.settings is not None
    url = sandbox.settings.database_url
    with locked(url):
        storm = asyncio.create_task(carrier.bring(range(TEXTS)))
        assert await status_of(sandbox, "/readyz") == 503
        assert await status_of(sandbox, "/healthz") == 200
        await eventually(lambda: len(carrier.refused) >= CONNECTIONS, within_s=100)
        first_round = most_memory(process)
        await eventually(lambda: len(carrier.refused) >= ROUNDS * CONNECTIONS, within_s=200)
        assert set(carrier.answers) == {503}
        grown = most_memory(process) - first_round
    await storm

    assert set(carrier.answers) == {200, 503}
    assert grown < MOST_GROWTH
    assert await status_of(sandbox, "/readyz") == 200
    again = list(carrier.refused)
    carrier.refused.clear()
    await carrier.bring(again)
    assert carrier.refused == []
    found = await asyncio.to_thread(stored, url)
    assert found == {sid(number): 1 for number in range(TEXTS)}
    assert process.is_running


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_storm_on_a_store_that_works_is_taken_whole_in_bounded_memory(
    served: tuple[Sandbox, Process], carrier: Carrier
) -> None:
    sandbox, process = served
    assert sandbox.settings is not None
    await carrier.bring(range(CONNECTIONS))  # takes the memory for all that is under way at once
    before = most_memory(process)

    await carrier.bring(range(CONNECTIONS, TEXTS))

    assert set(carrier.answers) == {200}
    assert most_memory(process) - before < MOST_GROWTH
    waiting = await metric(sandbox, 'bridge_work{state="waiting"}')
    assert waiting > 0  # Zendesk is away: that it grows is seen, and for how long it waits
    assert await metric(sandbox, "bridge_work_oldest_seconds") > 0
    found = await asyncio.to_thread(stored, sandbox.settings.database_url)
    assert found == {sid(number): 1 for number in range(TEXTS)}
    assert process.is_running
