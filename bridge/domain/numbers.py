"""Addresses: whom a text came from or goes to, as one kind of text everywhere in the bridge.

Three forms, told apart by their first character:

- ``+12025550100``: a number, E.164;
- ``US:50500``: a short code with its country, since the same digits exist in several
  (``ZZ`` where the country can't be known);
- ``name:MyBank``: anything else. It can be shown but not answered.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

UNKNOWN_COUNTRY = "ZZ"  # CLDR's code for "no known region"

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# The parser gives these back as they are, and takes 40 us for it: a tenth of what a text costs.
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}")
_SHORT_CODE = re.compile(r"([A-Z]{2}):([0-9]{3,8})")
_SHORT_DIGITS = re.compile(r"[0-9]{3,8}")
_PLUS_SHORT = re.compile(r"\+([0-9]{3,6})")
_LONG_DIGITS = re.compile(r"[0-9]{7,15}")
_COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})
_NAME = "name:"
_SHORTEST_NATIONAL = 9  # fewer digits without a plus are a short code
_LONGEST_WRITTEN = 40  # no spelling of a number is longer; spares the parser what is not one


@lru_cache(maxsize=65536)
def read_address(raw: str, country: str | None) -> str:
    """Read what a carrier or a person wrote as an address. Never raises.

    `country` (two letters) is where a short code belongs and where a number without a
    country code is dialled. Digits alone, three to eight, are a short code.
    """
    text = raw.strip()
    region = _region(country)
    if text.startswith(_NAME) or _SHORT_CODE.fullmatch(text):
        return text
    short = _PLUS_SHORT.fullmatch(text)  # some routes put a plus before a short code
    if _SHORT_DIGITS.fullmatch(text):
        # An unescaped plus in a query string arrives as a space.
        lost_plus = raw.startswith(" ") and len(text) > 6
        return f"+{text}" if lost_plus else f"{region or UNKNOWN_COUNTRY}:{text}"
    if short:
        return f"{region or UNKNOWN_COUNTRY}:{short[1]}"
    if raw.startswith(" ") and _LONG_DIGITS.fullmatch(text):
        text = f"+{text}"
    return _read_number(text, region) or f"{_NAME}{text}"


def display(address: str) -> str:
    """Write an address as carriers want it: "+12025550100", "50500" or "MyBank"."""
    if is_short_code(address):
        return address[3:]
    return address.removeprefix(_NAME)


def pretty(address: str) -> str:
    """Write an address for people: "+1 202-555-0100", "50500" or "MyBank"."""
    number = _parsed(address)
    if number is None:
        return display(address)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def is_country(code: str) -> bool:
    """Whether this is the two-letter code of a country with numbers of its own."""
    return code.strip().upper() in phonenumbers.SUPPORTED_REGIONS


def is_number(address: str) -> bool:
    """Whether this is an E.164 number."""
    return _E164.fullmatch(address) is not None


def is_premium(address: str) -> bool:
    """Whether a text there may cost extra: premium rate and shared cost, as the plan has it."""
    number = _parsed(address)
    return number is not None and phonenumbers.number_type(number) in _COSTLY


def is_short_code(address: str) -> bool:
    """Whether this is a short code."""
    return _SHORT_CODE.fullmatch(address) is not None


def can_be_answered(address: str) -> bool:
    """Whether a text can be sent there. A name is only a label on a text, not a place."""
    return is_number(address) or is_short_code(address)


def country_of(address: str) -> str | None:
    """Return the two-letter country of an address, None where it has none."""
    if short := _SHORT_CODE.fullmatch(address):
        return None if short[1] == UNKNOWN_COUNTRY else short[1]
    number = _parsed(address)
    if number is None:
        return None
    region = phonenumbers.region_code_for_number(
        number
    ) or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return region if len(region) == 2 and region != UNKNOWN_COUNTRY else None


def spellings(e164: str) -> tuple[str, ...]:
    """Every usual way in which people store this number, E.164 first, each once.

    An address that is not a number has one spelling, its own. A desk's search may find a number
    only as it was typed, and each spelling then costs a call: there are at most 16.
    """
    number = _parsed(e164)
    if number is None:
        return (display(e164),)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    ways = [
        e164,
        international,
        national,
        e164[1:],
        phonenumbers.national_significant_number(number),
        _digits(national),
        f"00{e164[1:]}",
        international.replace("-", " "),
        international.replace(" ", "-"),
        international[1:].replace(" ", "-"),
        international.replace("-", ".").replace(" ", "."),
    ]
    if number.country_code == 1:
        ways += _north_american(e164[2:5], e164[5:8], e164[8:])
    elif _digits(national) == f"0{phonenumbers.national_significant_number(number)}":
        ways.append(international.replace(" ", " (0)", 1))  # "+44 (0)20 7946 0958"
    return tuple(dict.fromkeys(ways))


def _north_american(area: str, exchange: str, line: str) -> list[str]:
    return [
        f"+1 ({area}) {exchange}-{line}",
        f"+1 ({area})-{exchange}-{line}",
        f"({area}) {exchange} {line}",
        f"({area}){exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"{area}.{exchange}.{line}",
    ]


def read_sender_number(number: str, country: str, kind: str) -> str:
    """Read the number of a sender as an admin wrote it.

    `kind` is long_code, toll_free or short_code. Raises ValueError whose text says what is wrong
    and what to write instead.
    """
    region = country.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f'country {country!r} is not a two-letter country code such as "US"')
    address = read_address(number, region)
    if kind == "short_code":
        return _checked_short_code(address, region)
    if is_short_code(address):
        raise ValueError(
            f"{number.strip()!r} is a short code: set kind to short_code, or write the number"
            ' in full with its country code, such as "+12025550100"'
        )
    return _checked_number(address, region)


def _checked_short_code(address: str, region: str) -> str:
    if not is_short_code(address):
        raise ValueError('a short code has three to eight digits and no plus, such as "50500"')
    if address[:2] != region:
        raise ValueError(f"this short code belongs to {address[:2]}, not to {region}")
    return address


def _checked_number(address: str, region: str) -> str:
    if not is_number(address):
        if any(character.isalpha() for character in address.removeprefix(_NAME)):
            raise ValueError(
                "a sender name made of letters can't receive texts, so customers could not"
                " answer and could not send STOP: use a long code, a toll-free number or a"
                " short code"
            )
        raise ValueError('not a phone number: write it in full, such as "+12025550100"')
    number = phonenumbers.parse(address, None)
    if not phonenumbers.is_possible_number(number):
        raise ValueError("no such number can exist: it has too few or too many digits")
    if number.country_code != phonenumbers.country_code_for_region(region):
        raise ValueError(f"the number's country code +{number.country_code} is not {region}'s")
    return address


def _read_number(text: str, region: str | None) -> str | None:
    if _NORTH_AMERICAN.fullmatch(text):
        return text
    if len(text) > _LONGEST_WRITTEN or any(character.isalpha() for character in text):
        return None  # the parser would read "1-800-FLOWERS" as digits
    if text.startswith(("+", "\N{FULLWIDTH PLUS SIGN}")):
        # Whatever a carrier wrote in E.164 is a number, known to the numbering plan or not:
        # the plan's copy in here ages, and a new range must not lose its texts.
        number = _parse(text, None, valid=False)
        if number not in {None, text} and _parse(number, None, valid=False) != number:
            number = None  # the parser takes leading zeros away one by one: keep them all
        return number or (text if _E164.fullmatch(text) else None)
    digits = _digits(text)
    if len(digits) < _SHORTEST_NATIONAL and not region:
        return None
    national = _parse(text, region, valid=True) if region else None
    bare = _parse(f"+{digits}", None, valid=True) if _LONG_DIGITS.fullmatch(digits) else None
    if national and bare and region:
        # "2025550100" written in the US is not Egypt's +20, yet "4915123456789" in Germany
        # has its country code already: without a plus, one's own country is meant.
        home = f"+{phonenumbers.country_code_for_region(region)}"
        return bare if bare.startswith(home) else national
    return national or (bare if text == digits else None)


def _parse(text: str, region: str | None, *, valid: bool) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    fits = (
        phonenumbers.is_valid_number(number) if valid else phonenumbers.is_possible_number(number)
    )
    if not fits:
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return written if _E164.fullmatch(written) else None


@lru_cache(maxsize=4096)
def _parsed(address: str) -> phonenumbers.PhoneNumber | None:
    if not is_number(address):
        return None
    try:
        return phonenumbers.parse(address, None)
    except NumberParseException:
        return None


def _region(country: str | None) -> str | None:
    region = (country or "").strip().upper()
    return region if region in phonenumbers.SUPPORTED_REGIONS else None


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
