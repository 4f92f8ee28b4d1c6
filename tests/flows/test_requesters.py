"""Who a customer is at the desk: found, chosen or made, and never twice."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import User
from bridge.store import contacts
from bridge.store.database import Transaction
from tests.desks.typed import TYPED
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    customer_comments,
    messages,
    notes,
    only_ticket,
    settle,
    text,
    tickets,
)


def _end_users(sandbox: Sandbox) -> list[User]:
    return [user for user in sandbox.zendesk.users.values() if user.role == "end-user"]


async def _knows_email(sandbox: Sandbox, number: str, email: str) -> None:
    assert sandbox.service is not None

    def note(tx: Transaction) -> None:
        contacts.know(tx, number)
        tx.run("UPDATE contacts SET email = $1 WHERE address = $2", email, number)

    await sandbox.service.database.write(note)


async def test_new_customer_becomes_end_user_without_welcome_mail(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello")

    (user,) = _end_users(sandbox)
    assert (user.phone, user.email, user.external_id) == (MAYA, None, f"sms:{MAYA}")
    assert [one.type for one in user.identities] == ["phone_number"]
    assert sandbox.zendesk.emails_sent == []


@pytest.mark.parametrize("spelling", TYPED)
async def test_existing_user_is_found_by_phone_in_any_spelling(
    sandbox: Sandbox, spelling: str
) -> None:
    maya = sandbox.zendesk.add_user(name="Maya Torres", phone=spelling)

    await text(sandbox, MAYA, ACME, "hello")

    assert only_ticket(sandbox).requester_id == maya.id
    assert _end_users(sandbox) == [maya]
    assert (maya.name, maya.phone) == ("Maya Torres", spelling)


async def test_users_in_several_spellings_are_all_named(sandbox: Sandbox) -> None:
    zendesk = sandbox.zendesk
    old = zendesk.add_user(name="Old", phone=MAYA)
    latest = zendesk.add_user(name="Latest", phone="+1 (202)-555-0123")
    old.updated_ms -= 60_000

    await text(sandbox, MAYA, ACME, "hello")

    ticket = only_ticket(sandbox)
    assert ticket.requester_id == latest.id
    (note,) = notes(ticket)
    assert f"#{old.id}" in note


async def test_new_customer_costs_one_round_of_searches(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello", "again")

    searches = sandbox.zendesk.faults.seen("GET", "/api/v2/users/search")
    assert len(searches) == len(TYPED) + 1  # and one for the key


async def test_user_whose_number_is_only_an_identity_is_found(sandbox: Sandbox) -> None:
    maya = sandbox.zendesk.add_user(name="Maya Torres", phone=MAYA)
    maya.phone = None

    await text(sandbox, MAYA, ACME, "hello")

    assert only_ticket(sandbox).requester_id == maya.id


async def test_user_with_similar_number_is_not_taken(sandbox: Sandbox) -> None:
    other = sandbox.zendesk.add_user(name="Other", phone=f"{MAYA}4")

    await text(sandbox, MAYA, ACME, "hello")

    assert only_ticket(sandbox).requester_id != other.id


async def test_of_several_users_the_end_user_updated_last_is_taken_with_a_note(
    sandbox: Sandbox,
) -> None:
    zendesk = sandbox.zendesk
    old = zendesk.add_user(name="Old", phone=MAYA)
    latest = zendesk.add_user(name="Latest", phone=MAYA)
    middle = zendesk.add_user(name="Middle", phone=MAYA)
    agent = zendesk.add_user(name="Agent Too", phone=MAYA, role="agent")
    for age_s, user in enumerate((agent, latest, middle, old)):
        user.updated_ms -= age_s * 60_000

    await text(sandbox, MAYA, ACME, "hello", "again")

    ticket = only_ticket(sandbox)
    assert ticket.requester_id == latest.id
    (note,) = notes(ticket)
    assert "Several users" in note
    assert f"Latest (#{latest.id})" in note
    assert all(f"#{user.id}" in note for user in (old, middle, agent))


async def test_note_about_several_users_survives_a_creation_that_must_wait(
    sandbox: Sandbox,
) -> None:
    sandbox.zendesk.add_user(name="One", phone=MAYA)
    sandbox.zendesk.add_user(name="Two", phone=MAYA)
    sandbox.zendesk.faults.refuse("POST", "/api/v2/tickets", 503, headers={"Retry-After": "0"})

    await text(sandbox, MAYA, ACME, "hello")

    (note,) = notes(only_ticket(sandbox))
    assert "Several users" in note


async def test_agent_who_texts_is_the_requester(sandbox: Sandbox) -> None:
    agent = sandbox.zendesk.add_user(name="Robin Park", phone=MAYA, role="agent")

    await text(sandbox, MAYA, ACME, "testing")

    assert only_ticket(sandbox).requester_id == agent.id
    assert customer_comments(only_ticket(sandbox)) == ["testing"]


async def test_contact_with_email_is_the_user_with_that_email(sandbox: Sandbox) -> None:
    maya = sandbox.zendesk.add_user(name="Maya Torres", email="maya@example.com")
    await _knows_email(sandbox, MAYA, "Maya@Example.com")

    await text(sandbox, MAYA, ACME, "hello")

    assert only_ticket(sandbox).requester_id == maya.id


async def test_phone_goes_before_email(sandbox: Sandbox) -> None:
    sandbox.zendesk.add_user(name="By mail", email="maya@example.com")
    by_phone = sandbox.zendesk.add_user(name="By phone", phone=MAYA)
    await _knows_email(sandbox, MAYA, "maya@example.com")

    await text(sandbox, MAYA, ACME, "hello")

    assert only_ticket(sandbox).requester_id == by_phone.id


async def test_account_that_refuses_the_phone_still_gets_the_ticket(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.refuse(
        "POST",
        "/api/v2/users/create_or_update",
        422,
        body='{"error": "RecordInvalid", "details": {"phone": '
        '[{"description": "Phone: is not valid", "error": "InvalidFormat"}]}}',
    )

    await text(sandbox, MAYA, ACME, "hello")

    (user,) = _end_users(sandbox)
    assert (user.phone, user.external_id) == (None, f"sms:{MAYA}")
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def test_lost_answer_to_making_a_user_makes_no_second_one(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.lose_answer("POST", "/api/v2/users/create_or_update")

    await text(sandbox, MAYA, ACME, "hello")

    assert len(_end_users(sandbox)) == 1
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def test_lagging_search_makes_no_second_user(sandbox: Sandbox) -> None:
    sandbox.zendesk.account.index_lag_s = 3600
    await text(sandbox, MAYA, ACME, "hello")
    await sandbox.zendesk.delete(only_ticket(sandbox).id)

    await text(sandbox, MAYA, ACME, "again")

    assert len(_end_users(sandbox)) == 1


async def test_user_deleted_since_is_replaced(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    (first,) = tickets(sandbox)
    sandbox.zendesk.people.delete(sandbox.zendesk.users[first.requester_id])

    await text(sandbox, MAYA, ACME, "again", "and again")

    second = tickets(sandbox)[1]
    assert len(tickets(sandbox)) == 2
    assert sandbox.zendesk.users[second.requester_id].active
    assert second.requester_id != first.requester_id
    assert customer_comments(second) == ["again", "and again"]
    assert [one["state"] for one in await messages(sandbox)] == ["done"] * 3


async def test_user_merged_since_is_followed_to_the_same_ticket(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    ticket = only_ticket(sandbox)
    winner = sandbox.zendesk.add_user(name="Maya Torres", email="maya@example.com")
    sandbox.zendesk.people.merge(sandbox.zendesk.users[ticket.requester_id], winner)

    await text(sandbox, MAYA, ACME, "again")

    assert only_ticket(sandbox).requester_id == winner.id
    assert customer_comments(ticket) == ["hello", "again"]
    assert notes(ticket) == []


async def test_user_merged_into_one_with_another_main_phone_is_followed(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "first")
    ticket = only_ticket(sandbox)
    winner = sandbox.zendesk.add_user(name="Maya at work", phone="+12025550177")
    sandbox.zendesk.people.merge(sandbox.zendesk.users[ticket.requester_id], winner)

    await text(sandbox, MAYA, ACME, "second")

    assert customer_comments(only_ticket(sandbox)) == ["first", "second"]


async def test_ticket_given_to_another_requester_takes_no_more_texts(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    (first,) = tickets(sandbox)
    maya_id = first.requester_id
    other = sandbox.zendesk.add_user(name="Somebody Else", email="else@example.com")
    await sandbox.zendesk.change_requester(first.id, other)

    await text(sandbox, MAYA, ACME, "again", "and again")

    _, second = tickets(sandbox)
    assert second.requester_id == maya_id
    assert customer_comments(second) == ["again", "and again"]
    (note,) = notes(second)
    assert f"#{first.id}" in note


async def test_customers_of_one_instant_are_different_users(sandbox: Sandbox) -> None:
    for customer in (MAYA, JONAS):
        await sandbox.twilio.customer_texts(customer, ACME, f"I am {customer}")
    await settle(sandbox)

    assert {user.phone for user in _end_users(sandbox)} == {MAYA, JONAS}
    for ticket in tickets(sandbox):
        phone = sandbox.zendesk.users[ticket.requester_id].phone
        assert customer_comments(ticket) == [f"I am {phone}"]


@pytest.mark.parametrize("origin", ["12345", "MyBank"], ids=["short code", "name"])
async def test_text_that_cannot_be_answered_becomes_ticket_with_note(
    sandbox: Sandbox, origin: str
) -> None:
    await text(sandbox, origin, ACME, "Your code is 1234", "Your code is 5678")

    ticket = only_ticket(sandbox)
    user = sandbox.zendesk.users[ticket.requester_id]
    assert customer_comments(ticket) == ["Your code is 1234", "Your code is 5678"]
    assert (user.name, user.phone) == (origin, None)
    (note,) = notes(ticket)
    assert "can't be answered" in note
    assert {one["customer"] for one in await messages(sandbox)} == {origin}
