"""Bandwidth (Messaging v2) as a carrier: webhooks are lists of events, behind a password.

Facts: Bandwidth's API pages and its SDK's models. docs/carriers/bandwidth.md says what of them is
not certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from bridge.carriers.api import CarrierApi, basic
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
    LONGEST_ID,
    LONGEST_REF,
    Fields,
    json_objects,
    read_parties,
)
from bridge.carriers.media import MediaSource
from bridge.carriers.signing import check_basic
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.clock import rfc3339
from bridge.domain.mms import MmsLimits
from bridge.domain.numbers import display
from bridge.errors import BadRequest, FarSideError, TryLater
from bridge.setting_types import API_URL, TOKEN, ApiUrl, RotatedToken, Token, split_tokens

NAME = "bandwidth"
_PAGE = 100
_CLOCKS_APART_MS = 60_000

ERRORS = ErrorTable(
    carrier=NAME,
    title="Bandwidth",
    page="https://dev.bandwidth.com/docs/messaging/errors/#{}",
    codes={
        "request-validation": CarrierError(
            "permanent", f"Bandwidth does not take this text or number. {CHECK_NUMBER}"
        ),
        "max-message-queue-size-exceeded": CarrierError(
            "later", "Bandwidth's queue for the account is full. The text is tried again by itself."
        ),
        "4470": CarrierError(
            "permanent",
            "Bandwidth filtered the text out as unwanted. Word it differently, without shortened"
            " links, or use another channel.",
        ),
        "4481": CarrierError("configuration", f"Bandwidth blocks our number. {TELL_ADMIN}"),
        "4482": CarrierError("permanent", f"Bandwidth blocks this number. {OTHER_CHANNEL}"),
        "4720": CarrierError("permanent", f"No phone has this number. {CHECK_NUMBER}"),
        "4721": CarrierError("permanent", f"This number is out of service. {CHECK_NUMBER}"),
        "4750": CarrierError("permanent", f"The network refused the text. {OTHER_CHANNEL}"),
        "4770": CarrierError(
            "permanent",
            "The network filtered the text out as unwanted. Word it differently, or use another"
            " channel.",
        ),
        "4775": CarrierError(
            "opted_out",
            "The customer has opted out of texts from this number (STOP). Nothing can be sent"
            f" until they send START. {OTHER_CHANNEL}",
        ),
        "4780": CarrierError(
            "permanent", "Our number has sent too much for this network. Send it again later."
        ),
        "4781": CarrierError(
            "permanent", "Our number has sent too much for this network. Send it again later."
        ),
        "4785": CarrierError(
            "permanent", "Our number has sent too much for this network. Send it again later."
        ),
        "4795": CarrierError(
            "configuration",
            f"Our toll-free number is not verified yet, so networks refuse its texts. {TELL_ADMIN}",
        ),
        "9902": CarrierError(
            "permanent",
            "The network did not say whether the text arrived. Ask the customer before sending it"
            " again.",
        ),
    },
)
_STATES: Mapping[str, DeliveryState] = {
    "message-sending": "sending",
    "message-sent": "sent",
    "message-delivered": "delivered",
    "message-read": "delivered",
    "message-failed": "failed",
}
_LISTED: Mapping[str, DeliveryState] = {
    "queued": "queued",
    "accepted": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
}
# "No receipt in time" and "unknown" are no proof of a failure.
_UNPROVEN = frozenset({"9902", "9999"})

CAPABILITIES = Capabilities(
    longest_text=2048,
    mms=MmsLimits(most_files=10, most_bytes=3_750_000),
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    finds_state=True,
    # The network does it for toll-free numbers; for all others Bandwidth leaves it to us.
    answers={"toll_free": {"STOP": frozenset({"STOP"}), "START": frozenset({"START", "UNSTOP"})}},
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 100.0},
)


class BandwidthSettings(CarrierSettings):
    """One Bandwidth account and messaging application."""

    account_id: str = Field(pattern=r"^[0-9A-Za-z-]{1,64}$", description="the account's id")
    username: str = Field(pattern=r"^[!-9;-~]{1,128}$", description="the API user's name")
    password: Token = Field(description="the API user's password")
    application_id: str = Field(
        pattern=r"^[0-9A-Za-z-]{1,64}$", description="the id of the messaging application"
    )
    webhook_username: str = Field(
        pattern=r"^[!-9;-~]{1,128}$", description="the user name set at the application's callbacks"
    )
    webhook_password: RotatedToken = Field(
        min_length=8,
        description=f"the password set there, 8 or more {TOKEN}; or two, parted by a comma",
    )
    api_url: ApiUrl = Field("https://messaging.bandwidth.com", description=API_URL)


class BandwidthCarrier:
    """One Bandwidth account as a `Carrier`."""

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()

    def __init__(self, *, settings: BandwidthSettings, tools: Tools) -> None:
        self._application = settings.application_id
        self._logins = [
            (settings.webhook_username, password)
            for password in split_tokens(settings.webhook_password)
        ]
        self._messages = f"/api/v2/users/{settings.account_id}/messages"
        logins = [basic(settings.username, settings.password.get_secret_value())]
        self._api = CarrierApi(
            http=tools.http,
            url=settings.api_url,
            logins=logins,
            errors=ERRORS,
            code_of=_code,
        )
        self.media = MediaSource(api_url=settings.api_url, logins=lambda: logins)

    def verify(self, request: WebhookRequest) -> None:
        """Check user and password; Bandwidth signs nothing. Raises Forged."""
        check_basic(request, self._logins)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a webhook: a list of events of any kind. Raises BadRequest."""
        return [event for one in json_objects(request) for event in _events(one)]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a webhook: a list of events of any kind. Raises BadRequest."""
        return self.parse_inbound(request)

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        record: dict[str, object] = {
            "applicationId": self._application,
            "from": display(text.sender),
            "to": [display(text.customer)],
            "text": text.body,
            "tag": text.ref,
        }
        if text.media_urls:
            record["media"] = list(text.media_urls)
        answer = await self._api.send(self._messages, record)
        carrier_id, segments = answer.get("id"), answer.get("segmentCount")
        if not isinstance(carrier_id, str) or not carrier_id:
            raise ERRORS.unknown("Bandwidth said yes but named no message.")
        return Accepted(
            carrier_id=carrier_id,
            state="queued",
            segments=segments if isinstance(segments, int) and segments > 0 else None,
        )

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Texts from this number to this customer since, oldest first.

        Bandwidth keeps no words: the caller knows which of these are others of ours. Raises
        TryLater, Refused or CredentialsRefused.
        """
        earliest_ms = since_ms // 1000 * 1000 - _CLOCKS_APART_MS
        query = [
            ("sourceTn", display(text.sender)),
            ("destinationTn", display(text.customer)),
            ("messageDirection", "OUTBOUND"),
            ("fromDateTime", rfc3339(earliest_ms)),
            ("limit", str(_PAGE)),
        ]
        answer = await self._api.read(self._messages, query)
        listed = answer.get("messages")
        if not isinstance(listed, list):
            raise TryLater(NAME, "Bandwidth's list of texts can't be read.")
        found = []
        for item in listed:
            message = Fields(values=item if isinstance(item, dict) else {})
            taken_ms, uid = message.time_ms("receiveTime"), message.values.get("messageId")
            if isinstance(uid, str) and taken_ms is not None and taken_ms >= earliest_ms:
                state = _LISTED.get(str(message.values.get("messageStatus")).lower(), "queued")
                found.append((taken_ms, Accepted(carrier_id=uid, state=state)))
        return [accepted for _, accepted in sorted(found, key=lambda one: one[0])]

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: Bandwidth keeps no words."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials: the list of texts is asked for, with one entry at most."""
        del senders, public_url
        try:
            await self._api.read(self._messages, [("messageDirection", "INBOUND"), ("limit", "1")])
        except FarSideError as error:
            mend = "set BRIDGE_BANDWIDTH_ACCOUNT_ID, _USERNAME and _PASSWORD as at Bandwidth"
            return [Finding(check="bandwidth credentials", ok=False, detail=error.words, mend=mend)]
        return [Finding(check="bandwidth credentials", ok=True, detail="accepted")]


