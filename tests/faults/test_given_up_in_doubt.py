"""Work that is set aside while nobody knows whether its write was applied: nothing is doubled."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bridge.store import failed
from bridge.store.database import Transaction
from bridge.work.pace import MOST_CRASHES
from tests.faults.ending import POSTGRES
from tests.faults.mortal import Fault, How
from tests.faults.stage import Stage, open_stage
from tests.flows import conftest as flows
from tests.flows.cast import ACME, MAYA, customer_comments, notes, only_ticket
from tests.flows.conftest import NewStore, eventually
from tests.stores import column

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests
pytestmark = pytest.mark.both_engines

OPENS_TICKET = "POST /api/v2/tickets"
SENDS = "POST /2010-04-01/Accounts/"
DIES = pytest.mark.parametrize("how", ["dies before", "dies after"])


@pytest.fixture
async def stage(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Stage]:
    opened = await open_stage(tmp_path, new_store(tmp_path))
    await opened.live()
    yield opened
    await opened.close()


def _store(stage: Stage, *statements: str) -> None:
    """Change the store past the bridge, which may be dead."""
    assert stage.sandbox.settings is not None
    url = stage.sandbox.settings.database_url
    if url.startswith(POSTGRES):
        with psycopg.connect(url) as server:
            for sql in statements:
                server.execute(sql.encode())
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        for sql in statements:
            file.execute(sql)
        file.commit()


def _pass_a_minute(stage: Stage) -> None:
    _store(
        stage,
        "UPDATE work SET failed_at = failed_at - 60000, due_at = due_at - 60000",
        "UPDATE lanes SET due_at = due_at - 60000 WHERE lease IS NULL",
    )


async def _crash_until_set_aside(stage: Stage, how: How, of: str) -> None:
    """Die at a call, as if once too often: the next start sets it aside."""
    bridge = stage.bridge
    await eventually(lambda: bridge.is_dead)
    await stage.die()
    _store(stage, f"UPDATE work SET starts = {MOST_CRASHES} WHERE starts > 0")
    await stage.live()

    async def is_set_aside() -> bool:
        return await _failed(stage) == 1

    await eventually(is_set_aside)
    assert bridge.fault is not None
    assert of in (bridge.fault.happened_at or "")
    assert bridge.fault.how == how


async def _failed(stage: Stage) -> int:
    (count,) = await column(
        stage.bridge.service.database, "SELECT count(*) FROM work WHERE state = 'failed'"
    )
    return int(str(count))


async def _states(stage: Stage) -> list[str]:
    return [
        str(each)
        for each in await column(
            stage.bridge.service.database, "SELECT state FROM messages ORDER BY seq"
        )
    ]


async def _crash_at_the_first_text(stage: Stage, how: How) -> None:
    stage.bridge.arm(Fault(at="call", how=how, number=1, of=OPENS_TICKET))
    await stage.text(MAYA, ACME, "one")
    await _crash_until_set_aside(stage, how, OPENS_TICKET)


async def _try_again(stage: Stage) -> None:
    await stage.act(_retry_all)
    await stage.settle()
    assert await _failed(stage) == 0


def _retry_all(tx: Transaction) -> None:
    failed.retry_all(tx)


@DIES
async def test_next_text_opens_no_second_ticket(stage: Stage, how: How) -> None:
    await _crash_at_the_first_text(stage, how)
    tickets = stage.sandbox.zendesk.tickets
    was_applied = len(tickets)

    await stage.text(MAYA, ACME, "two")
    await eventually(lambda: _waits_for_the_first(stage))
    assert len(tickets) == was_applied  # what was given up may still be on its way
    _pass_a_minute(stage)
    await stage.settle()
    assert len(customer_comments(only_ticket(stage.sandbox))) == was_applied + 1
    await _try_again(stage)

    said = [body.split()[0] for body in customer_comments(only_ticket(stage.sandbox))]
    assert sorted(said) == ["one", "two"]
    assert await _states(stage) == ["done", "done"]
    # What was set aside has lost its place, unless it had been written already.
    broken = [violation.rule for violation in await stage.violations()]
    assert broken == ["I4"] * (was_applied == 0)


async def _waits_for_the_first(stage: Stage) -> bool:
    reasons = await column(
        stage.bridge.service.database, "SELECT reason FROM work WHERE state = 'waiting'"
    )
    return any("an earlier text may be opening a ticket" in str(reason) for reason in reasons)


@DIES
async def test_trying_it_again_opens_no_second_ticket(stage: Stage, how: How) -> None:
    await _crash_at_the_first_text(stage, how)

    await _try_again(stage)
    await stage.text(MAYA, ACME, "two")
    await stage.settle()

    said = [body.split()[0] for body in customer_comments(only_ticket(stage.sandbox))]
    assert said == ["one", "two"]
    assert await stage.violations() == []


@DIES
async def test_reply_that_may_have_left_is_looked_for_when_it_is_tried_again(
    stage: Stage, how: How
) -> None:
    stage.sandbox.twilio.lose_callbacks = True  # its report would settle it
    await stage.text(MAYA, ACME, "hello")
    await stage.settle()
    ticket = only_ticket(stage.sandbox)
    stage.bridge.arm(Fault(at="call", how=how, number=1, of=SENDS))
    await stage.reply(ticket.id, "Coming", customer=MAYA, sender=ACME)
    await _crash_until_set_aside(stage, how, SENDS)
    await stage.settle()
    assert await _states(stage) == ["done", "uncertain"]
    (note,) = notes(ticket)
    assert "It is not certain that this reply was texted" in note

    await _try_again(stage)

    assert len(stage.sandbox.twilio.sent) == 1
    assert await _states(stage) in (["done", "sent"], ["done", "delivered"])
    assert await stage.violations() == []
