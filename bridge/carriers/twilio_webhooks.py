"""Reading Twilio's webhooks: an inbound text, or a delivery report, out of form fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from bridge.carriers.contract import (
    DeliveryReport,
    DeliveryState,
    InboundText,
    Media,
    OptOutWord,
    WebhookRequest,
)
from bridge.carriers.fields import query_of, read_pairs, read_parties
from bridge.carriers.twilio_errors import TABLE
from bridge.carriers.twilio_signature import is_form
from bridge.errors import BadRequest

LONGEST_BODY = 16_000  # characters; Twilio cuts at 1600
LONGEST_ADDRESS = 256
LONGEST_VALUE = 2048  # an address of media
LONGEST_ID = 64
LONGEST_REF = 128
MOST_MEDIA = 50  # Twilio sends ten at the most

STATES: dict[str, DeliveryState] = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}

_Fields = Mapping[str, Sequence[bytes]]


def accounts_named(request: WebhookRequest) -> frozenset[bytes]:
    """Every AccountSid that the request speaks of."""
    return frozenset(value for name, value in _pairs(request) if name == b"AccountSid")


def parse_inbound(request: WebhookRequest) -> InboundText:
    """Read an inbound text. Raises BadRequest naming the field."""
    fields = _fields(request)
    carrier_id = _required(fields, "MessageSid", longest=LONGEST_ID)
    customer, sender = _parties(fields)
    if "Body" not in fields:
        raise BadRequest("Body", "a text, which may be empty, and it is missing")
    handled = _optional(fields, "OptOutType").upper()
    return InboundText(
        carrier_id=carrier_id,
        sender=sender,
        customer=customer,
        body=_optional(fields, "Body", longest=LONGEST_BODY),
        media=tuple(_media(fields)),
        carrier_handled=(
            cast("OptOutWord", handled) if handled in {"STOP", "START", "HELP"} else None
        ),
    )


def parse_report(request: WebhookRequest) -> DeliveryReport:
    """Read a delivery report. Raises BadRequest naming the field.

    A status that Twilio adds one day counts as "queued", which never moves a text back or on.
    """
    fields = _fields(request)
    carrier_id = _required(fields, "MessageSid", longest=LONGEST_ID)
    status = _required(fields, "MessageStatus", longest=LONGEST_ID).lower()
    error = error_code(_optional(fields, "ErrorCode", longest=LONGEST_ID))
    query = _by_name(read_pairs(query_of(request.url)))
    return DeliveryReport(
        carrier_id=carrier_id,
        ref=_optional(query, "ref", longest=LONGEST_REF) or None,
        state=STATES.get(status, "queued"),
        error=error,
        reason=reason_of(status, error),
    )


def error_code(written: object) -> str | None:
    """A message's error code as text; Twilio writes null, "" or 0 for none."""
    code = str(written).strip() if isinstance(written, int | str) else ""
    return code if code.strip("0") else None


def reason_of(status: str, error: str | None) -> str | None:
    """What to tell an agent about a status, None where there is nothing to tell."""
    if error is not None:
        return TABLE.explain(error)
    if status == "canceled":
        return "The text was cancelled at Twilio."
    if status in {"failed", "undelivered"}:
        return TABLE.explain("")
    return None if status in STATES else f"Twilio reports a state of its own: {status}."


def _parties(fields: _Fields) -> tuple[str, str]:
    written_from = _required(fields, "From", longest=LONGEST_ADDRESS)
    written_to = _required(fields, "To", longest=LONGEST_ADDRESS)
    from_country = _optional(fields, "FromCountry")
    to_country = _optional(fields, "ToCountry")
    # The country of a short code is often left empty.
    return read_parties(written_from, written_to, countries=(from_country, to_country))


def _media(fields: _Fields) -> Iterator[Media]:
    written = _optional(fields, "NumMedia") or "0"
    if not (written.isascii() and written.isdecimal()) or int(written[:4]) > MOST_MEDIA:
        raise BadRequest("NumMedia", f"a number from 0 to {MOST_MEDIA}")
    for index in range(int(written)):
        url = _required(fields, f"MediaUrl{index}", longest=LONGEST_VALUE)
        kind = _optional(fields, f"MediaContentType{index}") or "application/octet-stream"
        yield Media(url=url, content_type=kind)


def _pairs(request: WebhookRequest) -> Sequence[tuple[bytes, bytes]]:
    if request.method.upper() != "POST":
        return read_pairs(query_of(request.url))
    return read_pairs(request.body) if is_form(request) else []


def _fields(request: WebhookRequest) -> _Fields:
    if request.method.upper() == "POST" and not is_form(request):
        raise BadRequest("Content-Type", "application/x-www-form-urlencoded")
    return _by_name(_pairs(request))


def _by_name(pairs: Sequence[tuple[bytes, bytes]]) -> _Fields:
    fields: dict[str, list[bytes]] = {}
    for name, value in pairs:
        values = fields.setdefault(name.decode("utf-8", "replace"), [])
        if value not in values:
            values.append(value)
    return fields


def _required(fields: _Fields, name: str, *, longest: int) -> str:
    value = _optional(fields, name, longest=longest)
    if not value.strip():
        raise BadRequest(name, "a value, and it is missing or empty")
    return value


def _optional(fields: _Fields, name: str, *, longest: int = LONGEST_ADDRESS) -> str:
    values = fields.get(name, (b"",))
    if len(values) > 1:
        raise BadRequest(name, "one value, not several")
    try:
        value = values[0].decode()
    except UnicodeDecodeError as error:
        raise BadRequest(name, "text in UTF-8") from error
    if "\0" in value:
        raise BadRequest(name, "text without NUL characters")
    if len(value) > longest:
        raise BadRequest(name, f"at most {longest} characters")
    return value
