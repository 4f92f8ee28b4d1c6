"""What the tests of Zendesk's limits have in common: a clock that only they move."""

from __future__ import annotations

import re

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from bridge.store import work
from bridge.store.database import Transaction
from tests.flows.cast import MAYA, ask, customer_comments, messages
from tests.flows.conftest import eventually
from tests.sandbox.moving_clock import MovingClock

PATIENCE_S = 40.0
TIMED = re.compile(
    r"\[((?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC)\]\n(.*?)(?:\n\n(?=\[)|\Z)", re.DOTALL
)
TICKET_BUSY = {
    "Retry-After": "1",
    "zendesk-ratelimit-ticket-updates": "total=30; remaining=0; resets=1",
}


def said(ticket: Ticket) -> list[str]:
    """All texts on a ticket, in order, out of joined comments too."""
    found: list[str] = []
    for comment in customer_comments(ticket):
        timed = TIMED.findall(comment)
        found += [body for _, body in timed] if timed else [comment]
    return found


async def words_of(sandbox: Sandbox, body: str) -> list[str]:
    """What the trace of a text says about its attempts."""
    (found,) = [one for one in await messages(sandbox) if one["body"] == body]
    trace = await ask(sandbox, f"messages/{found['id']}")
    return [str(attempt["words"]) for attempt in trace["attempts"]]


def is_idle(sandbox: Sandbox) -> bool:
    """Whether the workers have begun all that they may: else time would pass while they look."""
    service = sandbox.service
    assert service is not None
    return all(worker.is_idle for worker in service._workers)


async def keep_going(sandbox: Sandbox, clock: MovingClock, *, step_s: float = 1.0) -> None:
    """Let time pass until nothing is left to do; it stands still while something is worked on.

    Steps are shorter than what a limit's window is longer than the desk's own.
    """
    service = sandbox.service
    assert service is not None

    def count(tx: Transaction) -> tuple[int, int]:
        row = tx.first("SELECT count(lease) AS begun, count(*) AS lanes FROM lanes")
        assert row is not None
        return row["begun"], work.backlog(tx)[0]

    async def is_done() -> bool:
        begun, waiting = await service.database.read(count)
        if begun == 0 and is_idle(sandbox):
            clock.advance(step_s)
            service.wake()
        return waiting == 0

    await eventually(is_done, within_s=PATIENCE_S)


async def send(sandbox: Sandbox, clock: MovingClock, number: str, *bodies: str) -> None:
    """Text one after the other, each on its ticket before the next one."""
    for body in bodies:
        await sandbox.twilio.customer_texts(MAYA, number, body)
        await keep_going(sandbox, clock)


async def waits_its_turn(sandbox: Sandbox, body: str) -> None:
    async def waits() -> bool:
        return any("waits for its turn" in words for words in await words_of(sandbox, body))

    await eventually(waits, within_s=PATIENCE_S)