def _events(event: Fields) -> Iterator[Event]:
    kind, message = event.required("type"), event.inner("message")
    if kind == "message-received":
        if message.required("direction") != "in":  # a text of ours must never come back in
            raise BadRequest(message.told("direction"), "in, for a text that was received")
        yield _text(event, message)
    elif kind in _STATES:
        yield _report(kind, event, message)


def _text(event: Fields, message: Fields) -> InboundText:
    customer, sender = read_parties(
        message.required("from"), message.text("owner") or event.required("to")
    )
    urls = message.values.get("media") or []
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise BadRequest(message.told("media"), "a list of addresses")
    return InboundText(
        carrier_id=message.required("id", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=message.text("text", longest=16_000) if urls else message.body("text"),
        # A .smil says how a phone lays the pictures out; nobody wants to see it.
        media=tuple(
            Media(url=url, content_type="application/octet-stream")
            for url in urls
            if not url.lower().endswith(".smil")
        ),
        sent_at_ms=message.time_ms("time") or event.time_ms("time"),
    )


def _report(kind: str, event: Fields, message: Fields) -> DeliveryReport:
    state = _STATES[kind]
    code = event.text("errorCode") or None
    if state == "failed" and code in _UNPROVEN:
        state = "sent"
    failed = state == "failed"
    return DeliveryReport(
        carrier_id=message.required("id", longest=LONGEST_ID),
        ref=message.text("tag", longest=LONGEST_REF) or None,
        state=state,
        error=code if failed else None,
        reason=ERRORS.explain(code or "") if failed else None,
    )


def _code(answer: Mapping[str, object]) -> str:
    code = answer.get("type")
    return code if isinstance(code, str) else ""


def build(settings: BandwidthSettings, tools: Tools) -> BandwidthCarrier:
    """The carrier of this account."""
    return BandwidthCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Bandwidth",
    settings=BandwidthSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
