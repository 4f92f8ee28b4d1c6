"""A text becomes a ticket, the reply becomes a text."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import eventually

pytestmark = pytest.mark.both_engines

MAYA = "+12025550123"
ACME = "+12025550100"


async def test_text_becomes_ticket_and_reply_becomes_text(sandbox: Sandbox) -> None:
    await sandbox.twilio.customer_texts(MAYA, ACME, "My order is late 😀")
    await eventually(lambda: sandbox.zendesk.tickets)
    ticket = next(iter(sandbox.zendesk.tickets.values()))

    await sandbox.zendesk.agent_replies(ticket.id, "<p>On its <b>way</b></p>")
    await eventually(lambda: sandbox.twilio.handset(MAYA))

    assert ticket.comments[0].body == "My order is late 😀"
    assert [(text.sender, text.body) for text in sandbox.twilio.handset(MAYA)] == [
        (ACME, "On its way")
    ]
