"""Kannel for real: what is typed into a handset becomes a comment, and the reply arrives there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.doctor import run_doctor
from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, MAYA, customer_comments, messages, on_phone, sender, tickets
from tests.flows.cast import ask as ask_api
from tests.flows.conftest import Start, eventually
from tests.flows.kannel_box import SLOW_S, KannelBox, kannel_box, require_kannel

OURS = "+13125550100"
CODE = "60600"
SENDERS = f"""
[[senders]]
number = "{OURS}"
carrier = "kannel"
name = "Acme by modem"

[[senders]]
number = "{CODE}"
carrier = "kannel"
country = "US"
kind = "short_code"
"""
Running = Callable[[], Awaitable[tuple[Sandbox, KannelBox]]]

pytestmark = [pytest.mark.slow]


@pytest.fixture
async def running(start_sandbox: Start, tmp_path: Path) -> AsyncIterator[Running]:
    """A bridge between Twilio and Kannel, both with senders of ours."""
    require_kannel()
    async with kannel_box(tmp_path / "kannel") as box:

        async def start() -> tuple[Sandbox, KannelBox]:
            sandbox = await start_sandbox(sender(ACME) + SENDERS, clock=None, **box.settings)
            await box.start(bridge_url=sandbox.url)
            return sandbox, box

        yield start


async def _came(sandbox: Sandbox, count: int) -> None:
    async def has_come() -> bool:
        return [one["state"] for one in await messages(sandbox)] == ["done"] * count

    await eventually(has_come, within_s=SLOW_S)


async def _states(sandbox: Sandbox) -> list[str]:
    found = (await ask_api(sandbox, "messages", limit="200"))["messages"]
    return [one["state"] for one in reversed(found) if one["direction"] == "outbound"]


async def _all_delivered(sandbox: Sandbox, count: int) -> None:
    async def are_delivered() -> bool:
        return await _states(sandbox) == ["delivered"] * count

    await eventually(are_delivered, within_s=SLOW_S)


async def _on_phone(box: KannelBox, *texts: tuple[str, str]) -> None:
    """The fake SMSC may print a text after it has reported it."""
    await eventually(lambda: box.on_phone(MAYA) == list(texts), within_s=SLOW_S)


async def test_reply_leaves_through_the_carrier_and_number_that_was_texted(
    running: Running,
) -> None:
    sandbox, box = await running()
    await box.type_text(MAYA, OURS, "to the modem & 100%")
    await _came(sandbox, 1)
    await sandbox.twilio.customer_texts(MAYA, ACME, "to Twilio")
    await _came(sandbox, 2)

    by_modem, by_twilio = tickets(sandbox)
    assert customer_comments(by_modem) == ["to the modem & 100%"]
    assert customer_comments(by_twilio) == ["to Twilio"]
    await sandbox.zendesk.agent_replies(by_modem.id, "<p>Hello from the modem, with {€}</p>")
    await sandbox.zendesk.agent_replies(by_twilio.id, "<p>Hello from Twilio</p>")
    await _all_delivered(sandbox, 2)

    await _on_phone(box, (OURS, "Hello from the modem, with {€}"))
    assert on_phone(sandbox, MAYA) == [(ACME, "Hello from Twilio", False)]


async def test_every_script_and_a_long_reply_survive_both_ways(running: Running) -> None:
    sandbox, box = await running()
    await box.type_text("12025550123", CODE, "żółw 😀")  # this network writes no plus
    await _came(sandbox, 1)
    (ticket,) = tickets(sandbox)
    assert customer_comments(ticket) == ["żółw 😀"]

    words = " ".join(f"wörd{number} ➜" for number in range(20))
    await sandbox.zendesk.agent_replies(ticket.id, f"<p>{words}</p>")
    await _all_delivered(sandbox, 1)

    (reply,) = [
        one
        for one in (await ask_api(sandbox, "messages", limit="10"))["messages"]
        if one["direction"] == "outbound"
    ]
    assert reply["sender"] == CODE
    assert reply["segments"] > 1
    await eventually(lambda: len(box.lines_with("udh")) == reply["segments"], within_s=SLOW_S)
    assert all(f"<{CODE} {MAYA} udh" in line for line in box.lines_with("udh"))


async def test_text_that_comes_in_parts_in_the_wrong_order_is_one_comment(
    running: Running,
) -> None:
    sandbox, box = await running()

    await box.type_line(f"{MAYA} {OURS} udh %05%00%03%2a%02%02 world")
    await box.type_line(f"{MAYA} {OURS} udh %05%00%03%2a%02%01 Hello+")
    await _came(sandbox, 1)

    (ticket,) = tickets(sandbox)
    assert customer_comments(ticket) == ["Hello world"]


async def test_reply_waits_while_the_gateway_is_away(running: Running) -> None:
    sandbox, box = await running()
    await box.type_text(MAYA, OURS, "hello")
    await _came(sandbox, 1)
    await box.stop_smsbox()

    await sandbox.zendesk.agent_replies(tickets(sandbox)[0].id, "<p>Later</p>")
    await eventually(lambda: _is_queued(sandbox), within_s=SLOW_S)
    await box.start_smsbox()
    await _all_delivered(sandbox, 1)

    await _on_phone(box, (OURS, "Later"))


async def _is_queued(sandbox: Sandbox) -> bool:
    return await _states(sandbox) == ["queued"]


async def test_doctor_tells_whether_the_gateway_knows_us(running: Running) -> None:
    sandbox, box = await running()
    assert sandbox.settings is not None

    (good,) = [one for one in await run_doctor(sandbox.settings) if "kannel" in one.check]
    await box.stop_smsbox()
    (away,) = [one for one in await run_doctor(sandbox.settings) if "kannel" in one.check]

    assert (good.ok, good.detail) == (True, "smsbox answers and knows the user")
    assert (away.ok, "smsbox run" in away.mend) == (False, True)
