"""The pace of a sender and its pause, between the real bridge and its far sides."""

from __future__ import annotations

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, JONAS, MAYA, ORDERS, on_phone, sender, tickets
from tests.flows.cast import text as texted
from tests.flows.conftest import Start, eventually

SLOW_S = 15.0
PACE = 5.0  # segments a second


async def _begun(sandbox: Sandbox, number: str) -> list[int]:
    """When each part from this number was let go, in milliseconds, in the order they were made."""
    assert sandbox.service is not None
    sql = (
        "SELECT parts.begun_at AS at FROM parts JOIN messages ON messages.id = parts.message_id "
        "WHERE parts.begun_at IS NOT NULL AND messages.sender = $1 "
        "ORDER BY messages.seq, parts.position"
    )
    found = await sandbox.service.database.read(lambda tx: tx.all(sql, number))
    return [int(row["at"]) for row in found]


async def test_replies_leave_at_the_pace_in_order_and_another_number_is_not_held_up(
    start_sandbox: Start,
) -> None:
    slow = sender(ACME, pace=PACE) + sender(ORDERS, pace=100.0)
    sandbox = await start_sandbox(slow)
    await texted(sandbox, MAYA, ACME, "hello")
    await texted(sandbox, JONAS, ORDERS, "hello")
    first, other = tickets(sandbox)

    for number in range(6):
        await sandbox.zendesk.agent_replies(first.id, f"<p>{number}</p>")
    await sandbox.zendesk.agent_replies(other.id, "<p>At once</p>")

    wanted = [str(number) for number in range(6)]
    await eventually(
        lambda: [body for _, body, _ in on_phone(sandbox, MAYA)] == wanted, within_s=SLOW_S
    )
    await eventually(
        lambda: [body for _, body, _ in on_phone(sandbox, JONAS)] == ["At once"], within_s=SLOW_S
    )
    began, *later = await _begun(sandbox, ACME)
    gap_ms = 1000 / PACE
    # The other number's text may leave before them all: a gap to it says nothing.
    assert len(later) == 5
    assert all(at - began >= place * gap_ms for place, at in enumerate(later, start=1))


async def test_what_a_paused_sender_is_to_send_waits_until_the_pause_ends(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(ACME, is_paused=True) + sender(ORDERS))
    await texted(sandbox, MAYA, ACME, "hello")
    await texted(sandbox, JONAS, ORDERS, "hello")
    paused, other = tickets(sandbox)

    await sandbox.zendesk.agent_replies(paused.id, "<p>Later</p>")
    await sandbox.zendesk.agent_replies(other.id, "<p>Now</p>")
    await eventually(
        lambda: [body for _, body, _ in on_phone(sandbox, JONAS)] == ["Now"], within_s=SLOW_S
    )
    assert on_phone(sandbox, MAYA) == []

    await sandbox.set_up(sender(ACME))
    await eventually(
        lambda: [body for _, body, _ in on_phone(sandbox, MAYA)] == ["Later"], within_s=SLOW_S
    )
