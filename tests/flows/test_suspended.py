"""Texts of a customer whom Zendesk has suspended are kept where an agent sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Faults, Rule
from bridge.sandbox.zendesk.records import Ticket, User
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ask,
    customer_comments,
    messages,
    notes,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start
from tests.flows.outbound import words

CREATE = ("POST", "/api/v2/tickets")


async def _suspended_with_a_ticket(sandbox: Sandbox) -> tuple[User, Ticket]:
    await text(sandbox, MAYA, ACME, "hello")
    ticket = only_ticket(sandbox)
    maya = sandbox.zendesk.users[ticket.requester_id]
    sandbox.zendesk.suspend(maya)
    return maya, ticket


def _bridges_user(sandbox: Sandbox) -> int:
    return next(user.id for user in sandbox.zendesk.users.values() if user.role == "admin")


async def _failed(sandbox: Sandbox) -> list[object]:
    found: list[object] = (await ask(sandbox, "failed"))["failed"]
    return found


async def test_texts_of_somebody_suspended_are_notes_on_one_ticket_of_the_bridge(
    sandbox: Sandbox,
) -> None:
    maya, first = await _suspended_with_a_ticket(sandbox)

    await text(sandbox, MAYA, ACME, "are you there?", "hello?")

    _, kept = tickets(sandbox)
    assert kept.requester_id == _bridges_user(sandbox)
    assert [comment.public for comment in kept.comments] == [False, False]
    assert {comment.author_id for comment in kept.comments} == {kept.requester_id}
    one, two = notes(kept)
    assert one.endswith("\n\nare you there?")
    assert two.endswith("\n\nhello?")
    assert "suspended" in one and f"#{maya.id}" in one and f"#{first.id}" in one  # noqa: PT018
    assert "(202) 555-0123" in one or "+1 202-555-0123" in one
    assert customer_comments(first) == ["hello"]
    assert {"sms", "sms_bridge"} <= set(kept.tags)
    shown = await messages(sandbox)
    assert [one["state"] for one in shown] == ["done"] * 3
    assert [one["comment_id"] for one in shown[1:]] == [each.id for each in kept.comments]
    assert await _failed(sandbox) == []


async def test_first_text_of_somebody_suspended_is_kept_as_well(sandbox: Sandbox) -> None:
    sandbox.zendesk.add_user(name="Maya Torres", phone=MAYA, suspended=True)

    await text(sandbox, MAYA, ACME, "one", "two")

    kept = only_ticket(sandbox)
    assert [note.rpartition("\n")[2] for note in notes(kept)] == ["one", "two"]


async def test_agent_can_answer_somebody_suspended(sandbox: Sandbox) -> None:
    await _suspended_with_a_ticket(sandbox)
    await text(sandbox, MAYA, ACME, "are you there?")

    await sandbox.zendesk.agent_replies(tickets(sandbox)[1].id, "<p>Yes</p>")
    await settle(sandbox)

    assert words(sandbox) == ["Yes"]


async def test_who_is_no_longer_suspended_writes_in_their_own_name_again(sandbox: Sandbox) -> None:
    maya, _ = await _suspended_with_a_ticket(sandbox)
    await text(sandbox, MAYA, ACME, "are you there?")
    sandbox.zendesk.suspend(maya, False)

    await text(sandbox, MAYA, ACME, "thanks", "bye")

    _, kept, third = tickets(sandbox)
    assert third.requester_id == maya.id
    assert customer_comments(third) == ["thanks", "bye"]
    (note,) = notes(third)
    assert f"#{kept.id}" in note


@pytest.mark.parametrize(("status", "after"), [("solved", "open"), ("pending", "open")])
async def test_note_for_somebody_suspended_opens_the_ticket_again(
    sandbox: Sandbox, status: str, after: str
) -> None:
    await _suspended_with_a_ticket(sandbox)
    await text(sandbox, MAYA, ACME, "are you there?")
    kept = tickets(sandbox)[1]
    await sandbox.zendesk.set_status(kept.id, status)

    await text(sandbox, MAYA, ACME, "hello?")

    assert kept.status == after
    assert len(notes(kept)) == 2


async def test_closed_ticket_of_somebody_suspended_is_followed_up(sandbox: Sandbox) -> None:
    await _suspended_with_a_ticket(sandbox)
    await text(sandbox, MAYA, ACME, "are you there?")
    kept = tickets(sandbox)[1]
    await sandbox.zendesk.set_status(kept.id, "closed")

    await text(sandbox, MAYA, ACME, "hello?", "anybody?")

    _, _, third = tickets(sandbox)
    assert third.via["source"]["from"]["ticket_id"] == kept.id
    assert [note.rpartition("\n")[2] for note in notes(third)] == ["hello?", "anybody?"]


async def test_two_suspended_customers_are_kept_apart(sandbox: Sandbox) -> None:
    for name, number in (("Maya Torres", MAYA), ("Jonas Berg", JONAS)):
        sandbox.zendesk.add_user(name=name, phone=number, suspended=True)

    await text(sandbox, MAYA, ACME, "from Maya")
    await text(sandbox, JONAS, ACME, "from Jonas")
    await text(sandbox, MAYA, ACME, "again from Maya")

    mayas, jonas = tickets(sandbox)
    assert [note.rpartition("\n")[2] for note in notes(mayas)] == ["from Maya", "again from Maya"]
    assert [note.rpartition("\n")[2] for note in notes(jonas)] == ["from Jonas"]


async def test_placeholder_in_a_kept_text_is_none_any_more(sandbox: Sandbox) -> None:
    sandbox.zendesk.add_user(name="Maya Torres", phone=MAYA, suspended=True)

    await text(sandbox, MAYA, ACME, "{{ticket.requester.email}} {%if true%} {{{x}}} {plain}")

    (note,) = notes(only_ticket(sandbox))
    assert "{{" not in note
    assert "{%" not in note
    assert note.replace("\u2060", "").endswith(
        "{{ticket.requester.email}} {%if true%} {{{x}}} {plain}"
    )


@pytest.mark.parametrize("lose", [Faults.lose_answer, Faults.drop], ids=["applied", "not applied"])
async def test_lost_answer_makes_no_second_ticket_for_somebody_suspended(
    start_sandbox: Start, lose: Callable[..., Rule]
) -> None:
    sandbox = await start_sandbox(BRIDGE_HTTP_TIMEOUT="1")
    sandbox.zendesk.add_user(name="Maya Torres", phone=MAYA, suspended=True)
    refused = sandbox.zendesk.faults.hold_before(*CREATE)  # in the customer's name
    rule = lose(sandbox.zendesk.faults, *CREATE)  # in the bridge's
    refused.open()

    await text(sandbox, MAYA, ACME, "one", "two")

    assert rule.used == 1
    assert [note.rpartition("\n")[2] for note in notes(only_ticket(sandbox))] == ["one", "two"]


async def test_customer_who_became_an_agent_stays_on_their_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "one")
    ticket = only_ticket(sandbox)
    sandbox.zendesk.users[ticket.requester_id].role = "agent"

    await text(sandbox, MAYA, ACME, "two")
    await sandbox.zendesk.agent_replies(ticket.id, "<p>Hello colleague</p>")
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]
    assert words(sandbox) == ["Hello colleague"]
