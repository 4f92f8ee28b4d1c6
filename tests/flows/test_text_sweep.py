"""Texts whose webhook never came are found on the carrier's list."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.clock import rfc3339
from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    AMIRA,
    JONAS,
    MAYA,
    ORDERS,
    a_list,
    ask,
    contact,
    customer_comments,
    keyword,
    messages,
    notes,
    on_phone,
    only_ticket,
    sender,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import NewStore, Start, eventually
from tests.flows.outbound import MovingClock, metric
from tests.flows.serving import serving

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OFTEN = {"BRIDGE_SWEEP_INTERVAL": "0.2"}
JOIN = "\n".join([sender(ACME), a_list("vip"), keyword("JOIN", lists=["vip"], reply="Welcome.")])
LIST = ("GET", "*/Messages.json")


async def lose(sandbox: Sandbox, customer: str, to: str, *bodies: str) -> list[str]:
    """Text one of our numbers without a webhook. Returns the carrier's ids."""
    sandbox.twilio.lose_webhooks = True
    found = [(await sandbox.twilio.customer_texts(customer, to, body)).sid for body in bodies]
    sandbox.twilio.lose_webhooks = False
    return found


async def taken_in(sandbox: Sandbox, number: int) -> None:
    """Wait until so many texts are kept, and all that follows is done."""

    async def are_there() -> bool:
        return len(await messages(sandbox)) == number

    await eventually(are_there)
    await settle(sandbox)


async def start(start_sandbox: Start, settings: str = "") -> tuple[Sandbox, MovingClock]:
    """A bridge that sweeps often, and a clock past what may still be on its way."""
    clock = MovingClock()
    sandbox = await start_sandbox(settings, clock=clock, **OFTEN)
    await swept(sandbox, clock)
    return sandbox, clock


async def swept(sandbox: Sandbox, clock: MovingClock, *, ahead_ms: int = 6_000) -> None:
    """Let time pass, and wait for a sweep that began afterwards."""
    clock.ahead_ms += ahead_ms
    seen = len(sandbox.twilio.faults.seen(*LIST))
    each = len(sandbox.twilio.account.numbers)
    await eventually(lambda: len(sandbox.twilio.faults.seen(*LIST)) > seen + each)
    await settle(sandbox)


async def test_lost_text_is_taken_in_and_marked_as_recovered(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)

    await lose(sandbox, MAYA, ACME, "Where is my order?")
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 1)

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket) == ["Where is my order?"]
    (note,) = notes(ticket)
    assert note.startswith("Recovered: the customer's text above was sent at")
    assert "sms_recovered" in ticket.tags
    (message,) = await messages(sandbox)
    assert message["recovered"] is True
    trace = await ask(sandbox, f"messages/{message['id']}")
    assert trace["sent_at"] is not None
    assert await metric(sandbox, 'bridge_recovered_total{what="text"}') == 1


async def test_text_that_came_by_its_webhook_is_not_marked(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)

    await text(sandbox, MAYA, ACME, "Hello")
    await swept(sandbox, clock)

    assert [one["recovered"] for one in await messages(sandbox)] == [False]
    assert notes(only_ticket(sandbox)) == []


async def test_webhook_that_comes_after_the_sweep_makes_no_second_text(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)

    (sid,) = await lose(sandbox, MAYA, ACME, "Late")
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 1)
    late = await sandbox.twilio.redeliver(sid, copies=3)
    await swept(sandbox, clock)

    assert set(late.statuses) == {200}
    assert len(await messages(sandbox)) == 1
    assert customer_comments(only_ticket(sandbox)) == ["Late"]


async def test_recovered_texts_stand_in_the_order_in_which_they_were_sent(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)
    bodies = [f"Text {number}" for number in range(12)]

    await lose(sandbox, MAYA, ACME, *bodies)
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 12)

    assert customer_comments(only_ticket(sandbox)) == bodies
    assert len(notes(only_ticket(sandbox))) == 1


