"""What a caller gave, read into models; what is wrong with it is named by its field."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import phonenumbers
from aiohttp import web
from pydantic import BaseModel, ValidationError

from bridge.domain.numbers import (
    UNKNOWN_COUNTRY,
    can_be_answered,
    is_number,
    is_short_code,
    read_address,
)
from bridge.errors import BadRequest
from bridge.web.requests import read_body

M = TypeVar("M", bound=BaseModel)
LARGEST_INT = 2**63 - 1
NUMBER = 'a number in E.164 such as "+12025550100", or a short code such as "50500"'
# By pydantic's type of error, with what it tells beside it in braces.
PLAIN_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "json_invalid": "valid JSON",
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of a few digits",
    "int_from_float": "a whole number",
    "greater_than_equal": "a whole number from {ge} on",
    "less_than_equal": "a whole number up to {le}",
    "literal_error": "one of {expected}",
    "bool_type": "true or false",
    "string_type": "a text in quotation marks",
    "string_too_short": "{min_length} or more characters",
    "string_too_long": "{max_length} characters at most",
    "string_pattern_mismatch": "characters as in {pattern}",
    "value_error": "{error}",
}


def read_query(request: web.Request, model: type[M]) -> M:
    """The query string as this model. Raises BadRequest, for a repeated parameter as well."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise BadRequest(name, "may be given only once")
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _bad_request(error) from None  # its text quotes what was given


async def read_json(request: web.Request, model: type[M]) -> M:
    """The body as this model. Raises BadRequest, and HTTPUnsupportedMediaType unless it is JSON."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    body = await read_body(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _bad_request(error) from None


def read_addresses(field: str, text: str | None) -> tuple[str, ...] | None:
    """Every address that a caller may mean by this, None for None. Raises BadRequest.

    A short code without its country may be any country's.
    """
    if text is None:
        return None
    address = read_address(text, None)
    if is_short_code(address) and address.startswith(UNKNOWN_COUNTRY):
        digits = address.partition(":")[2]
        regions = (*sorted(phonenumbers.SUPPORTED_REGIONS), UNKNOWN_COUNTRY)
        return tuple(f"{region}:{digits}" for region in regions)
    if not can_be_answered(address):
        name = address.removeprefix("name:")
        if not name.isprintable() or not any(character.isalpha() for character in name):
            raise BadRequest(field, NUMBER)
    return (address,)


def read_reachable(field: str, text: str) -> str:
    """The address that a text can be sent to or from. Raises BadRequest."""
    address = read_address(text, None)
    if not (is_number(address) or is_short_code(address)):
        raise BadRequest(field, NUMBER)
    return address


def write_cursor(kind: str, *marks: int | str) -> str:
    """A cursor that means something to `read_cursor` with the same kind, and to nobody else."""
    plain = ":".join([kind, *map(str, marks)])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(kind: str, cursor: str | None, count: int) -> tuple[str, ...] | None:
    """The `count` marks in a cursor of this kind, None for None. Raises BadRequest."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found, *marks = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(":")
    except (binascii.Error, UnicodeError):
        found, marks = "", []
    if found != kind or len(marks) != count:
        raise BadRequest("cursor", 'the "next" of a page of this same list')
    return tuple(marks)


def read_number_cursor(kind: str, cursor: str | None, count: int) -> tuple[int, ...] | None:
    """`read_cursor` where every mark is a whole number that the database can hold."""
    marks = read_cursor(kind, cursor, count)
    if marks is None:
        return None
    if not all(mark.isascii() and mark.isdigit() and len(mark) < 20 for mark in marks):
        raise BadRequest("cursor", 'the "next" of a page of this same list')
    return tuple(min(int(mark), LARGEST_INT) for mark in marks)


def _bad_request(error: ValidationError) -> BadRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(step) for step in first["loc"]) or "body"
    words = PLAIN_WORDS.get(first["type"])
    return BadRequest(
        field, first["msg"] if words is None else words.format(**first.get("ctx", {}))
    )
