"""Processes that are frozen, replaced and asked to end while texts keep coming."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows import conftest as flows
from tests.flows.cast import ACME, JONAS, MAYA, customer_comments, only_ticket, tickets
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import SEND, open_ticket, settled, words
from tests.flows.serving import Process, beside, end_leases, serving
from tests.stores import ENGINES, postgres_only

engine, new_store = flows.engine, flows.new_store  # fixtures
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
CUSTOMERS = [f"+1202555{number:04}" for number in range(130, 134)]
Two = tuple[Sandbox, Process, Process]


@pytest.fixture
async def two(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Two]:
    """A sandbox with one process that runs and one that does not yet."""
    async with serving(tmp_path, new_store) as serve:
        sandbox, first = await serve(BRIDGE_HTTP_TIMEOUT="5", BRIDGE_SWEEP_INTERVAL="2")
        async with beside(sandbox, tmp_path) as second:
            yield sandbox, first, second


def call_from_now_on(sandbox: Sandbox, process: Process) -> None:
    """Have the carrier call this process."""
    url = f"{process.url}/carriers/twilio/inbound#rc=5&rp=all"
    sandbox.twilio.add_number(ACME, url, kind="long_code")


class Talk:
    """Customers who text one after the other, each its own texts in order, until told to stop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._stopping = False
        self.said: dict[str, list[str]] = {customer: [] for customer in CUSTOMERS}
        self.unheard: list[str] = []
        self._tasks = [asyncio.create_task(self._talk(customer)) for customer in CUSTOMERS]

    @property
    def count(self) -> int:
        """How many texts were answered with success."""
        return sum(map(len, self.said.values()))

    async def end(self) -> None:
        """Let everybody finish their text."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _talk(self, customer: str) -> None:
        number = 0
        while not self._stopping:
            body = f"{customer[-3:]} {number}"
            number += 1
            answer = await self._sandbox.twilio.customer_texts(customer, ACME, body)
            if answer.statuses[-1:] == (200,):
                self.said[customer].append(body)
            else:
                self.unheard.append(body)
            await asyncio.sleep(0.02)


async def found_once(sandbox: Sandbox, talk: Talk) -> None:
    """Wait until all is on tickets; then each text stands once, and the heard ones in order."""
    wanted = talk.count + len(talk.unheard)  # a sweep finds what nobody heard

    def on_tickets() -> list[list[str]]:
        return [customer_comments(ticket) for ticket in tickets(sandbox)]

    await eventually(lambda: sum(map(len, on_tickets())) >= wanted, within_s=60)
    await settled(sandbox, within_s=60)
    found = {comments[0][:3]: comments for comments in on_tickets()}
    assert sum(map(len, on_tickets())) == wanted
    assert len(found) == len(on_tickets())
    for customer, said in talk.said.items():
        heard = [body for body in found[customer[-3:]] if body not in talk.unheard]
        assert heard == said


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_asked_to_end_under_load_it_ends_in_time_and_loses_nothing(two: Two) -> None:
    sandbox, process, _ = two
    talk = Talk(sandbox)
    await eventually(lambda: talk.count >= 12, within_s=60)

    assert await process.terminate(within_s=25) == 0
    await talk.end()
    await process.start()

    await found_once(sandbox, talk)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_asked_to_end_while_far_sides_hold_calls_it_hands_back_what_is_done_once_then(
    tmp_path: Path, new_store: NewStore
) -> None:
    async with serving(tmp_path, new_store) as serve:
        sandbox, process = await serve(BRIDGE_HTTP_TIMEOUT="120")  # no deadline ends the calls
        ticket = await open_ticket(sandbox, "one")
        zendesk, twilio = sandbox.zendesk.faults, sandbox.twilio.faults
        held = [
            twilio.hold_after(*SEND),
            zendesk.hold_after("PUT", f"/api/v2/tickets/{ticket}"),
            zendesk.hold_after("POST", "/api/v2/tickets"),
        ]
        await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
        await held[0].wait_arrived()
        await sandbox.twilio.customer_texts(MAYA, ACME, "two")
        await sandbox.twilio.customer_texts(JONAS, ACME, "hello")
        for gate in held:
            await gate.wait_arrived()

        assert await process.terminate(within_s=25) == 0
        assert await asyncio.to_thread(_count_leases, sandbox) == 0  # nobody has to wait for them
        for gate in held:
            gate.open()
        await process.start()
        await settled(sandbox, within_s=60)

        assert sorted(map(customer_comments, tickets(sandbox))) == [["hello"], ["one", "two"]]
        assert len(sandbox.twilio.sent) == 1
        assert words(sandbox) == ["Once"]


def _count_leases(sandbox: Sandbox) -> int:
    assert sandbox.settings is not None
    with _connect(sandbox.settings.database_url) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM lanes WHERE lease IS NOT NULL"
        ).fetchone()
    return int(count)


@postgres_only
async def test_processes_are_replaced_while_texts_keep_coming(two: Two) -> None:
    sandbox, old, new = two
    talk = Talk(sandbox)
    await eventually(lambda: talk.count >= 8, within_s=60)

    await new.start()
    call_from_now_on(sandbox, new)
    before = talk.count
    await eventually(lambda: talk.count >= before + 8, within_s=60)
    assert await old.terminate(within_s=25) == 0
    before = talk.count
    await eventually(lambda: talk.count >= before + 8, within_s=60)
    await talk.end()

    assert talk.unheard == []  # no gap
    await asyncio.to_thread(end_leases, sandbox)
    await eventually(lambda: all(len(said) > 0 for said in talk.said.values()))
    await _all_written(sandbox, talk.count)
    assert sorted(map(customer_comments, tickets(sandbox))) == sorted(talk.said.values())


async def _all_written(sandbox: Sandbox, count: int) -> None:
    await eventually(
        lambda: sum(len(customer_comments(ticket)) for ticket in tickets(sandbox)) >= count,
        within_s=60,
    )


@postgres_only
@pytest.mark.parametrize("what", ["ticket", "comment", "send"])
async def test_a_process_that_wakes_after_its_lease_writes_nothing(two: Two, what: str) -> None:
    sandbox, first, second = two
    if what == "ticket":
        gate = sandbox.zendesk.faults.hold_after("POST", "/api/v2/tickets")
        await sandbox.twilio.customer_texts(MAYA, ACME, "one")
    else:
        ticket = await open_ticket(sandbox, "one")
        if what == "comment":
            gate = sandbox.zendesk.faults.hold_after("PUT", f"/api/v2/tickets/{ticket}")
            await sandbox.twilio.customer_texts(MAYA, ACME, "two")
        else:
            gate = sandbox.twilio.faults.hold_after(*SEND)
            await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await gate.wait_arrived()
    first.send(signal.SIGSTOP)
    try:
        call_from_now_on(sandbox, second)
        await second.start()
        end_leases(sandbox)

        await eventually(lambda: _is_settled(sandbox, what), within_s=60)
    finally:
        first.send(signal.SIGCONT)
    gate.open()
    await eventually(lambda: _has_lost(first), within_s=60)
    await settled(sandbox, within_s=60)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"][: 1 + (what == "comment")]
    assert words(sandbox) == (["Once"] if what == "send" else [])
    assert first.is_running


async def _is_settled(sandbox: Sandbox, what: str) -> bool:
    """Whether what the frozen process had begun has been settled by the other one."""
    assert sandbox.settings is not None
    wanted = {"ticket": 1, "comment": 2, "send": 1}[what]
    sql = b"SELECT count(*) FROM messages WHERE state = 'done'"
    if what == "send":
        sql = b"SELECT count(*) FROM parts WHERE carrier_id IS NOT NULL"
    url = sandbox.settings.database_url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(sql)).fetchone()
    assert row is not None
    return bool(row[0] >= wanted)


def _has_lost(process: Process) -> bool:
    return any(line["event"] == "work.lease_lost" for line in process.lines())


@contextmanager
def _connect(url: str) -> Iterator[Any]:
    """The store as anybody may look into it."""
    if url.startswith("postgresql://"):
        with psycopg.connect(url) as connection:
            yield connection
    else:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            yield connection