async def test_after_a_day_away_everything_is_there(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    await text(sandbox, MAYA, ACME, "Before")
    assert sandbox.service is not None
    await sandbox.service.stop()
    for hour in range(24):
        clock.ahead_ms += HOUR_MS
        await lose(sandbox, MAYA, ACME, f"Maya {hour}")
        await lose(sandbox, JONAS, ORDERS, f"Jonas {hour}")
    clock.ahead_ms += 6_000

    await sandbox.make_service().start()
    await taken_in(sandbox, 49)

    by_requester = [customer_comments(ticket) for ticket in tickets(sandbox)]
    assert by_requester == [
        ["Before", *(f"Maya {hour}" for hour in range(24))],
        [f"Jonas {hour}" for hour in range(24)],
    ]


async def test_more_texts_than_one_page_are_all_found(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    sandbox.twilio.lose_webhooks = True
    for number in range(450):
        customer = f"+1312555{number // 3 % 150:04d}"
        await sandbox.twilio.customer_texts(customer, ACME, "STOP")
    clock.ahead_ms += 6_000

    async def are_there() -> bool:
        return await metric(sandbox, 'bridge_recovered_total{what="text"}') == 450

    await eventually(are_there, within_s=60)


async def test_first_start_imports_no_history(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock, **OFTEN)
    assert sandbox.service is not None
    await sandbox.service.stop()
    await sandbox.service.database.open()
    await sandbox.service.database.write(lambda tx: tx.run("DELETE FROM sweeps"))
    await sandbox.service.database.close()
    await lose(sandbox, MAYA, ACME, "From before the bridge")
    clock.ahead_ms += 60_000

    await sandbox.make_service().start()
    await swept(sandbox, clock)

    assert await messages(sandbox) == []


async def test_old_stop_is_honoured_in_silence(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox, sender(ACME, answers=["STOP"]))
    await text(sandbox, MAYA, ACME, "Hello")

    await lose(sandbox, MAYA, ACME, "STOP")
    sent_ms = clock.now_ms()
    clock.ahead_ms += 2 * HOUR_MS
    await taken_in(sandbox, 2)

    known = await contact(sandbox, MAYA)
    assert known["opted_out_at"] is not None
    assert known["consent"][0]["at"][:16] in {_minute(sent_ms), _minute(sent_ms - 1000)}
    assert [one for one in on_phone(sandbox, MAYA) if not one[2]] == []


async def test_keyword_recovered_soon_is_answered_as_ever(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox, JOIN)

    await lose(sandbox, MAYA, ACME, "JOIN")
    clock.ahead_ms += 60_000
    await taken_in(sandbox, 1)

    assert [one[1] for one in on_phone(sandbox, MAYA)] == ["Welcome."]


async def test_recovered_start_does_not_undo_a_later_stop(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    await text(sandbox, MAYA, ACME, "STOP")

    await lose(sandbox, MAYA, ACME, "START")
    clock.ahead_ms += 4_000
    await text(sandbox, MAYA, ORDERS, "STOP")
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 3)

    known = await contact(sandbox, MAYA)
    assert known["opted_out_at"] is not None
    assert [entry["action"] for entry in known["consent"]] == ["opt_in", "opt_out", "opt_out"]


async def test_recovered_stop_does_not_undo_a_later_start(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)

    await lose(sandbox, MAYA, ACME, "STOP")
    clock.ahead_ms += 4_000
    await text(sandbox, MAYA, ACME, "START")
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 2)

    assert (await contact(sandbox, MAYA))["opted_out_at"] is None


async def test_stop_and_start_that_were_both_lost_keep_their_order_over_two_numbers(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox)

    await lose(sandbox, MAYA, ORDERS, "START")
    clock.ahead_ms += 2_000
    await lose(sandbox, MAYA, ACME, "STOP")
    clock.ahead_ms += 2 * HOUR_MS
    await taken_in(sandbox, 2)

    assert (await contact(sandbox, MAYA))["opted_out_at"] is not None


async def test_recovered_stop_blocks_the_reply_that_waits(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    await text(sandbox, MAYA, ACME, "Hello")
    sandbox.twilio.faults.refuse("POST", "*/Messages.json", 503, times=None)
    await sandbox.zendesk.agent_replies(only_ticket(sandbox).id, "<p>Hi</p>")
    await lose(sandbox, MAYA, ACME, "STOP")
    clock.ahead_ms += 6_000

    async def is_out() -> bool:
        return (await contact(sandbox, MAYA))["opted_out_at"] is not None

    await eventually(is_out)
    sandbox.twilio.faults.rules.clear()
    await settle(sandbox)

    assert [one for one in on_phone(sandbox, MAYA) if not one[2]] == []


async def test_keyword_recovered_late_subscribes_without_an_answer(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox, JOIN)

    await lose(sandbox, MAYA, ACME, "JOIN")
    clock.ahead_ms += 2 * HOUR_MS
    await taken_in(sandbox, 1)

    assert [one["list"] for one in (await contact(sandbox, MAYA))["lists"]] == ["vip"]
    assert on_phone(sandbox, MAYA) == []
    (message,) = await messages(sandbox)
    assert (await ask(sandbox, f"messages/{message['id']}"))["why"].endswith(
        "not answered: it was found too late"
    )


async def test_text_that_the_carrier_held_back_gets_no_automatic_answer(
    start_sandbox: Start,
) -> None:
    sandbox, clock = await start(start_sandbox, JOIN)

    (sid,) = await lose(sandbox, MAYA, ACME, "JOIN")
    sandbox.twilio.message(sid).error_code = 30039
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 1)

    assert on_phone(sandbox, MAYA) == []
    (message,) = await messages(sandbox)
    assert "machine-written" in (await ask(sandbox, f"messages/{message['id']}"))["why"]


async def test_pictures_of_a_lost_text_are_named(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)

    sandbox.twilio.lose_webhooks = True
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [("image/png", b"x")])
    clock.ahead_ms += 6_000
    await taken_in(sandbox, 1)

    (message,) = await messages(sandbox)
    assert [item["content_type"] for item in message["media"]] == ["image/png"]
    assert message["media"][0]["url"].startswith(f"{sandbox.twilio.url}/2010-04-01/Accounts/")


