"""Telnyx (API v2) as a carrier: webhooks signed with Ed25519, sends under an idempotency key.

Facts: Telnyx's developer pages and its SDK's models. docs/carriers/telnyx.md says what of them is
not certain.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.carriers.api import CarrierApi
from bridge.carriers.contract import (
    Accepted,
    Capabilities,
    CarrierSettings,
    DeliveryReport,
    DeliveryState,
    Event,
    Finding,
    InboundText,
    Media,
    OptOutWord,
    OutgoingText,
    WebhookAnswer,
    WebhookRequest,
)
from bridge.carriers.errors import (
    CHECK_NUMBER,
    OTHER_CHANNEL,
    TELL_ADMIN,
    CarrierError,
    ErrorTable,
)
from bridge.carriers.fields import (
    LONGEST_ID,
    LONGEST_VALUE,
    Fields,
    json_object,
    read_parties,
    ref_of,
)
from bridge.carriers.media import MediaSource
from bridge.carriers.signing import check_age, ed25519_check, one_header
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.domain.mms import MmsLimits
from bridge.domain.numbers import display
from bridge.errors import BadRequest, FarSideError, Forged
from bridge.setting_types import API_URL, TOKEN, ApiUrl, RotatedToken, split_tokens

NAME = "telnyx"
SIGNATURE, TIMESTAMP = "telnyx-signature-ed25519", "telnyx-timestamp"
_WORDS: dict[OptOutWord, frozenset[str]] = {
    "STOP": frozenset({"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}),
    "START": frozenset({"START", "UNSTOP"}),
}

ERRORS = ErrorTable(
    carrier=NAME,
    title="Telnyx",
    page="https://developers.telnyx.com/docs/overview/errors/{}",
    codes={
        "10009": CarrierError(
            "account",
            "Telnyx refused the credentials. Check BRIDGE_TELNYX_API_KEY; texts wait until then.",
        ),
        "10010": CarrierError("account", "The Telnyx account may not send texts. Ask its owner."),
        "10011": CarrierError(
            "later", "Telnyx takes no more requests at the moment. The text is tried again."
        ),
        "10016": CarrierError(
            "permanent", f"Telnyx says that this is not a valid phone number. {CHECK_NUMBER}"
        ),
        "40001": CarrierError(
            "landline", f"This number is a landline, or can't be reached by text. {OTHER_CHANNEL}"
        ),
        "40002": CarrierError(
            "permanent",
            "The network took the text for unwanted, for now. Word it differently, or use another"
            " channel.",
        ),
        "40003": CarrierError(
            "configuration", f"The network blocks our number as a sender. {TELL_ADMIN}"
        ),
        "40004": CarrierError("permanent", f"The network refused the text. {OTHER_CHANNEL}"),
        "40005": CarrierError(
            "permanent", "The text could not be delivered in time. Send it again once."
        ),
        "40006": CarrierError(
            "permanent", "The customer's network is out of order. Send it again later."
        ),
        "40008": CarrierError("permanent", f"The text can't be delivered. {CHECK_NUMBER}"),
        "40009": CarrierError(
            "permanent", "The network can't take the text as it is. Word it differently."
        ),
        "40011": CarrierError(
            "permanent", "Too many texts went to this network. Send it again later."
        ),
        "40300": CarrierError(
            "opted_out",
            "The customer has opted out of texts from this number (STOP). Nothing can be sent"
            f" until they send START. {OTHER_CHANNEL}",
        ),
        "40318": CarrierError(
            "later", "Telnyx's queue for our number is full. The text is tried again by itself."
        ),
    },
)
_STATES: Mapping[str, DeliveryState] = {
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "delivery_unconfirmed": "sent",
    "delivery_failed": "undelivered",
    "expired": "undelivered",
    "sending_failed": "failed",
}
_REPORTS = frozenset({"message.sent", "message.finalized", "message.read"})

CAPABILITIES = Capabilities(
    longest_text=1530,  # ten parts of GSM-7
    mms=MmsLimits(most_files=10, most_bytes=1_000_000),
    delivery_reports=True,
    idempotency_key=True,
    can_find_sent=False,
    signs_time=True,
    answers={"long_code": _WORDS, "toll_free": _WORDS, "short_code": _WORDS},
    pace={"long_code": 1.0, "toll_free": 20.0, "short_code": 1000.0},
)


def _check_keys(written: str) -> str:
    keys = [one.strip() for one in written.split(",")]
    try:
        if not 1 <= len(keys) <= 2 or any(len(b64decode(k, validate=True)) != 32 for k in keys):
            raise ValueError
    except NotBase64:
        raise ValueError from None
    return written


_MEDIA_HOSTS = frozenset({"media.telnyx.com"})


class TelnyxSettings(CarrierSettings):
    """One Telnyx account. A public key is no secret; it may be two while it is rotated."""

    api_key: RotatedToken = Field(description=TOKEN)
    public_key: Annotated[str, AfterValidator(_check_keys)] = Field(
        description="the account's public key for webhooks: 44 characters of base64"
    )
    messaging_profile_id: str | None = Field(
        None, pattern=r"^[!-~]{1,64}$", description="the messaging profile to send by"
    )
    api_url: ApiUrl = Field("https://api.telnyx.com", description=API_URL)


class TelnyxCarrier:
    """One Telnyx account as a `Carrier`."""

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()

    def __init__(self, *, settings: TelnyxSettings, tools: Tools) -> None:
        self._profile = settings.messaging_profile_id
        self._clock = tools.clock
        self._checks = [
            ed25519_check(b64decode(key.strip())) for key in settings.public_key.split(",")
        ]
        logins = [f"Bearer {key}" for key in split_tokens(settings.api_key)]
        self._api = CarrierApi(
            http=tools.http,
            url=settings.api_url,
            logins=logins,
            errors=ERRORS,
            code_of=_code,
            # While a first call with the same key still runs, or where its body was another.
            unsure=frozenset({409, 422}),
        )
        self.media = MediaSource(
            api_url=settings.api_url, hosts=_MEDIA_HOSTS, logins=lambda: logins
        )

    def verify(self, request: WebhookRequest) -> None:
        """Check signature and age. Raises Forged."""
        written, moment = one_header(request, SIGNATURE), one_header(request, TIMESTAMP)
        try:
            signature = b64decode(written, validate=True)
        except (NotBase64, ValueError) as error:
            raise Forged("token") from error
        message = moment.encode("utf-8", "surrogateescape") + b"|" + request.body
        if not any(is_by(signature, message) for is_by in self._checks):
            raise Forged("token")
        check_age(moment, self._clock)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a webhook: all kinds may come to one address. Raises BadRequest."""
        event = json_object(request).inner("data")
        kind, payload = event.required("event_type"), event.inner("payload")
        if kind == "message.received":
            return [_text(payload)]
        return [_report(payload, ref_of(request))] if kind in _REPORTS else []

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a webhook. Raises BadRequest naming the field."""
        return self.parse_inbound(request)

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        record: dict[str, object] = {
            "from": display(text.sender),
            "to": display(text.customer),
            "text": text.body,
            "type": "MMS" if text.media_urls else "SMS",
            "webhook_url": text.status_url,
            "use_profile_webhooks": False,
        }
        if text.media_urls:
            record["media_urls"] = list(text.media_urls)
        if self._profile is not None:
            record["messaging_profile_id"] = self._profile
        answer = await self._api.send("/v2/messages", record, headers={"idempotency-key": text.ref})
        return _accepted(answer)

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Nothing: Telnyx has no list. A send is repeated under its key instead."""
        del text, since_ms
        return ()

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: Telnyx has no list."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials, and whether a messaging profile has our webhook."""
        del senders
        wanted = f"{public_url.rstrip('/')}/carriers/{NAME}/inbound"
        try:
            answer = await self._api.read("/v2/messaging_profiles", [("page[size]", "100")])
        except FarSideError as error:
            mend = "set BRIDGE_TELNYX_API_KEY as the Mission Control Portal shows it"
            return [Finding(check="telnyx credentials", ok=False, detail=error.words, mend=mend)]
        profiles = answer.get("data")
        listed = profiles if isinstance(profiles, list) else []
        is_set = any(isinstance(p, dict) and p.get("webhook_url") == wanted for p in listed)
        return [
            Finding(check="telnyx credentials", ok=True, detail="accepted"),
            Finding(
                check="telnyx webhook",
                ok=is_set,
                detail="set at a messaging profile" if is_set else "no messaging profile has it",
                mend="" if is_set else f"set the webhook of our numbers' profile to {wanted}",
            ),
        ]


