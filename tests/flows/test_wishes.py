"""A wish to stop in other words: it counts as STOP, or waits for a person, as the sender says."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.store import contacts
from bridge.store.contacts import Source
from tests.flows.cast import (
    ACME,
    MAYA,
    ORDERS,
    contact,
    customer_comments,
    keyword,
    messages,
    notes,
    on_phone,
    only_ticket,
    sender,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start

pytestmark = pytest.mark.both_engines
ASKED = "Please don\N{RIGHT SINGLE QUOTATION MARK}t text me any more"
FLAGGING = sender(ACME, on_stop_wish="flag") + sender(ORDERS)


@pytest.mark.parametrize(
    "said",
    [
        ASKED,
        "Stop texting me!",
        "Keine Nachrichten mehr bitte",
        "No me envíen más mensajes",
        "别再给我发短信了",
    ],
)
async def test_a_wish_counts_as_stop_with_its_words_in_the_ledger(
    sandbox: Sandbox, said: str
) -> None:
    await text(sandbox, MAYA, ACME, said, said)

    shown = await contact(sandbox, MAYA)
    assert shown["opted_out_at"] is not None
    entry = shown["consent"][-1]
    assert (entry["action"], entry["how"], entry["sender"]) == ("opt_out", "text", ACME)
    assert (entry["words"], entry["rule"]) == (said, "wish to stop")
    ((origin, words, by_carrier),) = on_phone(sandbox, MAYA)  # one confirmation, then silence
    assert (origin, by_carrier) == (ACME, False)
    assert "no more messages" in words
    assert [one["verdict"] for one in await messages(sandbox)] == ["opt_out", "opt_out"]
    assert tickets(sandbox) == []


async def test_after_a_wish_no_reply_goes_and_start_lifts_it(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ORDERS, "my order?")
    await text(sandbox, MAYA, ACME, "no more texts please")
    ticket = only_ticket(sandbox)
    assert any("no more texts please" in note for note in notes(ticket))
    before = len(on_phone(sandbox, MAYA))

    await sandbox.zendesk.agent_replies(ticket.id, "<p>On its way</p>")
    await settle(sandbox)

    assert len(on_phone(sandbox, MAYA)) == before
    await text(sandbox, MAYA, ACME, "START")
    assert (await contact(sandbox, MAYA))["opted_out_at"] is None
    assert len(on_phone(sandbox, MAYA)) == before + 1


async def test_a_wish_beside_other_words_reaches_an_agent_who_decides(sandbox: Sandbox) -> None:
    said = "My parcel never came. Stop texting me."

    await text(sandbox, MAYA, ACME, said)

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket) == [said]
    (note,) = notes(ticket)
    assert note.startswith("“Stop texting me”: this customer may want no more texts.")
    shown = await contact(sandbox, MAYA)
    (message,) = await messages(sandbox)
    assert (shown["opted_out_at"], shown["stop_wish"]) == (None, message["id"])
    assert on_phone(sandbox, MAYA) == []


async def test_a_wish_from_who_may_make_no_ticket_is_shown_to_a_person_all_the_same(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(ACME, tickets_from="subscribers"))

    await text(sandbox, MAYA, ACME, "My parcel never came. Stop texting me.")

    (message,) = await messages(sandbox)
    assert (message["verdict"], tickets(sandbox)) == ("not_consented", [])
    assert (await contact(sandbox, MAYA))["stop_wish"] == message["id"]


async def test_a_flagged_wish_is_a_note_and_texts_go_on_until_a_person_decides(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(FLAGGING + keyword("texts", match="any_word", reply="Yes?"))
    await text(sandbox, MAYA, ACME, ASKED)
    ticket = only_ticket(sandbox)

    assert customer_comments(ticket) == [ASKED]
    (note,) = notes(ticket)
    assert note.startswith(f"“{ASKED}”: this customer may want no more texts.")
    shown = await contact(sandbox, MAYA)
    (message,) = await messages(sandbox)
    assert (shown["opted_out_at"], shown["stop_wish"]) == (None, message["id"])
    assert shown["consent"] == []
    await sandbox.zendesk.agent_replies(ticket.id, "<p>Of course, sorry</p>")
    await settle(sandbox)
    assert [words for _, words, _ in on_phone(sandbox, MAYA)] == ["Of course, sorry"]

    service = sandbox.service
    assert service is not None
    await service.database.write(
        lambda tx: contacts.opt_out(tx, MAYA, Source(how="admin", words="asked for it"))
    )
    await sandbox.zendesk.agent_replies(ticket.id, "<p>One more</p>")
    await settle(sandbox)

    assert len(on_phone(sandbox, MAYA)) == 1
    assert (await contact(sandbox, MAYA))["stop_wish"] is None


async def test_the_word_stop_is_obeyed_where_wishes_are_flagged(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(FLAGGING)
    await text(sandbox, MAYA, ACME, "no more texts", "STOP")

    shown = await contact(sandbox, MAYA)
    assert shown["opted_out_at"] is not None
    assert shown["stop_wish"] is None


@pytest.mark.parametrize(
    "said",
    ["please stop by the shop", "don't stop", "please stop my order", "Don't text me before 9"],
)
async def test_an_ordinary_text_is_a_ticket(sandbox: Sandbox, said: str) -> None:
    await text(sandbox, MAYA, ACME, said)

    assert customer_comments(only_ticket(sandbox)) == [said]
    assert (await contact(sandbox, MAYA))["opted_out_at"] is None


async def test_a_rule_sets_fields_that_the_api_shows(start_sandbox: Start) -> None:
    rule = keyword("XL", set_fields={"size": "XL", "source": "text"}, reply="Noted.")
    sandbox = await start_sandbox(sender(ACME) + rule)

    await text(sandbox, MAYA, ACME, "xl!")

    assert (await contact(sandbox, MAYA))["fields"] == {"size": "XL", "source": "text"}
