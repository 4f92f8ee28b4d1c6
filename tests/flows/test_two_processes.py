"""Two `bridge serve` on one PostgreSQL: nothing is doubled, and either can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, customer_comments, only_ticket, tickets
from tests.flows.conftest import NewStore, eventually
from tests.flows.serving import Process, beside, end_leases, serving
from tests.stores import postgres_only

# One SQLite file has one process.
pytestmark = [postgres_only, pytest.mark.slow]

CUSTOMERS = [f"+1202555{number:04}" for number in range(130, 226)]
Two = tuple[Sandbox, Process, Process]


@pytest.fixture
async def two(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Two]:
    """A sandbox with two processes; carrier and desk know the first one's address."""
    async with serving(tmp_path, new_store) as serve:
        sandbox, first = await serve(BRIDGE_HTTP_TIMEOUT="5")
        async with beside(sandbox, tmp_path) as second:
            await second.start()
            yield sandbox, first, second


def move_number(sandbox: Sandbox, process: Process) -> None:
    """Have the carrier call this process from now on."""
    url = f"{process.url}/carriers/twilio/inbound#rc=5&rp=all"
    sandbox.twilio.add_number(ACME, url, kind="long_code")


def _has_written(process: Process) -> bool:
    return any(line["event"] == "text.written" for line in process.lines())


async def count_done(sandbox: Sandbox) -> int:
    assert sandbox.settings is not None
    url = sandbox.settings.database_url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT count(*) FROM messages WHERE state = 'done'")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def test_conversations_are_worked_by_both_each_text_once_and_in_order(two: Two) -> None:
    sandbox, *processes = two
    bodies = [f"text {number}" for number in range(4)]
    begun: list[str] = []

    async def talk(customer: str) -> None:
        begun.append(customer)
        for body in bodies:
            answer = await sandbox.twilio.customer_texts(customer, ACME, body)
            assert answer.statuses == (200,)

    async def are_done() -> bool:
        return await count_done(sandbox) == len(begun) * len(bodies)

    # Which process claims a lane is chance: new customers come until each has had some.
    for turn in range(0, len(CUSTOMERS), 4):
        move_number(sandbox, processes[turn // 4 % 2])
        await asyncio.gather(*(talk(customer) for customer in CUSTOMERS[turn : turn + 4]))
        if turn % 16 == 12:
            await eventually(are_done, within_s=40)
            if all(_has_written(process) for process in processes):
                break
    assert all(_has_written(process) for process in processes)
    assert len(tickets(sandbox)) == len(begun)
    assert [customer_comments(ticket) for ticket in tickets(sandbox)] == [bodies] * len(begun)


async def test_who_is_killed_is_followed_by_the_other_when_the_lease_has_ended(two: Two) -> None:
    sandbox, first, second = two
    await second.kill()
    gate = sandbox.zendesk.faults.hold_after("POST", "/api/v2/tickets")
    for body in ("one", "two"):
        await sandbox.twilio.customer_texts(CUSTOMERS[0], ACME, body)
    await gate.wait_arrived()

    await first.kill(lease_holds=True)
    gate.open()
    await second.start()

    async def are_done(count: int) -> bool:
        return await count_done(sandbox) == count

    move_number(sandbox, second)
    await sandbox.twilio.customer_texts(CUSTOMERS[1], ACME, "another's")
    await eventually(lambda: are_done(1), within_s=60)
    # The claim of the dead holds for its time, though the other looks for work.
    assert [customer_comments(ticket) for ticket in tickets(sandbox)][1:] == [["another's"]]
    end_leases(sandbox)

    await eventually(lambda: are_done(3), within_s=60)
    assert [customer_comments(ticket) for ticket in tickets(sandbox)] == [
        ["one", "two"],
        ["another's"],
    ]


async def test_who_is_stopped_hands_its_work_to_the_other_at_once(two: Two) -> None:
    sandbox, first, _ = two
    sandbox.zendesk.faults.refuse("POST", "/api/v2/tickets", 503, times=3)
    for customer in CUSTOMERS[:6]:
        await sandbox.twilio.customer_texts(customer, ACME, "hello")

    assert await first.terminate(within_s=20) == 0

    async def are_done() -> bool:
        return await count_done(sandbox) == 6

    await eventually(are_done, within_s=60)
    assert [customer_comments(ticket) for ticket in tickets(sandbox)] == [["hello"]] * 6


async def test_texts_that_come_through_either_are_one_conversation_in_order(two: Two) -> None:
    sandbox, _, second = two
    await sandbox.twilio.customer_texts(CUSTOMERS[0], ACME, "once")
    move_number(sandbox, second)
    await sandbox.twilio.customer_texts(CUSTOMERS[0], ACME, "twice")

    async def are_done() -> bool:
        return await count_done(sandbox) == 2

    await eventually(are_done, within_s=60)
    assert customer_comments(only_ticket(sandbox)) == ["once", "twice"]
