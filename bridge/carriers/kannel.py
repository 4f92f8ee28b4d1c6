"""Kannel, the open SMS gateway, as a carrier: SMPP links and modems behind its smsbox.

Facts: Kannel's user guide for 1.4.5, and Debian's package of it with its fake SMSC
(tests/flows/test_kannel.py). Kannel takes only 200 and 202 for a success.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from pydantic import Field

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
    LONGEST_BODY,
    LONGEST_ID,
    LONGEST_REF,
    Fields,
    by_name,
    query_of,
    read_pairs,
    read_parties,
)
from bridge.carriers.signing import check_secret_address, mark_of
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.domain.numbers import display
from bridge.domain.segments import measure
from bridge.errors import BadRequest, CredentialsRefused, FarSideError
from bridge.http import Answer, CallFailed, HttpClient
from bridge.setting_types import NEAR_URL, NearUrl, RotatedToken, Token, split_tokens

NAME = "kannel"
SENDSMS = "/cgi-bin/sendsms"
_ALL_REPORTS = "31"  # delivered, not delivered, buffered, accepted and rejected by the SMSC
_UCS2 = "2"
_LATEST_S = 10**12

ERRORS = ErrorTable(
    carrier=NAME,
    title="Kannel",
    codes={
        "unauthorised": CarrierError(
            "account",
            "Kannel refused the credentials. Check BRIDGE_KANNEL_USERNAME and"
            " BRIDGE_KANNEL_PASSWORD; texts wait until then.",
        ),
        "unroutable": CarrierError(
            "configuration",
            f"Kannel has no link that takes texts from our number to this one. {TELL_ADMIN}",
        ),
        "denied": CarrierError(
            "configuration",
            "Kannel's lists or its sendsms-chars keep texts from going to this number."
            f" {TELL_ADMIN}",
        ),
        "no_sender": CarrierError(
            "configuration", f"Kannel takes no text without a sender. {TELL_ADMIN}"
        ),
        "no_receiver": CarrierError("permanent", f"There was no number to send to. {CHECK_NUMBER}"),
        "busy": CarrierError("later", "Kannel's queue is full. The text is tried again by itself."),
        "not_delivered": CarrierError(
            "permanent",
            "The network could not deliver the text: the phone may be off, or the number gone."
            " Try once more later.",
        ),
        "rejected": CarrierError("permanent", f"The network refused the text. {OTHER_CHANNEL}"),
    },
)
# What smsbox says in its answers (gw/smsbox.c), and the code that stands for it here.
_SAID = {
    "authorization failed": "unauthorised",
    "not routable": "unroutable",
    "denied by white": "denied",
    "sender missing": "no_sender",
    "missing receiver": "no_receiver",
    "temporal failure": "busy",
}
# The bits of a report (user guide, "Delivery reports").
_STATES: Mapping[str, tuple[DeliveryState, str | None]] = {
    "1": ("delivered", None),
    "2": ("undelivered", "not_delivered"),
    "4": ("sent", None),
    "8": ("sent", None),
    "16": ("failed", "rejected"),
    "32": ("sent", None),
}

CAPABILITIES = Capabilities(
    longest_text=670,  # ten parts of 67, which is what `max-messages = 10` lets through
    mms=None,
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=False,
    webhook_methods=frozenset({"GET", "POST"}),
)


class KannelSettings(CarrierSettings):
    """One sendsms user of one smsbox."""

    api_url: NearUrl = Field("http://127.0.0.1:13013", description=NEAR_URL)
    username: str = Field(
        pattern=r"^[!-~]{1,128}$", description="the username of a sendsms-user group"
    )
    password: Token = Field(description="the password of that group")
    webhook_token: RotatedToken = Field(
        min_length=16,
        description="16 or more characters that nobody can guess, the same as in post-url; or two "
        "with a comma between them",
    )
    smsc: str | None = Field(
        None, pattern=r"^[!-~]{1,64}$", description="the smsc-id of the link to send through"
    )
    country: str | None = Field(
        None,
        pattern=r"^[A-Z]{2}$",
        description="two capital letters: where numbers without a country code belong",
    )


class KannelCarrier:
    """One Kannel as a `Carrier`.

    Its callbacks carry no signature: a secret in the address stands for one. Its answer to a send
    names no id, so ours is the text's id there.
    """

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()
    media = None

    def __init__(self, *, settings: KannelSettings, http: HttpClient) -> None:
        self._settings = settings
        self._http = http
        self._tokens = split_tokens(settings.webhook_token)

    def verify(self, request: WebhookRequest) -> None:
        """Check the address's secret, or for a report its mark. Raises Forged."""
        check_secret_address(request, self._tokens)

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read an inbound text. Raises BadRequest naming the field."""
        pairs = read_pairs(query_of(request.url))
        fields = by_name(pair for pair in pairs if pair[0] != b"text")
        raw = request.body if request.method.upper() == "POST" else dict(pairs).get(b"text")
        if raw is None:
            raise BadRequest("text", "the words of a text, which may be empty")
        customer, sender = read_parties(
            fields.required("from"),
            fields.required("to"),
            countries=(self._settings.country, None),
        )
        sent_s = fields.number("time", most=_LATEST_S, default=0)
        text = InboundText(
            carrier_id=fields.required("id", longest=LONGEST_ID),
            sender=sender,
            customer=customer,
            body=_decode(raw, fields.text("charset") or "UTF-8"),
            sent_at_ms=sent_s * 1000 or None,
        )
        return [text]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a delivery report. Raises BadRequest naming the field."""
        fields: Fields = by_name(read_pairs(query_of(request.url)))
        ref = fields.required("ref", longest=LONGEST_REF)
        state, code = _STATES.get(fields.required("status"), ("queued", None))
        report = DeliveryReport(
            carrier_id=ref,
            ref=ref,
            state=state,
            error=code,
            reason=None if code is None else ERRORS.explain(code),
        )
        return [report]

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        measured = measure(text.body)
        headers = {
            **self._login(),
            "x-kannel-from": display(text.sender),
            "x-kannel-to": display(text.customer),
            "x-kannel-charset": "UTF-8",
            # Without it Kannel turns what GSM-7 lacks into question marks.
            "x-kannel-coding": _UCS2 if measured.encoding == "UCS-2" else "0",
            "x-kannel-dlr-mask": _ALL_REPORTS,
            "x-kannel-dlr-url": self._report_url(text),
        }
        if self._settings.smsc is not None:
            headers["x-kannel-smsc"] = self._settings.smsc
        try:
            answer = await self._call(headers, text.body.encode())
        except CallFailed as failed:
            raise ERRORS.no_answer(failed, sending=True) from failed
        if answer.status != 202:
            raise _failure(answer)
        return Accepted(carrier_id=text.ref, state="queued", segments=measured.segments)

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Nothing: Kannel keeps no list. Its delivery reports name our id."""
        del text, since_ms
        return ()

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: Kannel keeps no list."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Whether smsbox answers and knows the user: asked without a receiver, it sends nothing."""
        del senders, public_url
        check = "kannel sendsms"
        mend = "see that bearerbox and smsbox run, and the sendsms-user group of kannel.conf"
        try:
            answer = await self._call(self._login(), b"")
        except CallFailed as failed:
            return [Finding(check=check, ok=False, detail=failed.words, mend=mend)]
        failure = _failure(answer)
        if isinstance(failure, CredentialsRefused):
            return [Finding(check=check, ok=False, detail=failure.words, mend=mend)]
        if _code(answer) != "no_receiver":
            detail = f"no smsbox: HTTP {answer.status}"
            return [Finding(check=check, ok=False, detail=detail, mend=mend)]
        return [Finding(check=check, ok=True, detail="smsbox answers and knows the user")]

    def _login(self) -> dict[str, str]:
        return {
            "content-type": "text/plain; charset=UTF-8",
            "x-kannel-username": self._settings.username,
            "x-kannel-password": self._settings.password.get_secret_value(),
        }

    async def _call(self, headers: Mapping[str, str], body: bytes) -> Answer:
        url = f"{self._settings.api_url}{SENDSMS}"
        return await self._http.call("POST", url, headers=headers, body=body)

    def _report_url(self, text: OutgoingText) -> str:
        """Where reports go; Kannel fills in what follows a percent sign."""
        mark = urlencode({"mark": mark_of(self._tokens[0], text.ref)})
        return f"{text.status_url}&{mark}&status=%d&answer=%A&time=%T"


