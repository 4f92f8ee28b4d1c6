"""Delivery reports that never came: the carrier is asked, a few times, and its answer counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Rule
from bridge.store.database import Transaction
from tests.flows.cast import ACME, customer_comments, only_ticket
from tests.flows.conftest import NewStore, Start, eventually
from tests.flows.outbound import (
    MAYA,
    MovingClock,
    looked_for,
    metric,
    notes,
    open_ticket,
    replies,
    settled,
)
from tests.flows.serving import serving
from tests.flows.test_restore import Backup, has_looked

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
RECOVERED = 'bridge_recovered_total{what="report"}'


async def start(start_sandbox: Start, *, interval_s: int = 100) -> tuple[Sandbox, MovingClock]:
    """A bridge that sweeps each time the clock is moved by so much."""
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock, BRIDGE_SWEEP_INTERVAL=str(interval_s))
    return sandbox, clock


async def reply_unreported(sandbox: Sandbox, outcome: str = "delivered") -> int:
    """A reply that the carrier takes, and of which no report comes. Returns the ticket's id."""
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    sandbox.twilio.deliveries[MAYA] = outcome
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await eventually(lambda: len(sandbox.twilio.sent) == 1)
    await settled(sandbox)
    assert await state(sandbox) == "sent"
    return ticket


async def state(sandbox: Sandbox) -> str:
    (message,) = await replies(sandbox)
    return str(message["state"])


async def pass_time(sandbox: Sandbox, clock: MovingClock, ms: int) -> None:
    """Let time pass while nobody is at work, and wait for the sweep that is due then."""
    await eventually(lambda: at_rest(sandbox))
    wanted = lists(sandbox) + len(sandbox.twilio.account.numbers)
    clock.ahead_ms += ms
    await eventually(lambda: lists(sandbox) >= wanted)
    await eventually(lambda: at_rest(sandbox))


def lists(sandbox: Sandbox) -> int:
    """How often the carrier was asked for texts to one of our numbers."""
    listed = sandbox.twilio.faults.seen("GET", "*/Messages.json")
    return sum("DateSent" in one.query for one in listed)


async def test_text_whose_report_is_lost_is_asked_about_and_counts_as_delivered(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket = await reply_unreported(sandbox)
    await pass_time(sandbox, clock, 14 * MINUTE_MS)
    assert looked_for(sandbox) == []  # its report may come yet

    await pass_time(sandbox, clock, 2 * MINUTE_MS)

    assert await state(sandbox) == "delivered"
    assert len(looked_for(sandbox)) == 1
    assert await metric(sandbox, RECOVERED) == 1
    assert await metric(sandbox, 'bridge_outbound_texts_total{state="delivered"}') == 1
    assert notes(sandbox, ticket) == []
    await pass_time(sandbox, clock, 2 * HOUR_MS)
    assert len(looked_for(sandbox)) == 1


async def test_failure_that_nobody_reported_reaches_the_agent_once(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket = await reply_unreported(sandbox, "undelivered:30003")

    await pass_time(sandbox, clock, 16 * MINUTE_MS)
    await settled(sandbox)

    assert await state(sandbox) == "undelivered"
    (note,) = notes(sandbox, ticket)
    assert "could not be reached" in note
    sandbox.twilio.lose_callbacks = False
    sandbox.twilio.report(sandbox.twilio.sent[0].sid, "undelivered", 30003)
    await settled(sandbox)
    assert len(notes(sandbox, ticket)) == 1
    assert await metric(sandbox, 'bridge_outbound_texts_total{state="undelivered"}') == 1


async def test_text_without_an_end_is_asked_about_at_growing_distances_and_then_no_more(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)
    await reply_unreported(sandbox, "silent")
    asked = []

    at_ms = 0
    for minutes in (14, 16, 59, 61, 239, 241, 719, 721, 1439, 1441, 2870, 3000):
        await pass_time(sandbox, clock, minutes * MINUTE_MS - at_ms)
        at_ms = minutes * MINUTE_MS
        asked.append(len(looked_for(sandbox)))

    assert asked == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    assert await state(sandbox) == "sent"
    assert await metric(sandbox, RECOVERED) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 503])
