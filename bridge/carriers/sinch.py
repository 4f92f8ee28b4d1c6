"""Sinch SMS (XMS) as a carrier: batches of one, events signed with a nonce and a time.

Facts: Sinch's SMS API pages and its SDK. docs/carriers/sinch.md says what of them is not certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

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
    LONGEST_BODY,
    LONGEST_ID,
    LONGEST_REF,
    LONGEST_VALUE,
    Fields,
    json_object,
    read_parties,
    ref_of,
    with_plus,
)
from bridge.carriers.media import MediaSource
from bridge.carriers.signing import (
    base64_of,
    check_age,
    check_basic,
    hmac_sha256,
    is_one_of,
    one_header,
)
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.clock import Clock, rfc3339
from bridge.domain.mms import AUSTRALIA, NORTH_AMERICA, MmsLimits
from bridge.domain.numbers import display
from bridge.errors import BadRequest, FarSideError, Forged, TryLater
from bridge.setting_types import API_URL, TOKEN, ApiUrl, RotatedToken, split_tokens

NAME = "sinch"
SIGNATURE = "x-sinch-webhook-signature"
# Sinch repeats for almost a day, and says nothing of whether it signs anew: what is older is
# refused, what is younger and has come before is known by its id.
WINDOW_S = 26 * 3600
_PAGE = 100
_MOST_PAGES = 10
_TEXTS = frozenset({"mo_text", "mo_media"})
_REPORTS = frozenset({"recipient_delivery_report_sms", "recipient_delivery_report_mms"})
_SUMMARIES = frozenset({"delivery_report_sms", "delivery_report_mms"})

ERRORS = ErrorTable(
    carrier=NAME,
    title="Sinch",
    codes={
        "missing_auth_credentials": CarrierError(
            "account", "Sinch refused the credentials. Check BRIDGE_SINCH_API_TOKEN."
        ),
        "syntax_invalid_parameter_format": CarrierError(
            "permanent", f"Sinch does not take this number or text. {CHECK_NUMBER}"
        ),
        "402": CarrierError("permanent", f"Sinch found no way to this number. {CHECK_NUMBER}"),
        "403": CarrierError("permanent", "Sinch had a fault of its own. Send it again once."),
        "404": CarrierError("permanent", "The phone could not be reached. Try once more later."),
        "406": CarrierError("permanent", "The text could not be delivered in time. Send it again."),
        "408": CarrierError("permanent", f"Sinch refused the text. {OTHER_CHANNEL}"),
        "410": CarrierError("configuration", f"Sinch can't send from our number. {TELL_ADMIN}"),
        "411": CarrierError("permanent", "The text is too long. Send it again in shorter pieces."),
        "412": CarrierError(
            "configuration", f"Sinch has not switched texts to there on. {TELL_ADMIN}"
        ),
        "413": CarrierError("configuration", f"Sinch blocks the account. {TELL_ADMIN}"),
    },
)
_STATES: Mapping[str, DeliveryState] = {
    "queued": "queued",
    "dispatched": "sent",
    "delivered": "delivered",
    "aborted": "failed",
    "cancelled": "failed",
    "rejected": "failed",
    "deleted": "failed",
    "failed": "undelivered",
    "expired": "undelivered",
    "unknown": "sent",
}

CAPABILITIES = Capabilities(
    longest_text=1600,
    mms=MmsLimits(most_files=1, most_bytes=1_000_000, regions=(NORTH_AMERICA, AUSTRALIA)),
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    can_list=True,
    signs_time=True,
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 30.0},
)


class SinchSettings(CarrierSettings):
    """One service plan. Its callbacks are proven by a secret, or by user name and password."""

    service_plan_id: str = Field(
        pattern=r"^[0-9A-Za-z_-]{1,64}$", description="the id of the service plan"
    )
    api_token: RotatedToken = Field(description="the API token of the service plan")
    webhook_secret: RotatedToken | None = Field(
        None, min_length=8, description=f"the secret that callbacks are signed with: {TOKEN}"
    )
    webhook_username: str | None = Field(
        None, pattern=r"^[!-9;-~]{1,128}$", description="the user name that callbacks come with"
    )
    webhook_password: RotatedToken | None = Field(
        None, min_length=8, description=f"the password that they come with: {TOKEN}"
    )
    api_url: ApiUrl = Field("https://us.sms.api.sinch.com", description=API_URL)

    @model_validator(mode="after")
    def _check_proof(self) -> Self:
        if self.webhook_secret is None and None in {self.webhook_username, self.webhook_password}:
            raise ValueError(
                "expected BRIDGE_SINCH_WEBHOOK_SECRET, or BRIDGE_SINCH_WEBHOOK_USERNAME with "
                "BRIDGE_SINCH_WEBHOOK_PASSWORD: without one anybody could send texts in"
            )
        return self


class SinchCarrier:
    """One service plan as a `Carrier`."""

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()

    def __init__(self, *, settings: SinchSettings, tools: Tools) -> None:
        self._clock: Clock = tools.clock
        secret, password = settings.webhook_secret, settings.webhook_password
        self._secrets = () if secret is None else split_tokens(secret)
        self._logins = [
            (settings.webhook_username or "", one)
            for one in (() if password is None else split_tokens(password))
        ]
        self._plan = f"/xms/v1/{settings.service_plan_id}"
        logins = [f"Bearer {token}" for token in split_tokens(settings.api_token)]
        self._api = CarrierApi(
            http=tools.http,
            url=settings.api_url,
            logins=logins,
            errors=ERRORS,
            code_of=_code,
        )
        self.media = MediaSource(api_url=settings.api_url, logins=lambda: logins)

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature and its age; without a secret, user and password. Raises Forged."""
        if not self._secrets:
            check_basic(request, self._logins)
            return
        given = one_header(request, SIGNATURE)
        nonce = one_header(request, f"{SIGNATURE}-nonce")
        moment = one_header(request, f"{SIGNATURE}-timestamp")
        tail = f".{nonce}.{moment}".encode("utf-8", "surrogateescape")
        message = request.body + tail
        if not is_one_of(given, [base64_of(hmac_sha256(one, message)) for one in self._secrets]):
            raise Forged("token")
        check_age(moment, self._clock, window_s=WINDOW_S)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a callback: all kinds may come to one address. Raises BadRequest."""
        event = json_object(request)
        kind = event.required("type")
        if kind in _TEXTS:
            return [_text(event)]
        if kind in _REPORTS:
            return [_report(event, event, ref_of(request))]
        if kind in _SUMMARIES:
            return [_report(event, status, ref_of(request)) for status in event.each("statuses")]
        return []

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a callback. Raises BadRequest naming the field."""
        return self.parse_inbound(request)

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        body: object = text.body
        if text.media_urls:  # a batch of this type takes one address
            body = {"url": text.media_urls[0], "message": text.body}
        record = {
            "from": _bare(text.sender),
            "to": [_bare(text.customer)],
            "body": body,
            "type": "mt_media" if text.media_urls else "mt_text",
            "delivery_report": "per_recipient",
            "callback_url": text.status_url,
            "client_reference": text.ref,
        }
        answer = await self._api.send(f"{self._plan}/batches", record)
        accepted = _accepted(answer)
        if accepted is None:
            raise ERRORS.unknown("Sinch said yes but named no batch.")
        return accepted

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """The batch with our reference. Raises TryLater, Refused or CredentialsRefused."""
        query = [
            ("client_reference", text.ref),
            ("start_date", rfc3339(max(0, since_ms - 60_000))),
            ("page_size", str(_PAGE)),
        ]
        answer = await self._api.read(f"{self._plan}/batches", query)
        listed = answer.get("batches")
        if not isinstance(listed, list):
            raise TryLater(NAME, "Sinch's list of batches can't be read.")
        ours = (
            _accepted(one)
            for one in listed
            if isinstance(one, dict) and one.get("client_reference") == text.ref
        )
        return [accepted for accepted in ours if accepted is not None]

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Texts to these numbers that Sinch got since, oldest first.

        Raises TryLater, Refused or CredentialsRefused.
        """
        found: list[InboundText] = []
        for page in range(_MOST_PAGES):
            query = [
                ("to", ",".join(_bare(sender) for sender in senders)),
                ("start_date", rfc3339(since_ms)),
                ("page", str(page)),
                ("page_size", str(_PAGE)),
            ]
            answer = await self._api.read(f"{self._plan}/inbounds", query)
            listed = answer.get("inbounds")
            if not isinstance(listed, list):
                raise TryLater(NAME, "Sinch's list of texts can't be read.")
            found += _listed(listed, senders, since_ms)
            if len(listed) < _PAGE:
                break
        return sorted(found, key=lambda text: text.sent_at_ms or 0)

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials: the list of batches is asked for, with one entry at most."""
        del senders, public_url
        try:
            await self._api.read(f"{self._plan}/batches", [("page_size", "1")])
        except FarSideError as error:
            mend = "set BRIDGE_SINCH_SERVICE_PLAN_ID, _API_TOKEN and, for the region, _API_URL"
            return [Finding(check="sinch credentials", ok=False, detail=error.words, mend=mend)]
        return [Finding(check="sinch credentials", ok=True, detail="accepted")]