def _decode(raw: bytes, charset: str) -> str:
    """The words as Kannel hands them on: UTF-8, raw UTF-16BE, or bytes of any kind (8-BIT)."""
    if len(raw) > 4 * LONGEST_BODY:
        raise BadRequest("text", f"at most {LONGEST_BODY} characters")
    try:
        name = "utf-8" if charset.upper() == "8-BIT" else codecs.lookup(charset).name
    except LookupError as error:
        raise BadRequest("charset", "UTF-8, UTF-16BE or 8-BIT") from error
    if name not in {"utf-8", "utf-16-be", "iso8859-1"}:
        raise BadRequest("charset", "UTF-8, UTF-16BE or 8-BIT")
    text = raw.decode(name, "replace").replace("\0", "")
    if len(text) > LONGEST_BODY:
        raise BadRequest("text", f"at most {LONGEST_BODY} characters")
    return text


def _code(answer: Answer) -> str:
    said = answer.body[:512].decode("utf-8", "replace").lower()
    return next((code for words, code in _SAID.items() if words in said), "")


def _failure(answer: Answer) -> FarSideError:
    code = _code(answer)
    if code == "busy":  # a 503, and Kannel says in words that it took nothing
        return ERRORS.refusal(code)
    if answer.status == 404:  # not a smsbox, or its sendsms-url is another
        return CredentialsRefused(
            NAME, "Kannel has no such address. Check BRIDGE_KANNEL_API_URL.", code="HTTP 404"
        )
    return ERRORS.failure(answer, code, sending=True)


def build(settings: KannelSettings, tools: Tools) -> KannelCarrier:
    """The carrier of this account."""
    return KannelCarrier(settings=settings, http=tools.http)


SPEC = CarrierSpec(
    name=NAME,
    title="Kannel",
    settings=KannelSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