async def test_look_that_is_refused_comes_again_in_its_turn_and_holds_up_no_text(
    start_sandbox: Start, status: int
) -> None:
    sandbox, clock = await start(start_sandbox, interval_s=3600)
    await reply_unreported(sandbox)
    await eventually(lambda: at_rest(sandbox))
    sandbox.twilio.lose_webhooks = True
    await sandbox.twilio.customer_texts(MAYA, ACME, "Are you there?")
    texts_to = Rule(path="*/Messages.json", times=len(sandbox.twilio.account.numbers))
    sandbox.twilio.faults.add(texts_to)  # lets the lists of texts to us through
    sandbox.twilio.faults.refuse("GET", "*/Messages.json", status)

    for hours, looks in [(1, 1), (1, 1), (3, 2)]:
        await pass_time(sandbox, clock, hours * HOUR_MS + MINUTE_MS)
        assert len(looked_for(sandbox)) == looks

    assert customer_comments(only_ticket(sandbox)) == ["Where is it?", "Are you there?"]
    assert await state(sandbox) == "delivered"


async def at_rest(sandbox: Sandbox) -> bool:
    """Whether nobody is at work, or has anything to do."""
    assert sandbox.service is not None

    def is_idle(tx: Transaction) -> bool:
        sql = "SELECT 1 FROM lanes WHERE lease IS NOT NULL OR due_at <= $1 LIMIT 1"
        return tx.first(sql, tx.now_ms()) is None

    return await sandbox.service.database.read(is_idle)


async def fail_unreported(sandbox: Sandbox) -> int:
    """Reply on a new ticket; the text fails, and both reports are held back. Returns the ticket."""
    ticket = await open_ticket(sandbox)
    sandbox.twilio.hold_callbacks()
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello</p>")
    await eventually(lambda: len(sandbox.twilio.held_callbacks) == 2)
    await settled(sandbox)
    return ticket


async def test_what_became_of_texts_while_nobody_was_there_is_found_at_the_next_start(
    tmp_path: Path, new_store: NewStore
) -> None:
    async with serving(tmp_path, new_store) as serve:
        sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="1")
        ticket = await fail_unreported(sandbox)
        await process.kill()
        assert set(await sandbox.twilio.release_callbacks()) == {0}  # nobody answers

        assert sandbox.settings is not None
        backdate(sandbox.settings.database_url, 30 * HOUR_MS)
        await process.start()
        await eventually(lambda: len(notes(sandbox, ticket)) == 1)
        await settled(sandbox)

        assert await state(sandbox) == "undelivered"
        assert len(notes(sandbox, ticket)) == 1
        assert len(sandbox.twilio.sent) == 1


async def test_failure_that_was_noted_after_the_backup_is_not_noted_again(
    tmp_path: Path, new_store: NewStore
) -> None:
    async with serving(tmp_path, new_store) as serve:
        sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="1")
        ticket = await fail_unreported(sandbox)
        backup = Backup(sandbox, tmp_path)
        await backup.take()
        await sandbox.twilio.release_callbacks()
        await eventually(lambda: len(notes(sandbox, ticket)) == 1)
        await settled(sandbox)
        await process.kill()
        await backup.put_back()

        assert sandbox.settings is not None
        backdate(sandbox.settings.database_url, HOUR_MS)
        await process.start()
        await has_looked(process)
        await eventually(lambda: is_known(sandbox))
        await settled(sandbox)

        assert len(notes(sandbox, ticket)) == 1


async def is_known(sandbox: Sandbox) -> bool:
    """Whether the reply is known to have failed."""
    return [one["state"] for one in await replies(sandbox)] == ["undelivered"]


def backdate(url: str, ms: int) -> None:
    """Let everything have been sent so long ago."""
    sql = f"UPDATE parts SET begun_at = begun_at - {int(ms)}"
    if url.startswith("postgresql://"):
        with psycopg.connect(url) as server:
            server.execute(sql.encode())
        return
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        file.execute(sql)
        file.commit()
