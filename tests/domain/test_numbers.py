"""Addresses: every spelling of a number is one address, and nothing a carrier sends is an error."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.domain import numbers

ADDRESS = re.compile(r"\+[1-9][0-9]{6,14}|[A-Z]{2}:[0-9]{3,8}|name:.*", re.DOTALL)
COUNTRIES = st.sampled_from(["US", "CA", "GB", "DE", "IT", "MX", "AR", "BR", "IN", "JP", "AU"])


@st.composite
def real_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """An example number of a country, its last digits shuffled, that the plan calls valid."""
    region = draw(COUNTRIES)
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    tail = draw(st.text("0123456789", min_size=3, max_size=3))
    candidate = written[:-3] + tail
    parsed = phonenumbers.parse(candidate)
    return (candidate, region) if phonenumbers.is_valid_number(parsed) else (written, region)


@pytest.mark.parametrize(
    ("raw", "country", "address"),
    [
        pytest.param("+12025550100", None, "+12025550100", id="e164"),
        pytest.param("+15005550006", "US", "+15005550006", id="twilios-test-number"),
        pytest.param("+447700900123", "US", "+447700900123", id="not-in-the-plan-yet-possible"),
        pytest.param("+44 (0)7911 123456", None, "+447911123456", id="trunk-zero-in-brackets"),
        pytest.param("+999123456789", None, "+999123456789", id="country-code-of-nobody"),
        pytest.param("+1234567890123456", None, "name:+1234567890123456", id="16-digits"),
        pytest.param("2025550100", "US", "+12025550100", id="national-not-egypt"),
        pytest.param("(202) 555-0100", "us", "+12025550100", id="brackets-small-country"),
        pytest.param("12025550100", "US", "+12025550100", id="country-code-without-plus"),
        pytest.param("447911123456", "US", "+447911123456", id="plus-less-carrier"),
        pytest.param("447911123456", None, "+447911123456", id="plus-less-without-country"),
        pytest.param("0044 7911 123456", "DE", "+447911123456", id="dialled-abroad"),
        pytest.param(" 12025550100", None, "+12025550100", id="plus-lost-in-a-query"),
        pytest.param("50500", "US", "US:50500", id="short-code"),
        pytest.param("50500", None, "ZZ:50500", id="short-code-of-no-country"),
        pytest.param("50500", "Atlantis", "ZZ:50500", id="short-code-of-no-such-country"),
        pytest.param("+50500", "US", "US:50500", id="short-code-with-a-plus"),
        pytest.param("12345678", "GB", "GB:12345678", id="longest-short-code"),
        pytest.param("MyBank", "US", "name:MyBank", id="name"),
        pytest.param("1-800-FLOWERS", "US", "name:1-800-FLOWERS", id="letters-are-not-dialled"),
        pytest.param("whatsapp:+12025550100", None, "name:whatsapp:+12025550100", id="channel"),
        pytest.param("12", "US", "name:12", id="two-digits"),
        pytest.param("", None, "name:", id="empty"),
        pytest.param("+", None, "name:+", id="plus-alone"),
        pytest.param("²²²²²", "US", "name:²²²²²", id="digits-that-are-not"),
        pytest.param("name:MyBank", None, "name:MyBank", id="our-own-name"),
        pytest.param("GB:50500", "US", "GB:50500", id="our-own-short-code"),
    ],
)
def test_what_was_written_is_read_as(raw: str, country: str | None, address: str) -> None:
    assert numbers.read_address(raw, country) == address


@given(st.from_regex(numbers._NORTH_AMERICAN, fullmatch=True), st.sampled_from([None, "US", "DE"]))
def test_what_is_not_parsed_would_be_parsed_to_itself(raw: str, country: str | None) -> None:
    assert numbers._parse(raw, country, valid=False) == raw
    assert numbers.read_address(raw, country) == raw


@given(st.text(max_size=60), st.none() | st.text(max_size=3) | COUNTRIES)
def test_reading_never_raises_and_gives_one_of_three_forms(raw: str, country: str | None) -> None:
    address = numbers.read_address(raw, country)

    assert ADDRESS.fullmatch(address)
    assert numbers.read_address(address, country) == address
    assert isinstance(numbers.pretty(address), str)
    assert numbers.spellings(address)
    assert numbers.can_be_answered(address) != address.startswith("name:")


@example("+430000000", None)
@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.none() | COUNTRIES)
def test_e164_from_a_carrier_is_always_a_number(raw: str, country: str | None) -> None:
    address = numbers.read_address(raw, country)

    assert numbers.is_number(address)
    assert numbers.read_address(address, None) == address


@given(real_numbers())
def test_every_spelling_reads_back_to_the_same_number(case: tuple[str, str]) -> None:
    e164, region = case

    ways = numbers.spellings(e164)

    assert ways[0] == e164
    assert len(set(ways)) == len(ways)
    wrong = [
        way
        for way in ways
        # eight digits or fewer without a plus would be a short code
        if len(re.sub(r"\D", "", way)) > 8
        and not way.startswith("00")
        and numbers.read_address(way, region) != e164
    ]
    assert wrong == []


@given(real_numbers())
def test_a_number_has_few_enough_spellings_to_search_for_each(case: tuple[str, str]) -> None:
    assert len(numbers.spellings(case[0])) <= 16


def test_spellings_hold_what_europeans_type() -> None:
    assert set(numbers.spellings("+442079460958")) == {
        "+442079460958",
        "442079460958",
        "00442079460958",
        "2079460958",
        "02079460958",
        "020 7946 0958",
        "+44 20 7946 0958",
        "+44-20-7946-0958",
        "44-20-7946-0958",
        "+44.20.7946.0958",
        "+44 (0)20 7946 0958",
    }


def test_spellings_hold_what_americans_type() -> None:
    ways = numbers.spellings("+12025550100")

    assert {
        "+12025550100",
        "+1 202-555-0100",
        "(202) 555-0100",
        "+1 (202) 555-0100",
        "+1 (202)-555-0100",
        "(202) 555 0100",
        "(202)555-0100",
        "+1 202 555 0100",
        "+1-202-555-0100",
        "+1.202.555.0100",
        "0012025550100",
        "202-555-0100",
        "202.555.0100",
        "2025550100",
        "12025550100",
        "1-202-555-0100",
    } <= set(ways)


@pytest.mark.parametrize(
    ("address", "shown", "for_people", "country", "answerable"),
    [
        pytest.param("+12025550100", "+12025550100", "+1 202-555-0100", "US", True, id="number"),
        pytest.param("+447700900123", "+447700900123", "+44 7700 900123", "GB", True, id="drama"),
        pytest.param("US:50500", "50500", "50500", "US", True, id="short-code"),
        pytest.param("ZZ:50500", "50500", "50500", None, True, id="short-code-nowhere"),
        pytest.param("name:MyBank", "MyBank", "MyBank", None, False, id="name"),
        pytest.param("+99912345678", "+99912345678", None, None, True, id="nobodys"),
    ],
)
def test_an_address_is_shown_as(
    *,
    address: str,
    shown: str,
    for_people: str | None,
    country: str | None,
    answerable: bool,
) -> None:
    assert numbers.display(address) == shown
    assert for_people is None or numbers.pretty(address) == for_people
    assert numbers.country_of(address) == country
    assert numbers.can_be_answered(address) is answerable


@pytest.mark.parametrize(
    ("number", "country", "kind", "address"),
    [
        pytest.param("+12025550100", "US", "long_code", "+12025550100", id="long-code"),
        pytest.param("(202) 555-0100", "us", "long_code", "+12025550100", id="as-typed"),
        pytest.param("+18005550100", "CA", "toll_free", "+18005550100", id="toll-free-of-nanp"),
        pytest.param("50500", "US", "short_code", "US:50500", id="short-code"),
    ],
)
def test_a_senders_number_is_read(number: str, country: str, kind: str, address: str) -> None:
    assert numbers.read_sender_number(number, country, kind) == address


@pytest.mark.parametrize(
    ("number", "country", "kind", "words"),
    [
        pytest.param("Acme", "US", "long_code", "can't receive texts", id="name"),
        pytest.param("ACME 24", "US", "short_code", "three to eight digits", id="name-as-short"),
        pytest.param("+12025550100", "USA", "long_code", "two-letter", id="country"),
        pytest.param("+12025550100", "GB", "long_code", "not GB's", id="other-country"),
        pytest.param("+1202555", "US", "long_code", "too few", id="too-few-digits"),
        pytest.param("50500", "US", "long_code", "short_code", id="short-code-as-long"),
        pytest.param("+12025550100", "US", "short_code", "no plus", id="long-as-short"),
        pytest.param("GB:50500", "US", "short_code", "belongs to GB", id="short-of-other-country"),
        pytest.param("", "US", "long_code", "not a phone number", id="empty"),
        pytest.param("()", "US", "toll_free", "not a phone number", id="no-digits"),
    ],
)
def test_a_wrong_senders_number_is_explained(
    number: str, country: str, kind: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        numbers.read_sender_number(number, country, kind)
