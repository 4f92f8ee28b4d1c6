"""The last look before a text leaves."""

from __future__ import annotations

import pytest

from bridge.outbound import wording
from bridge.outbound.gate import refusal
from bridge.store import contacts, messages
from bridge.store.contacts import Source
from bridge.store.database import Database, Transaction
from bridge.store.messages import OutboundKind
from tests.store.rows import CUSTOMER, SENDER

KINDS: tuple[OutboundKind, ...] = ("reply", "auto", "opt_out_answer", "conversation", "campaign")


async def ask(
    database: Database, *, kind: OutboundKind = "reply", customer: str = CUSTOMER
) -> str | None:
    """The note of the refusal, None where the text may go."""

    def look(tx: Transaction) -> str | None:
        messages.add_outbound(
            tx,
            message_id=f"m-{kind}",
            kind=kind,
            conversation_id="c",
            sender=SENDER,
            customer=customer,
            carrier="twilio",
            body="hello",
            segments=1,
        )
        message = messages.get(tx, f"m-{kind}")
        assert message is not None
        found = refusal(tx, message)
        return None if found is None else found.note

    return await database.write(look)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_number_that_nothing_is_known_of_may_be_texted(
    database: Database, kind: OutboundKind
) -> None:
    assert await ask(database, kind=kind) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_after_an_opt_out_only_its_one_confirmation_goes(
    database: Database, kind: OutboundKind
) -> None:
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, Source(how="text")))

    expected = None if kind == "opt_out_answer" else wording.OPTED_OUT
    assert await ask(database, kind=kind) == expected


async def test_after_an_opt_in_texts_go_again(database: Database) -> None:
    await database.write(lambda tx: contacts.opt_out(tx, CUSTOMER, Source(how="text")))
    await database.write(lambda tx: contacts.opt_in(tx, CUSTOMER, Source(how="text")))

    assert await ask(database) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_landline_is_not_texted(database: Database, kind: OutboundKind) -> None:
    def learn(tx: Transaction) -> None:
        contacts.know(tx, CUSTOMER)
        contacts.set_landline(tx, CUSTOMER, is_landline=True)

    await database.write(learn)

    assert await ask(database, kind=kind) == wording.LANDLINE


@pytest.mark.parametrize("customer", ["US:50500", "name:MyBank"])
async def test_what_can_not_be_answered_is_not_texted(database: Database, customer: str) -> None:
    assert await ask(database, customer=customer) == wording.UNANSWERABLE
