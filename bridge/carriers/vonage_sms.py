"""Vonage's SMS API: forms signed with `sig`, long texts in parts, one answer for each part sent."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

from bridge.carriers.api import CarrierApi
from bridge.carriers.contract import (
    Accepted,
    DeliveryReport,
    DeliveryState,
    Event,
    InboundText,
    OutgoingText,
    Piece,
    WebhookRequest,
)
from bridge.carriers.errors import as_object
from bridge.carriers.fields import (
    LONGEST_ID,
    LONGEST_REF,
    Fields,
    form,
    json_object,
    read_parties,
    with_plus,
)
from bridge.carriers.signing import check_age, is_one_of
from bridge.carriers.vonage_errors import ERRORS
from bridge.clock import Clock
from bridge.domain.numbers import display
from bridge.domain.segments import measure
from bridge.errors import BadRequest, Forged

Method = Literal["md5hash", "md5", "sha1", "sha256", "sha512"]

# Vonage repeats for a day, and says nothing of whether it signs anew: what is older is refused,
# what is younger and has come before is known by its id.
WINDOW_S = 26 * 3600
LONGEST_CALLBACK = 100
MOST_PARTS = 255
_PLAIN = re.compile(r"[\x20-\x7e]*")
_STATES: Mapping[str, DeliveryState] = {
    "accepted": "sent",
    "buffered": "sent",
    "delivered": "delivered",
    "expired": "undelivered",
    "failed": "undelivered",
    "rejected": "failed",
    "unknown": "sent",
}


def fields_of(request: WebhookRequest) -> Fields:
    """The fields, as the account has them sent: in the query, as a form or as JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method.upper() == "POST" and kind == "application/json":
        return json_object(request)
    return form(request)


def sign(secret: str, fields: Mapping[str, object], method: Method) -> str:
    """What `sig` should be for these fields, in hexadecimal."""
    text = "".join(
        f"&{name}={str(value).translate(_UNDERSCORES) if isinstance(value, str) else value}"
        for name, value in sorted(fields.items())
        if name != "sig"
    )
    if method == "md5hash":
        whole = (text + secret).encode("utf-8", "surrogateescape")
        return hashlib.md5(whole).hexdigest()  # noqa: S324 - the account's choice
    message = text.encode("utf-8", "surrogateescape")
    return hmac.new(secret.encode(), message, method).hexdigest()


_UNDERSCORES = str.maketrans({"&": "_", "=": "_"})


def check_signature(
    fields: Fields, *, secrets: Sequence[str], method: Method, api_key: str, clock: Clock
) -> None:
    """Check `sig`, its age and the account. Raises Forged."""
    given, moment, named = (fields.values.get(name) for name in ("sig", "timestamp", "api-key"))
    if not isinstance(given, str) or not given:
        raise Forged("missing")
    if not is_one_of(given.lower(), [sign(one, fields.values, method) for one in secrets]):
        raise Forged("token")
    check_age(str(moment), clock, window_s=WINDOW_S)
    if named not in {None, "", api_key}:
        raise Forged("account")


def parse(fields: Fields) -> Sequence[Event]:
    """A text, or a receipt, which has a status. Raises BadRequest naming the field."""
    if "status" in fields.values:
        return [_receipt(fields)]
    return [_text(fields)]


def _text(fields: Fields) -> InboundText:
    customer, sender = read_parties(
        with_plus(fields.required("msisdn")), with_plus(fields.required("to"))
    )
    return InboundText(
        carrier_id=fields.required("messageId", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=fields.body("text"),
        sent_at_ms=fields.time_ms("message-timestamp"),
        piece=_piece(fields),
    )


def _piece(fields: Fields) -> Piece | None:
    if fields.text("concat").lower() != "true":
        return None
    total = fields.number("concat-total", most=MOST_PARTS)
    number = fields.number("concat-part", most=MOST_PARTS)
    if not 1 <= number <= total:
        raise BadRequest("concat-part", "a number from 1 to concat-total")
    return Piece(ref=fields.required("concat-ref"), number=number, total=total)


def _receipt(fields: Fields) -> DeliveryReport:
    state = _STATES.get(fields.required("status").lower(), "queued")
    code = fields.text("err-code").strip()
    failed = state in {"failed", "undelivered"}
    error = f"dlr-{code}" if failed and code.strip("0") else None
    ref = fields.text("client-ref", longest=LONGEST_REF) or None
    return DeliveryReport(
        # A long text has an id, and a receipt, for each of its parts: ours is the one of them all.
        carrier_id=ref or fields.required("messageId", longest=LONGEST_ID),
        ref=ref,
        state=state,
        error=error,
        reason=ERRORS.explain(error or "") if failed else None,
    )


async def send(api: CarrierApi, text: OutgoingText) -> Accepted:
    """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
    measured = measure(text.body)
    callback = text.status_url
    if len(callback) > LONGEST_CALLBACK:  # the receipt names our id in client-ref as well
        callback = callback.partition("?")[0]
    sent = {
        "from": _bare(text.sender),
        "to": _bare(text.customer),
        "text": text.body,
        # Vonage turns what GSM-7 lacks into question marks unless it is told.
        "type": "unicode" if measured.encoding == "UCS-2" else "text",
        "client-ref": text.ref,
        "status-report-req": "1",
        "callback": callback,
    }
    answer = await api.call(
        "POST",
        "/sms/json",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode(sent).encode(),
        sending=True,
    )
    return _accepted(as_object(answer), text.ref)


def _accepted(answer: Mapping[str, object], ref: str) -> Accepted:
    """HTTP 200 means nothing yet: each part of the text was taken or not."""
    try:
        statuses = [part.required("status") for part in Fields(values=answer).each("messages")]
    except BadRequest as fault:
        raise ERRORS.unknown("Vonage gave an answer that says nothing.") from fault
    if not statuses:
        raise ERRORS.unknown("Vonage gave an answer that says nothing.")
    refused = [status for status in statuses if status != "0"]
    if not refused:
        return Accepted(carrier_id=ref, state="queued", segments=len(statuses))
    code = f"sms-{refused[0]}"
    if len(refused) < len(statuses):  # some of it is on its way: to repeat it would double that
        return Accepted(carrier_id=ref, state="failed", error=code, reason=ERRORS.explain(code))
    if refused[0] == "5":  # "internal error"
        raise ERRORS.unknown("Vonage had a fault of its own.")
    raise ERRORS.refusal(code)


def _bare(address: str) -> str:
    return display(address).removeprefix("+")
