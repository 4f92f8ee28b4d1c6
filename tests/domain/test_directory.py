from __future__ import annotations

import pytest
from pydantic import ValidationError

from bridge.domain.directory import KeywordEntry, List, Sender, make_directory


def sender(**more: object) -> Sender:
    return Sender.model_validate({"number": "+12025550100", "carrier": "twilio", **more})


def test_long_code_needs_no_country_of_its_own() -> None:
    assert sender().address == "+12025550100"


@pytest.mark.parametrize(
    "number", ["+1 202-555-0100", "(202) 555-0100", "2025550100"], ids=["plus", "local", "digits"]
)
def test_a_number_has_one_address_however_it_is_written(number: str) -> None:
    assert sender(number=number, country="US").address == "+12025550100"


def test_short_code_carries_its_country() -> None:
    assert sender(number="50500", country="US", kind="short_code").address == "US:50500"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"number": "MyBank"}, "made of letters"),
        ({"number": "MyBank", "country": "GB"}, "made of letters"),
        ({"kind": "alphanumeric"}, "made of letters"),
        ({"number": "50500", "kind": "short_code"}, "a country is needed"),
        ({"number": "2025550100"}, "a country is needed"),
        ({"number": 12025550100}, "valid string"),
        ({"country": "GB"}, "is not GB's"),
        ({"tags": ["north america"]}, "no blanks"),
        ({"tags": ["a,b"]}, "no blanks"),
        ({"pace": 0}, "greater than 0"),
        ({"pace": float("nan")}, "finite"),
        ({"answers": ["YES"]}, "'STOP', 'START' or 'HELP'"),
        ({"on_uncertain": "guess"}, "'resend' or 'hold'"),
        ({"texts": {"stop": "  "}}, "some text"),
        ({"texts": {"bye": "x"}}, "not permitted"),
        ({"colour": "red"}, "not permitted"),
        ({"name": "two\nlines"}, "one line"),
        ({"brand_id": "12"}, "valid integer"),
        ({"reopen_on_failure": 1}, "valid boolean"),
    ],
    ids=repr,
)
def test_unusable_senders_are_refused(entry: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        sender(**entry)


def test_tags_are_kept_as_the_desk_keeps_them() -> None:
    assert sender(tags=["North_America", "us", "US"]).tags == ("north_america", "us")


def test_rules_are_named_after_their_first_word_and_their_limits() -> None:
    plain = KeywordEntry(words=("Join!", "VIP"))
    limited = KeywordEntry(words=("join",), match="any_word", senders=("+12025550100",))

    assert plain.key == "JOIN"
    assert limited.key == "JOIN (any_word, +12025550100)"


def test_a_directory_finds_senders_by_address_and_rules_by_name_and_text() -> None:
    rule = KeywordEntry(words=("JOIN",), lists=("vip",), reply="Welcome")

    directory = make_directory(
        version=7, senders=[sender()], lists=[List(name="vip")], keywords=[rule]
    )

    assert directory.senders["+12025550100"].carrier == "twilio"
    assert directory.lists == ("vip",)
    found = directory.rules.find("join!", "+12025550100")
    assert found is not None
    assert found[0] is directory.rule("JOIN")
    assert directory.rule("GONE") is None
