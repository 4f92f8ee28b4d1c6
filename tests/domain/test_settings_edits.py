"""One entry changed by hand: what is taken, and what is told of which field."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain.directory import KeywordEntry, List, Sender, TicketsFrom
from bridge.domain.rehearsal import Who, set_stage
from bridge.domain.settings_changes import Documents, plan_of
from bridge.domain.settings_edits import (
    Faulty,
    with_list,
    with_rule,
    with_sender,
    without_list,
    without_rule,
    without_sender,
)

ACME = "+12025550100"
ORDERS = "+18005550199"
CARRIERS: dict[str, Any] = {"twilio": {}}
STORED = Documents(
    senders=(
        Sender(number=ACME, carrier="twilio"),
        Sender(number=ORDERS, carrier="twilio", kind="toll_free"),
    ),
    lists=(List(name="vip"), List(name="news")),
    keywords=(
        KeywordEntry(words=("JOIN", "VIP"), lists=("vip",), reply="Welcome"),
        KeywordEntry(words=("HOURS",), reply="9 to 5", senders=(ACME,)),
    ),
)


def faults_of(content: dict[str, Any], old: str | None = None) -> dict[str, str]:
    with pytest.raises(Faulty) as caught:
        with_rule(STORED, content, old=old)
    return dict(caught.value.faults)


def test_a_new_rule_stands_behind_the_others() -> None:
    after = with_rule(STORED, {"words": ["NEWS"], "lists": ["news"]}, old=None)

    assert [one.key for one in after.keywords] == ["JOIN", f"HOURS ({ACME})", "NEWS"]
    (change,) = plan_of(STORED, after, CARRIERS).changes
    assert (change.name, change.what) == ("NEWS", "added")


def test_a_changed_rule_keeps_its_place_even_with_another_first_word() -> None:
    after = with_rule(STORED, {"words": ["ENTER", "VIP"], "lists": ["vip"]}, old="JOIN")

    assert [one.key for one in after.keywords] == ["ENTER", f"HOURS ({ACME})"]
    (change,) = plan_of(STORED, after, CARRIERS).changes
    assert change.what == "changed words (+ENTER, -JOIN), reply"
    assert change.before == {"words": ["JOIN", "VIP"], "reply": "Welcome"}


def test_a_rule_that_is_saved_as_it_is_changes_nothing() -> None:
    content = STORED.keywords[0].model_dump()

    assert plan_of(STORED, with_rule(STORED, content, old="JOIN"), CARRIERS).changes == ()


@pytest.mark.parametrize(
    ("content", "field", "why"),
    [
        ({"words": []}, "words", "at least 1"),
        ({"words": ["!!!"]}, "words", "no letter or digit"),
        ({"words": ["STOP"], "reply": "x"}, "words", "opt-out word"),
        ({"words": ["Arrêt"], "reply": "x"}, "words", "opt-out word"),
        ({"words": ["start"], "reply": "x"}, "words", "opt-in word"),
        ({"words": ["YES"], "reply": "x"}, "words", "opt-in word"),
        ({"words": ["HELP", "JOIN2"], "reply": "x"}, "words", "without other words"),
        ({"words": ["HELP"], "reply": "x", "lists": ["vip"]}, "lists", "sets a reply only"),
        ({"words": ["vip"], "reply": "x"}, "words", "has a rule already"),
        ({"words": ["X"], "lists": ["gone"]}, "lists", 'no list "gone"'),
        ({"words": ["X"], "unsubscribe": ["gone"]}, "unsubscribe", 'no list "gone"'),
        ({"words": ["X"], "senders": ["+1999"], "reply": "x"}, "senders", "is no sender"),
        ({"words": ["X"], "match": "somewhere"}, "match", "must be"),
        ({"words": ["X"], "reply": "x" * 1601}, "reply", "longer than 1600"),
        ({"words": ["X"], "confirm": "Sure?"}, "confirm", "lists is needed"),
        ({"words": ["X"], "set_tags": ["two words"]}, "set_tags", "no blanks"),
        ({"words": ["X"], "lists": ["vip"], "unsubscribe": ["vip"]}, "unsubscribe", "in lists"),
    ],
)
def test_a_faulty_rule_is_told_of_by_its_field(
    content: dict[str, Any], field: str, why: str
) -> None:
    assert why in faults_of(content)[field]


def test_the_same_word_may_have_a_rule_on_another_number() -> None:
    content = {"words": ["HOURS"], "reply": "always", "senders": [ORDERS]}

    assert len(with_rule(STORED, content, old=None).keywords) == 3


def test_a_rule_is_taken_away() -> None:
    after = without_rule(STORED, "JOIN")

    assert [one.what for one in plan_of(STORED, after, CARRIERS).changes] == ["removed"]


def test_lists_are_added_once_and_stay_while_a_rule_uses_them() -> None:
    assert [one.name for one in with_list(STORED, "Gold").lists] == ["vip", "news", "Gold"]
    for name, why in (("VIP", "already"), (" ", "one line"), ("a\nb", "one line")):
        with pytest.raises(Faulty, match=why):
            with_list(STORED, name)
    with pytest.raises(Faulty, match="JOIN uses it"):
        without_list(STORED, "vip")
    assert [one.name for one in without_list(STORED, "news").lists] == ["vip"]


def test_senders_are_added_changed_and_taken_away() -> None:
    content = {"number": "50500", "carrier": "twilio", "country": "US", "kind": "short_code"}
    after = with_sender(STORED, content, CARRIERS, old=None)
    assert [one.address for one in after.senders] == [ACME, ORDERS, "US:50500"]

    named = {"number": ACME, "carrier": "twilio", "name": "Acme"}
    changed = with_sender(STORED, named, CARRIERS, old=ACME)
    assert [one.name for one in changed.senders] == ["Acme", None]
    assert len(without_sender(STORED, ORDERS).senders) == 1
    with pytest.raises(Faulty, match="is for it"):
        without_sender(STORED, ACME)


@pytest.mark.parametrize(
    ("content", "old", "field"),
    [
        ({"number": ACME, "carrier": "twilio"}, None, "number"),
        ({"number": "nonsense", "carrier": "twilio"}, None, "number"),
        ({"number": "50500", "carrier": "twilio", "kind": "short_code"}, None, "number"),
        ({"number": ORDERS, "carrier": "pigeon"}, ORDERS, "carrier"),
        ({"number": "+12025550177", "carrier": "twilio"}, ACME, "number"),
        ({"number": "+12025550177", "carrier": "twilio", "brand_id": "x"}, None, "brand_id"),
        ({"number": "+12025550177", "carrier": "twilio", "kind": "alpha"}, None, "kind"),
        ({"carrier": "twilio"}, None, "number"),
    ],
)
def test_a_faulty_sender_is_told_of_by_its_field(
    content: dict[str, Any], old: str | None, field: str
) -> None:
    with pytest.raises(Faulty) as caught:
        with_sender(STORED, content, CARRIERS, old=old)

    assert field in caught.value.faults


@pytest.mark.parametrize(
    ("text", "who", "verdict"),
    [
        ("join!", "anybody", "keyword"),
        ("can I join you?", "anybody", "ticket"),
        ("STOP", "anybody", "opt_out"),
        ("yes", "anybody", "ticket"),
        ("yes", "opted_out", "opt_in"),
        ("hello", "anybody", "not_consented"),
        ("hello", "subscriber", "ticket"),
    ],
)
def test_a_text_is_judged_as_if_it_had_come(text: str, who: Who, verdict: str) -> None:
    policy: TicketsFrom = "subscribers" if text == "hello" else "anyone"
    stage = set_stage(STORED, policy, CARRIERS)

    decision = stage.judge(text, ACME, who=who, at_ms=0)

    assert decision is not None
    assert decision.verdict == verdict
    assert stage.judge(text, "+1999", who=who, at_ms=0) is None
