"""P7 within Zendesk's limits: a backlog after an outage, `python -m tests.bench P7 --full`.

10,000 texts of 2,000 conversations wait while the desk answers 503. Then it is back, with its
limits on, and they are worked off while new customers text. The limits are scaled up so that it
takes a minute or two; each is reported beside what was used of it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bridge.carriers.contract import InboundText
from bridge.sandbox.demo import Sandbox
from bridge.store import contacts, work
from bridge.store.database import Transaction
from tests.bench.figures import RATIO, Figure, at_least, at_most, figure
from tests.bench.load import SENDER
from tests.flows.conftest import eventually, free_port

CONVERSATIONS = 2_000
NEW_AMONG_THEM = 100  # have no ticket yet
TEXTS_EACH = 5
MOST_NEWCOMERS = 500
PER_MINUTE = 1_500  # updates of the account: 15 times what it is
CALLS_PER_MINUTE = 40_000
NEWCOMER_EVERY_S = 1.0
LONGEST_S = 420.0
TIMED = re.compile(r"\[[0-9: -]+ UTC\]\n(text [0-9]+ [0-9]+)")


@dataclass(slots=True, kw_only=True)
class Newcomers:
    """New customers who text while the backlog drains, and when their tickets were there."""

    texted_at: dict[str, float] = field(default_factory=dict)
    waited_s: list[float] = field(default_factory=list)


def measure() -> list[Figure]:
    """Fill, break, mend, measure."""
    return asyncio.run(_measured())


async def _measured() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(
            folder=Path(folder),
            port=free_port(),
            changes={
                "BRIDGE_ZENDESK_UPDATES_PER_MINUTE": str(PER_MINUTE),
                "BRIDGE_SWEEP_INTERVAL": "86400",
                "BRIDGE_RETRY_MAX": "10",
            },
        )
        await sandbox.start()
        try:
            return await _outage(sandbox)
        finally:
            await sandbox.stop()


async def _outage(sandbox: Sandbox) -> list[Figure]:
    """One outage and what follows."""
    desk, service = sandbox.zendesk, sandbox.service
    assert service is not None
    desk.webhooks.table.clear()  # replies are not what is measured
    await known_customers(sandbox)
    desk.faults.down()
    for number in range(TEXTS_EACH):
        await asyncio.gather(*(take(sandbox, each, number) for each in range(CONVERSATIONS)))
    tries = len(desk.faults.requests)
    await asyncio.sleep(5)
    print(
        f"{CONVERSATIONS * TEXTS_EACH} texts wait; calls in 5 s of outage: "
        f"{len(desk.faults.requests) - tries}"
    )
    desk.limits.updates_per_minute = PER_MINUTE
    desk.limits.updates_per_ticket = 30
    desk.limits.account_per_minute = CALLS_PER_MINUTE
    updates = len(desk.faults.seen("PUT", "/api/v2/tickets/*"))
    began = time.monotonic()
    desk.faults.down(False)

    newcomers = Newcomers()
    watch_created(sandbox, newcomers)
    texting = asyncio.create_task(send_newcomers(sandbox, newcomers))

    async def is_drained() -> bool:
        await asyncio.sleep(0.2)
        return (await service.database.read(work.backlog))[0] == 0

    await eventually(lambda: backlog_is_gone(sandbox), within_s=LONGEST_S)
    took_s = time.monotonic() - began
    texting.cancel()
    await eventually(is_drained, within_s=LONGEST_S)
    return report(
        sandbox, newcomers, took_s, len(desk.faults.seen("PUT", "/api/v2/tickets/*")) - updates
    )


async def known_customers(sandbox: Sandbox) -> None:
    """Give most of the conversations a ticket."""
    assert sandbox.service is not None
    count = CONVERSATIONS - NEW_AMONG_THEM

    def know(tx: Transaction) -> None:
        # The fake's search looks through all users, one by one: its time is not what is measured.
        for each in range(CONVERSATIONS + MOST_NEWCOMERS):
            user = sandbox.zendesk.add_user(name=f"Customer {each}", phone=number_of(each))
            contacts.know(tx, number_of(each))
            contacts.set_requester(tx, number_of(each), user.id)

    await sandbox.service.database.write(know)
    await asyncio.gather(*(take(sandbox, each, TEXTS_EACH) for each in range(count)))
    await eventually(lambda: len(sandbox.zendesk.tickets) == count, within_s=LONGEST_S)


def number_of(customer: int) -> str:
    """The phone of a customer by number."""
    return f"+1312555{customer:04d}"


async def take(sandbox: Sandbox, customer: int, number: int) -> None:
    """A text as the webhook hands it on."""
    assert sandbox.service is not None
    text = InboundText(
        carrier_id=f"SM{customer:016x}{number:016x}",
        sender=SENDER,
        customer=number_of(customer),
        body=f"text {customer} {number}",
    )
    await sandbox.service.take_text("twilio", text)


def watch_created(sandbox: Sandbox, newcomers: Newcomers) -> None:
    """Note when a newcomer's ticket is there."""

    def created(_change: object) -> None:
        ticket = next(reversed(sandbox.zendesk.tickets.values()))
        texted_at = newcomers.texted_at.pop(ticket.comments[0].body, None)
        if texted_at is not None:
            newcomers.waited_s.append(time.monotonic() - texted_at)

    sandbox.zendesk.on_change.append(created)