async def test_refused_list_is_not_asked_for_again_before_its_time(start_sandbox: Start) -> None:
    sandbox, clock = await start(start_sandbox)
    await lose(sandbox, MAYA, ACME, "Hello")
    refusal = sandbox.twilio.faults.refuse(
        *LIST, 429, body='{"code": 20429}', headers={"Retry-After": "30"}
    )
    await eventually(lambda: refusal.used == 1)
    asked = len(sandbox.twilio.faults.seen(*LIST))

    await text(sandbox, JONAS, ACME, "Others go on")
    clock.ahead_ms += 20_000
    await text(sandbox, JONAS, ACME, "and on")

    assert len(sandbox.twilio.faults.seen(*LIST)) == asked
    clock.ahead_ms += 60_000
    await taken_in(sandbox, 3)


@pytest.mark.slow
async def test_kill_in_the_middle_of_a_sweep_loses_and_doubles_nothing(
    tmp_path: Path, new_store: NewStore
) -> None:
    async with serving(tmp_path, new_store) as serve:
        sandbox, process = await serve(**OFTEN)
        bodies = [f"Text {number}" for number in range(40)]
        for body in bodies:
            for customer in (MAYA, JONAS, AMIRA):
                await lose(sandbox, customer, ACME, body)
        gate = sandbox.twilio.faults.hold_after(*LIST)
        await gate.wait_arrived()
        await process.kill()
        gate.open()
        await process.start()

        async def have_begun() -> bool:
            return len(await messages(sandbox)) > 0

        await eventually(have_begun, within_s=60)
        await process.kill()
        await process.start()

        def are_there() -> bool:
            return sum(len(customer_comments(one)) for one in tickets(sandbox)) >= 3 * len(bodies)

        await eventually(are_there, within_s=90)
        assert [customer_comments(one) for one in tickets(sandbox)] == [bodies] * 3


def _minute(ms: int) -> str:
    return rfc3339(ms)[:16]
