"""Keyword rules: lists, answers, confirmation; HELP and INFO; the policy of who gets a ticket."""

from __future__ import annotations

import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ORDERS,
    VIP,
    Json,
    a_list,
    contact,
    customer_comments,
    keyword,
    messages,
    notes,
    on_phone,
    only_ticket,
    sender,
    text,
    tickets,
)
from tests.flows.conftest import Start

WELCOME = "Welcome!"
CONFIRM = "Reply YES to get our news."
SENDERS = sender(ACME) + sender(ORDERS, name="Acme Orders") + sender(VIP, name="Acme VIP")
SETTINGS = SENDERS + a_list("vip") + a_list("news")


def _lists(shown: Json) -> dict[str, str]:
    return {one["list"]: one["state"] for one in shown["lists"]}


async def _verdicts(sandbox: Sandbox) -> list[str]:
    return [one["verdict"] for one in await messages(sandbox)]


@pytest.mark.parametrize("said", ["Café", "CAFE", "  café!! ", "“cafe.”", "cafe\u0301", "Café ☕"])
async def test_keyword_subscribes_and_answers_without_ticket(
    start_sandbox: Start, said: str
) -> None:
    rule = keyword("café", lists=["vip"], set_tags=["likes_coffee"], reply=WELCOME)
    sandbox = await start_sandbox(SETTINGS + rule)

    await text(sandbox, MAYA, ACME, said)

    assert tickets(sandbox) == []
    assert on_phone(sandbox, MAYA) == [(ACME, WELCOME, False)]
    shown = await contact(sandbox, MAYA)
    assert (_lists(shown), shown["tags"]) == ({"vip": "subscribed"}, ["likes_coffee"])
    (message,) = await messages(sandbox)
    assert (message["verdict"], message["state"]) == ("keyword", "done")
    (entry,) = shown["consent"]
    assert (entry["action"], entry["how"], entry["sender"]) == ("subscribe", "text", ACME)
    assert (entry["words"], entry["message_id"]) == (said, message["id"])


@pytest.mark.parametrize(
    ("match", "said", "verdict"),
    [
        ("message", "join", "keyword"),
        ("message", "can I join you?", "ticket"),
        ("message", "join us", "ticket"),
        ("first_word", "Join, please", "keyword"),
        ("first_word", "please join", "ticket"),
        ("any_word", "may I JOIN?", "keyword"),
        ("any_word", "joining", "ticket"),
    ],
)
async def test_rule_matches_as_it_is_set(
    start_sandbox: Start, match: str, said: str, verdict: str
) -> None:
    rule = keyword("JOIN", match=match, lists=["vip"])
    sandbox = await start_sandbox(SETTINGS + rule)

    await text(sandbox, MAYA, ACME, said)

    assert await _verdicts(sandbox) == [verdict]
    assert len(tickets(sandbox)) == (verdict == "ticket")


async def test_rule_holds_only_for_its_senders(start_sandbox: Start) -> None:
    rule = keyword("JOIN", senders=[ORDERS], lists=["vip"])
    sandbox = await start_sandbox(SETTINGS + rule)

    await text(sandbox, MAYA, ACME, "JOIN")
    await text(sandbox, MAYA, ORDERS, "JOIN")

    assert await _verdicts(sandbox) == ["ticket", "keyword"]
    assert customer_comments(only_ticket(sandbox)) == ["JOIN"]


async def test_rule_may_also_make_a_ticket(start_sandbox: Start) -> None:
    rule = keyword("QUOTE", lists=["vip"], reply=WELCOME, ticket=True)
    sandbox = await start_sandbox(SETTINGS + rule)

    await text(sandbox, MAYA, ACME, "Quote")

    assert await _verdicts(sandbox) == ["ticket"]
    assert customer_comments(only_ticket(sandbox)) == ["Quote"]
    assert on_phone(sandbox, MAYA) == [(ACME, WELCOME, False)]
    assert _lists(await contact(sandbox, MAYA)) == {"vip": "subscribed"}


