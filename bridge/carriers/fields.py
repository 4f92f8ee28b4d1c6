"""Reading a webhook's fields, form or JSON: what can't be, is told by the name of its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from bridge.carriers.contract import WebhookRequest
from bridge.domain.numbers import UNKNOWN_COUNTRY, country_of, read_address
from bridge.errors import BadRequest

LONGEST_BODY = 16_000  # characters; every carrier cuts far below
LONGEST_VALUE = 2048  # an address of media
LONGEST_ADDRESS = 256
LONGEST_ID = 256
LONGEST_REF = 128
MOST_EVENTS = 1000  # in one webhook
_BARE_NUMBER = re.compile(r"[0-9]{9,15}")  # fewer digits may be a short code

Pairs = Sequence[tuple[bytes, bytes]]  # shared: never changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Named values as they came. `place` is where they stand, as told in a fault."""

    values: Mapping[str, object]
    place: str = ""

    def text(self, name: str, *, longest: int = LONGEST_ADDRESS, default: str | None = "") -> str:
        """A text, `default` where it is missing or null (None: it has to be there).

        Numbers count as text, as some carriers write ids so. Raises BadRequest.
        """
        value = self.values.get(name)
        if value is None or (value == "" and default is None):
            if default is None:
                raise BadRequest(self.told(name), "a value, and it is missing or empty")
            return default
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise BadRequest(self.told(name), "a text")
        if "\0" in value:
            raise BadRequest(self.told(name), "text without NUL characters")
        if len(value) > longest:
            raise BadRequest(self.told(name), f"at most {longest} characters")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BadRequest(self.told(name), "text in UTF-8") from error
        return value

    def required(self, name: str, *, longest: int = LONGEST_ADDRESS) -> str:
        """A text that has to be there and not be blank. Raises BadRequest."""
        value = self.text(name, longest=longest, default=None)
        if not value.strip():
            raise BadRequest(self.told(name), "a value, and it is missing or empty")
        return value

    def number(self, name: str, *, most: int, default: int | None = None) -> int:
        """A whole number from 0 to `most`. Raises BadRequest."""
        written = self.text(name, default=None if default is None else str(default)).strip()
        if not (written.isascii() and written.isdecimal()) or int(written[:9]) > most:
            raise BadRequest(self.told(name), f"a number from 0 to {most}")
        return int(written)

    def time_ms(self, name: str) -> int | None:
        """A time in RFC 3339 (or without a zone: UTC) in milliseconds, None where it is not."""
        try:
            moment = datetime.fromisoformat(str(self.values.get(name)))
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int(aware.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None

    def body(self, name: str) -> str:
        """The words of a text: they may be empty, and have to be there. Raises BadRequest."""
        if name not in self.values:
            raise BadRequest(self.told(name), "a text, which may be empty, and it is missing")
        return self.text(name, longest=LONGEST_BODY)

    def inner(self, name: str) -> Fields:
        """An object inside, empty where there is none. Raises BadRequest."""
        value = self.values.get(name)
        if value is None:
            return Fields(values={}, place=self.told(name))
        if not isinstance(value, dict):
            raise BadRequest(self.told(name), "an object")
        return Fields(values=value, place=self.told(name))

    def each(self, name: str) -> list[Fields]:
        """The objects of a list inside, none where there is no list. Raises BadRequest."""
        return _objects(self.values.get(name) or [], self.told(name))

    def told(self, name: str) -> str:
        """The field's name with its place."""
        return f"{self.place}.{name}" if self.place else name


def json_object(request: WebhookRequest) -> Fields:
    """The body as a JSON object. Raises BadRequest."""
    content = _json(request)
    if not isinstance(content, dict):
        raise BadRequest("body", "a JSON object")
    return Fields(values=content)


def json_objects(request: WebhookRequest) -> list[Fields]:
    """The body as a JSON list of objects. Raises BadRequest."""
    return _objects(_json(request), "body")


def ref_of(request: WebhookRequest) -> str | None:
    """Our own id for a report's text, from the address that we gave. Raises BadRequest."""
    return query(request).text("ref", longest=LONGEST_REF) or None


def form(request: WebhookRequest) -> Fields:
    """The fields of a form, or of the query where the method is GET. Raises BadRequest."""
    if request.method.upper() != "POST":
        return query(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"", "application/x-www-form-urlencoded"}:
        raise BadRequest("Content-Type", "application/x-www-form-urlencoded")
    return by_name(read_pairs(request.body))


def query(request: WebhookRequest) -> Fields:
    """The fields of the query. Raises BadRequest."""
    return by_name(read_pairs(query_of(request.url)))


def query_of(url: str) -> bytes:
    """The raw query of an address."""
    asked = url.partition("#")[0].partition("?")[2]
    # A request line may hold any byte; the server keeps what is not UTF-8 as surrogates.
    return asked.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=2)  # the account, the signature and the text are read from the same body
def read_pairs(raw: bytes) -> Pairs:
    """Split an urlencoded form or query; empty values stay, the bytes are decoded from %XX."""
    pairs = [pair.partition(b"=") for pair in raw.replace(b"+", b" ").split(b"&") if pair]
    if b"%" not in raw:
        return [(name, value) for name, _, value in pairs]
    return [
        (
            unquote_to_bytes(name) if b"%" in name else name,
            unquote_to_bytes(value) if b"%" in value else value,
        )
        for name, _, value in pairs
    ]


def by_name(pairs: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Fields of a form. Raises BadRequest where one has several values, or is not UTF-8."""
    values: dict[str, object] = {}
    for raw_name, raw in pairs:
        name = raw_name.decode("utf-8", "replace")
        try:
            value = raw.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(name, "text in UTF-8") from error
        if values.setdefault(name, value) != value:
            raise BadRequest(name, "one value, not several")
    return Fields(values=values)


def with_plus(written: str) -> str:
    """A number of a carrier that writes E.164 without its plus; short codes stay as they are."""
    bare = written.strip()
    return f"+{bare}" if _BARE_NUMBER.fullmatch(bare) else written


def read_parties(
    customer: str, sender: str, *, countries: tuple[str | None, str | None] = (None, None)
) -> tuple[str, str]:
    """Both sides of a text as addresses; `countries` are theirs where the carrier names them.

    A short code works in one country only, so it is where the other side is.
    """
    from_country, to_country = countries
    theirs = read_address(customer, from_country or to_country)
    ours = read_address(sender, to_country or from_country or country_of(theirs))
    if theirs.startswith(f"{UNKNOWN_COUNTRY}:"):
        theirs = read_address(customer, country_of(ours))
    return theirs, ours


def _json(request: WebhookRequest) -> object:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("body", "JSON") from error


def _objects(content: object, place: str) -> list[Fields]:
    if not isinstance(content, list):
        raise BadRequest(place, "a list of objects")
    if len(content) > MOST_EVENTS:
        raise BadRequest(place, f"at most {MOST_EVENTS} objects")
    found = []
    for number, one in enumerate(content):
        if not isinstance(one, dict):
            raise BadRequest(f"{place}[{number}]", "an object")
        found.append(Fields(values=one, place=f"{place}[{number}]"))
    return found
