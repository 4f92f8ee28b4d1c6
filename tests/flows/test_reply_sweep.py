"""Replies whose webhook never came are found by asking Zendesk what changed."""

from __future__ import annotations

from types import ModuleType

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.store import looks, sweeps
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    JONAS,
    MAYA,
    MovingClock,
    failed,
    metric,
    notes,
    open_ticket,
    replies,
    settled,
    words,
)

HOUR_MS = 3_600_000
OFTEN = {"BRIDGE_SWEEP_INTERVAL": "0.2"}
EXPORT = ("GET", "/api/v2/incremental/tickets/cursor")
DIRECT = ("GET", "/api/v2/tickets/show_many")
SEARCH = ("GET", "/api/v2/search")


async def start(start_sandbox: Start) -> tuple[Sandbox, MovingClock]:
    """A bridge that sweeps often, at a Zendesk whose webhooks can be lost."""
    clock = MovingClock()
    return await start_sandbox(clock=clock, **OFTEN), clock


async def away(sandbox: Sandbox) -> None:
    """Stop the bridge; nothing reaches it."""
    assert sandbox.service is not None
    await sandbox.service.stop()
    sandbox.zendesk.deliveries.lost = True


async def has_texted(sandbox: Sandbox, *bodies: str, customer: str = MAYA) -> None:
    """Wait until these and no others are on the customer's phone."""
    await eventually(lambda: words(sandbox, customer) == list(bodies))


async def asked(sandbox: Sandbox, clock: MovingClock, times: int = 1) -> None:
    """Let time pass until all changes have been asked for again, so often."""
    for _ in range(times):
        seen = _times_asked(sandbox)

        def has_asked(seen: int = seen) -> bool:
            clock.ahead_ms += 500
            return _times_asked(sandbox) > seen

        await eventually(has_asked)
    await settled(sandbox)


def _times_asked(sandbox: Sandbox) -> int:
    faults = sandbox.zendesk.faults
    return len(faults.seen(*EXPORT)) + len(faults.seen(*SEARCH))


