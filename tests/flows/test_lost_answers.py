"""An answer of the desk's is lost: what was applied is found, what was not is repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.clock import SystemClock
from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Faults
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    VIP,
    customer_comments,
    messages,
    notes,
    only_ticket,
    our_comments,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import QUICK, NewStore, Start, eventually, free_port

Fault = Callable[[Faults, str, str], object]

LOST: dict[str, Fault] = {
    "applied, connection cut": lambda faults, *call: faults.lose_answer(*call),
    "applied, no answer in time": lambda faults, *call: faults.hold_after(*call),
    "applied, answer truncated": lambda faults, *call: faults.truncate(*call),
    "applied, a page of HTML": lambda faults, *call: faults.html(*call, apply=True),
    "not applied, connection cut": lambda faults, *call: faults.drop(*call),
    "not applied, a page of HTML": lambda faults, *call: faults.html(*call),
    "not applied, 500": lambda faults, *call: faults.refuse(*call, 500),
}
LOST_WAYS = pytest.mark.parametrize("lose", LOST.values(), ids=LOST.keys())


class MovedClock(SystemClock):
    """The machine's clock, moved."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Return UTC milliseconds, moved by `ahead_ms`."""
        return super().now_ms() + self.ahead_ms


@pytest.fixture
async def moved(tmp_path: Path, new_store: NewStore) -> AsyncIterator[tuple[Sandbox, MovedClock]]:
    """A sandbox all of whose sides go by one clock that can be moved."""
    clock = MovedClock()
    store = {"BRIDGE_DATABASE_URL": new_store(tmp_path)}
    changes = {**QUICK, **store, "BRIDGE_HTTP_TIMEOUT": "1"}
    sandbox = Sandbox(folder=tmp_path, port=free_port(), clock=clock, changes=changes)
    await sandbox.start()
    yield sandbox, clock
    await sandbox.stop()


@pytest.fixture
async def quick(start_sandbox: Start) -> Sandbox:
    """A sandbox that waits one second for an answer."""
    return await start_sandbox(BRIDGE_HTTP_TIMEOUT="1")


@LOST_WAYS
async def test_lost_answer_to_a_creation_makes_one_ticket(quick: Sandbox, lose: Fault) -> None:
    lose(quick.zendesk.faults, "POST", "/api/v2/tickets")

    await text(quick, MAYA, ACME, "one", "two")

    ticket = only_ticket(quick)
    assert customer_comments(ticket) == ["one", "two"]
    shown = await messages(quick)
    assert [one["comment_id"] for one in shown] == [one.id for one in ticket.comments]
    assert {(one["state"], one["ticket_id"]) for one in shown} == {("done", ticket.id)}


@LOST_WAYS
async def test_lost_answer_to_a_comment_makes_one_comment(quick: Sandbox, lose: Fault) -> None:
    await text(quick, MAYA, ACME, "one")
    ticket = only_ticket(quick)
    await quick.zendesk.set_status(ticket.id, "solved")
    lose(quick.zendesk.faults, "PUT", f"/api/v2/tickets/{ticket.id}")

    await text(quick, MAYA, ACME, "two", "three")

    assert customer_comments(only_ticket(quick)) == ["one", "two", "three"]
    assert ticket.status == "open"
    shown = await messages(quick)
    assert [one["comment_id"] for one in shown] == [one.id for one in our_comments(ticket)]


@LOST_WAYS
async def test_lost_answer_to_a_follow_up_makes_one_follow_up(quick: Sandbox, lose: Fault) -> None:
    await text(quick, MAYA, ACME, "one")
    await quick.zendesk.set_status(only_ticket(quick).id, "closed")
    lose(quick.zendesk.faults, "POST", "/api/v2/tickets")

    await text(quick, MAYA, ACME, "two", "three")

    assert [customer_comments(one) for one in tickets(quick)] == [["one"], ["two", "three"]]


@LOST_WAYS
async def test_lost_answer_to_a_note_makes_one_note(quick: Sandbox, lose: Fault) -> None:
    await text(quick, MAYA, VIP, "one")
    ticket = only_ticket(quick)
    lose(quick.zendesk.faults, "PUT", f"/api/v2/tickets/{ticket.id}")

    await text(quick, MAYA, VIP, "STOP")

    assert len(notes(ticket)) == 1


async def test_answers_lost_again_and_again_still_make_one(quick: Sandbox) -> None:
    faults = quick.zendesk.faults
    faults.lose_answer("POST", "/api/v2/tickets", times=4)
    faults.lose_answer("PUT", "/api/v2/tickets/1", times=4)
    faults.lose_answer("GET", "/api/v2/tickets/1/comments", times=2)

    await text(quick, MAYA, ACME, "one", "two", "three")

    assert customer_comments(only_ticket(quick)) == ["one", "two", "three"]


