"""What follows from a wish to stop in other words, and from a rule that sets fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.directory import Sender
from bridge.domain.keywords import KeywordRule, RuleBook
from bridge.domain.verdicts import (
    OPTED_OUT_WARNING,
    WISH,
    Answer,
    AskAPerson,
    AskToConfirm,
    MakeTicket,
    OptOut,
    SetFields,
    SetTags,
    TellAgent,
    judge,
)
from tests.domain.test_verdicts import DOUBLE, SENDER, STOP_TEXT, TWILIO, facts, kinds, warnings

FLAGGING = SENDER.model_copy(update={"on_stop_wish": "flag"})
ASKED = "Please don't text me any more"


def test_a_wish_in_other_words_counts_as_stop_and_is_answered_once() -> None:
    decision = judge(facts(ASKED, carrier_words=TWILIO))

    assert (decision.verdict, decision.rule) == ("opt_out", WISH)
    assert decision.why == f"“{ASKED}” is a wish to stop"
    assert kinds(decision) == [OptOut, Answer, TellAgent]
    assert decision.actions[1] == Answer(text=STOP_TEXT, to_opt_out=True, about_consent=True)
    again = judge(facts(ASKED, carrier_words=TWILIO, opted_out=True))
    assert (again.verdict, kinds(again)) == ("opt_out", [OptOut])


@pytest.mark.parametrize(("answers", "answered"), [(("STOP",), 1), ((), 0), (None, 1)])
def test_a_wish_is_answered_where_stop_is_ours(
    answers: tuple[str, ...] | None, answered: int
) -> None:
    sender = SENDER.model_copy(update={"answers": answers})

    decision = judge(facts(ASKED, sender=sender))

    assert len([one for one in decision.actions if isinstance(one, Answer)]) == answered


@pytest.mark.parametrize(
    "text",
    [
        "My parcel is late. Stop texting me.",
        "When I am at work, don't text me.",
        "He said: leave me alone",
        "Don't text me, I'll text you",
        "who is this? stop",
    ],
)
def test_a_wish_beside_other_words_waits_for_a_person(text: str) -> None:
    decision = judge(facts(text, carrier_words=TWILIO))

    assert (decision.verdict, decision.rule) == ("ticket", WISH)
    assert kinds(decision) == [AskAPerson, MakeTicket, TellAgent]
    assert warnings(decision) == [None]


def test_who_is_opted_out_and_says_more_is_heard_as_the_policy_says() -> None:
    text = "My parcel is late. Stop texting me."

    heard = judge(facts(text, opted_out=True))
    refused = judge(facts(text, opted_out=True, tickets_from="not_opted_out"))

    assert kinds(heard) == [MakeTicket]
    assert warnings(heard) == [OPTED_OUT_WARNING]
    assert (refused.verdict, kinds(refused)) == ("not_consented", [])


@pytest.mark.parametrize("sender", [SENDER, FLAGGING])
def test_a_wish_that_a_person_decides_makes_a_ticket_only_where_the_policy_does(
    sender: Sender,
) -> None:
    text = f"{ASKED}. My parcel is late."

    refused = judge(facts(text, sender=sender, tickets_from="subscribers"))
    heard = judge(facts(text, sender=sender, tickets_from="subscribers", opted_in=True))

    assert (refused.verdict, refused.rule) == ("not_consented", WISH)
    assert kinds(refused) == [AskAPerson, TellAgent]
    assert refused.why.endswith(
        "a person is to decide (no subscriber, and the policy is subscribers)"
    )
    assert (heard.verdict, kinds(heard)) == ("ticket", [AskAPerson, MakeTicket, TellAgent])


def test_a_wish_is_flagged_where_the_sender_says_so() -> None:
    decision = judge(facts(ASKED, sender=FLAGGING))

    assert (decision.verdict, decision.rule) == ("ticket", WISH)
    assert kinds(decision) == [AskAPerson, MakeTicket, TellAgent]
    note = decision.actions[-1]
    assert isinstance(note, TellAgent)
    assert note.text.startswith(f"“{ASKED}”: this customer may want no more texts.")


def test_who_is_opted_out_has_nothing_to_be_flagged() -> None:
    decision = judge(facts(ASKED, sender=FLAGGING, opted_out=True))

    assert (decision.verdict, kinds(decision)) == ("opt_out", [OptOut])


def test_the_word_stop_is_never_left_to_a_person() -> None:
    assert judge(facts("STOP", sender=FLAGGING)).verdict == "opt_out"


def test_an_ordinary_text_is_no_wish() -> None:
    assert judge(facts("please stop by the shop", sender=FLAGGING)).rule is None


def test_a_rule_sets_fields_with_its_tags_and_after_a_yes() -> None:
    sized = KeywordRule(name="L", words=("L",), set_tags=("sized",), set_fields={"size": "L"})
    club = replace(DOUBLE, set_fields={"club": "yes"})

    met = judge(facts("l", rules=RuleBook([sized])))
    asked = judge(facts("club", rules=RuleBook([club])))
    confirmed = judge(facts("yes", pending={"club": club}))

    assert met.actions == (SetTags(tags=("sized",)), SetFields(fields={"size": "L"}))
    assert kinds(asked) == [AskToConfirm, Answer]
    assert SetFields(fields={"club": "yes"}) in confirmed.actions
