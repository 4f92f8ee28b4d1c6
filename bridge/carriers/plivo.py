"""Plivo as a carrier: webhooks signed over address and fields (V3) or address alone (V2).

Facts: Plivo's pages on messaging and its SDK. docs/carriers/plivo.md says what is not certain.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

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
    form,
    query_of,
    read_pairs,
    read_parties,
    ref_of,
    with_plus,
)
from bridge.carriers.media import MediaSource
from bridge.carriers.signing import (
    Parts,
    base64_of,
    check_address,
    hmac_sha256,
    is_one_of,
    with_and_without_port,
)
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.clock import rfc3339
from bridge.domain.mms import MmsLimits
from bridge.domain.numbers import display
from bridge.errors import FarSideError, Forged, TryLater
from bridge.setting_types import API_URL, ApiUrl, RotatedToken, split_tokens

NAME = "plivo"
V3, V2 = "x-plivo-signature-v3", "x-plivo-signature-v2"
MOST_MEDIA = 50
_PAGE = 20
_CLOCKS_APART_MS = 60_000
_NONCES_KEPT = 10_000
_INTENTS: Mapping[str, OptOutWord] = {"optout": "STOP", "optin": "START", "help": "HELP"}

ERRORS = ErrorTable(
    carrier=NAME,
    title="Plivo",
    page="https://www.plivo.com/docs/messaging/troubleshooting/error-codes#{}",
    codes={
        "10": CarrierError("permanent", "Plivo says that the text is not valid. Word it anew."),
        "20": CarrierError("permanent", "The network was out of order. Send it again once."),
        "30": CarrierError(
            "permanent",
            "The network filtered the text out as unwanted. Word it differently, without shortened"
            " links, or use another channel.",
        ),
        "40": CarrierError(
            "configuration", f"Our number can't send this text, says Plivo. {TELL_ADMIN}"
        ),
        "50": CarrierError("permanent", f"No phone has this number. {CHECK_NUMBER}"),
        "60": CarrierError("permanent", "The phone could not be reached. Try once more later."),
        "70": CarrierError("permanent", f"This phone can't receive texts now. {OTHER_CHANNEL}"),
        "80": CarrierError(
            "landline", f"This number is a landline, or can't be reached by text. {OTHER_CHANNEL}"
        ),
        "90": CarrierError(
            "configuration", f"The Plivo account may not send this text. {TELL_ADMIN}"
        ),
        "200": CarrierError(
            "opted_out",
            "The customer has opted out of texts from this number (STOP). Nothing can be sent"
            f" until they send START. {OTHER_CHANNEL}",
        ),
        "1000": CarrierError(
            "permanent", "The network did not say why the text failed. Send it again once."
        ),
    },
)
_STATES: Mapping[str, DeliveryState] = {
    "queued": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "rejected": "failed",
}

CAPABILITIES = Capabilities(
    longest_text=1600,
    mms=MmsLimits(most_files=10, most_bytes=5_000_000),
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    finds_state=True,
    webhook_methods=frozenset({"GET", "POST"}),
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 100.0},
)


_MEDIA_HOSTS = frozenset({"media.plivo.com"})


class PlivoSettings(CarrierSettings):
    """One Plivo account. `auth_token` may hold two while one is rotated."""

    auth_id: str = Field(pattern=r"^[MS]A[0-9A-Z]{1,62}$", description="the account's Auth ID")
    auth_token: RotatedToken = Field(
        description="the account's Auth Token, or two with a comma between them"
    )
    api_url: ApiUrl = Field("https://api.plivo.com", description=API_URL)


class PlivoCarrier:
    """One Plivo account as a `Carrier`."""

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()

    def __init__(self, *, settings: PlivoSettings, tools: Tools) -> None:
        self._tokens = split_tokens(settings.auth_token)
        self._account = f"/v1/Account/{settings.auth_id}"
        self._nonces: OrderedDict[str, bytes] = OrderedDict()
        logins = [basic(settings.auth_id, token) for token in self._tokens]
        self._api = CarrierApi(
            http=tools.http,
            url=settings.api_url,
            logins=logins,
            errors=ERRORS,
            code_of=_code,
        )
        self.media = MediaSource(
            api_url=settings.api_url, hosts=_MEDIA_HOSTS, logins=lambda: logins
        )

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature: V3 where there is one, else V2. Raises Forged.

        V2 says nothing of the fields, so a nonce is good for one body only: as it came first.
        """
        headers = request.headers
        version = V3 if V3 in headers or V3.replace("-v3", "-ma-v3") in headers else V2
        names = (version, version.replace("-v", "-ma-v"))
        given = [
            one.strip()
            for name in names
            for one in headers.get(name, "").split(",")  # V3 may bring several
            if one.strip()
        ]
        nonce = headers.get(f"{version}-nonce", "")
        if not given or not nonce:
            raise Forged("missing")

        def matches(parts: Parts) -> bool:
            expected = [
                sign_v3(token, request, spelt, nonce)
                if version == V3
                else sign_v2(token, spelt, nonce)
                for token in self._tokens
                for spelt in with_and_without_port(parts)
            ]
            found = False
            for one in given:
                found |= is_one_of(one, expected)
            return found

        check_address(request, matches)
        if version == V2:
            self._check_nonce(nonce, request)

    def _check_nonce(self, nonce: str, request: WebhookRequest) -> None:
        said = hashlib.sha256(query_of(request.url) + b"\0" + request.body).digest()
        if not hmac.compare_digest(self._nonces.setdefault(nonce, said), said):
            raise Forged("nonce")
        if len(self._nonces) > _NONCES_KEPT:
            self._nonces.popitem(last=False)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read an inbound text. Raises BadRequest naming the field."""
        fields = form(request)
        customer, sender = read_parties(
            with_plus(fields.required("From")), with_plus(fields.required("To"))
        )
        text = InboundText(
            carrier_id=fields.required("MessageUUID", longest=LONGEST_ID),
            sender=sender,
            customer=customer,
            body=fields.body("Body" if "Body" in fields.values else "Text"),
            media=tuple(_media(fields)),
            carrier_handled=_INTENTS.get(fields.text("MessageIntent").lower()),
        )
        return [text]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a delivery report. Raises BadRequest naming the field."""
        fields = form(request)
        status = fields.required("Status").lower()
        code = fields.text("ErrorCode").strip()
        error = code if code.strip("0") else None
        state = _STATES.get(status, "queued")
        failed = state in {"failed", "undelivered"}
        report = DeliveryReport(
            carrier_id=fields.required("MessageUUID", longest=LONGEST_ID),
            ref=ref_of(request),
            state=state,
            error=error if failed else None,
            reason=ERRORS.explain(error or "") if failed else None,
        )
        return [report]

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        record: dict[str, object] = {
            "src": _bare(text.sender),
            "dst": _bare(text.customer),
            "text": text.body,
            "type": "mms" if text.media_urls else "sms",
            "url": text.status_url,
            "method": "POST",
            "log": "true",
        }
        if text.media_urls:
            record["media_urls"] = list(text.media_urls)
        answer = await self._api.send(f"{self._account}/Message/", record)
        ids = answer.get("message_uuid")
        first = ids[0] if isinstance(ids, list) and ids else ids
        if not isinstance(first, str) or not first:
            raise ERRORS.unknown("Plivo said yes but named no message.")
        return Accepted(carrier_id=first, state="queued")

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Texts from this number to this customer since, oldest first.

        Plivo's list shows no words: the caller knows which of these are others of ours. Raises
        TryLater, Refused or CredentialsRefused.
        """
        earliest_ms = since_ms // 1000 * 1000 - _CLOCKS_APART_MS
        query = [
            ("from_number", _bare(text.sender)),
            ("to_number", _bare(text.customer)),
            ("message_direction", "outbound"),
            ("message_time__gte", rfc3339(earliest_ms)[:19].replace("T", " ")),
            ("limit", str(_PAGE)),
        ]
        answer = await self._api.read(f"{self._account}/Message/", query)
        listed = answer.get("objects")
        if not isinstance(listed, list):
            raise TryLater(NAME, "Plivo's list of texts can't be read.")
        found = []
        for item in listed:
            message = Fields(values=item if isinstance(item, dict) else {})
            sent_ms, uuid = message.time_ms("message_time"), message.values.get("message_uuid")
            if isinstance(uuid, str) and sent_ms is not None and sent_ms >= earliest_ms:
                state = _STATES.get(str(message.values.get("message_state")).lower(), "queued")
                found.append((sent_ms, Accepted(carrier_id=uuid, state=state)))
        return [accepted for _, accepted in sorted(found, key=lambda one: one[0])]

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: Plivo's list has no words."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials, and for each number whether the account has it."""
        del public_url
        try:
            await self._api.read(f"{self._account}/")
        except FarSideError as error:
            mend = "set BRIDGE_PLIVO_AUTH_ID and BRIDGE_PLIVO_AUTH_TOKEN as the console shows them"
            return [Finding(check="plivo credentials", ok=False, detail=error.words, mend=mend)]
        return [
            Finding(check="plivo credentials", ok=True, detail="accepted"),
            *[await self._number(sender) for sender in senders],
        ]

    async def _number(self, sender: str) -> Finding:
        check = f"plivo number {display(sender)}"
        try:
            number = await self._api.read(f"{self._account}/Number/{_bare(sender)}/")
        except FarSideError as error:
            mend = "buy it at Plivo, or take the sender out of the settings file"
            return Finding(check=check, ok=False, detail=error.words, mend=mend)
        if not number.get("application"):
            mend = "give it an application whose message URL is /carriers/plivo/inbound"
            return Finding(check=check, ok=False, detail="it has no application", mend=mend)
        return Finding(check=check, ok=True, detail="ours, with an application")