async def test_same_words_twice_are_not_taken_for_the_lost_comment(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "hello?")
    quick.zendesk.faults.lose_answer("PUT", f"/api/v2/tickets/{only_ticket(quick).id}")

    await text(quick, MAYA, ACME, "hello?", "hello?")

    assert customer_comments(only_ticket(quick)) == ["hello?"] * 3


async def test_slow_first_comment_that_lands_after_the_retry_is_refused(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "one")
    ticket = only_ticket(quick)
    ticket.updated_ms -= 5000  # stamps have whole seconds
    path = f"/api/v2/tickets/{ticket.id}"
    gate = quick.zendesk.faults.hold_before("PUT", path)

    await text(quick, MAYA, ACME, "two")
    assert customer_comments(ticket) == ["one", "two"]
    gate.open()
    late = quick.zendesk.faults.seen("PUT", path)[0]
    await eventually(lambda: late.status is not None)

    assert customer_comments(ticket) == ["one", "two"]


async def test_slow_first_comment_that_lands_before_the_retry_is_found(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "one")
    ticket = only_ticket(quick)
    faults = quick.zendesk.faults
    first = faults.hold_before("PUT", f"/api/v2/tickets/{ticket.id}")
    looks = faults.hold_before("GET", f"/api/v2/tickets/{ticket.id}/comments")

    await quick.twilio.customer_texts(MAYA, ACME, "two")
    await first.wait_arrived()
    await looks.wait_arrived()
    first.open()
    await eventually(lambda: len(ticket.comments) == 2)
    looks.open()
    await settle(quick)

    assert customer_comments(ticket) == ["one", "two"]


async def test_slow_first_creation_that_lands_after_the_retry_makes_no_second_ticket(
    quick: Sandbox,
) -> None:
    gate = quick.zendesk.faults.hold_before("POST", "/api/v2/tickets")

    await text(quick, MAYA, ACME, "one")
    gate.open()
    late = quick.zendesk.faults.seen("POST", "/api/v2/tickets")[0]
    await eventually(lambda: late.status is not None)

    assert customer_comments(only_ticket(quick)) == ["one"]


async def test_lost_comment_on_a_ticket_that_is_deleted_meanwhile_goes_to_a_new_one(
    quick: Sandbox,
) -> None:
    await text(quick, MAYA, ACME, "one")
    first = only_ticket(quick)
    gate = quick.zendesk.faults.hold_before("GET", f"/api/v2/tickets/{first.id}/comments")
    quick.zendesk.faults.drop("PUT", f"/api/v2/tickets/{first.id}")

    await quick.twilio.customer_texts(MAYA, ACME, "two")
    await gate.wait_arrived()
    await quick.zendesk.delete(first.id)
    gate.open()
    await settle(quick)

    assert [customer_comments(one) for one in tickets(quick)] == [["one"], ["two"]]


@pytest.mark.parametrize("moment", ["applied", "not applied"])
async def test_creation_lost_longer_ago_than_the_desk_remembers_makes_one_ticket(
    moved: tuple[Sandbox, MovedClock], moment: str
) -> None:
    sandbox, clock = moved
    faults = sandbox.zendesk.faults
    if moment == "applied":
        gate = faults.hold_after("POST", "/api/v2/tickets")
    else:
        gate = faults.hold_before("POST", "/api/v2/tickets")
    await sandbox.twilio.customer_texts(MAYA, ACME, "one")
    await gate.wait_arrived()
    faults.down()
    tried = faults.seen("POST", "/api/v2/tickets")[0]
    await eventually(lambda: faults.requests[-1].at - tried.at > 1)

    clock.ahead_ms = 3 * 3600 * 1000
    faults.down(False)
    await text(sandbox, MAYA, ACME, "two")

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]
    shown = await messages(sandbox)
    assert [one["state"] for one in shown] == ["done", "done"]
    assert [one["comment_id"] for one in shown] == [one.id for one in only_ticket(sandbox).comments]


async def test_stopped_service_finds_what_it_had_under_way(quick: Sandbox) -> None:
    await text(quick, MAYA, ACME, "one")
    path = f"/api/v2/tickets/{only_ticket(quick).id}"
    applied = quick.zendesk.faults.hold_after("PUT", path)
    unborn = quick.zendesk.faults.hold_after("POST", "/api/v2/tickets")
    await quick.twilio.customer_texts(MAYA, ACME, "two")
    await quick.twilio.customer_texts(JONAS, ACME, "jonas")
    await applied.wait_arrived()
    await unborn.wait_arrived()

    assert quick.service is not None
    await quick.service.stop()
    await quick.make_service().start()
    await settle(quick)

    assert [customer_comments(one) for one in tickets(quick)] == [["one", "two"], ["jonas"]]