async def send_newcomers(sandbox: Sandbox, newcomers: Newcomers) -> None:
    """A new customer every now and then, until cancelled."""
    customer = CONVERSATIONS
    while customer < CONVERSATIONS + MOST_NEWCOMERS - 1:
        customer += 1
        newcomers.texted_at[f"text {customer} 0"] = time.monotonic()
        await take(sandbox, customer, 0)
        await asyncio.sleep(NEWCOMER_EVERY_S)


async def backlog_is_gone(sandbox: Sandbox) -> bool:
    """Whether every conversation of the outage has its last text (asked seldom: it is a lot)."""
    await asyncio.sleep(0.5)
    return len(found_texts(sandbox, below=CONVERSATIONS)) >= CONVERSATIONS * TEXTS_EACH


def found_texts(sandbox: Sandbox, *, below: int) -> Counter[str]:
    """How often each text of the outage stands on a ticket."""
    found: Counter[str] = Counter()
    for ticket in sandbox.zendesk.tickets.values():
        for comment in ticket.comments:
            bodies = TIMED.findall(comment.body) or [comment.body]
            for body in bodies:
                words = body.split()
                if words[0] == "text" and int(words[1]) < below and int(words[2]) < TEXTS_EACH:
                    found[body] += 1
    return found


def report(sandbox: Sandbox, newcomers: Newcomers, took_s: float, updates: int) -> list[Figure]:
    """What came of it. Raises RuntimeError where a text is missing or stands twice."""
    desk = sandbox.zendesk
    found = found_texts(sandbox, below=CONVERSATIONS)
    wanted = CONVERSATIONS * TEXTS_EACH
    lost, doubled = wanted - len(found), sum(found.values()) - len(found)
    if lost or doubled or newcomers.texted_at:
        raise RuntimeError(f"lost {lost}, doubled {doubled}, waiting {len(newcomers.texted_at)}")
    print(
        f"early repeats: {len(desk.faults.early_repeats())}, refused by a limit: {desk.limits.hits}"
    )
    allowed = PER_MINUTE * took_s / 60
    about = f"{wanted:,} texts within Zendesk's limits ({PER_MINUTE:,} updates a minute)"
    waits = newcomers.waited_s
    return [
        figure(
            "P7",
            "limited",
            f"{about}: updates against what is allowed",
            RATIO,
            [updates / allowed],
            goal=at_least(0.8),
        ),
        figure("P7", "limited_speed", about, "texts/s", [wanted / took_s]),
        figure(
            "P7",
            "limited_newcomer",
            "the slowest of the newcomers' texts meanwhile, sent → ticket being made",
            "s",
            [max(waits)],
            goal=at_most(1.0),
        ),
    ]