def _text(event: Fields) -> InboundText:
    customer, sender = read_parties(
        with_plus(event.required("from")), with_plus(event.required("to"))
    )
    media: tuple[Media, ...] = ()
    if isinstance(event.values.get("body"), dict):
        inner = event.inner("body")
        body = inner.text("message", longest=LONGEST_BODY) or inner.text("subject")
        media = tuple(_media(inner))
    else:
        body = event.body("body")
    return InboundText(
        carrier_id=event.required("id", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=body,
        media=media,
        sent_at_ms=event.time_ms("received_at"),
    )


def _media(body: Fields) -> Iterator[Media]:
    for item in body.each("media"):
        if item.text("url"):  # one that Sinch could not store has none
            kind = item.text("content_type") or "application/octet-stream"
            yield Media(url=item.required("url", longest=LONGEST_VALUE), content_type=kind)


def _listed(
    listed: Sequence[object], senders: Sequence[str], since_ms: int
) -> Iterator[InboundText]:
    for one in listed:
        try:
            text = _text(Fields(values=one if isinstance(one, dict) else {}))
        except BadRequest:
            continue  # a binary one, say
        if text.sender in senders and (text.sent_at_ms or 0) >= since_ms:
            yield text


def _report(event: Fields, status: Fields, ref: str | None) -> DeliveryReport:
    state = _STATES.get(status.required("status").lower(), "queued")
    code = status.text("code")
    failed = state in {"failed", "undelivered"}
    return DeliveryReport(
        carrier_id=event.required("batch_id", longest=LONGEST_ID),
        ref=ref or event.text("client_reference", longest=LONGEST_REF) or None,
        state=state,
        error=(code or None) if failed else None,
        reason=ERRORS.explain(code) if failed else None,
    )


def _accepted(batch: Mapping[str, object]) -> Accepted | None:
    carrier_id = batch.get("id")
    if not isinstance(carrier_id, str) or not carrier_id:
        return None
    return Accepted(carrier_id=carrier_id, state="queued")


def _code(answer: Mapping[str, object]) -> str:
    code = answer.get("code")
    return code if isinstance(code, str) else ""


def _bare(address: str) -> str:
    return display(address).removeprefix("+")


def build(settings: SinchSettings, tools: Tools) -> SinchCarrier:
    """The carrier of this service plan."""
    return SinchCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Sinch",
    settings=SinchSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
