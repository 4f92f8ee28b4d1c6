"""Texts as they arrive, and what the bridge made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from bridge.carriers.contract import Capabilities, InboundText, OptOutWord
from bridge.domain.directory import Directory, KeywordEntry, List, Sender, make_directory
from bridge.inbound.judge import Rules
from bridge.inbound.receive import take_in
from bridge.store import contacts, messages
from bridge.store.contacts import Contact
from bridge.store.database import Database, Row
from bridge.store.messages import Message
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import rows

WORDS: Mapping[OptOutWord, frozenset[str]] = {
    "STOP": frozenset({"STOP"}),
    "START": frozenset({"START", "YES"}),
    "HELP": frozenset({"HELP"}),
}
CAPABILITIES = Capabilities(
    longest_text=1600,
    mms=None,
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    answers={"long_code": WORDS},
)
RULES = Rules(tickets_from="anyone", capabilities={"twilio": CAPABILITIES})
OTHER_SENDER = "+12025550101"
DIRECTORY = make_directory(
    senders=[
        Sender(number=SENDER, carrier="twilio", country="US", name="Acme"),
        Sender(number=OTHER_SENDER, carrier="twilio", country="US", answers=("STOP",)),
    ],
    lists=[List(name="vip"), List(name="club")],
    keywords=[
        KeywordEntry(words=("JOIN",), lists=("vip",), reply="Welcome.", set_tags=("fan",)),
        KeywordEntry(words=("CLUB",), lists=("club",), confirm="Reply YES.", reply="You are in."),
        KeywordEntry(words=("LEAVE",), unsubscribe=("vip",)),
    ],
)
NUMBERS: Iterator[int] = count()


async def arrive(
    database: Database,
    body: str,
    *,
    sender: str = SENDER,
    customer: str = CUSTOMER,
    carrier_id: str | None = None,
    directory: Directory = DIRECTORY,
    rules: Rules = RULES,
    **more: Any,  # noqa: ANN401 - the rest of InboundText
) -> str | None:
    """Take a text in. Returns its verdict, None where it had come before."""
    text = InboundText(
        carrier_id=carrier_id or f"SM{next(NUMBERS)}",
        sender=sender,
        customer=customer,
        body=body,
        **more,
    )
    taken = await database.write(
        lambda tx: take_in(tx, "twilio", text, directory, rules), brief=True
    )
    return None if taken is None else taken.verdict


async def last(database: Database) -> Message:
    """The text that arrived last."""
    (newest,) = await rows(
        database, "SELECT id FROM messages WHERE direction = 'inbound' ORDER BY seq DESC LIMIT 1"
    )
    found = await database.read(lambda tx: messages.get(tx, newest["id"]))
    assert found is not None
    return found


async def answers(database: Database) -> list[tuple[str, str]]:
    """What was queued to the customer: kind and words."""
    found = await rows(
        database, "SELECT kind, body FROM messages WHERE direction = 'outbound' ORDER BY seq"
    )
    return [(row["kind"], row["body"]) for row in found]


async def work_of(database: Database, kind: str) -> list[Row]:
    """The stored work of a kind, its payload read."""
    found = await rows(database, "SELECT * FROM work WHERE kind = $1 ORDER BY id", kind)
    return [{**row, "payload": json.loads(row["payload"])} for row in found]


async def ledger(database: Database) -> list[tuple[str, str | None]]:
    """The actions in the consent ledger, each with its list."""
    found = await rows(database, "SELECT action, list FROM consent ORDER BY id")
    return [(row["action"], row["list"]) for row in found]


async def contact(database: Database, customer: str = CUSTOMER) -> Contact:
    """What is known of the customer."""
    found = await database.read(lambda tx: contacts.get(tx, customer))
    assert found is not None
    return found
