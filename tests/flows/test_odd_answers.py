"""Answers that say nothing, come too slowly or not at all: one effect each, and nobody waits."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import LOST, Faults, Seen
from bridge.workers import LANES_AT_DESK as PLACES
from tests.flows.cast import ACME, JONAS, MAYA, customer_comments, only_ticket, text, tickets
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import SEND, notes, open_ticket, phone, replies, settled, words

Fault = Callable[[Faults, str, str], object]

STRANGERS = {
    "ticket": {"id": 999_999, "external_id": "another", "status": "open", "requester_id": 1},
    "audit": {"id": 5, "events": [{"id": 6, "type": "Comment", "public": True}]},
}
ODD: dict[str, Fault] = {
    "not JSON": lambda faults, *call: faults.answer(*call, "OK"),
    "nothing": lambda faults, *call: faults.answer(*call, ""),
    "JSON of something else": lambda faults, *call: faults.answer(*call, '{"jobs": []}'),
    "a list": lambda faults, *call: faults.answer(*call, "[1, 2]"),
    "too deep": lambda faults, *call: faults.answer(*call, "[" * 100_000),
    "byte by byte": lambda faults, *call: faults.drip(*call, pause_s=0.2),
    "never, applied": lambda faults, *call: faults.hold_after(*call),
    "never, not applied": lambda faults, *call: faults.hold_before(*call),
    "a reset, applied": lambda faults, *call: faults.reset(*call, applied=True),
    "a reset, not applied": lambda faults, *call: faults.reset(*call, applied=False),
}
ANOTHER: dict[str, Fault] = {
    "another ticket": lambda faults, *call: faults.answer(*call, json.dumps(STRANGERS)),
}
TICKETS = ("POST", "/api/v2/tickets")
CROWD = [f"+1202555{1000 + number}" for number in range(PLACES + 16)]


def ways(table: dict[str, Fault]) -> pytest.MarkDecorator:
    """One run for each fault of a table."""
    return pytest.mark.parametrize("go_wrong", table.values(), ids=table.keys())


@pytest.fixture
async def quick(start_sandbox: Start) -> Sandbox:
    """A sandbox that waits one second for an answer."""
    return await start_sandbox(BRIDGE_HTTP_TIMEOUT="1")


@pytest.fixture
async def patient(start_sandbox: Start) -> Sandbox:
    """A sandbox that waits long: what is repeated there was not given up for its slowness."""
    return await start_sandbox(BRIDGE_HTTP_TIMEOUT="10")


@ways(ODD | ANOTHER)
async def test_odd_answer_to_a_creation_is_no_success_and_makes_one_ticket(
    quick: Sandbox, go_wrong: Fault
) -> None:
    go_wrong(quick.zendesk.faults, *TICKETS)

    await text(quick, MAYA, ACME, "one", "two")

    assert customer_comments(only_ticket(quick)) == ["one", "two"]
    assert len(quick.zendesk.faults.seen(*TICKETS)) > 1


@ways(ODD | ANOTHER)
async def test_odd_answer_to_a_comment_is_no_success_and_makes_one_comment(
    quick: Sandbox, go_wrong: Fault
) -> None:
    await text(quick, MAYA, ACME, "one")
    path = f"/api/v2/tickets/{only_ticket(quick).id}"
    go_wrong(quick.zendesk.faults, "PUT", path)

    await text(quick, MAYA, ACME, "two", "three")

    assert customer_comments(only_ticket(quick)) == ["one", "two", "three"]


@ways(ODD)
async def test_odd_answer_to_a_send_is_no_success_and_makes_one_text(
    quick: Sandbox, go_wrong: Fault
) -> None:
    ticket = await open_ticket(quick)
    go_wrong(quick.twilio.faults, *SEND)

    await quick.zendesk.agent_replies(ticket, "<p>Once</p>")
    await quick.zendesk.agent_replies(ticket, "<p>Twice</p>")
    await settled(quick)

    assert words(quick) == ["Once", "Twice"]
    assert [one["state"] for one in await replies(quick)] == ["delivered", "delivered"]
    assert notes(quick, ticket) == []


async def test_carrier_that_only_drips_holds_up_no_text_on_its_way_to_the_desk(
    quick: Sandbox,
) -> None:
    ticket = await open_ticket(quick)
    rule = quick.twilio.faults.drip("*", "*", pause_s=0.2, times=None)
    await quick.zendesk.agent_replies(ticket, "<p>A reply</p>")
    await eventually(lambda: rule.used)

    for number in range(10):
        await quick.twilio.customer_texts(CROWD[number], ACME, f"text {number}")
    await eventually(lambda: len(tickets(quick)) == 11)
    quick.twilio.faults.clear()
    await settled(quick, within_s=60)

    assert words(quick) == ["A reply"]


async def test_desk_that_only_drips_takes_no_places_for_good(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "first")
    rule = quick.zendesk.faults.drip("*", "/api/*", pause_s=0.2, times=None)
    for number, customer in enumerate(CROWD):
        await quick.twilio.customer_texts(customer, ACME, f"text {number}")
    await eventually(lambda: rule.used > PLACES // 4)  # how many, before calling is paused, varies

    quick.zendesk.faults.clear()
    await settled(quick, within_s=60.0)  # a drip by itself would take minutes

    _, *others = tickets(quick)
    assert sorted(body for one in others for body in customer_comments(one)) == sorted(
        f"text {number}" for number in range(len(CROWD))
    )
    assert len(others) == len(CROWD)


async def test_connection_that_went_silent_is_not_used_again(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "one")
    path = f"/api/v2/tickets/{only_ticket(quick).id}"
    quick.zendesk.faults.hold_before("PUT", path)

    await text(quick, MAYA, ACME, "two")

    silent, *others = _from(quick, "PUT", path)
    assert silent.connection not in {one.connection for one in others}
    assert customer_comments(only_ticket(quick)) == ["one", "two"]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
async def test_write_on_a_connection_that_is_reset_is_looked_for_before_it_is_repeated(
    patient: Sandbox, applied: bool
) -> None:
    await text(patient, MAYA, ACME, "one")
    path = f"/api/v2/tickets/{only_ticket(patient).id}"
    patient.zendesk.faults.reset("PUT", path, applied=applied)

    await text(patient, MAYA, ACME, "two")

    lost, *after = _from(patient, "PUT", path)
    earlier = patient.zendesk.faults.requests[: patient.zendesk.faults.requests.index(lost)]
    assert lost.connection in {one.connection for one in earlier}  # it had been in use
    assert lost.status == LOST
    asked = [(one.method, one.path) for one in after]
    looked, repeated = ("GET", f"{path}/comments"), ("PUT", path)
    assert looked in (asked if applied else asked[: asked.index(repeated)])
    assert asked.count(repeated) == (0 if applied else 1)
    assert customer_comments(only_ticket(patient)) == ["one", "two"]


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
async def test_send_on_a_connection_that_is_reset_is_looked_for_before_it_is_repeated(
    patient: Sandbox, applied: bool
) -> None:
    ticket = await open_ticket(patient)
    await patient.zendesk.agent_replies(ticket, "<p>One</p>")
    await settled(patient)
    patient.twilio.lose_callbacks = True
    patient.twilio.faults.reset(*SEND, applied=applied)

    await patient.zendesk.agent_replies(ticket, "<p>Two</p>")
    await settled(patient)

    first, lost, *again = patient.twilio.faults.seen(*SEND)
    assert lost.connection == first.connection
    between = patient.twilio.faults.requests[patient.twilio.faults.requests.index(lost) + 1 :]
    assert between[0].method == "GET"
    assert len(again) == (0 if applied else 1)
    assert phone(patient) == [(ACME, "One"), (ACME, "Two")]


async def test_new_customer_is_served_while_the_answers_to_another_drip(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "one")
    path = f"/api/v2/tickets/{only_ticket(quick).id}"
    rule = quick.zendesk.faults.drip("*", f"{path}*", pause_s=0.2, times=None)
    await quick.twilio.customer_texts(MAYA, ACME, "two")
    await eventually(lambda: rule.used)

    await quick.twilio.customer_texts(JONAS, ACME, "me too")
    await eventually(lambda: len(tickets(quick)) == 2)
    quick.zendesk.faults.clear()
    await settled(quick)

    assert [customer_comments(one) for one in tickets(quick)] == [["one", "two"], ["me too"]]


def _from(sandbox: Sandbox, method: str, path: str) -> list[Seen]:
    """What was asked from the first request of this kind on."""
    requests = sandbox.zendesk.faults.requests
    start = next(
        index for index, one in enumerate(requests) if (one.method, one.path) == (method, path)
    )
    return requests[start:]
