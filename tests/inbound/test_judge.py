"""What follows from a verdict is stored with it: consent, answers, notes and tickets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.directory import Sender, make_directory
from bridge.domain.verdicts import NO_ANSWER_WARNING, OPTED_OUT_WARNING
from bridge.domain.words import default_text
from bridge.store import contacts
from bridge.store.contacts import Source
from bridge.store.database import Database
from tests.desks.scripted import HandClock
from tests.inbound.arrivals import (
    DIRECTORY,
    OTHER_SENDER,
    RULES,
    answers,
    arrive,
    contact,
    last,
    ledger,
    work_of,
)
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import column, rows


async def test_an_opt_out_holds_from_the_moment_of_arrival_with_its_evidence(
    database: Database, clock: HandClock
) -> None:
    verdict = await arrive(database, "Arrêt !")

    message = await last(database)
    assert (verdict, message.state) == ("opt_out", "done")
    assert (await contact(database)).opted_out_at == clock.now_ms()
    (entry,) = await rows(database, "SELECT * FROM consent")
    assert entry == {
        "id": 1,
        "contact": CUSTOMER,
        "sender": SENDER,
        "action": "opt_out",
        "list": None,
        "how": "text",
        "words": "Arrêt !",
        "rule": "ARRET",
        "message_id": message.id,
        "at": clock.now_ms(),
    }


async def test_an_opt_out_is_confirmed_once_and_then_met_with_silence(
    database: Database,
) -> None:
    for _ in range(3):
        await arrive(database, "ARRET")

    assert await answers(database) == [("opt_out_answer", default_text("STOP", "Acme"))]
    assert await ledger(database) == [("opt_out", None)] * 3


async def test_a_word_that_the_carrier_answers_is_recorded_and_not_answered(
    database: Database,
) -> None:
    await arrive(database, "STOP")

    assert await answers(database) == []
    assert (await contact(database)).opted_out_at is not None


async def test_a_sender_may_answer_a_word_itself(database: Database) -> None:
    await arrive(database, "STOP", sender=OTHER_SENDER)

    assert await answers(database) == [("opt_out_answer", default_text("STOP", OTHER_SENDER))]


async def test_what_the_carrier_says_it_dealt_with_is_kept_and_counts(
    database: Database,
) -> None:
    verdict = await arrive(database, "Genug!", sender=OTHER_SENDER, carrier_handled="STOP")

    assert verdict == "opt_out"
    assert (await last(database)).handled == "STOP"
    assert await answers(database) == []


async def test_an_answer_waits_in_the_conversations_lane_and_names_its_cause(
    database: Database,
) -> None:
    await arrive(database, "join")

    cause = await last(database)
    (sent,) = await rows(database, "SELECT * FROM messages WHERE direction = 'outbound'")
    assert (sent["kind"], sent["body"], sent["cause_id"]) == ("auto", "Welcome.", cause.id)
    assert (sent["sender"], sent["customer"], sent["state"]) == (SENDER, CUSTOMER, "queued")
    (work,) = await work_of(database, "send")
    assert (work["lane"], work["account"]) == (f"out:{cause.conversation_id}", "twilio")


async def test_every_open_conversation_of_the_customer_hears_of_an_opt_out(
    database: Database,
) -> None:
    await arrive(database, "hello")
    await arrive(database, "hello", sender=OTHER_SENDER)
    await arrive(database, "hello", customer="+12025550143")

    await arrive(database, "STOP")

    texts = await work_of(database, "text")
    notes = await work_of(database, "note")
    assert {row["lane"] for row in notes} == {row["lane"] for row in texts[:2]}
    assert len(notes) == 2
    assert all("“STOP”, which opts them out" in row["payload"]["text"] for row in notes)


async def test_start_lifts_an_opt_out_for_all_senders(database: Database, clock: HandClock) -> None:
    await arrive(database, "STOP")
    clock.forward(1)
    verdict = await arrive(database, "START", sender=OTHER_SENDER)

    known = await contact(database)
    assert verdict == "opt_in"
    assert (known.opted_out_at, known.opted_in_at) == (None, clock.now_ms())
    assert await ledger(database) == [("opt_out", None), ("opt_in", None)]


async def test_yes_is_an_ordinary_text_unless_somebody_is_opted_out(
    database: Database,
) -> None:
    assert await arrive(database, "Yes") == "ticket"
    await arrive(database, "STOP")
    assert await arrive(database, "Yes") == "opt_in"
    assert await arrive(database, "Yes") == "ticket"


async def test_a_keyword_subscribes_tags_and_answers_and_makes_no_ticket(
    database: Database,
) -> None:
    verdict = await arrive(database, "Join!")

    message = await last(database)
    assert (verdict, message.state) == ("keyword", "done")
    assert await ledger(database) == [("subscribe", "vip")]
    assert (await contact(database)).tags == ("fan",)
    assert await work_of(database, "text") == []
    assert await column(database, "SELECT rule FROM messages WHERE id = $1", message.id) == ["JOIN"]


async def test_a_keyword_from_somebody_opted_out_is_recorded_and_not_answered(
    database: Database,
) -> None:
    await arrive(database, "STOP")
    await arrive(database, "JOIN")

    assert await answers(database) == []
    assert (await contact(database)).opted_out_at is not None
    assert await ledger(database) == [("opt_out", None), ("subscribe", "vip")]


async def test_double_opt_in_subscribes_after_the_yes_and_no_sooner(
    database: Database,
) -> None:
    await arrive(database, "club")
    assert not await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    verdict = await arrive(database, "YES")

    assert verdict == "opt_in"
    assert await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))
    assert await answers(database) == [("auto", "Reply YES."), ("auto", "You are in.")]
    assert await ledger(database) == [("asked_to_confirm", "club"), ("subscribe", "club")]
    assert await arrive(database, "YES") == "ticket"  # a second one answers nothing any more


async def test_double_opt_in_from_somebody_opted_out_asks_nothing_and_subscribes_to_nothing(
    database: Database,
) -> None:
    await arrive(database, "STOP")
    verdict = await arrive(database, "CLUB")

    assert verdict == "keyword"
    assert await answers(database) == []
    assert await ledger(database) == [("opt_out", None)]


async def test_a_keyword_takes_off_a_list(database: Database) -> None:
    await arrive(database, "JOIN")
    await arrive(database, "LEAVE")

    assert not await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))


async def test_help_is_answered_and_goes_to_the_desk(database: Database) -> None:
    verdict = await arrive(database, "Aide")

    assert verdict == "ticket"
    assert await answers(database) == [("auto", default_text("HELP", "Acme"))]
    assert len(await work_of(database, "text")) == 1


@pytest.mark.parametrize(
    ("house", "own", "verdict"),
    [
        ("anyone", None, "ticket"),
        ("subscribers", None, "not_consented"),
        ("subscribers", "anyone", "ticket"),
        ("anyone", "subscribers", "not_consented"),
    ],
)
async def test_a_senders_own_policy_wins(
    database: Database, house: str, own: str | None, verdict: str
) -> None:
    sender = Sender.model_validate(
        {"number": SENDER, "carrier": "twilio", "country": "US", "tickets_from": own}
    )

    found = await arrive(
        database,
        "hello",
        directory=make_directory(senders=[sender]),
        rules=replace(RULES, tickets_from=house),  # type: ignore[arg-type]
    )

    message = await last(database)
    assert (found, message.state) == (verdict, "received" if verdict == "ticket" else "done")
    assert len(await work_of(database, "text")) == int(verdict == "ticket")


@pytest.mark.parametrize("by", ["JOIN", "START"])
async def test_a_subscriber_is_who_joined_a_list_or_sent_start(database: Database, by: str) -> None:
    rules = replace(RULES, tickets_from="subscribers")
    assert await arrive(database, "hello", rules=rules) == "not_consented"
    await arrive(database, by, rules=rules)

    assert await arrive(database, "hello", rules=rules) == "ticket"


async def test_somebody_opted_out_gets_a_ticket_with_a_warning(database: Database) -> None:
    await arrive(database, "STOP")
    await arrive(database, "I have a question")

    (work,) = await work_of(database, "text")
    assert work["payload"] == {"warning": OPTED_OUT_WARNING}


@pytest.mark.parametrize("customer", ["US:50500", "name:MyBank"])
async def test_what_can_not_be_answered_becomes_a_ticket_that_says_so(
    database: Database, customer: str
) -> None:
    await arrive(database, "Your code is 1234", customer=customer)
    await arrive(database, "JOIN", customer=customer)

    (work,) = await work_of(database, "text")
    assert work["payload"] == {"warning": NO_ANSWER_WARNING}
    assert await answers(database) == []


async def test_a_text_from_a_landline_shows_that_it_is_none(database: Database) -> None:
    await database.write(lambda tx: contacts.know(tx, CUSTOMER))
    await database.write(lambda tx: contacts.set_landline(tx, CUSTOMER, is_landline=True))

    await arrive(database, "hello")

    assert (await contact(database)).landline_at is None


async def test_the_conversation_remembers_when_it_was_last_texted_on(
    database: Database, clock: HandClock
) -> None:
    await arrive(database, "hello")
    clock.forward(5)
    await arrive(database, "STOP")

    assert await column(database, "SELECT last_inbound_at FROM conversations") == [clock.now_ms()]


async def test_a_rule_that_is_gone_still_takes_its_yes(database: Database) -> None:
    source = Source(how="text", rule="NO LONGER THERE")
    await database.write(lambda tx: contacts.ask_to_confirm(tx, CUSTOMER, ["vip"], source))

    assert await arrive(database, "YES", directory=DIRECTORY) == "opt_in"
    assert await database.read(lambda tx: contacts.lists_of(tx, CUSTOMER))


async def test_long_words_are_kept_whole_on_the_text_and_cut_in_the_ledger(
    database: Database,
) -> None:
    body = "STOP" + " " * 600
    await arrive(database, body)

    assert (await last(database)).body == body
    assert await column(database, "SELECT length(words) FROM consent") == [500]
