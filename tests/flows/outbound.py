"""What the tests of the way out say: a ticket to reply on, what the phone shows, what was noted."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from bridge.clock import rfc3339
from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Seen
from bridge.sandbox.zendesk.deliveries import sign
from bridge.store import work
from tests.flows.conftest import eventually

MAYA = "+12025550123"
JONAS = "+13125550142"
ACME = "+12025550100"
ORDERS = "+18005550199"
VIP = "50500"
SEND = ("POST", "*/Messages.json")  # the carrier's call that sends a text

Json = dict[str, Any]

SENDER = """\
[[senders]]
number = "+12025550100"
carrier = "twilio"
country = "US"
"""


class MovingClock:
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.ahead_ms


async def open_ticket(
    sandbox: Sandbox, body: str = "Where is it?", *, customer: str = MAYA, sender: str = ACME
) -> int:
    """Let a customer text, and wait until all is written. Returns the ticket's id."""
    await sandbox.twilio.customer_texts(customer, sender, body)
    found: list[int] = []

    def is_written() -> bool:
        found.extend(
            ticket.id
            for ticket in sandbox.zendesk.tickets.values()
            if any(comment.plain_body == body for comment in ticket.comments)
        )
        return bool(found)

    await eventually(is_written)
    await settled(sandbox)
    return found[-1]


async def settled(sandbox: Sandbox, *, within_s: float = 60.0) -> None:
    """Wait until nothing is on its way: no webhook, no stored work, no delivery report."""

    async def is_quiet() -> bool:
        await sandbox.zendesk.idle()
        await sandbox.twilio.idle()
        return await _waiting(sandbox) == 0

    await eventually(is_quiet, within_s=within_s)


async def _waiting(sandbox: Sandbox) -> int:
    """How much stored work there is."""
    if sandbox.service is not None:
        return (await sandbox.service.database.read(work.backlog))[0]
    return int(await metric(sandbox, 'bridge_work{state="waiting"}'))


async def metric(sandbox: Sandbox, name: str) -> float:
    """One measure of /metrics, 0 where it has not been counted yet."""
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.get("/metrics") as response,
    ):
        text = await response.text()
    found = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def phone(sandbox: Sandbox, customer: str = MAYA) -> list[tuple[str, str]]:
    """Sender and words of each text on a phone, without the carrier's own answers."""
    return [
        (text.sender, text.body) for text in sandbox.twilio.handset(customer) if not text.by_carrier
    ]


def words(sandbox: Sandbox, customer: str = MAYA) -> list[str]:
    """The words of each text on a phone, without the carrier's own answers."""
    return [body for _, body in phone(sandbox, customer)]


def notes(sandbox: Sandbox, ticket_id: int) -> list[str]:
    """The private notes on a ticket."""
    comments = sandbox.zendesk.comments(ticket_id)
    return [comment.plain_body for comment in comments if not comment.public]


def sends(sandbox: Sandbox) -> list[Seen]:
    """Every call to the carrier that asked for a text to be sent, taken or not."""
    return sandbox.twilio.faults.seen(*SEND)


def looked_for(sandbox: Sandbox) -> list[Seen]:
    """Every call for the carrier's list of texts from us; a sweep lists those to us."""
    listed = sandbox.twilio.faults.seen("GET", "*/Messages.json")
    return [one for one in listed if "From=" in one.query]


async def ask(sandbox: Sandbox, path: str, **query: str) -> Json:
    """Read from the bridge's API."""
    async with _session(sandbox) as session, session.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        answer: Json = await response.json()
        return answer


async def order(sandbox: Sandbox, path: str, body: Mapping[str, object]) -> tuple[int, Json]:
    """Post to the bridge's API. Returns the status and the answer."""
    async with _session(sandbox) as session, session.post(path, json=body) as response:
        return response.status, await response.json()


async def replies(sandbox: Sandbox) -> list[Json]:
    """What went out, or should have, oldest first, as the API shows it."""
    found = (await ask(sandbox, "/api/v1/messages", limit="500"))["messages"]
    return [message for message in reversed(found) if message["direction"] == "outbound"]


async def failed(sandbox: Sandbox) -> list[Json]:
    """The failed work that a human sees."""
    found: list[Json] = (await ask(sandbox, "/api/v1/failed"))["failed"]
    return found


async def send_hint(
    sandbox: Sandbox,
    payload: Mapping[str, object] | bytes,
    *,
    secret: str | None = None,
    signed_at: str | None = None,
) -> int:
    """Call the bridge's webhook as Zendesk does. Returns the HTTP status."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    stamp = rfc3339(sandbox.clock.now_ms()) if signed_at is None else signed_at
    known = next(iter(sandbox.zendesk.webhooks.table.values()))["_secret"]
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Zendesk-Webhook-Signature": sign(secret or known, stamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
    }
    async with (
        aiohttp.ClientSession(sandbox.url) as session,
        session.post("/desks/zendesk/events", data=body, headers=headers) as response,
    ):
        return response.status


def hook_statuses(sandbox: Sandbox) -> list[int]:
    """What the bridge answered to each of Zendesk's webhooks."""
    invocations = sandbox.zendesk.deliveries.invocations
    return [attempt.status for invocation in invocations for attempt in invocation.attempts]


def _session(sandbox: Sandbox) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {sandbox.api_token}"}
    return aiohttp.ClientSession(sandbox.url, headers=headers)
