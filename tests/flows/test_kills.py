"""`bridge serve` is killed in the middle of a call: each text still stands exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Hold
from tests.flows.cast import ACME, MAYA, customer_comments, messages, only_ticket
from tests.flows.conftest import NewStore, eventually
from tests.flows.serving import Process, serving

pytestmark = pytest.mark.slow

Served = tuple[Sandbox, Process]


@pytest.fixture
async def served(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Served]:
    """A sandbox whose bridge is a process of its own, started."""
    async with serving(tmp_path, new_store) as serve:
        yield await serve(BRIDGE_HTTP_TIMEOUT="5")


async def _text(sandbox: Sandbox, *bodies: str) -> None:
    for body in bodies:
        answer = await sandbox.twilio.customer_texts(MAYA, ACME, body)
        assert answer.statuses == (200,)


async def _all_done(sandbox: Sandbox, count: int) -> None:
    async def are_done() -> bool:
        shown = await messages(sandbox)
        return len(shown) == count and all(one["state"] == "done" for one in shown)

    await eventually(are_done, within_s=40)  # before any lease ends by itself


def _gate(sandbox: Sandbox, moment: str, method: str, path: str) -> Hold:
    faults = sandbox.zendesk.faults
    hold = faults.hold_before if moment == "before it is applied" else faults.hold_after
    return hold(method, path)


MOMENTS = pytest.mark.parametrize("moment", ["before it is applied", "after it was applied"])


@MOMENTS
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/users/search"),
        ("POST", "/api/v2/users/create_or_update"),
        ("POST", "/api/v2/tickets"),
    ],
)
async def test_kill_while_a_ticket_is_made(
    served: Served, moment: str, method: str, path: str
) -> None:
    sandbox, process = served
    gate = _gate(sandbox, moment, method, path)
    await _text(sandbox, "one", "two")
    await gate.wait_arrived()

    await process.kill()
    await process.start()
    await _all_done(sandbox, 2)
    gate.open()
    late = sandbox.zendesk.faults.seen(method, path)[0]
    await eventually(lambda: late.status is not None)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]
    users = [user for user in sandbox.zendesk.users.values() if user.role == "end-user"]
    assert [user.phone for user in users] == [MAYA]


@MOMENTS
@pytest.mark.parametrize("lands", ["while we are dead", "after the restart"])
async def test_kill_while_a_comment_is_added(served: Served, moment: str, lands: str) -> None:
    sandbox, process = served
    await _text(sandbox, "one")
    await _all_done(sandbox, 1)
    ticket = only_ticket(sandbox)
    ticket.updated_ms -= 5000  # stamps have whole seconds
    path = f"/api/v2/tickets/{ticket.id}"
    gate = _gate(sandbox, moment, "PUT", path)
    await _text(sandbox, "two", "three")
    await gate.wait_arrived()

    await process.kill()
    late = sandbox.zendesk.faults.seen("PUT", path)[0]
    if lands == "while we are dead":
        gate.open()
        await eventually(lambda: late.status is not None)
    await process.start()
    await _all_done(sandbox, 3)
    gate.open()
    await eventually(lambda: late.status is not None)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two", "three"]


async def test_kill_right_after_the_carrier_was_answered(served: Served) -> None:
    sandbox, process = served
    await _text(sandbox, *(f"text {number}" for number in range(8)))

    await process.kill()
    await process.start()
    await _all_done(sandbox, 8)

    assert customer_comments(only_ticket(sandbox)) == [f"text {number}" for number in range(8)]


async def test_kill_while_a_crowd_texts_keeps_what_was_answered_and_doubles_nothing(
    served: Served,
) -> None:
    sandbox, process = served
    crowd = [f"+120255502{number:02}" for number in range(24)]
    answered: dict[str, str] = {}  # what Twilio was told "yes" to, by customer

    async def text(customer: str) -> None:
        answer = await sandbox.twilio.customer_texts(customer, ACME, f"text of {customer}")
        if answer.statuses == (200,):
            answered[customer] = answer.sid

    texting = [asyncio.create_task(text(customer)) for customer in crowd]
    await eventually(lambda: answered)
    await process.kill()
    await asyncio.gather(*texting, return_exceptions=True)
    await process.start()
    kept = {one["id"] for one in await messages(sandbox)}
    assert len(kept) >= len(answered)

    # A carrier repeats what was not answered, and now and then what was.
    for message in [one for one in sandbox.twilio.account.messages if one.sender in crowd]:
        await sandbox.twilio.redeliver(message.sid)
    await _all_done(sandbox, len(crowd))

    written = [customer_comments(ticket) for ticket in sandbox.zendesk.tickets.values()]
    assert sorted(written) == sorted([f"text of {customer}"] for customer in crowd)


async def test_kill_after_kill_writes_every_text_once_and_in_order(served: Served) -> None:
    sandbox, process = served
    await _text(sandbox, "text 0")
    await _all_done(sandbox, 1)
    path = f"/api/v2/tickets/{only_ticket(sandbox).id}"
    gates = [sandbox.zendesk.faults.hold_after("PUT", path) for _ in range(3)]
    await _text(sandbox, *(f"text {number}" for number in range(1, 6)))

    for gate in gates:
        await gate.wait_arrived()
        await process.kill()
        await process.start()
    await _all_done(sandbox, 6)

    assert customer_comments(only_ticket(sandbox)) == [f"text {number}" for number in range(6)]
    for gate in gates:
        gate.open()
