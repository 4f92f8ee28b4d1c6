"""Why a text does or does not become a ticket, in the fixed order, and what else follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.directory import Sender, Texts
from bridge.domain.keywords import KeywordRule, RuleBook
from bridge.domain.verdicts import (
    NO_ANSWER_WARNING,
    OPTED_OUT_WARNING,
    Action,
    Answer,
    AskToConfirm,
    Decision,
    Facts,
    MakeTicket,
    OptIn,
    OptOut,
    SetTags,
    Subscribe,
    TellAgent,
    Unsubscribe,
    judge,
)
from bridge.domain.words import default_text

ADDRESS = "+12025550100"
SENDER = Sender(number=ADDRESS, carrier="twilio", country="US", name="Acme")
JOIN = KeywordRule(name="JOIN", words=("JOIN",), lists=("vip",), reply="Welcome.")
DOUBLE = KeywordRule(
    name="CLUB",
    words=("CLUB",),
    lists=("club",),
    reply="You are in.",
    confirm="Reply YES to join.",
    set_tags=("member",),
)
LEAVE = KeywordRule(name="LEAVE", words=("LEAVE",), unsubscribe=("vip",), reply="Bye.")
ORDER = KeywordRule(name="ORDER", words=("ORDER",), ticket=True, set_tags=("order",))
QUIET = KeywordRule(name="QUIET", words=("QUIET",), lists=("vip",))
ANY = KeywordRule(name="texts", words=("texts",), match="any_word", reply="Yes?")
HELP_RULE = KeywordRule(name="HELP", words=("HELP",), reply="Call us.")
RULES = (JOIN, DOUBLE, LEAVE, ORDER, QUIET)
TWILIO = {
    "STOP": frozenset({"STOP", "STOPALL", "CANCEL"}),
    "START": frozenset({"START", "YES", "UNSTOP"}),
    "HELP": frozenset({"HELP", "INFO"}),
}
NOBODY: Mapping[str, frozenset[str]] = {}


def facts(text: str, **known: object) -> Facts:
    blank = Facts(
        text=text,
        sender=SENDER,
        brand="Acme",
        address=ADDRESS,
        rules=RuleBook(RULES),
        tickets_from="anyone",
        pending={},
        carrier_words={},
    )
    return replace(blank, **known)  # type: ignore[arg-type]


def kinds(decision: Decision) -> list[type[Action]]:
    return [type(action) for action in decision.actions]


def answers(decision: Decision) -> list[str]:
    return [action.text for action in decision.actions if isinstance(action, Answer)]


def warnings(decision: Decision) -> list[str | None]:
    return [action.warning for action in decision.actions if isinstance(action, MakeTicket)]


STOP_TEXT = default_text("STOP", "Acme")
START_TEXT = default_text("START", "Acme")
HELP_TEXT = default_text("HELP", "Acme")
PENDING = {"club": DOUBLE}

ORDER_OF_JUDGEMENT = [
    pytest.param("YES", {"pending": PENDING}, "opt_in", id="the answer to a question comes first"),
    pytest.param(
        "YES", {"pending": PENDING, "opted_out": True}, "opt_in", id="also from an opted out"
    ),
    pytest.param("STOP", {"pending": PENDING}, "opt_out", id="STOP is no answer to a question"),
    pytest.param("STOP", {"tickets_from": "subscribers"}, "opt_out", id="STOP before the policy"),
    pytest.param("Arrêt", {}, "opt_out", id="STOP in French"),
    pytest.param("stop!!", {}, "opt_out", id="STOP with an accent of its own"),
    pytest.param("please stop by", {}, "ticket", id="STOP inside a sentence is for a human"),
    pytest.param("please stop", {"pending": PENDING}, "opt_out", id="a wish to stop"),
    pytest.param("no more texts", {"rules": RuleBook([ANY])}, "opt_out", id="before the rules"),
    pytest.param("START", {}, "opt_in", id="START"),
    pytest.param("unstop", {"opted_out": True}, "opt_in", id="UNSTOP"),
    pytest.param("YES", {"opted_out": True}, "opt_in", id="YES from somebody opted out"),
    pytest.param("YES", {}, "ticket", id="YES to an agent's question"),
    pytest.param("YES", {"tickets_from": "subscribers"}, "not_consented", id="YES under a policy"),
    pytest.param("HELP", {"tickets_from": "subscribers"}, "ticket", id="HELP before the policy"),
    pytest.param("info", {"opted_out": True}, "ticket", id="INFO from somebody opted out"),
    pytest.param("join", {"tickets_from": "subscribers"}, "keyword", id="keyword before policy"),
    pytest.param("can I join you?", {}, "ticket", id="a keyword inside a sentence"),
    pytest.param("order", {"tickets_from": "subscribers"}, "ticket", id="a keyword with a ticket"),
    pytest.param("hello", {}, "ticket", id="an ordinary text"),
    pytest.param("", {}, "ticket", id="a text of pictures alone"),
    pytest.param("🙂", {}, "ticket", id="an emoji"),
    pytest.param("STOP", {"from_ourselves": True}, "loop", id="our own number, whatever it says"),
]


@pytest.mark.parametrize(("text", "known", "verdict"), ORDER_OF_JUDGEMENT)
def test_texts_are_judged_in_the_fixed_order(
    text: str, known: dict[str, object], verdict: str
) -> None:
    decision = judge(facts(text, **known))

    assert decision.verdict == verdict
    assert decision.why
    makes_ticket = MakeTicket in kinds(decision)
    assert makes_ticket is (verdict == "ticket")


POLICIES = [
    ("anyone", False, False, "ticket"),
    ("anyone", True, False, "ticket"),
    ("anyone", True, True, "ticket"),
    ("not_opted_out", False, False, "ticket"),
    ("not_opted_out", False, True, "ticket"),
    ("not_opted_out", True, False, "not_consented"),
    ("not_opted_out", True, True, "not_consented"),
    ("subscribers", False, False, "not_consented"),
    ("subscribers", False, True, "ticket"),
    ("subscribers", True, False, "not_consented"),
    ("subscribers", True, True, "not_consented"),
]


@pytest.mark.parametrize(("policy", "opted_out", "subscribed", "verdict"), POLICIES)
def test_the_policy_decides_about_ordinary_texts(
    policy: str, opted_out: bool, subscribed: bool, verdict: str
) -> None:
    decision = judge(
        facts(
            "hello",
            tickets_from=policy,
            opted_out=opted_out,
            lists=frozenset({"news"} if subscribed else ()),
        )
    )

    assert decision.verdict == verdict
    assert (policy in decision.why) is (verdict == "not_consented")
    assert warnings(decision) == (
        [OPTED_OUT_WARNING if opted_out else None] if verdict == "ticket" else []
    )


def test_stop_opts_out_confirms_once_and_tells_the_agent() -> None:
    decision = judge(facts("Stop"))

    assert decision.actions[:2] == (
        OptOut(),
        Answer(text=STOP_TEXT, to_opt_out=True, about_consent=True),
    )
    assert kinds(decision) == [OptOut, Answer, TellAgent]
    assert "“Stop”" in next(a.text for a in decision.actions if isinstance(a, TellAgent))
    assert decision.rule == "STOP"


def test_a_second_stop_is_recorded_and_met_with_silence() -> None:
    decision = judge(facts("STOP", opted_out=True))

    assert decision.verdict == "opt_out"
    assert decision.actions == (OptOut(),)


@pytest.mark.parametrize("said", ["STOP", "START", "HELP"])
def test_the_senders_own_texts_are_used(said: str) -> None:
    sender = SENDER.model_copy(update={"texts": Texts(stop="S.", start="A.", help="H.")})

    decision = judge(facts(said, sender=sender))

    assert answers(decision) == [{"STOP": "S.", "START": "A.", "HELP": "H."}[said]]


WHO_ANSWERS = [
    # text, the carrier's words, the sender's `answers`, what the carrier said: do we answer?
    pytest.param("STOP", TWILIO, None, None, False, id="the carrier its own word"),
    pytest.param(" stop ", TWILIO, None, None, False, id="the carrier ignores case and blanks"),
    pytest.param("Stop!", TWILIO, None, None, True, id="a spelling that the carrier lacks"),
    pytest.param("ARRÊT", TWILIO, None, None, True, id="a word that the carrier lacks"),
    pytest.param("STOP", NOBODY, None, None, True, id="a carrier that answers nothing"),
    pytest.param("STOP", TWILIO, ("STOP",), None, True, id="a sender that answers STOP itself"),
    pytest.param("STOP", TWILIO, ("HELP",), None, False, id="a sender that answers only HELP"),
    pytest.param("STOP", TWILIO, (), None, False, id="a sender that answers nothing itself"),
    pytest.param("arrêt", TWILIO, (), None, True, id="somebody has to answer"),
    pytest.param("STOP", TWILIO, ("STOP",), "STOP", False, id="the carrier says it has"),
    pytest.param("STOP", NOBODY, None, "STOP", False, id="the carrier says so, unannounced"),
    pytest.param("START", TWILIO, None, None, False, id="START at the carrier"),
    pytest.param("start.", TWILIO, None, None, True, id="START misspelt"),
    pytest.param("HELP", TWILIO, None, None, False, id="HELP at the carrier"),
    pytest.param("HELP", TWILIO, ("HELP",), None, True, id="HELP by the sender"),
    pytest.param("AIDE", TWILIO, None, None, True, id="HELP in French"),
]


@pytest.mark.parametrize(("text", "carrier_words", "by_sender", "handled", "we_do"), WHO_ANSWERS)
def test_exactly_one_of_carrier_and_bridge_answers(
    text: str,
    carrier_words: dict[str, frozenset[str]],
    by_sender: tuple[str, ...] | None,
    handled: str | None,
    we_do: bool,
) -> None:
    sender = SENDER.model_copy(update={"answers": by_sender})

    decision = judge(
        facts(text, sender=sender, carrier_words=carrier_words, carrier_handled=handled)
    )

    assert len(answers(decision)) == int(we_do)


@pytest.mark.parametrize(
    ("text", "handled", "verdict"),
    [
        ("Genug davon", "STOP", "opt_out"),  # a word that the admin set at the carrier
        ("Weiter", "START", "opt_in"),
        ("Was tun", "HELP", "ticket"),
        ("YES", "START", "ticket"),  # an agent may have asked a question
    ],
)
def test_what_the_carrier_says_it_handled_counts(text: str, handled: str, verdict: str) -> None:
    decision = judge(facts(text, carrier_handled=handled))

    assert decision.verdict == verdict
    assert answers(decision) == []


def test_yes_from_somebody_opted_out_is_answered_by_who_answers_start() -> None:
    assert answers(judge(facts("YES", opted_out=True))) == [START_TEXT]
    blocked = facts("YES", opted_out=True, blocked_by_carrier=True, carrier_words=TWILIO)
    assert answers(judge(blocked)) == []


def test_start_is_answered_by_the_bridge_where_the_carrier_has_blocked_nobody() -> None:
    unblocked = facts("START", opted_out=True, carrier_words=TWILIO)
    assert answers(judge(unblocked)) == [START_TEXT]


def test_help_is_answered_and_makes_a_ticket() -> None:
    decision = judge(facts("Help?"))

    assert decision.actions == (Answer(text=HELP_TEXT), MakeTicket())


def test_help_is_answered_with_the_rules_reply_where_one_is_set() -> None:
    decision = judge(facts("help", rules=RuleBook((HELP_RULE,))))

    assert answers(decision) == ["Call us."]
    assert decision.verdict == "ticket"


def test_help_from_somebody_opted_out_makes_a_ticket_with_a_warning_and_no_answer() -> None:
    decision = judge(facts("HELP", opted_out=True))

    assert decision.actions == (MakeTicket(warning=OPTED_OUT_WARNING),)


def test_a_keyword_subscribes_and_answers_and_makes_no_ticket() -> None:
    decision = judge(facts("Join!"))

    assert decision.actions == (Subscribe(lists=("vip",)), Answer(text="Welcome."))
    assert decision.rule == "JOIN"


def test_a_keyword_from_somebody_opted_out_is_recorded_and_not_answered() -> None:
    decision = judge(facts("JOIN", opted_out=True))

    assert decision.verdict == "keyword"
    assert decision.actions == (Subscribe(lists=("vip",)),)


def test_a_keyword_can_take_off_lists_and_set_tags() -> None:
    assert judge(facts("leave")).actions == (Unsubscribe(lists=("vip",)), Answer(text="Bye."))
    assert judge(facts("order")).actions == (SetTags(tags=("order",)), MakeTicket())


def test_a_rule_that_asks_first_subscribes_nobody_yet() -> None:
    decision = judge(facts("club"))

    assert decision.actions == (
        AskToConfirm(lists=("club",)),
        Answer(text="Reply YES to join."),
    )


@pytest.mark.parametrize(
    "known", [{"opted_out": True}, {"can_be_answered": False}], ids=["opted out", "unanswerable"]
)
def test_who_can_not_be_asked_to_confirm_is_subscribed_to_nothing(known: dict[str, bool]) -> None:
    decision = judge(facts("CLUB", **known))

    assert (decision.verdict, decision.actions) == ("keyword", ())


def test_yes_after_the_question_subscribes_tags_and_answers() -> None:
    decision = judge(facts("Yes!", pending=PENDING))

    assert decision.actions == (
        Subscribe(lists=("club",)),
        SetTags(tags=("member",)),
        Answer(text="You are in."),
    )
    assert decision.rule == "CLUB"


def test_one_yes_confirms_all_that_was_asked_and_answers_each_rule_once() -> None:
    decision = judge(facts("si", pending={"club": DOUBLE, "news": DOUBLE, "old": None}))

    assert decision.actions[0] == Subscribe(lists=("club", "news", "old"))
    assert answers(decision) == ["You are in."]


def test_yes_after_the_question_lifts_an_opt_out() -> None:
    decision = judge(facts("yes", pending=PENDING, opted_out=True))

    assert kinds(decision)[0] is OptIn


@pytest.mark.parametrize("text", ["STOP", "START", "HELP", "JOIN", "hello"])
def test_what_can_not_be_answered_is_not_answered(text: str) -> None:
    decision = judge(facts(text, can_be_answered=False))

    assert answers(decision) == []
    if decision.verdict == "ticket":
        assert warnings(decision) == [NO_ANSWER_WARNING]


def test_our_own_number_leads_to_nothing_at_all() -> None:
    assert judge(facts("hello", from_ourselves=True)).actions == ()


TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["STOP", "stop.", "START", "YES", "HELP", "JOIN", "CLUB", "LEAVE", "ORDER"]),
)
ANY_FACTS = st.builds(
    lambda text, known: facts(text, **known),
    TEXTS,
    st.fixed_dictionaries(
        {
            "opted_out": st.booleans(),
            "lists": st.sampled_from([frozenset(), frozenset({"vip"})]),
            "can_be_answered": st.booleans(),
            "from_ourselves": st.booleans(),
            "tickets_from": st.sampled_from(["anyone", "not_opted_out", "subscribers"]),
            "pending": st.sampled_from([{}, PENDING, {"old": None}]),
            "carrier_words": st.sampled_from([TWILIO, {}]),
            "carrier_handled": st.sampled_from([None, None, "STOP", "START", "HELP"]),
        }
    ),
)


@given(ANY_FACTS)
def test_nobody_opted_out_is_texted_unless_this_very_text_opts_them_in(known: Facts) -> None:
    decision = judge(known)
    is_out = OptOut in kinds(decision) or (known.opted_out and OptIn not in kinds(decision))
    texted = [a for a in decision.actions if isinstance(a, Answer) and not a.to_opt_out]

    assert not (is_out and texted)


@given(ANY_FACTS)
def test_a_decision_never_contradicts_itself(known: Facts) -> None:
    decision = judge(known)
    made = kinds(decision)

    assert (MakeTicket in made) is (decision.verdict == "ticket")
    assert (OptOut in made) is (decision.verdict == "opt_out")
    assert OptIn not in made or decision.verdict == "opt_in"
    assert made.count(MakeTicket) <= 1
    assert len([a for a in decision.actions if isinstance(a, Answer) and a.to_opt_out]) <= 1
    assert not (known.from_ourselves and decision.actions)


@given(ANY_FACTS)
def test_the_same_facts_lead_to_the_same_decision(known: Facts) -> None:
    assert judge(known) == judge(known)