def sign_v2(token: str, parts: Parts, nonce: str) -> str:
    """The V2 signature of an address: without its query, and without a word of the body."""
    base = parts._replace(path=parts.path.partition("?")[0]).whole
    return base64_of(hmac_sha256(token, _encode(base) + _encode(nonce)))


def sign_v3(token: str, request: WebhookRequest, parts: Parts, nonce: str) -> str:
    """The V3 signature of a request as it came to this address (plivo.utils.signature_v3)."""
    path, _, asked = parts.path.partition("?")
    query = sorted(read_pairs(_encode(asked)))
    said = b"&".join(name + b"=" + value for name, value in query)
    message = _encode(parts._replace(path=path).whole)
    if request.method.upper() == "POST":
        fields = sorted(read_pairs(request.body))
        if said or fields:
            message += b"?" + said
        if said and fields:
            message += b"."
        message += b"".join(name + value for name, value in fields)
    elif said:
        message += b"?" + said
    return base64_of(hmac_sha256(token, message + b"." + _encode(nonce)))


def _media(fields: Fields) -> Iterator[Media]:
    count = fields.number("MediaCount", most=MOST_MEDIA, default=0)
    first = 0 if "Media0" in fields.values else 1
    for number in range(first, first + count):
        url = fields.required(f"Media{number}", longest=LONGEST_VALUE)
        yield Media(url=url, content_type="application/octet-stream")


def _code(answer: Mapping[str, object]) -> str:
    code = answer.get("error_code")
    return str(cast("object", code)) if isinstance(code, int | str) else ""


def _bare(address: str) -> str:
    return display(address).removeprefix("+")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def build(settings: PlivoSettings, tools: Tools) -> PlivoCarrier:
    """The carrier of this account."""
    return PlivoCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Plivo",
    settings=PlivoSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
