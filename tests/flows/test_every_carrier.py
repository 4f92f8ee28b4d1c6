"""The whole way over every carrier: text to comment, reply to phone, report to state."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from bridge.sandbox.demo import Sandbox
from tests.carriers.kits.every import KITS, environment
from tests.carriers.kits.kit import Hook, Kit
from tests.flows.cast import (
    ACME,
    MAYA,
    ask,
    contact,
    customer_comments,
    messages,
    notes,
    only_ticket,
    sender,
    tickets,
)
from tests.flows.conftest import Start, eventually
from tests.flows.far_carrier import FarCarrier, at_once, deliver, far_carrier

OURS = "+13125550100"
SLOW_S = 20.0
OTHERS = tuple(kit for kit in KITS if kit.carrier != "twilio")
each_kit = pytest.mark.parametrize("kit", OTHERS, ids=[kit.name for kit in OTHERS])
Running = Callable[..., Awaitable[tuple[Sandbox, FarCarrier, Hook]]]


@pytest.fixture
async def running(start_sandbox: Start, kit: Kit) -> AsyncIterator[Running]:
    """A bridge between Twilio and the kit's carrier, and a text to be changed."""
    async with far_carrier(kit) as far:

        async def start(**changes: str) -> tuple[Sandbox, FarCarrier, Hook]:
            entry = f'[[senders]]\nnumber = "{OURS}"\ncarrier = "{kit.carrier}"\nname = "Acme"\n'
            sandbox = await start_sandbox(
                sender(ACME) + entry, clock=None, **environment(kit, api_url=far.url), **changes
            )
            hook = Hook(sender=OURS, base=sandbox.url, signed_s=int(time.time()))
            return sandbox, far, hook

        yield start


async def _came(sandbox: Sandbox, *states: str) -> None:
    async def has_come() -> bool:
        return [one["state"] for one in await messages(sandbox)] == list(states)

    await eventually(has_come, within_s=SLOW_S)


async def _sent(sandbox: Sandbox) -> list[dict[str, object]]:
    found = (await ask(sandbox, "messages", limit="200"))["messages"]
    return [one for one in reversed(found) if one["direction"] == "outbound"]


async def _stands(sandbox: Sandbox, *states: str) -> None:
    async def do_stand() -> bool:
        return [one["state"] for one in await _sent(sandbox)] == list(states)

    await eventually(do_stand, within_s=SLOW_S)


async def _reply(sandbox: Sandbox, words: str) -> None:
    ticket = tickets(sandbox)[0]
    await sandbox.zendesk.agent_replies(ticket.id, f"<p>{words}</p>")


def _delivered(kit: Kit) -> str:
    return next(word for word, state in kit.states.items() if state == "delivered")


async def _ids(sandbox: Sandbox, kit: Kit, far: FarCarrier) -> tuple[str, str]:
    """Our reference and the carrier's id of the one text that was sent."""
    assert sandbox.service is not None
    (part,) = await sandbox.service.database.read(
        lambda tx: tx.all("SELECT id, carrier_id FROM parts")
    )
    return str(part["id"]), str(part["carrier_id"] or part["id"])


@each_kit
async def test_text_that_is_handed_in_often_and_at_once_is_one_comment(
    kit: Kit, running: Running
) -> None:
    sandbox, _, hook = await running()
    request = kit.inbound(replace(hook, body="Grüße 😀"))

    assert set(await at_once(*[request] * 4)) == {200}
    assert await deliver(request) == 200
    await _came(sandbox, "done")

    assert customer_comments(only_ticket(sandbox)) == ["Grüße 😀"]


@each_kit
async def test_reply_leaves_through_the_carrier_that_was_texted_and_its_report_counts(
    kit: Kit, running: Running
) -> None:
    sandbox, far, hook = await running()
    await deliver(kit.inbound(hook))
    await _came(sandbox, "done")

    await _reply(sandbox, "We are on it")
    await _stands(sandbox, "sent")
    ref, carrier_id = await _ids(sandbox, kit, far)
    report = replace(hook, ref=ref, carrier_id=carrier_id, status=_delivered(kit))
    for _ in range(2):
        assert await deliver(kit.report(report)) in {200, 202}
    await _stands(sandbox, "delivered")

    (sent,) = await _sent(sandbox)
    assert (sent["carrier"], sent["sender"]) == (kit.carrier, OURS)
    assert len(far.asked) == 1
    assert sandbox.twilio.handset(MAYA) == []