async def test_reply_whose_webhook_is_lost_is_texted_once(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True

    await sandbox.zendesk.agent_replies(ticket_id, "<p>It is on its way.</p>")
    await has_texted(sandbox, "It is on its way.")
    await asked(sandbox, clock, times=4)

    assert words(sandbox) == ["It is on its way."]
    assert [one["recovered"] for one in await replies(sandbox)] == [True]
    assert await metric(sandbox, 'bridge_recovered_total{what="reply"}') == 1


async def test_reply_by_its_webhook_is_not_marked_and_costs_one_look_more(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    await has_texted(sandbox, "Hi")
    await asked(sandbox, clock, times=3)
    looks = len(sandbox.zendesk.faults.seen("GET", f"/api/v2/tickets/{ticket_id}/comments"))
    await asked(sandbox, clock, times=4)

    assert [one["recovered"] for one in await replies(sandbox)] == [False]
    again = len(sandbox.zendesk.faults.seen("GET", f"/api/v2/tickets/{ticket_id}/comments"))
    assert again == looks


async def test_late_webhook_after_the_sweep_texts_nothing_twice(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.hold()

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    await has_texted(sandbox, "Hi")
    await sandbox.zendesk.deliveries.release()
    await asked(sandbox, clock)

    assert words(sandbox) == ["Hi"]


async def test_after_an_outage_recent_replies_come_in_order(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    other_id = await open_ticket(sandbox, "And mine?", customer=JONAS)
    clock.ahead_ms += 24 * HOUR_MS
    await away(sandbox)
    for number in range(5):
        await sandbox.zendesk.agent_replies(ticket_id, f"<p>Reply {number}</p>")
        clock.ahead_ms += 60_000
    await sandbox.zendesk.agent_replies(other_id, "<p>Yours too</p>")
    clock.ahead_ms += 20 * 60_000

    await sandbox.make_service().start()

    await has_texted(sandbox, *(f"Reply {number}" for number in range(5)))
    await has_texted(sandbox, "Yours too", customer=JONAS)


async def test_old_replies_are_shown_to_the_agent_in_one_note_instead_of_being_texted(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    await away(sandbox)
    await sandbox.zendesk.agent_replies(ticket_id, "<p>Old</p>")
    clock.ahead_ms += HOUR_MS
    await sandbox.zendesk.agent_replies(ticket_id, "<p>Not much newer</p>")
    clock.ahead_ms += 23 * HOUR_MS
    await sandbox.zendesk.agent_replies(ticket_id, "<p>New</p>")
    clock.ahead_ms += 120_000

    await sandbox.make_service().start()
    await has_texted(sandbox, "New")
    await asked(sandbox, clock, times=3)

    (note,) = [one for one in notes(sandbox, ticket_id) if one.startswith("Not texted:")]
    assert note.count("UTC") == 3
    assert "send it again" in note
    assert "sms_failed" in sandbox.zendesk.tickets[ticket_id].tags
    assert words(sandbox) == ["New"]
    assert await metric(sandbox, 'bridge_recovered_total{what="old_reply"}') == 2


async def test_old_reply_that_a_webhook_tells_of_is_texted(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.faults.refuse("GET", "*/comments", 503, times=None)
    sandbox.zendesk.faults.refuse("GET", "*/show_many", 503, times=None)
    sandbox.zendesk.faults.refuse("GET", "*/cursor", 503, times=None)

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    clock.ahead_ms += 5 * HOUR_MS
    sandbox.zendesk.faults.rules.clear()

    await has_texted(sandbox, "Hi")


async def test_without_admin_rights_the_search_finds_replies(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    await away(sandbox)
    clock.ahead_ms += 5 * HOUR_MS
    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    clock.ahead_ms += 120_000
    sandbox.zendesk.faults.refuse(*EXPORT, 403, body='{"error": "Forbidden"}', times=None)

    await sandbox.make_service().start()
    await has_texted(sandbox, "Hi")
    await asked(sandbox, clock, times=3)

    assert len([s for s in sandbox.zendesk.faults.seen(*EXPORT) if s.status == 403]) == 2
    assert words(sandbox) == ["Hi"]
    assert not await _paused(sandbox)


@pytest.mark.parametrize(("module", "name"), [(looks, "put"), (sweeps, "move")])
async def test_position_is_kept_only_with_the_looks_of_its_page(
    start_sandbox: Start, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    await away(sandbox)
    clock.ahead_ms += 2 * HOUR_MS
    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    clock.ahead_ms += 120_000
    broken = [True]
    step = getattr(module, name)

    def fail_once(*args: object, **more: object) -> None:
        if broken.pop() if broken else False:
            raise OSError("as if the process ended here")
        step(*args, **more)

    monkeypatch.setattr(module, name, fail_once)

    await sandbox.make_service().start()

    await eventually(lambda: not broken)
    clock.ahead_ms += 61_000  # the lease of who did not come back
    await has_texted(sandbox, "Hi")


async def test_refused_export_is_not_asked_for_again_before_its_time(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    refusal = sandbox.zendesk.faults.refuse(
        *EXPORT,
        429,
        headers={
            "Retry-After": "40",
            "zendesk-ratelimit-incremental-exports": "total=10; remaining=0; resets=40",
        },
    )
    clock.ahead_ms += 8_000
    await eventually(lambda: refusal.used == 1)
    calls = len(sandbox.zendesk.faults.seen(*EXPORT))

    clock.ahead_ms += 30_000
    await open_ticket(sandbox, "Others go on", customer=JONAS)
    assert len(sandbox.zendesk.faults.seen(*EXPORT)) == calls

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    clock.ahead_ms += 60_000
    await has_texted(sandbox, "Hi")


async def test_sweep_leaves_the_last_of_the_pool_to_others(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True
    await settled(sandbox)
    clock.ahead_ms += 60_000
    sandbox.zendesk.limits.account_per_minute = 40

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")
    await has_texted(sandbox, "Hi")
    for _ in range(40):
        clock.ahead_ms += 1_000
        await asked_or_waits(sandbox)

    assert sandbox.zendesk.limits.hits == 0


async def asked_or_waits(sandbox: Sandbox) -> None:
    """Let the sweep come to its turn, whatever it does then."""
    assert sandbox.service is not None
    sandbox.service.wake()
    await settled(sandbox)


async def test_where_changes_cannot_be_asked_for_active_tickets_are_looked_at(
    start_sandbox: Start,
) -> None:
    sandbox, _ = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.faults.refuse(*DIRECT, 404, body='{"error": "InvalidEndpoint"}', times=None)
    sandbox.zendesk.deliveries.lost = True

    await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")

    await has_texted(sandbox, "Hi")


async def test_tickets_that_nobody_texts_on_are_left_alone(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    user = sandbox.zendesk.add_user(name="Somebody", email="some@example.com")
    ticket = await sandbox.zendesk.agent_opens(user, "<p>By mail</p>")
    clock.ahead_ms += 120_000

    await asked(sandbox, clock, times=2)

    assert sandbox.zendesk.faults.seen("GET", f"/api/v2/tickets/{ticket.id}/comments") == []


async def test_sweep_that_meets_a_fault_goes_on_and_shows_one_failure(
    start_sandbox: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox, _ = await start(start_sandbox)
    ticket_id = await open_ticket(sandbox)
    sandbox.zendesk.deliveries.lost = True

    def fail(*_args: object, **_more: object) -> None:
        raise OSError("a fault of ours")

    with monkeypatch.context() as broken:
        broken.setattr(sweeps, "has_seen", fail)
        await sandbox.zendesk.agent_replies(ticket_id, "<p>Hi</p>")

        async def has_failed() -> bool:
            return [one["kind"] for one in await failed(sandbox)] == ["sweep"]

        await eventually(has_failed)

    await has_texted(sandbox, "Hi")


async def _paused(sandbox: Sandbox) -> bool:
    assert sandbox.service is not None
    rows = await sandbox.service.database.read(lambda tx: tx.all("SELECT * FROM pauses"))
    return bool(rows)
