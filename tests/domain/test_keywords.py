from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.keywords import (
    KeywordRule,
    Match,
    Overlap,
    RuleBook,
    matches,
    normalise,
    overlaps,
)

HERE, THERE = "+12025550100", "+12025550101"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  Join\t me \n", "join me", id="white space and case"),
        pytest.param("JOIN!!! 🎉", "join", id="punctuation and emoji"),
        pytest.param("join🎉vip", "join vip", id="an emoji parts words"),
        pytest.param("opt-out", "opt out", id="a hyphen parts words"),
        pytest.param("S.T.O.P.", "stop", id="dotted initials are one word"),
        pytest.param("1.5 kg", "1 5 kg", id="a decimal point is no initial"),
        pytest.param("Don\u2019t, DON'T", "dont dont", id="apostrophes vanish"),
        pytest.param("ARRÊT", "arret", id="Latin accents"),
        pytest.param("ARRE\u0302T", "arret", id="accents apart from their letters"),
        pytest.param("Άρθρο Ёлка", "αρθρο елка", id="Greek and Cyrillic accents"),
        pytest.param("STRASSE straße", "strasse strasse", id="sharp s"),
        pytest.param("İPTAL ıptal", "iptal iptal", id="Turkish i"),
        pytest.param("ＳＴＯＰ", "stop", id="fullwidth"),
        pytest.param("हिंदी", "हिंदी", id="Hindi keeps its vowels"),
        pytest.param("தமிழ்", "தமிழ்", id="Tamil keeps its vowels"),
        pytest.param("می\u200cخواهم", "میخواهم", id="a joiner is not seen"),
        pytest.param("ستــوب", "ستوب", id="Arabic stretching"),
        pytest.param("۱۲ ٣", "12 3", id="digits of any script"),
        pytest.param("1️⃣", "1", id="keycap"),
        pytest.param("停止。", "停止", id="Chinese"),
        pytest.param("❤️👍🏽", "", id="emoji alone"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == unicodedata.normalize("NFKC", expected)


@given(st.text(max_size=60))
def test_normalising_again_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_ascii_is_compared_as_in_company_of_other_letters(text: str) -> None:
    assert normalise(f"{text} \u00e9") == f"{normalise(text)} e".strip()


@given(st.text(max_size=60))
def test_what_is_compared_holds_letters_digits_and_single_blanks(text: str) -> None:
    said = normalise(text)

    assert said == " ".join(said.split())
    assert all(unicodedata.category(character)[0] in "LNMZ" for character in said)


@pytest.mark.parametrize(
    ("text", "words", "match", "met"),
    [
        pytest.param("join!", ["JOIN"], "message", "JOIN", id="whole message"),
        pytest.param("can I join you?", ["JOIN"], "message", None, id="not the whole message"),
        pytest.param("vip", ["JOIN", "VIP"], "message", "VIP", id="second of two"),
        pytest.param("Café", ["cafe"], "message", "cafe", id="accents on one side"),
        pytest.param("join now", ["JOIN"], "first_word", "JOIN", id="first word"),
        pytest.param("joining", ["JOIN"], "first_word", None, id="only its beginning"),
        pytest.param("now join", ["JOIN"], "first_word", None, id="not the first"),
        pytest.param("Join VIP today", ["join vip"], "first_word", "join vip", id="first words"),
        pytest.param("join the vip", ["join vip"], "first_word", None, id="not in sequence"),
        pytest.param("let me join!", ["JOIN"], "any_word", "JOIN", id="any word"),
        pytest.param("I rejoined", ["JOIN"], "any_word", None, id="within a word"),
        pytest.param("so opt-in, please", ["OPT IN"], "any_word", "OPT IN", id="any words"),
        pytest.param("in opt", ["OPT IN"], "any_word", None, id="wrong order"),
        pytest.param("👍", ["👍"], "message", None, id="nothing to compare meets nothing"),
        pytest.param("", ["JOIN"], "any_word", None, id="empty text"),
    ],
)
def test_match(text: str, words: list[str], match: Match, met: str | None) -> None:
    assert matches(text, words, match) == met


def _rule(
    name: str, *words: str, match: Match = "message", senders: set[str] | None = None
) -> KeywordRule:
    here = frozenset(senders) if senders is not None else None
    return KeywordRule(name=name, words=words, match=match, senders=here)


@pytest.mark.parametrize(
    ("rules", "text", "found"),
    [
        pytest.param(
            [_rule("any", "join", match="any_word"), _rule("whole", "join")],
            "Join",
            "whole",
            id="whole message before any word",
        ),
        pytest.param(
            [_rule("any", "join", match="any_word"), _rule("first", "join", match="first_word")],
            "join me",
            "first",
            id="first word before any word",
        ),
        pytest.param(
            [_rule("all", "join"), _rule("here", "join", senders={HERE})],
            "join",
            "here",
            id="this sender before all",
        ),
        pytest.param(
            [_rule("any here", "join", match="any_word", senders={HERE}), _rule("all", "join")],
            "join",
            "all",
            id="kind of match before sender",
        ),
        pytest.param(
            [_rule("one", "join"), _rule("two", "join")], "join", "one", id="then the order given"
        ),
        pytest.param(
            [
                _rule("short", "join", match="first_word"),
                _rule("long", "join vip", match="first_word"),
            ],
            "join vip",
            "short",
            id="order given, not length",
        ),
        pytest.param([_rule("there", "join", senders={THERE})], "join", None, id="other sender"),
        pytest.param([_rule("nobody", "join", senders=set())], "join", None, id="no sender at all"),
        pytest.param([_rule("empty", "👍", "")], "👍", None, id="nothing to compare"),
        pytest.param([], "join", None, id="no rules"),
    ],
)
def test_the_strongest_rule_is_found(
    rules: list[KeywordRule], text: str, found: str | None
) -> None:
    met = RuleBook(rules).find(text, HERE)

    assert (met[0].name if met else None) == found


def test_candidates_come_once_each_with_their_keyword() -> None:
    book = RuleBook(
        [
            _rule("any", "Vip", "Join", match="any_word"),
            _rule("first", "Join Vip", "JOIN", match="first_word"),
            _rule("whole", "join vip"),
        ]
    )

    met = [(rule.name, word) for rule, word in book.candidates("join VIP!", HERE)]

    assert met == [("whole", "join vip"), ("first", "JOIN"), ("any", "Join")]


_words = st.lists(st.sampled_from(["a", "b", "a b", "b a", "c"]), min_size=1, max_size=3)
_rules = st.builds(
    KeywordRule,
    name=st.uuids().map(str),
    words=_words.map(tuple),
    match=st.sampled_from(["message", "first_word", "any_word"]),
    senders=st.none() | st.frozensets(st.sampled_from([HERE, THERE])),
)


@given(st.lists(_rules, max_size=6), st.lists(st.sampled_from("abc"), max_size=5).map(" ".join))
def test_the_book_agrees_with_trying_each_rule(rules: list[KeywordRule], text: str) -> None:
    order: list[Match] = ["message", "first_word", "any_word"]
    met = [
        (order.index(rule.match), rule.senders is None, place)
        for place, rule in enumerate(rules)
        if (rule.senders is None or HERE in rule.senders) and matches(text, rule.words, rule.match)
    ]

    found = [rule for rule, _ in RuleBook(rules).candidates(text, HERE)]

    assert found == [rules[place] for _, _, place in sorted(met)]


def test_overlaps_name_winner_loser_and_word() -> None:
    rules = [
        _rule("first", "Join", match="first_word"),
        _rule("all", "JOIN!", "vip"),
        _rule("here", "join", senders={HERE}),
        _rule("again", "vip"),
        _rule("there", "VIP", senders={THERE}),
    ]

    assert overlaps(rules) == [
        Overlap(winner="all", loser="first", word="Join", wholly=False),
        Overlap(winner="here", loser="first", word="Join", wholly=False),
        Overlap(winner="here", loser="all", word="JOIN!", wholly=False),
        Overlap(winner="all", loser="again", word="vip", wholly=True),
        Overlap(winner="there", loser="all", word="vip", wholly=False),
        Overlap(winner="there", loser="again", word="vip", wholly=False),
    ]


def test_rules_of_different_senders_do_not_overlap() -> None:
    rules = [_rule("here", "join", senders={HERE}), _rule("there", "join", senders={THERE})]

    assert overlaps(rules) == []


def test_a_rule_with_hours_leaves_room_for_the_next() -> None:
    night = KeywordRule(name="night", words=("join",), hours="night")

    assert [found.wholly for found in overlaps([night, _rule("day", "join")])] == [False]


@pytest.mark.parametrize(
    ("long", "short", "overlap"),
    [
        (("first_word", 1), ("first_word", 0), ("short", "long", True)),
        (("first_word", 0), ("first_word", 1), ("long", "short", False)),
        (("any_word", 1), ("any_word", 0), ("short", "long", True)),
        (("any_word", 1), ("first_word", 0), ("short", "long", False)),
        (("first_word", 1), ("any_word", 0), ("long", "short", False)),
        (("message", 1), ("any_word", 0), ("long", "short", False)),
        (("any_word", 1), ("message", 0), None),
        (("message", 1), ("message", 0), None),
    ],
)
def test_a_keyword_that_another_one_holds_is_pointed_out(
    long: tuple[Match, int], short: tuple[Match, int], overlap: tuple[str, str, bool] | None
) -> None:
    rules = [
        (long[1], _rule("long", "Join now please", match=long[0])),
        (short[1], _rule("short", "join", match=short[0])),
    ]

    found = overlaps([rule for _, rule in sorted(rules, key=lambda pair: pair[0])])

    told = [(one.winner, one.loser, one.wholly) for one in found]
    assert told == ([] if overlap is None else [overlap])
    assert all(one.word == "Join now please" for one in found)


def test_a_keyword_within_another_is_no_beginning() -> None:
    inner = _rule("inner", "now", match="first_word")

    assert overlaps([inner, _rule("outer", "join now", match="first_word")]) == []


@given(st.lists(_rules, max_size=5), st.lists(st.sampled_from("abc"), max_size=4).map(" ".join))
def test_a_rule_that_is_wholly_covered_is_never_met(rules: list[KeywordRule], text: str) -> None:
    covered = {(one.loser, normalise(one.word)) for one in overlaps(rules) if one.wholly}

    met = RuleBook(rules).find(text, HERE)

    assert met is None or (met[0].name, normalise(met[1])) not in covered