@each_kit
async def test_reports_backwards_leave_a_delivered_text_delivered_and_a_failure_is_told_once(
    kit: Kit, running: Running
) -> None:
    sandbox, far, hook = await running()
    await deliver(kit.inbound(hook))
    await _came(sandbox, "done")
    await _reply(sandbox, "We are on it")
    await _stands(sandbox, "sent")
    ref, carrier_id = await _ids(sandbox, kit, far)
    word, code = kit.failure

    failed = replace(hook, ref=ref, carrier_id=carrier_id, status=word, error=code)
    for _ in range(3):
        await deliver(kit.report(failed))

    async def is_told() -> bool:
        return len([note for note in notes(only_ticket(sandbox)) if "did not reach" in note]) == 1

    await eventually(is_told, within_s=SLOW_S)
    await deliver(kit.report(replace(failed, status=_delivered(kit), error="")))
    await _stands(sandbox, "delivered")
    await deliver(kit.report(failed))
    assert [one["state"] for one in await _sent(sandbox)] == ["delivered"]
    assert await is_told()


@each_kit
async def test_forged_texts_are_refused_and_leave_nothing(kit: Kit, running: Running) -> None:
    sandbox, _, hook = await running()

    assert await deliver(kit.spoil(kit.inbound(hook), "unsigned")) == 403
    assert await deliver(kit.spoil(kit.inbound(hook), "other_secret")) == 403
    broken = replace(hook, missing=kit.required[0])
    assert await deliver(kit.inbound(broken)) == 400

    assert await messages(sandbox) == []


@each_kit
async def test_text_to_a_number_that_is_no_sender_waits(kit: Kit, running: Running) -> None:
    sandbox, _, hook = await running()

    assert await deliver(kit.inbound(replace(hook, sender="+13125550199"))) == 200

    await _came(sandbox, "waiting")


@each_kit
async def test_refused_credentials_pause_this_carrier_and_no_other(
    kit: Kit, running: Running
) -> None:
    sandbox, far, hook = await running()
    far.next_answers = ["credentials"] * 10_000  # pauses are short here, and end by themselves
    await deliver(kit.inbound(hook))
    await _came(sandbox, "done")
    await _reply(sandbox, "We are on it")
    assert sandbox.service is not None
    database = sandbox.service.database

    async def paused() -> list[object]:
        rows = await database.read(lambda tx: tx.all("SELECT account FROM pauses"))
        return [row["account"] for row in rows]

    async def is_paused() -> bool:
        return await paused() == [kit.carrier]

    await eventually(is_paused, within_s=SLOW_S)
    await sandbox.twilio.customer_texts(MAYA, ACME, "by Twilio")
    await _came(sandbox, "done", "done")
    second = tickets(sandbox)[1]
    await sandbox.zendesk.agent_replies(second.id, "<p>Hello by Twilio</p>")

    await eventually(
        lambda: [one.body for one in sandbox.twilio.handset(MAYA)] == ["Hello by Twilio"],
        within_s=SLOW_S,
    )
    assert set(await paused()) <= {kit.carrier}
    waiting, *_ = await _sent(sandbox)
    assert waiting["state"] in {"queued", "sending"}


@each_kit
async def test_stop_is_answered_by_one_side_and_obeyed(kit: Kit, running: Running) -> None:
    sandbox, far, hook = await running()

    await deliver(kit.inbound(replace(hook, body="STOP")))
    await _came(sandbox, "done")

    assert (await contact(sandbox, MAYA))["opted_out_at"] is not None
    answered = sandbox.service is not None and "STOP" in (
        sandbox.service.rules.capabilities[kit.carrier].answers.get("long_code", {})
    )
    expected = 0 if answered else 1
    await eventually(lambda: len(far.asked) == expected, within_s=SLOW_S)


TELNYX = tuple(kit for kit in OTHERS if kit.carrier == "telnyx")


@pytest.mark.parametrize("kit", TELNYX, ids=["telnyx"])
async def test_lost_answer_is_settled_by_the_same_send_under_its_key(
    kit: Kit, running: Running
) -> None:
    sandbox, far, hook = await running()
    far.next_answers = ["hang_up", "same_key_under_way", "accepted"]
    await deliver(kit.inbound(hook))
    await _came(sandbox, "done")

    await _reply(sandbox, "Once")
    await _stands(sandbox, "sent")

    keys = {headers["idempotency-key"] for headers, _ in far.asked}
    assert len(far.asked) == 3
    assert len(keys) == 1
    assert len({body for _, body in far.asked}) == 1
