"""A database as a page meets it: a conversation, its texts, people, work; in any words."""

from __future__ import annotations

from bridge.store import contacts, conversations
from bridge.store.contacts import Source
from bridge.store.database import Database, Transaction
from tests.store.rows import (
    BEGAN,
    CUSTOMER,
    SENDER,
    add,
    add_failed_work,
    add_message,
    add_part,
)

TALK = "c1"
TEXT = "m1"
REPLY = "m2"
WORK = "w1"


async def stock(
    database: Database,
    words: str = "Where is my parcel?",
    *,
    customer: str = CUSTOMER,
    tail: str = "",
) -> None:
    """One of everything, with these words wherever a far side's or a customer's words can be.

    Ids end with `tail`, so that there can be several.
    """

    def fill(tx: Transaction) -> None:
        contacts.know(tx, customer)
        contacts.set_name(tx, customer, words[:80])
        contacts.add_tags(tx, customer, [words[:20]])
        source = Source(
            how="text", sender=SENDER, words=words, rule=words[:40], message_id=TEXT + tail
        )
        contacts.opt_out(tx, customer, source)
        contacts.subscribe(tx, customer, [words[:30]], source)

    await add(
        database,
        "conversations",
        id=TALK + tail,
        sender=SENDER,
        customer=customer,
        created_at=BEGAN,
        last_at=BEGAN,
    )
    await database.write(fill)
    await database.write(
        lambda tx: conversations.link(
            tx, conversation_id=TALK + tail, ticket_id=42, requester_id=1, replies_from=0
        )
    )
    await _say(database, words, customer, tail)
    await _fail(database, words, tail)


async def _say(database: Database, words: str, customer: str, tail: str) -> None:
    await add_message(
        database,
        TEXT + tail,
        conversation_id=TALK + tail,
        customer=customer,
        body=words,
        verdict="ticket",
        why=words,
        rule=words[:40],
        ticket_id=42,
        media='[{"url": "https://media.example/x", "content_type": "image/png"}]',
    )
    await add_message(
        database,
        REPLY + tail,
        conversation_id=TALK + tail,
        direction="outbound",
        customer=customer,
        body=words,
        state="failed",
        error=words[:20],
        reason=words,
        cause_id=TEXT + tail,
    )
    await add_part(
        database, REPLY + tail, 0, state="failed", reason=words, carrier_id=words[:30] + tail
    )


async def _fail(database: Database, words: str, tail: str) -> None:
    await add_failed_work(
        database, WORK + tail, reason=words, message_id=REPLY + tail, kind="send", ticket_id=42
    )
    await add(
        database,
        "attempts",
        work_ref=WORK + tail,
        message_id=REPLY + tail,
        kind="send",
        outcome="refused",
        words=words,
        at=BEGAN,
        took_ms=12,
    )
