"""STOP and START: for all our numbers, told to the agent, answered once by exactly one side."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ORDERS,
    VIP,
    contact,
    customer_comments,
    messages,
    notes,
    on_phone,
    only_ticket,
    sender,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start

pytestmark = pytest.mark.both_engines

EVERYWHERE = pytest.mark.parametrize(
    "to", [ACME, ORDERS, VIP], ids=["long code", "toll-free", "short code"]
)


async def _is_opted_out(sandbox: Sandbox, number: str) -> bool:
    return (await contact(sandbox, number))["opted_out_at"] is not None


@EVERYWHERE
@pytest.mark.parametrize(
    ("said", "is_carriers"),
    [
        ("STOP", True),
        ("stop", True),
        (" Unsubscribe\n", True),
        ("Stop!", False),
        ("stop.", False),
        ("ARRET", False),
        ("Arrêt", False),
        ("S T O P", False),
    ],
)
async def test_opt_out_is_confirmed_once_by_one_side(
    sandbox: Sandbox, to: str, said: str, is_carriers: bool
) -> None:
    await text(sandbox, MAYA, to, said)

    assert await _is_opted_out(sandbox, MAYA)
    assert tickets(sandbox) == []
    by_carrier = is_carriers and to != VIP
    ((origin, _, by_whom),) = on_phone(sandbox, MAYA)
    assert (origin, by_whom) == (to, by_carrier)
    (message,) = await messages(sandbox)
    assert (message["verdict"], message["state"]) == ("opt_out", "done")


@EVERYWHERE
async def test_second_stop_is_silent(sandbox: Sandbox, to: str) -> None:
    await text(sandbox, MAYA, to, "STOP", "stop", "STOP", "Stop!", "ARRET")

    assert len(on_phone(sandbox, MAYA)) == 1
    assert [one["verdict"] for one in await messages(sandbox)] == ["opt_out"] * 5


async def test_opt_out_holds_for_every_number_of_ours(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ORDERS, "my order?")
    ticket = only_ticket(sandbox)

    await text(sandbox, MAYA, VIP, "STOP")
    confirmation = on_phone(sandbox, MAYA)
    await sandbox.zendesk.agent_replies(ticket.id, "<p>On its way</p>")
    await settle(sandbox)

    assert on_phone(sandbox, MAYA) == confirmation
    assert len(confirmation) == 1
    assert not [one for one in sandbox.twilio.sent if one.body == "On its way"]


async def test_opt_out_is_noted_on_every_open_ticket_of_the_customer(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "my order?")
    await text(sandbox, MAYA, ORDERS, "my other order?")
    await text(sandbox, JONAS, ACME, "jonas")

    await text(sandbox, MAYA, ACME, "Cancel", "cancel")

    mayas, mayas_other, jonas = tickets(sandbox)
    assert [len(notes(ticket)) for ticket in (mayas, mayas_other, jonas)] == [1, 1, 0]
    assert "“Cancel”" in notes(mayas)[0]
    assert customer_comments(mayas) == ["my order?"]
    assert mayas.status == "new"


@pytest.mark.parametrize("gone", ["closed", "deleted"])
async def test_opt_out_opens_no_ticket_for_its_note(sandbox: Sandbox, gone: str) -> None:
    await text(sandbox, MAYA, ACME, "my order?")
    ticket = only_ticket(sandbox)
    if gone == "closed":
        await sandbox.zendesk.set_status(ticket.id, "closed")
    else:
        await sandbox.zendesk.delete(ticket.id)

    await text(sandbox, MAYA, ACME, "STOP")

    assert await _is_opted_out(sandbox, MAYA)
    assert notes(only_ticket(sandbox)) == []


async def test_opt_out_does_not_reopen_a_solved_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "my order?")
    ticket = only_ticket(sandbox)
    await sandbox.zendesk.set_status(ticket.id, "solved")

    await text(sandbox, MAYA, ACME, "STOP")

    assert (ticket.status, len(notes(ticket))) == ("solved", 1)


@EVERYWHERE
@pytest.mark.parametrize("said", ["START", "unstop", "YES"])
async def test_start_lifts_the_opt_out_and_is_answered_once(
    sandbox: Sandbox, to: str, said: str
) -> None:
    await text(sandbox, MAYA, to, "STOP", said)

    assert not await _is_opted_out(sandbox, MAYA)
    _, (origin, _, by_carrier) = on_phone(sandbox, MAYA)
    assert (origin, by_carrier) == (to, to != VIP)
    assert [one["verdict"] for one in await messages(sandbox)] == ["opt_out", "opt_in"]
    assert tickets(sandbox) == []


async def test_start_after_a_stop_that_the_carrier_did_not_know_is_answered_by_the_bridge(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, MAYA, ACME, "ARRET", "START")

    answers = sandbox.twilio.handset(MAYA)

    assert [answer.by_carrier for answer in answers] == [False, False]


async def test_a_sender_whose_answers_leave_stop_out_is_silent_where_the_carrier_is(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(VIP, answers=["HELP"]))

    await text(sandbox, MAYA, VIP, "STOP")

    assert await _is_opted_out(sandbox, MAYA)
    assert sandbox.twilio.handset(MAYA) == []


async def test_reply_reaches_the_phone_again_after_start(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, VIP, "my order?", "STOP", "START")
    ticket = only_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket.id, "<p>On its way</p>")
    await settle(sandbox)

    assert on_phone(sandbox, MAYA)[-1] == (VIP, "On its way", False)


async def test_ledger_keeps_every_word(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, VIP, "VIP", "Stop!", "VIP", "START")

    shown = await contact(sandbox, MAYA)
    newest_last = reversed(shown["consent"])
    assert [(one["action"], one["words"]) for one in newest_last] == [
        ("subscribe", "VIP"),
        ("opt_out", "Stop!"),
        ("subscribe", "VIP"),
        ("opt_in", "START"),
    ]
    assert {one["sender"] for one in shown["consent"]} == {VIP}


async def test_keyword_while_opted_out_is_recorded_but_silent(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, VIP, "STOP", "JOIN")

    shown = await contact(sandbox, MAYA)
    assert shown["opted_out_at"] is not None
    assert [(one["list"], one["state"]) for one in shown["lists"]] == [("vip", "subscribed")]
    assert len(on_phone(sandbox, MAYA)) == 1
    assert [one["verdict"] for one in await messages(sandbox)] == ["opt_out", "keyword"]


async def test_opt_out_holds_while_the_desk_is_away(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, VIP, "my order?")
    sandbox.zendesk.faults.down()

    await sandbox.twilio.customer_texts(MAYA, VIP, "STOP")

    assert await _is_opted_out(sandbox, MAYA)
    sandbox.zendesk.faults.down(False)
    await settle(sandbox)
    assert len(on_phone(sandbox, MAYA)) == 1
    assert len(notes(only_ticket(sandbox))) == 1


async def test_carrier_that_says_it_has_dealt_with_a_word_is_believed(sandbox: Sandbox) -> None:
    number = sandbox.twilio.account.numbers[ACME]
    number.advanced_opt_out = True

    await sandbox.twilio.customer_texts(MAYA, ACME, "pare ya", extra={"OptOutType": "STOP"})
    await settle(sandbox)

    assert await _is_opted_out(sandbox, MAYA)
    assert on_phone(sandbox, MAYA) == []
