"""Infobip as a carrier: our own ids on what is sent, and webhooks that carry a secret address.

Facts: Infobip's pages on SMS and its API client. docs/carriers/infobip.md says what of them is not
certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from pydantic import Field

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
    Fields,
    json_object,
    read_parties,
    ref_of,
    with_plus,
)
from bridge.carriers.signing import check_secret_address, mark_of
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.domain.numbers import display
from bridge.errors import BadRequest, FarSideError, TryLater
from bridge.setting_types import API_URL, TOKEN, ApiUrl, RotatedToken, split_tokens

NAME = "infobip"
_ON_ITS_WAY = 2  # DELIVERED_TO_OPERATOR: of the group "delivered", and not delivered yet

ERRORS = ErrorTable(
    carrier=NAME,
    title="Infobip",
    codes={
        "UNAUTHORIZED": CarrierError(
            "account",
            "Infobip refused the credentials. Check BRIDGE_INFOBIP_API_KEY; texts wait until then.",
        ),
        "REJECTED_NOT_ENOUGH_CREDITS": CarrierError(
            "account", "The Infobip account has no credit left. Its owner has to fill it up."
        ),
        "REJECTED_NETWORK": CarrierError(
            "configuration", f"The Infobip account has no way to this network. {TELL_ADMIN}"
        ),
        "REJECTED_SOURCE": CarrierError(
            "configuration", f"Infobip does not let our number send. {TELL_ADMIN}"
        ),
        "REJECTED_SENDER": CarrierError(
            "configuration", f"Infobip does not let our number send. {TELL_ADMIN}"
        ),
        "REJECTED_PREFIX_MISSING": CarrierError(
            "permanent", f"Infobip knows no network for this number. {CHECK_NUMBER}"
        ),
        "REJECTED_DESTINATION": CarrierError(
            "permanent", f"Infobip lists this number as blocked. {OTHER_CHANNEL}"
        ),
        "REJECTED_DND": CarrierError(
            "opted_out",
            "The customer has opted out of texts. Nothing can be sent until they opt in again."
            f" {OTHER_CHANNEL}",
        ),
        "REJECTED_USER_OPTED_OUT": CarrierError(
            "opted_out",
            "The customer has opted out of texts from this number (STOP). Nothing can be sent"
            f" until they send START. {OTHER_CHANNEL}",
        ),
        "REJECTED_INVALID_DESTINATION": CarrierError(
            "permanent", f"Infobip says that this is not a valid phone number. {CHECK_NUMBER}"
        ),
        "EC_UNKNOWN_SUBSCRIBER": CarrierError(
            "permanent", f"No phone has this number. {CHECK_NUMBER}"
        ),
        "EC_ABSENT_SUBSCRIBER": CarrierError(
            "permanent", "The phone could not be reached. Try once more later."
        ),
        "EC_ILLEGAL_SUBSCRIBER": CarrierError(
            "permanent", f"The network does not let this phone receive texts. {OTHER_CHANNEL}"
        ),
    },
)
# Groups of statuses; 2 is "undeliverable", 5 "rejected".
_GROUPS: Mapping[int, DeliveryState] = {
    0: "sent",
    1: "sending",
    2: "undelivered",
    3: "delivered",
    4: "undelivered",
    5: "failed",
}

CAPABILITIES = Capabilities(
    longest_text=1600,
    mms=None,
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    finds_state=True,
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 30.0},
)


class InfobipSettings(CarrierSettings):
    """One Infobip account. `webhook_token` may hold two while one is rotated."""

    api_key: RotatedToken = Field(description=TOKEN)
    webhook_token: RotatedToken = Field(
        min_length=16,
        description="16 or more characters that nobody can guess, the same as in the address for "
        "incoming texts; or two with a comma between them",
    )
    api_url: ApiUrl = Field("https://api.infobip.com", description=API_URL)


class InfobipCarrier:
    """One Infobip account as a `Carrier`.

    What we send goes under our own id, so that its outcome can always be asked for.
    """

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()
    media = None

    def __init__(self, *, settings: InfobipSettings, tools: Tools) -> None:
        self._tokens = split_tokens(settings.webhook_token)
        self._api = CarrierApi(
            http=tools.http,
            url=settings.api_url,
            logins=[f"App {key}" for key in split_tokens(settings.api_key)],
            errors=ERRORS,
            code_of=_code,
        )

    def verify(self, request: WebhookRequest) -> None:
        """Check the address's secret, or for a report its mark. Raises Forged."""
        check_secret_address(request, self._tokens)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read incoming texts, of which there may be many. Raises BadRequest."""
        return [_text(one) for one in json_object(request).each("results")]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read delivery reports. Raises BadRequest naming the field."""
        ref = ref_of(request)
        return [_report(one, ref) for one in json_object(request).each("results")]

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        mark = urlencode({"mark": mark_of(self._tokens[0], text.ref)})
        message = {
            "sender": _bare(text.sender),
            "destinations": [{"to": _bare(text.customer), "messageId": text.ref}],
            "content": {"text": text.body},
            "webhooks": {
                "delivery": {"url": f"{text.status_url}&{mark}", "intermediateReport": True},
                "contentType": "application/json",
                "callbackData": text.ref,
            },
        }
        answer = await self._api.send("/sms/3/messages", {"messages": [message]})
        try:
            taken = Fields(values=answer).each("messages")[0]
            carrier_id = taken.required("messageId", longest=LONGEST_ID)
            state, code = _outcome(taken)
        except (BadRequest, IndexError) as fault:
            raise ERRORS.unknown("Infobip said yes but named no message.") from fault
        if state == "failed":  # rejected at once: it was never sent
            raise ERRORS.refusal(code or "")
        return Accepted(carrier_id=carrier_id, state=state, error=code)

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """The text under our id in the log. Raises TryLater, Refused or CredentialsRefused."""
        del since_ms
        answer = await self._api.read("/sms/3/logs", [("messageId", text.ref)])
        if "results" not in answer:
            raise TryLater(NAME, "Infobip's log can't be read.")
        try:
            listed = [_logged(one) for one in Fields(values=answer).each("results")]
        except BadRequest as fault:
            raise TryLater(NAME, "Infobip's log can't be read.") from fault
        return [one for one in listed if one.carrier_id == text.ref]

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: reading Infobip's inbox takes texts out of it."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials: the log is asked for, with one entry at most."""
        del senders, public_url
        try:
            await self._api.read("/sms/3/logs", [("limit", "1")])
        except FarSideError as error:
            mend = "set BRIDGE_INFOBIP_API_KEY, and BRIDGE_INFOBIP_API_URL to your base URL"
            return [Finding(check="infobip credentials", ok=False, detail=error.words, mend=mend)]
        return [Finding(check="infobip credentials", ok=True, detail="accepted")]