def _text(payload: Fields) -> InboundText:
    recipients = payload.each("to")
    ours = recipients[0] if recipients else payload.inner("to")
    customer, sender = read_parties(
        payload.inner("from").required("phone_number"), ours.required("phone_number")
    )
    return InboundText(
        carrier_id=payload.required("id", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=payload.body("text"),
        media=tuple(_media(payload)),
        sent_at_ms=payload.time_ms("received_at"),
    )


def _media(payload: Fields) -> Iterator[Media]:
    for item in payload.each("media"):
        kind = item.text("content_type") or "application/octet-stream"
        yield Media(url=item.required("url", longest=LONGEST_VALUE), content_type=kind)


def _report(payload: Fields, ref: str | None) -> DeliveryReport:
    state, error = _outcome(payload)
    return DeliveryReport(
        carrier_id=payload.required("id", longest=LONGEST_ID),
        ref=ref,
        state=state,
        error=error,
        reason=ERRORS.explain(error or "") if error or state in {"failed", "undelivered"} else None,
    )


def _outcome(message: Fields) -> tuple[DeliveryState, str | None]:
    """State and error code; a status that Telnyx adds one day neither moves a text back nor on."""
    recipients = message.each("to")
    status = recipients[0].text("status") if recipients else ""
    errors = message.each("errors")
    code = errors[0].text("code") if errors else ""
    return _STATES.get(status.lower(), "queued"), code or None


def _accepted(answer: Mapping[str, object]) -> Accepted:
    try:
        message = Fields(values=answer).inner("data")
        carrier_id = message.required("id", longest=LONGEST_ID)
        state, error = _outcome(message)
    except BadRequest as fault:
        raise ERRORS.unknown("Telnyx said yes but named no message.") from fault
    parts = message.values.get("parts")
    return Accepted(
        carrier_id=carrier_id,
        state=state,
        segments=parts if isinstance(parts, int) and parts > 0 else None,
        error=error,
        reason=None if error is None else ERRORS.explain(error),
    )


def _code(answer: Mapping[str, object]) -> str:
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return str(code) if isinstance(code, int | str) else ""


def build(settings: TelnyxSettings, tools: Tools) -> TelnyxCarrier:
    """The carrier of this account."""
    return TelnyxCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Telnyx",
    settings=TelnyxSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