async def test_keyword_on_open_ticket_adds_no_comment(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello", "VIP", "still there?")

    assert customer_comments(only_ticket(sandbox)) == ["hello", "still there?"]


async def test_rule_may_unsubscribe_from_one_list(start_sandbox: Start) -> None:
    rules = keyword("JOIN", lists=["vip", "news"]) + keyword("NONEWS", unsubscribe=["news"])
    sandbox = await start_sandbox(SETTINGS + rules)

    await text(sandbox, MAYA, ACME, "JOIN", "nonews")

    shown = await contact(sandbox, MAYA)
    assert _lists(shown) == {"vip": "subscribed", "news": "unsubscribed"}
    assert shown["opted_out_at"] is None


# -- double opt-in --------------------------------------------------------------------------------

ASKING = SETTINGS + keyword("NEWS", lists=["news"], confirm=CONFIRM, reply=WELCOME)


@pytest.mark.parametrize("to", [ACME, VIP], ids=["long code", "short code"])
@pytest.mark.parametrize("said", ["YES", "yes!"])
async def test_subscribed_only_after_yes(start_sandbox: Start, to: str, said: str) -> None:
    sandbox = await start_sandbox(ASKING)

    await text(sandbox, MAYA, to, "news")
    asked = _lists(await contact(sandbox, MAYA))
    await text(sandbox, MAYA, to, said)

    assert (asked, _lists(await contact(sandbox, MAYA))) == (
        {"news": "pending"},
        {"news": "subscribed"},
    )
    assert on_phone(sandbox, MAYA) == [(to, CONFIRM, False), (to, WELCOME, False)]
    assert await _verdicts(sandbox) == ["keyword", "opt_in"]
    assert tickets(sandbox) == []


async def test_yes_without_question_of_ours_is_an_ordinary_text(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "Can I come today?")
    ticket = only_ticket(sandbox)
    await sandbox.zendesk.agent_replies(ticket.id, "<p>At three? YES or NO</p>")

    await text(sandbox, MAYA, ACME, "YES", "Yes!")

    assert customer_comments(ticket) == ["Can I come today?", "YES", "Yes!"]
    assert await _verdicts(sandbox) == ["ticket"] * 3
    assert [words for _, words, _ in on_phone(sandbox, MAYA)] == ["At three? YES or NO"]


async def test_another_answer_than_yes_subscribes_to_nothing(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(ASKING)

    await text(sandbox, MAYA, ACME, "news", "what does it cost?")

    assert _lists(await contact(sandbox, MAYA)) == {"news": "pending"}
    assert customer_comments(only_ticket(sandbox)) == ["what does it cost?"]


# -- HELP and INFO --------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["HELP", "info", "Help!", "ayuda"])
@pytest.mark.parametrize("to", [ACME, ORDERS, VIP], ids=["long code", "toll-free", "short code"])
async def test_help_makes_a_ticket_and_is_answered_by_exactly_one_side(
    sandbox: Sandbox, to: str, said: str
) -> None:
    await text(sandbox, MAYA, to, said)

    assert customer_comments(only_ticket(sandbox)) == [said]
    by_carrier = to != VIP and said in {"HELP", "info"}
    ((origin, words, by_whom),) = on_phone(sandbox, MAYA)
    assert (origin, by_whom) == (to, by_carrier)
    assert "STOP" in words


async def test_bridge_answers_help_where_it_is_told_to(start_sandbox: Start) -> None:
    settings = sender(ACME, answers=["HELP"], texts={"help": "Call 555."})
    sandbox = await start_sandbox(settings)
    sandbox.twilio.account.numbers[ACME].kind = "short_code"  # Twilio's own answers are off

    await text(sandbox, MAYA, ACME, "help")

    assert on_phone(sandbox, MAYA) == [(ACME, "Call 555.", False)]
    assert customer_comments(only_ticket(sandbox)) == ["help"]


async def test_help_may_have_a_reply_of_its_own(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(SETTINGS + keyword("INFO", reply="Open 9 to 5."))

    await text(sandbox, MAYA, VIP, "info", "help")

    (_, first, _), (_, second, _) = on_phone(sandbox, MAYA)
    assert first == "Open 9 to 5."
    assert second != first
    assert customer_comments(only_ticket(sandbox)) == ["info", "help"]


# -- who gets a ticket ----------------------------------------------------------------------------


async def _said_by_stranger_subscriber_and_opted_out(sandbox: Sandbox) -> list[str]:
    await text(sandbox, "+13125550101", ACME, "I am new")
    await text(sandbox, MAYA, ACME, "VIP", "I am a subscriber")
    await text(sandbox, JONAS, ACME, "VIP", "STOP", "I have opted out")
    return [one["verdict"] for one in await messages(sandbox) if one["body"].startswith("I ")]


@pytest.mark.parametrize(
    ("policy", "verdicts"),
    [
        ("subscribers", ["not_consented", "ticket", "not_consented"]),
        ("not_opted_out", ["ticket", "ticket", "not_consented"]),
        ("anyone", ["ticket", "ticket", "ticket"]),
    ],
)
@pytest.mark.parametrize("by_sender", [True, False], ids=["the sender's", "the house's"])
async def test_tickets_are_made_by_policy(
    start_sandbox: Start, policy: str, verdicts: list[str], by_sender: bool
) -> None:
    own = {"tickets_from": policy} if by_sender else {}
    settings = sender(ACME, **own) + a_list("vip") + keyword("VIP", lists=["vip"])
    house = "anyone" if by_sender and policy != "anyone" else policy
    sandbox = await start_sandbox(settings, BRIDGE_TICKETS_FROM=house)

    assert await _said_by_stranger_subscriber_and_opted_out(sandbox) == verdicts

    assert len(tickets(sandbox)) == verdicts.count("ticket")
    silent = [one for one in await messages(sandbox) if one["verdict"] == "not_consented"]
    assert {(one["state"], one["ticket_id"]) for one in silent} <= {("done", None)}


async def test_opted_out_customer_gets_ticket_with_one_warning(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "STOP", "my parcel?", "hello?", "please")

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket) == ["my parcel?", "hello?", "please"]
    (warning,) = notes(ticket)
    assert "START" in warning


async def test_next_ticket_of_opted_out_customer_warns_again(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "STOP", "my parcel?")
    await sandbox.zendesk.set_status(only_ticket(sandbox).id, "closed")

    await text(sandbox, MAYA, ACME, "hello?")

    assert [len(notes(ticket)) for ticket in tickets(sandbox)] == [1, 1]


async def test_help_without_consent_makes_a_ticket(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(VIP, tickets_from="subscribers"))

    await text(sandbox, MAYA, VIP, "STOP", "HELP")

    assert await _verdicts(sandbox) == ["opt_out", "ticket"]
    assert customer_comments(only_ticket(sandbox)) == ["HELP"]
    assert len(on_phone(sandbox, MAYA)) == 1  # the confirmation of STOP, and then silence
