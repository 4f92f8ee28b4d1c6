"""An agent's public reply is one text, in order, from the number that the customer texted."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Rule
from bridge.sandbox.zendesk.records import Source
from bridge.sandbox.zendesk.wishes import Wish, make_comment_wish
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    ORDERS,
    SEND,
    VIP,
    MovingClock,
    failed,
    notes,
    open_ticket,
    phone,
    replies,
    settled,
    words,
)


@pytest.mark.parametrize("number", [ACME, ORDERS, VIP], ids=["long", "toll_free", "short_code"])
async def test_reply_comes_once_from_the_number_that_was_texted(
    sandbox: Sandbox, number: str
) -> None:
    ticket = await open_ticket(sandbox, sender=number)

    await sandbox.zendesk.agent_replies(ticket, "<p>On its way</p>")
    await settled(sandbox)

    assert phone(sandbox) == [(number, "On its way")]
    assert len(sandbox.twilio.sent) == 1


async def test_each_of_two_numbers_answers_for_itself(sandbox: Sandbox) -> None:
    first = await open_ticket(sandbox, "To the shop", sender=ACME)
    second = await open_ticket(sandbox, "To the orders line", sender=ORDERS)
    assert first != second

    await sandbox.zendesk.agent_replies(second, "<p>Orders here</p>")
    await eventually(lambda: len(phone(sandbox)) == 1)
    await sandbox.zendesk.agent_replies(first, "<p>Shop here</p>")
    await settled(sandbox)

    assert phone(sandbox) == [(ORDERS, "Orders here"), (ACME, "Shop here")]


@pytest.mark.parametrize("last", [ACME, ORDERS], ids=["on_the_target", "on_the_source"])
async def test_after_a_merge_the_reply_goes_once_from_the_number_last_texted(
    sandbox: Sandbox, last: str
) -> None:
    source = await open_ticket(sandbox, "About my order", sender=ORDERS)
    target = await open_ticket(sandbox, "About my parcel", sender=ACME)
    if last == ORDERS:
        await open_ticket(sandbox, "Once more about my order", sender=ORDERS)

    await sandbox.zendesk.merge(source, target)
    await sandbox.zendesk.agent_replies(target, "<p>Both are on their way</p>")
    await settled(sandbox)

    assert phone(sandbox) == [(last, "Both are on their way")]


async def test_text_after_a_merge_moves_the_replies_to_its_number(sandbox: Sandbox) -> None:
    source = await open_ticket(sandbox, "About my order", sender=ORDERS)
    target = await open_ticket(sandbox, "About my parcel", sender=ACME)
    await sandbox.zendesk.merge(source, target)

    assert await open_ticket(sandbox, "Still there?", sender=ORDERS) == target
    await sandbox.zendesk.agent_replies(target, "<p>Yes</p>")
    await settled(sandbox)

    assert phone(sandbox) == [(ORDERS, "Yes")]


async def test_ten_quick_replies_come_in_order(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    for number in range(10):
        await sandbox.zendesk.agent_replies(ticket, f"<p>Step {number}</p>")
    await settled(sandbox)

    assert words(sandbox) == [f"Step {number}" for number in range(10)]


async def test_reply_waits_for_the_one_before_it_and_holds_up_no_other(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox, "From Maya")
    other = await open_ticket(sandbox, "From Jonas", customer="+13125550142")
    slow = sandbox.twilio.faults.hold_before("POST", "*/Messages.json")
    await sandbox.zendesk.agent_replies(ticket, "<p>First</p>")
    await slow.wait_arrived()

    await sandbox.zendesk.agent_replies(ticket, "<p>Second</p>")
    await eventually(lambda: _are_queued(sandbox, 2))
    await sandbox.zendesk.agent_replies(other, "<p>Through</p>")
    await eventually(lambda: words(sandbox, "+13125550142") == ["Through"])
    assert words(sandbox) == []
    slow.open()
    await settled(sandbox)

    assert words(sandbox) == ["First", "Second"]


async def _are_queued(sandbox: Sandbox, count: int) -> bool:
    return len(await replies(sandbox)) == count


async def test_reply_that_solves_the_ticket_is_sent(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket, "<p>Done, goodbye</p>", status="solved")
    await settled(sandbox)

    assert words(sandbox) == ["Done, goodbye"]
    assert sandbox.zendesk.tickets[ticket].status == "solved"


async def test_private_note_never_leaves_zendesk(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket, "<p>Between us: a fraud?</p>", public=False)
    await sandbox.zendesk.agent_replies(ticket, "<p>We are looking into it</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Surely a fraud</p>", public=False)
    await settled(sandbox)

    assert words(sandbox) == ["We are looking into it"]


async def test_what_the_customer_writes_elsewhere_is_not_texted_back(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.requester_writes(ticket, "By e-mail: any news?")
    await sandbox.zendesk.agent_replies(ticket, "<p>Tomorrow</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Tomorrow"]


@pytest.mark.parametrize(
    ("source", "flags"),
    [("rule", []), ("merge", []), ("web", [4])],
    ids=["by_a_rule", "by_a_merge", "by_a_machine"],
)
async def test_comment_that_no_person_wrote_is_not_texted(
    sandbox: Sandbox, source: Source, flags: list[int]
) -> None:
    ticket = await open_ticket(sandbox)
    wish = make_comment_wish(html="<p>Your request was received.</p>")
    wish.public = True

    sandbox.zendesk.writer.update(
        sandbox.zendesk.tickets[ticket],
        Wish(comment=wish),
        updater=sandbox.zendesk.agent(),
        source=source,
    )
    sandbox.zendesk.comments(ticket)[-1].flags = flags
    await sandbox.zendesk.agent_replies(ticket, "<p>A person here</p>")
    await settled(sandbox)

    assert words(sandbox) == ["A person here"]


async def test_reply_made_private_while_the_carrier_is_away_is_not_sent(
    start_sandbox: Start,
) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    ticket = await open_ticket(sandbox)
    away = sandbox.twilio.faults.refuse(*SEND, 429, times=None)

    comment = await sandbox.zendesk.agent_replies(ticket, "<p>Wrong customer, sorry</p>")
    await eventually(lambda: away.used > 0)
    await sandbox.zendesk.make_private(comment.id)
    clock.ahead_ms += 31_000
    sandbox.twilio.faults.clear()
    await sandbox.zendesk.agent_replies(ticket, "<p>The right words</p>")
    await settled(sandbox)

    assert words(sandbox) == ["The right words"]
    assert [message["state"] for message in await replies(sandbox)] == ["refused", "delivered"]


async def test_reply_made_private_while_it_waits_for_another_is_not_sent(
    start_sandbox: Start,
) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    ticket = await open_ticket(sandbox)
    first_at_carrier = sandbox.twilio.faults.hold_before(*SEND)
    await sandbox.zendesk.agent_replies(ticket, "<p>One</p>")
    await first_at_carrier.wait_arrived()
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>Wrong customer, sorry</p>")
    await eventually(lambda: _are_queued(sandbox, 2))

    await sandbox.zendesk.make_private(comment.id)
    clock.ahead_ms += 6_000
    first_at_carrier.open()
    await settled(sandbox)

    assert words(sandbox) == ["One"]
    assert [message["state"] for message in await replies(sandbox)] == ["delivered", "refused"]


async def test_reply_by_the_bridges_own_account_is_heard(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(
        ticket, "<p>The only agent here</p>", agent=sandbox.zendesk.api_user
    )
    await settled(sandbox)

    assert words(sandbox) == ["The only agent here"]


async def test_agent_who_texts_from_their_own_phone_gets_the_reply(sandbox: Sandbox) -> None:
    pat = sandbox.zendesk.add_user(
        name="Pat Tester", email="pat@acme.example", role="agent", phone=MAYA, verified=True
    )
    ticket = await open_ticket(sandbox, "Just testing")
    assert sandbox.zendesk.tickets[ticket].requester_id == pat.id

    await sandbox.zendesk.agent_replies(ticket, "<p>It works</p>", agent=pat)
    await settled(sandbox)

    assert words(sandbox) == ["It works"]


async def test_agent_whose_address_is_the_customers_is_heard(sandbox: Sandbox) -> None:
    service = sandbox.service
    assert service is not None
    sam = sandbox.zendesk.add_user(
        name="Sam Both", email="sam@acme.example", role="agent", verified=True
    )
    await open_ticket(sandbox, "First from another number", customer="+16175550111")
    await service.database.write(
        lambda tx: tx.run(
            "UPDATE contacts SET email = $1, requester_id = NULL WHERE address = $2",
            *("sam@acme.example", "+16175550111"),
        )
    )
    sandbox.zendesk.users[max(sandbox.zendesk.users)].phone = None

    for identity in sandbox.zendesk.users[max(sandbox.zendesk.users)].identities:
        identity.value = "+16175550112"
    ticket = await open_ticket(sandbox, "And now by the book", customer="+16175550111")
    assert sandbox.zendesk.tickets[ticket].requester_id == sam.id
    await sandbox.zendesk.agent_replies(ticket, "<p>Hello me</p>", agent=sam)
    await settled(sandbox)

    assert words(sandbox, "+16175550111") == ["Hello me"]


async def test_reply_on_a_ticket_given_to_somebody_else_reaches_nobodys_phone(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    other = sandbox.zendesk.add_user(name="Other Person", email="other@example.com")
    await sandbox.zendesk.change_requester(ticket, other)

    await sandbox.zendesk.agent_replies(ticket, "<p>Your bank details are ...</p>")
    await settled(sandbox)

    assert sandbox.twilio.sent == []
    assert ["requester" in note for note in notes(sandbox, ticket)] == [True]
    assert "sms_failed" in sandbox.zendesk.tickets[ticket].tags


async def test_one_customers_trouble_holds_up_no_other(sandbox: Sandbox) -> None:
    poisoned = await open_ticket(sandbox, "From Maya")
    healthy = await open_ticket(sandbox, "From Jonas", customer="+13125550142")
    sandbox.zendesk.faults.add(
        Rule(method="GET", path=f"/api/v2/tickets/{poisoned}*", times=None, status=500)
    )

    await sandbox.zendesk.agent_replies(poisoned, "<p>Held up</p>")
    await sandbox.zendesk.agent_replies(healthy, "<p>Through</p>")
    await eventually(lambda: words(sandbox, "+13125550142") == ["Through"])
    assert words(sandbox) == []

    sandbox.zendesk.faults.clear()
    await settled(sandbox)
    assert words(sandbox) == ["Held up"]
    assert await failed(sandbox) == []


async def test_reply_from_before_a_merge_goes_to_whom_it_was_written(sandbox: Sandbox) -> None:
    source = await open_ticket(sandbox, "About my order", sender=ORDERS)
    target = await open_ticket(sandbox, "About my parcel", sender=ACME)
    await open_ticket(sandbox, "Once more about my order", sender=ORDERS)
    sandbox.zendesk.hold_webhooks()

    comment = await sandbox.zendesk.agent_replies(target, "<p>Your parcel is here</p>")
    comment.created_ms -= 5_000
    await sandbox.zendesk.merge(source, target)
    await sandbox.zendesk.agent_replies(target, "<p>And so is your order</p>")
    await sandbox.zendesk.release_webhooks()
    await settled(sandbox)

    # Two conversations: neither waits for the other.
    wanted = [(ACME, "Your parcel is here"), (ORDERS, "And so is your order")]
    assert sorted(phone(sandbox)) == sorted(wanted)
