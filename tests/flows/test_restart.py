"""Killed, stopped and started again: each reply is still exactly one text, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.faults import Hold, Rule
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import (
    SEND,
    failed,
    looked_for,
    open_ticket,
    replies,
    sends,
    settled,
    words,
)
from tests.flows.serving import Serve, serving
from tests.stores import sqlite_only


@pytest.fixture
async def serve(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Serve]:
    async with serving(tmp_path, new_store) as start:
        yield start


@pytest.mark.parametrize("sign", ["report", "list"])
async def test_kill_while_the_carrier_holds_its_answer_leaves_one_text(
    serve: Serve, sign: str
) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = sign == "list"
    sandbox.twilio.hold_callbacks()
    hold = sandbox.twilio.faults.hold_after(*SEND)
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await hold.wait_arrived()

    await process.kill()
    hold.open()
    await process.start()
    await sandbox.twilio.release_callbacks()
    await settled(sandbox)

    assert words(sandbox) == ["Once", "Twice"]
    assert len(sandbox.twilio.sent) == 2
    assert await failed(sandbox) == []


async def test_kill_before_the_carrier_saw_the_request_loses_nothing(serve: Serve) -> None:
    sandbox, process = await serve(BRIDGE_SETTLE_WAIT="0.02")
    ticket = await open_ticket(sandbox)
    hold = Hold()
    sandbox.twilio.faults.add(Rule(method=SEND[0], path=SEND[1], hold_before=hold, drop="before"))
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await hold.wait_arrived()

    await process.kill()
    hold.open()
    await process.start()
    await settled(sandbox)

    assert words(sandbox) == ["Once"]
    assert [message["state"] for message in await replies(sandbox)] == ["delivered"]


async def test_kill_between_the_hint_and_the_reading_loses_nothing(serve: Serve) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    hold = sandbox.zendesk.faults.hold_before("GET", "/api/v2/tickets/*/comments*")
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await hold.wait_arrived()
    await sandbox.zendesk.idle()

    await process.kill()
    hold.open()
    await process.start()
    await settled(sandbox)

    assert words(sandbox) == ["Once"]


@pytest.mark.parametrize(
    "path",
    ["/api/v2/tickets/show_many", "/api/v2/incremental/tickets/cursor", "*/comments*"],
    ids=["what changed", "all changes", "the comments"],
)
async def test_kill_in_the_middle_of_a_sweep_loses_and_doubles_nothing(
    serve: Serve, path: str
) -> None:
    sandbox, process = await serve(BRIDGE_SWEEP_INTERVAL="0.2")
    ticket = await open_ticket(sandbox)
    await process.kill()
    sandbox.zendesk.deliveries.lost = True
    await sandbox.zendesk.agent_replies(ticket, "<p>Found</p>")

    answer = sandbox.zendesk.faults.hold_after("GET", path)
    await process.start()
    await answer.wait_arrived()
    await process.kill()
    answer.open()
    await process.start()

    await eventually(lambda: words(sandbox) == ["Found"], within_s=60)
    await settled(sandbox)
    assert words(sandbox) == ["Found"]


async def test_reply_written_while_the_bridge_was_down_comes_with_the_next_hint(
    serve: Serve,
) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    await process.kill()
    await sandbox.zendesk.agent_replies(ticket, "<p>While you slept</p>")
    await sandbox.zendesk.idle()

    await process.start()
    await sandbox.zendesk.agent_replies(ticket, "<p>Good morning</p>")
    await settled(sandbox)

    assert words(sandbox) == ["While you slept", "Good morning"]


async def test_stop_lets_a_send_under_way_finish_and_ends_with_success(serve: Serve) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    sandbox.twilio.faults.delay(*SEND, after_s=1.0)
    for number in range(3):
        await sandbox.zendesk.agent_replies(ticket, f"<p>Step {number}</p>")
    await eventually(lambda: sends(sandbox))

    assert await process.terminate(within_s=20.0) == 0
    taken = len(sandbox.twilio.sent)
    await process.start()
    await settled(sandbox)

    assert taken == 1
    assert words(sandbox) == ["Step 0", "Step 1", "Step 2"]
    assert looked_for(sandbox) == []  # nothing was in doubt


async def test_stop_with_a_carrier_that_never_answers_ends_soon_and_doubles_nothing(
    serve: Serve,
) -> None:
    sandbox, process = await serve(BRIDGE_HTTP_TIMEOUT="1")
    ticket = await open_ticket(sandbox)
    sandbox.twilio.lose_callbacks = True
    hold = sandbox.twilio.faults.hold_after(*SEND)
    await sandbox.zendesk.agent_replies(ticket, "<p>Once</p>")
    await hold.wait_arrived()

    assert await process.terminate(within_s=20.0) == 0
    hold.open()
    await process.start()
    await settled(sandbox)

    assert words(sandbox) == ["Once"]
    assert len(sandbox.twilio.sent) == 1


async def test_stop_while_the_carrier_is_away_keeps_what_waits(serve: Serve) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, 429, times=None)
    for number in range(5):
        await sandbox.zendesk.agent_replies(ticket, f"<p>Step {number}</p>")
    await sandbox.zendesk.idle()
    await eventually(lambda: sends(sandbox))

    assert await process.terminate(within_s=20.0) == 0
    sandbox.twilio.faults.clear()
    await process.start()
    await settled(sandbox)

    assert words(sandbox) == [f"Step {number}" for number in range(5)]


@sqlite_only
async def test_second_serve_on_the_same_file_is_refused_in_words(serve: Serve) -> None:
    sandbox, process = await serve()

    code, said = await process.start_beside()

    assert code != 0
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("bridge: ")
    ticket = await open_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket, "<p>Undisturbed</p>")
    await settled(sandbox)
    assert words(sandbox) == ["Undisturbed"]
