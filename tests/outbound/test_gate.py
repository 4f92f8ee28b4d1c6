"""The last look before a text leaves."""

from __future__ import annotations

import pytest

from bridge.domain.directory import Sender
from bridge.outbound import wording
from bridge.outbound.gate import refusal
from bridge.store import contacts, messages
from bridge.store.contacts import Source
from bridge.store.database import Database, Transaction
from bridge.store.messages import OutboundKind
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER, add_message

KINDS: tuple[OutboundKind, ...] = ("reply", "auto", "opt_out_answer", "conversation", "campaign")


async def ask(
    database: Database,
    *,
    kind: OutboundKind = "reply",
    customer: str = CUSTOMER,
    sender: Sender | None = None,
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
        found = refusal(tx, message, sender)
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


OURS = Sender(number=SENDER, carrier="twilio", country="US")


def allowed(**changes: object) -> Sender:
    return OURS.model_copy(update=changes)


@pytest.mark.parametrize("number", ["+19005550123", "+448719900123", "+41900123456"])
async def test_premium_numbers_are_never_texted(database: Database, number: str) -> None:
    assert await ask(database, customer=number) == wording.PREMIUM


@pytest.mark.parametrize(
    ("countries", "expected"),
    [((), None), (("US", "CA"), None), (("GB", "CA"), wording.foreign("US"))],
)
async def test_a_sender_texts_the_countries_it_may(
    database: Database, countries: tuple[str, ...], expected: str | None
) -> None:
    assert await ask(database, sender=allowed(countries=countries)) == expected


async def send_before(
    database: Database, clock: HandClock, name: str, *, ago_s: int, **values: str
) -> None:
    at = clock.now_ms() - ago_s * 1000
    await add_message(
        database, name, direction="outbound", customer=CUSTOMER, created_at=at, **values
    )


async def test_more_than_is_allowed_to_one_customer_in_an_hour_is_refused(
    database: Database, clock: HandClock
) -> None:
    for name, ago_s in (("old", 3601), ("one", 3000), ("two", 10)):
        await send_before(database, clock, name, ago_s=ago_s)
    await send_before(database, clock, "never", ago_s=5, state="refused")

    assert await ask(database, sender=allowed(most_per_customer=3)) is None
    told = await ask(database, kind="auto", sender=allowed(most_per_customer=2))
    assert told == wording.TOO_MANY_TO_ONE


async def test_an_allowance_for_all_customers_counts_them_together(
    database: Database, clock: HandClock
) -> None:
    await send_before(database, clock, "one", ago_s=10)

    other = "+12025550177"
    assert await ask(database, customer=other, sender=allowed(most_per_customer=1)) is None
    told = await ask(database, kind="auto", customer=other, sender=allowed(most_per_hour=1))
    assert told == wording.TOO_MANY


async def test_the_answer_to_an_opt_out_is_over_no_allowance(
    database: Database, clock: HandClock
) -> None:
    await send_before(database, clock, "one", ago_s=10)

    sender = allowed(most_per_hour=1, most_per_customer=1)
    assert await ask(database, kind="opt_out_answer", sender=sender) is None
