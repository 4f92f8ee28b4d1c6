"""Conversations, and the tickets that they are and were linked to."""

from __future__ import annotations

from bridge.store import conversations
from bridge.store.conversations import Conversation
from bridge.store.database import Database
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import rows


async def talk(database: Database, sender: str = SENDER, customer: str = CUSTOMER) -> Conversation:
    return await database.write(lambda tx: conversations.open_for(tx, sender, customer))


async def link(
    database: Database,
    conversation: Conversation,
    ticket_id: int,
    *,
    requester_id: int = 1,
    replies_from: int = 0,
) -> None:
    await database.write(
        lambda tx: conversations.link(
            tx,
            conversation_id=conversation.id,
            ticket_id=ticket_id,
            requester_id=requester_id,
            replies_from=replies_from,
        )
    )


async def test_a_pair_is_one_conversation(database: Database) -> None:
    first = await talk(database)
    again = await talk(database)
    other_sender = await talk(database, sender="+12025550101")
    other_customer = await talk(database, customer="+12025550143")

    assert first == again
    assert len({first.id, other_sender.id, other_customer.id}) == 3
    found = await database.read(lambda tx: conversations.by_customer(tx, CUSTOMER))
    assert {item.id for item in found} == {first.id, other_sender.id}


async def test_a_conversation_is_found_by_its_id(database: Database) -> None:
    made = await talk(database)

    assert await database.read(lambda tx: conversations.get(tx, made.id)) == made
    assert await database.read(lambda tx: conversations.get(tx, "gone")) is None


async def test_the_last_link_is_the_ticket_and_the_earlier_ones_are_kept(
    database: Database,
) -> None:
    made = await talk(database)
    await link(database, made, 7, replies_from=100)
    await link(database, made, 9, replies_from=200)

    now = await talk(database)
    old_links = await database.read(lambda tx: conversations.links_of(tx, 7))

    assert now.ticket_id == 9
    assert [(item.conversation.id, item.replies_from) for item in old_links] == [(made.id, 100)]


async def test_a_tie_that_stands_keeps_its_beginning_and_takes_a_new_requester(
    database: Database,
) -> None:
    made = await talk(database)
    await link(database, made, 7, requester_id=1, replies_from=100)

    await link(database, made, 7, requester_id=2, replies_from=999)

    (found,) = await database.read(lambda tx: conversations.links_of(tx, 7))
    assert (found.requester_id, found.replies_from) == (2, 100)


async def test_of_two_conversations_on_a_ticket_the_one_last_texted_on_comes_first(
    database: Database, clock: HandClock
) -> None:
    first, second = await talk(database), await talk(database, sender="+12025550101")
    for made in (first, second):
        await link(database, made, 7)
        clock.forward(1)
    for made in (first, second, first):
        await database.write(lambda tx, c=made: conversations.note_inbound(tx, c.id))  # type: ignore[misc]
        clock.forward(1)

    links = await database.read(lambda tx: conversations.links_of(tx, 7))

    assert [item.conversation.id for item in links] == [first.id, second.id]


async def test_a_conversation_that_was_never_texted_on_comes_last(
    database: Database,
) -> None:
    silent, texted = await talk(database), await talk(database, sender="+12025550101")
    for made in (texted, silent):
        await link(database, made, 7)
    await database.write(lambda tx: conversations.note_inbound(tx, texted.id))

    links = await database.read(lambda tx: conversations.links_of(tx, 7))

    assert [item.conversation.id for item in links] == [texted.id, silent.id]


async def test_times_and_warnings_are_noted_on_their_conversation_alone(
    database: Database, clock: HandClock
) -> None:
    made, other = await talk(database), await talk(database, sender="+12025550101")
    began = clock.now_ms()
    await database.write(lambda tx: conversations.note_inbound(tx, made.id))
    clock.forward(1)
    await database.write(lambda tx: conversations.note_outbound(tx, made.id))
    await database.write(lambda tx: conversations.note_warned(tx, made.id, 7))

    noted = await rows(
        database,
        "SELECT id, last_inbound_at, last_outbound_at, warned_ticket_id FROM conversations",
    )

    assert {row["id"]: tuple(row.values())[1:] for row in noted} == {
        made.id: (began, began + 1000, 7),
        other.id: (None, None, None),
    }
