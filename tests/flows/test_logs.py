"""The log of a whole conversation tells what happened, and nothing that was said or by whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import NewStore
from tests.flows.outbound import ACME, MAYA, SEND, open_ticket, order, send_hint, settled
from tests.flows.serving import Process, Serve, serving

CANARY = "xylophone"
HIDDEN_NUMBERS = ("2025550123", "2025550100", "202-555-0123", "555 0123")
Line = dict[str, Any]


@pytest.fixture
async def serve(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Serve]:
    async with serving(tmp_path, new_store) as start:
        yield start


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_log_holds_no_number_no_text_and_no_secret(serve: Serve, level: str) -> None:
    sandbox, process = await serve(BRIDGE_LOG_LEVEL=level)
    await _live_through_a_lot(sandbox)
    assert await process.terminate(within_s=20.0) == 0

    log = process.log_path.read_text()
    assert log.count("text.sent") > 1  # there is something to look through
    for number in HIDDEN_NUMBERS:
        assert number not in log
    assert CANARY not in log.lower()
    secrets = {
        name: value
        for name, value in sandbox._environment.items()
        if name.endswith(("_TOKEN", "_SECRET", "_SECRET_KEY"))
    }
    webhooks = sandbox.zendesk.webhooks.table.values()
    assert len(secrets) == 4
    for secret in (*secrets.values(), *(webhook["_secret"] for webhook in webhooks)):
        assert secret not in log


async def test_every_line_is_json_with_time_level_and_event(serve: Serve) -> None:
    sandbox, process = await serve()
    await _live_through_a_lot(sandbox)

    lines = process.lines()
    assert len(lines) > 10
    assert all({"at", "level", "event"} <= set(line) for line in lines)


async def test_ids_lead_from_the_webhook_to_the_comment_to_the_text(serve: Serve) -> None:
    sandbox, process = await serve()
    ticket = await open_ticket(sandbox)
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>On its way</p>")
    await settled(sandbox)

    received = _line(process, "text.received")
    assert received["correlation_id"]
    written = _line(process, "text.written", message=received["message"])
    assert written["ticket"] == ticket

    hinted = _line(process, "hint.received", ticket=ticket, comment=comment.id)
    sent = _line(process, "text.sent", ticket=ticket, comment=comment.id)
    assert sent["carrier_id"] == sandbox.twilio.sent[0].sid
    delivered = _line(process, "report.received", message=sent["message"], state="delivered")
    assert delivered["correlation_id"] != hinted["correlation_id"]


def _line(process: Process, event: str, **fields: object) -> Line:
    """The one line of this event that has these fields."""
    wanted = {"event": event, **fields}
    (found,) = [line for line in process.lines() if wanted.items() <= line.items()]
    return found


async def _live_through_a_lot(sandbox: Sandbox) -> None:
    """Texts and replies, with every kind of trouble on the way."""
    ticket = await open_ticket(sandbox, f"My {CANARY} is late, call 202-555-0123")
    sandbox.twilio.faults.refuse(*SEND, 429, body=f'{{"code": 20429, "message": "{CANARY}"}}')
    await sandbox.zendesk.agent_replies(ticket, f"<p>Your {CANARY} is on its way</p>")
    await settled(sandbox)
    sandbox.twilio.faults.lose_answer(*SEND)
    await sandbox.zendesk.agent_replies(ticket, f"<p>The {CANARY} again</p>")
    await settled(sandbox)
    sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    await sandbox.zendesk.agent_replies(ticket, f"<p>No {CANARY}</p>")
    await settled(sandbox)
    sandbox.twilio.account.invalid.add(MAYA)
    await sandbox.zendesk.agent_replies(ticket, f"<p>{CANARY}?</p>")
    await settled(sandbox)
    sandbox.zendesk.faults.html("GET", "/api/v2/tickets/*")
    await sandbox.twilio.customer_texts(MAYA, ACME, f"Still no {CANARY}")
    await settled(sandbox)
    asked = {"sender": ACME, "customer": MAYA, "body": CANARY, "kind": "campaign", "send": False}
    assert (await order(sandbox, "/api/v1/messages", asked))[0] == 201
    assert (await order(sandbox, "/api/v1/messages", {**asked, "customer": CANARY}))[0] == 400
    assert await send_hint(sandbox, {"ticket_id": CANARY}) == 400
    assert await send_hint(sandbox, {"ticket_id": ticket}, secret="forged-by-somebody") == 403
    await sandbox.twilio.customer_texts(MAYA, ACME, "STOP")
    await settled(sandbox)
