"""P3: how long an idle bridge takes from a webhook to the call that follows from it."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.app import zendesk_api
from bridge.desks.zendesk.api import Params
from bridge.desks.zendesk.threads import NEWEST
from bridge.http import HttpClient
from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from tests.bench.figures import Figure, at_most, figure
from tests.bench.load import SENDER
from tests.bench.servers import Process, free_port
from tests.bench.sizes import Size
from tests.flows.conftest import eventually

ON_ONE_TICKET = 10  # texts, and as many replies: then another customer's
PAUSE_S = 0.05  # idle is what is measured
GOAL_MS = 5.0
WHOLE: Params = {"sort": "-created_at", "include": "users", "page[size]": NEWEST}
# Texted in a minute: more than the limits, which are not what is measured.
NO_LIMITS = {"BRIDGE_ZENDESK_UPDATES_PER_MINUTE": "0", "BRIDGE_ZENDESK_UPDATES_PER_TICKET": "0"}


@dataclass(slots=True)
class _Taken:
    """Seconds, of each try."""

    to_desk: list[float] = field(default_factory=list)
    to_carrier: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)


def measure(size: Size) -> list[Figure]:
    """Texts and replies in turn, each when the one before is done."""
    with TemporaryDirectory() as folder:
        taken = asyncio.run(_measure(Path(folder), size.tries))
    read_ms = statistics.median(taken.reads) * 1000
    without = [one - read_ms / 1000 for one in taken.to_carrier]
    return [
        _figure("to_desk", "webhook sent → call to Zendesk begun", taken.to_desk, goal=True),
        _figure("to_carrier", "hint sent → call to the carrier begun", taken.to_carrier),
        _figure("one_read", "one read at Zendesk, the client alone", taken.reads),
        _figure("to_carrier_alone", "hint → carrier without that read", without, goal=True),
    ]


def _figure(name: str, what: str, seconds: list[float], *, goal: bool = False) -> Figure:
    times_ms = [one * 1000 for one in seconds]
    return figure("P3", name, what, "ms", times_ms, goal=at_most(GOAL_MS) if goal else None)


async def _measure(folder: Path, tries: int) -> _Taken:
    sandbox = Sandbox(folder=folder, port=free_port(), changes=NO_LIMITS)
    await sandbox.start_far_sides()
    try:
        await sandbox.set_up()
        service = Process(
            [sys.executable, "-m", "bridge", "serve"],
            port=sandbox._port,
            environment=sandbox._environment,
        )
        await asyncio.to_thread(service.__enter__)
        try:
            return await _texts_and_replies(sandbox, tries)
        finally:
            await asyncio.to_thread(service.stop)
    finally:
        await sandbox.stop()


async def _texts_and_replies(sandbox: Sandbox, tries: int) -> _Taken:
    taken = _Taken()
    for number in range(0, tries, ON_ONE_TICKET):
        customer = f"+1202555{number:04d}"
        seen = len(sandbox.zendesk.tickets)
        await sandbox.twilio.customer_texts(customer, SENDER, "first")
        await eventually(lambda s=seen: len(sandbox.zendesk.tickets) > s)
        ticket = list(sandbox.zendesk.tickets.values())[-1]
        for _ in range(min(ON_ONE_TICKET, tries - number)):
            await _text_and_reply(sandbox, customer, ticket, taken)
    taken.reads = await _times_of_reads(sandbox, min(sandbox.zendesk.tickets), tries)
    return taken


async def _text_and_reply(sandbox: Sandbox, customer: str, ticket: Ticket, taken: _Taken) -> None:
    desk, carrier = sandbox.zendesk, sandbox.twilio
    await asyncio.sleep(PAUSE_S)
    seen, written = len(desk.faults.requests), len(ticket.comments)
    began = time.monotonic()
    await carrier.customer_texts(customer, SENDER, "another")
    await eventually(lambda: len(desk.faults.requests) > seen)
    taken.to_desk.append(desk.faults.requests[seen].at - began)
    await eventually(lambda: len(ticket.comments) > written)
    await asyncio.sleep(PAUSE_S)
    sent = len(carrier.faults.requests)
    desk.deliveries.hold()
    await desk.agent_replies(ticket.id, "<p>reply</p>")
    began = time.monotonic()
    await desk.deliveries.release()
    await eventually(lambda: len(carrier.faults.requests) > sent)
    taken.to_carrier.append(carrier.faults.requests[sent].at - began)


async def _times_of_reads(sandbox: Sandbox, ticket_id: int, tries: int) -> list[float]:
    """What reading a ticket's comments as the bridge does costs our client alone, here."""
    assert sandbox.settings is not None
    http = HttpClient(timeout_s=10)
    await http.open()
    try:
        api = zendesk_api(sandbox.settings, http, sandbox.clock)
        took = []
        for _ in range(tries + 1):
            began = time.monotonic()
            await api.get(f"/api/v2/tickets/{ticket_id}/comments", WHOLE)
            took.append(time.monotonic() - began)
    finally:
        await http.close()
    return took[1:]  # the first fetched a token and opened the connection
