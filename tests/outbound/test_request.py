"""Texts that other programs ask for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bridge.domain.directory import Sender, make_directory
from bridge.errors import BadRequest
from bridge.inbound.judge import Rules
from bridge.outbound.request import Asked, queue
from bridge.store.database import Database
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column, rows

DIRECTORY = make_directory(
    senders=[
        Sender(number=SENDER, carrier="twilio", country="US"),
        Sender(number="50500", carrier="twilio", country="US", kind="short_code"),
    ]
)
RULES = Rules(tickets_from="anyone", capabilities={})
ASKED = Asked(
    sender=SENDER,
    customer=CUSTOMER,
    body="Your parcel is here.",
    kind="conversation",
    send=True,
    idempotency_key=None,
)


async def ask(database: Database, asked: Asked) -> tuple[str, bool]:
    return await database.write(lambda tx: queue(tx, asked, DIRECTORY, RULES))


async def test_a_text_is_queued_and_noted_on_the_ticket(database: Database) -> None:
    message_id, is_new = await ask(database, ASKED)

    assert is_new
    (message,) = await rows(database, "SELECT * FROM messages")
    assert (message["id"], message["kind"], message["state"]) == (
        message_id,
        "conversation",
        "queued",
    )
    work = await rows(database, "SELECT kind, lane, payload FROM work ORDER BY id")
    assert [(row["kind"], row["lane"].partition(":")[0]) for row in work] == [
        ("send", "out"),
        ("note", "in"),
    ]
    assert json.loads(work[1]["payload"])["text"] == (
        f"Texted to the customer from {SENDER}:\n\nYour parcel is here."
    )


async def test_a_text_sent_elsewhere_is_recorded_and_not_sent(database: Database) -> None:
    await ask(database, replace(ASKED, kind="campaign", send=False))

    (message,) = await rows(database, "SELECT kind, state, segments FROM messages")
    assert tuple(message.values()) == ("campaign", "sent", 1)
    assert await column(database, "SELECT kind FROM work") == ["note"]
    assert await rows(database, "SELECT * FROM parts") == []


@pytest.mark.parametrize("send", [True, False], ids=["sent", "recorded"])
async def test_the_same_key_is_the_same_text(database: Database, send: bool) -> None:
    asked = replace(ASKED, idempotency_key="k1", send=send)

    first = await ask(database, asked)
    again = await ask(database, asked)
    other = await ask(database, replace(asked, idempotency_key="k2"))

    assert first[1] is True
    assert again == (first[0], False)
    assert other[0] != first[0]
    assert len(await rows(database, "SELECT 1 FROM messages")) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"body": "Something else."},
        {"customer": "+12025550143"},
        {"sender": "US:50500"},
        {"kind": "campaign"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_key_that_stands_for_another_text_is_refused(
    database: Database, change: dict[str, str]
) -> None:
    asked = replace(ASKED, idempotency_key="k1")
    await ask(database, asked)

    with pytest.raises(BadRequest, match=r"^idempotency_key: "):
        await ask(database, replace(asked, **change))  # type: ignore[arg-type]

    assert len(await rows(database, "SELECT 1 FROM messages")) == 1


async def test_texts_without_a_key_are_each_their_own(database: Database) -> None:
    assert (await ask(database, ASKED))[0] != (await ask(database, ASKED))[0]


@pytest.mark.parametrize("written", ["US:50500", "50500"])
async def test_a_short_code_of_ours_may_be_written_with_or_without_its_country(
    database: Database, written: str
) -> None:
    await ask(database, replace(ASKED, sender=written))

    assert await column(database, "SELECT sender FROM messages") == ["US:50500"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sender": "+12025550199"}, "sender"),
        ({"customer": "US:50500"}, "customer"),
        ({"customer": "name:MyBank"}, "customer"),
    ],
)
async def test_what_can_not_be_sent_names_the_field_and_changes_nothing(
    database: Database, change: dict[str, str], field: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        await ask(database, replace(ASKED, **change))  # type: ignore[arg-type]

    assert caught.value.field == field
    for table in ("messages", "work", "conversations", "contacts"):
        assert await rows(database, f"SELECT * FROM {table}") == []