def _text(event: Fields) -> InboundText:
    customer, sender = read_parties(
        with_plus(event.required("from")), with_plus(event.required("to"))
    )
    return InboundText(
        carrier_id=event.required("messageId", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=event.body("text"),
        sent_at_ms=event.time_ms("receivedAt"),
    )


def _logged(message: Fields) -> Accepted:
    state, code = _outcome(message)
    return Accepted(
        carrier_id=message.required("messageId", longest=LONGEST_ID),
        state=state,
        error=code,
        reason=None if code is None else ERRORS.explain(code),
    )


def _report(event: Fields, ref: str | None) -> DeliveryReport:
    state, code = _outcome(event)
    failed = state in {"failed", "undelivered"}
    return DeliveryReport(
        carrier_id=event.required("messageId", longest=LONGEST_ID),
        ref=ref,
        state=state,
        error=code if failed else None,
        reason=ERRORS.explain(code or "") if failed else None,
    )


def _outcome(message: Fields) -> tuple[DeliveryState, str | None]:
    """State and the name of what went wrong; an unknown group neither moves a text back nor on."""
    status, error = message.inner("status"), message.inner("error")
    group = status.number("groupId", most=10**6)
    state = _GROUPS.get(group, "queued")
    if state == "delivered" and status.number("id", most=10**6, default=0) == _ON_ITS_WAY:
        state = "sent"
    if state not in {"failed", "undelivered"}:
        return state, None
    name = error.text("name")
    told = name if name and name != "NO_ERROR" else status.text("name")
    return state, told or None


def _code(answer: Mapping[str, object]) -> str:
    """The name of a fault: in the newest answers on top, in older ones further inside."""
    code = answer.get("errorCode")
    inner = answer.get("requestError")
    if code is None and isinstance(inner, dict) and isinstance(inner.get("serviceException"), dict):
        code = inner["serviceException"].get("messageId")
    return code if isinstance(code, str) else ""


def _bare(address: str) -> str:
    return display(address).removeprefix("+")


def build(settings: InfobipSettings, tools: Tools) -> InfobipCarrier:
    """The carrier of this account."""
    return InfobipCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Infobip",
    settings=InfobipSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
