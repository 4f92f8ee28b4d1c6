"""Greetings and out-of-hours replies: to whom, how often, and to whom never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    MAYA,
    ORDERS,
    a_list,
    ask,
    customer_comments,
    keyword,
    sender,
    settle,
    text,
)
from tests.flows.conftest import Start
from tests.flows.outbound import MovingClock, notes, words

pytestmark = pytest.mark.both_engines
HELLO = "Hello from Acme! We answer within the hour."
CLOSED = "Nobody is here now. We answer tomorrow."
HOUR_MS = 3_600_000


def replies(**keys: object) -> str:
    """One auto-reply of a settings file."""
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in keys.items()]
    return "\n".join(["[[auto_replies]]", 'name = "usual"', *lines, ""])


def hours(*, is_open: bool) -> str:
    """Hours that hold all the time, or that a holiday (today and the days around it) takes away."""
    today = datetime.now(UTC)
    days = [f'"{today + timedelta(days=more):%Y-%m-%d}"' for more in range(-2, 5)]
    holidays = "" if is_open else f"holidays = [{', '.join(days)}]\n"
    return (
        '[[hours]]\nname = "office"\nzone = "America/New_York"\n'
        f'open = ["Mon-Sun 00:00-24:00"]\n{holidays}'
    )


def house(*, is_open: bool = True, **keys: object) -> str:
    """Two senders that go by the hours, a keyword, and what is answered by itself."""
    return (
        sender(ACME, hours="office")
        + sender(ORDERS)
        + a_list("vip")
        + keyword("JOIN", lists=["vip"], reply="Welcome")
        + hours(is_open=is_open)
        + replies(**{"greeting": HELLO, "out_of_hours": CLOSED, **keys})
    )


async def why(sandbox: Sandbox) -> list[str]:
    found = (await ask(sandbox, "messages", limit="200"))["messages"]
    return [one["verdict"] for one in reversed(found) if one["direction"] == "inbound"]


async def test_first_text_is_greeted_once_and_makes_its_ticket(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(house(), clock=clock)

    await text(sandbox, MAYA, ACME, "Where is my parcel?", "And the other one?")
    clock.ahead_ms += 30 * HOUR_MS
    await text(sandbox, MAYA, ACME, "Still nothing")

    assert words(sandbox) == [HELLO]
    assert await why(sandbox) == ["ticket"] * 3


async def test_out_of_hours_is_told_once_within_the_quiet_period(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(house(is_open=False, quiet_hours=6), clock=clock)

    await text(sandbox, MAYA, ACME, "Anybody?")
    clock.ahead_ms += 5 * HOUR_MS
    await text(sandbox, MAYA, ACME, "Hello?")
    assert words(sandbox) == [CLOSED]
    clock.ahead_ms += 2 * HOUR_MS
    await text(sandbox, MAYA, ACME, "Hello??")

    assert words(sandbox) == [CLOSED, CLOSED]


async def test_sender_without_hours_is_never_out_of_hours(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(house(is_open=False))

    await text(sandbox, MAYA, ORDERS, "Anybody?")

    assert words(sandbox) == [HELLO]


async def test_keyword_help_and_stop_get_their_own_answers_only(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(house(is_open=False))

    for said in ("JOIN", "HELP", "STOP", "START"):
        await text(sandbox, MAYA, ACME, said)

    assert words(sandbox) == ["Welcome"]


async def test_opted_out_customer_is_told_nothing(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(house(is_open=False))

    await text(sandbox, MAYA, ACME, "STOP", "Is my order there?")

    assert words(sandbox) == []
    assert await why(sandbox) == ["opt_out", "ticket"]


async def test_short_code_is_told_nothing(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(house(is_open=False))

    await text(sandbox, "22395", ACME, "Your code is 1234")

    assert sandbox.twilio.sent == []


async def test_robot_that_answers_everything_is_met_with_silence(start_sandbox: Start) -> None:
    rules = keyword("ONE", reply="1") + keyword("TWO", reply="2")
    sandbox = await start_sandbox(house() + rules)

    await text(sandbox, MAYA, ACME, "Who is it?")
    for said in ("ONE", "TWO", "JOIN", "ONE", "TWO"):
        await text(sandbox, MAYA, ACME, said)
    await settle(sandbox)

    assert words(sandbox) == [HELLO, "1", "2"]
    (ticket,) = sandbox.zendesk.tickets
    assert sum("three automatic answers" in note for note in notes(sandbox, ticket)) == 1


@pytest.mark.parametrize("said", ["Liked “It is on its way”", "Thanks!", "Automatic reply: away"])
async def test_what_asks_for_nothing_is_told_nothing_and_leaves_a_solved_ticket_solved(
    start_sandbox: Start, said: str
) -> None:
    sandbox = await start_sandbox(house(is_open=False, out_of_hours=CLOSED))
    await text(sandbox, MAYA, ORDERS, "JOIN", said)
    (ticket,) = sandbox.zendesk.tickets.values()
    assert words(sandbox) == ["Welcome"]

    await sandbox.zendesk.set_status(ticket.id, "solved")
    await text(sandbox, MAYA, ORDERS, said)
    assert (ticket.status, customer_comments(ticket)) == ("solved", [said, said])

    await text(sandbox, MAYA, ORDERS, "But where is it?")
    assert ticket.status == "open"


async def test_what_asks_for_nothing_reopens_where_the_sender_says_so(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(ACME, reopen_on_chatter=True))
    await text(sandbox, MAYA, ACME, "Where is it?")
    (ticket,) = sandbox.zendesk.tickets.values()
    await sandbox.zendesk.set_status(ticket.id, "solved")

    await text(sandbox, MAYA, ACME, "Thanks!")

    assert ticket.status == "open"


async def test_sender_has_texts_of_its_own(start_sandbox: Start) -> None:
    own = f'[[auto_replies]]\nname = "orders"\nsenders = ["{ORDERS}"]\ngreeting = "Orders here"\n'
    sandbox = await start_sandbox(house() + own)

    await text(sandbox, MAYA, ORDERS, "Hello")
    await text(sandbox, MAYA, ACME, "Hello")

    assert words(sandbox) == ["Orders here", HELLO]


@pytest.mark.parametrize(("is_open", "answer"), [(True, "We are here"), (False, "Call tomorrow")])
async def test_rule_with_hours_holds_within_them_only(
    start_sandbox: Start, is_open: bool, answer: str
) -> None:
    rules = keyword("NOW", reply="Call tomorrow") + keyword(
        "NOW", reply="We are here", hours="office"
    )
    sandbox = await start_sandbox(house(is_open=is_open) + rules)

    await text(sandbox, MAYA, ACME, "now")

    assert words(sandbox) == [answer]
