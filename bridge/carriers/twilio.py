"""Twilio, as a carrier: webhooks checked and read, texts sent and looked for.

Facts: Twilio's OpenAPI description of the 2010-04-01 API and its messaging webhook pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr

from bridge.carriers import twilio_signature, twilio_webhooks
from bridge.carriers.contract import (
    Accepted,
    Capabilities,
    CarrierSettings,
    Event,
    Finding,
    InboundText,
    OptOutWord,
    OutgoingText,
    SenderKind,
    WebhookAnswer,
    WebhookRequest,
)
from bridge.carriers.errors import as_object
from bridge.carriers.media import MediaSource
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.carriers.twilio_api import NAME, RETRIES, TwilioApi, failure, seconds_of
from bridge.carriers.twilio_check import check_account
from bridge.carriers.twilio_errors import TABLE
from bridge.carriers.twilio_list import list_texts_to
from bridge.clock import Clock
from bridge.domain.mms import AUSTRALIA, NORTH_AMERICA, OTHERS, PICTURES, MmsLimits
from bridge.domain.numbers import display
from bridge.errors import Forged, OutcomeUnknown, TryLater
from bridge.http import CallFailed, HttpClient
from bridge.setting_types import API_URL, ApiUrl, RotatedToken, split_tokens

_PAGE_SIZE = 200
_MOST_PAGES = 5
_CLOCKS_APART_S = 60  # how far Twilio's clock may be behind ours

# A text of only one of these words, in any case, Twilio answers by itself; it says so of long
# codes and toll-free numbers. A short code gets nothing of this.
_WORDS: dict[OptOutWord, frozenset[str]] = {
    "STOP": frozenset(
        {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
    ),
    "START": frozenset({"START", "YES", "UNSTOP"}),
    "HELP": frozenset({"HELP", "INFO"}),
}
_ANSWERS: dict[SenderKind, Mapping[OptOutWord, frozenset[str]]] = {
    "long_code": _WORDS,
    "toll_free": _WORDS,
    "short_code": {},
}

CAPABILITIES = Capabilities(
    longest_text=1600,
    # JPEG, PNG and GIF are made to fit; of other types a network takes little.
    mms=MmsLimits(
        most_files=10,
        most_bytes=5_000_000,
        types=PICTURES | OTHERS,
        smaller=dict.fromkeys(OTHERS, 600_000),
        toll_free_bytes=600_000,
        regions=(NORTH_AMERICA, AUSTRALIA),
    ),
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=True,
    finds_state=True,
    can_list=True,
    webhook_methods=frozenset({"GET", "POST"}),
    answers=_ANSWERS,
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 100.0},
)

# Where the API's media addresses lead by redirect; those carry a signature of their own.
MEDIA_HOSTS = frozenset(
    {"api.twilio.com", "media.twiliocdn.com", "mms.twiliocdn.com", "mcs.us1.twilio.com"}
)


def _split_keys(written: SecretStr) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in written.get_secret_value().split(","))
    return {name: secret for name, _, secret in pairs}


def _check_keys(written: SecretStr) -> SecretStr:
    keys = _split_keys(written)
    if not all(re.fullmatch(r"[!-~]+", part) for pair in keys.items() for part in pair):
        raise ValueError
    return written


class TwilioSettings(CarrierSettings):
    """One Twilio account. `auth_token` may hold two while one is rotated."""

    account_sid: str = Field(
        pattern=r"^AC[0-9A-Za-z]{1,62}$",
        description="the account's SID: AC and 32 further characters",
    )
    auth_token: RotatedToken = Field(
        description="the account's auth token, or two with a comma between them"
    )
    messaging_service_sid: str | None = Field(
        None,
        pattern=r"^MG[0-9A-Za-z]{1,62}$",
        description="the SID of the messaging service that all our numbers belong to: MG and 32 "
        "further characters",
    )
    shared_keys: Annotated[SecretStr, AfterValidator(_check_keys)] | None = Field(
        None,
        description="shared keys that webhooks may be signed with, as ID=SECRET, parted by commas",
    )
    api_url: ApiUrl = Field("https://api.twilio.com", description=API_URL)


class TwilioCarrier:
    """One Twilio account as a `Carrier`.

    `shared_keys` are secrets by key id, for webhooks that Twilio signs with a shared key.
    """

    name = NAME
    capabilities = CAPABILITIES
    errors = TABLE
    inbound_answer = WebhookAnswer(
        content_type="text/xml", body=b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
    )
    status_answer = WebhookAnswer()

    def __init__(
        self,
        *,
        account_sid: str,
        auth_tokens: Sequence[str],
        api_url: str,
        public_url: str,
        http: HttpClient,
        clock: Clock,
        shared_keys: Mapping[str, str] | None = None,
        messaging_service_sid: str | None = None,
    ) -> None:
        self._service = messaging_service_sid
        self._account_sid = account_sid
        self._tokens = tuple(auth_tokens)
        self._keys = dict(shared_keys or {})
        self._api_url = api_url
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._api = TwilioApi(
            account_sid=account_sid, auth_tokens=auth_tokens, api_url=api_url, http=http
        )
        self.media = MediaSource(
            api_url=api_url, hosts=MEDIA_HOSTS, logins=lambda: self._api.logins
        )

    def status_url(self, ref: str) -> str:
        """The callback address of one text; unreserved characters only, since it gets signed."""
        return f"{self._public_url}/carriers/{NAME}/status?ref={quote(ref, safe='')}"

    def verify(self, request: WebhookRequest) -> None:
        """Check signature and account. Raises Forged.

        What is signed with our token but speaks of another account is refused here, not as
        malformed: whatever it is, it is not ours to store or to explain.
        """
        twilio_signature.verify(request, tokens=self._tokens, keys=self._keys)
        if twilio_webhooks.accounts_named(request) - {self._account_sid.encode()}:
            raise Forged("account")

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read an inbound text. Raises BadRequest naming the field."""
        return [twilio_webhooks.parse_inbound(request)]

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a delivery report. Raises BadRequest naming the field."""
        return [twilio_webhooks.parse_report(request)]

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        form = [("To", display(text.customer)), ("From", display(text.sender))]
        if text.body or not text.media_urls:
            form.append(("Body", text.body))
        if self._service is not None:
            form.append(("MessagingServiceSid", self._service))
        form.append(("StatusCallback", f"{text.status_url}#{RETRIES}"))
        form += [("MediaUrl", url) for url in text.media_urls]
        try:
            answer = await self._api.post("/Messages.json", form)
        except CallFailed as failed:
            raise TABLE.no_answer(failed, sending=True) from failed
        if not 200 <= answer.status < 300:
            raise failure(answer, sending=True)
        accepted = _accepted(as_object(answer))
        if accepted is None:
            raise OutcomeUnknown(NAME, "Twilio said yes but named no message.")
        return accepted

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Texts on Twilio's list like this one, created since, oldest first.

        The clocks may differ by a minute, so texts of the minute before are among them: the
        caller knows which of those it has sent itself.
        Twilio can filter only by the day of sending, which a queued text has not, so times are
        compared here. Raises TryLater, Refused or CredentialsRefused.
        """
        earliest_s = since_ms // 1000 - _CLOCKS_APART_S  # their times are whole seconds
        found: list[tuple[float, Accepted]] = []
        uri: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(text, uri)
            listed = page.get("messages")
            if not isinstance(listed, list):
                raise TryLater(NAME, "Twilio's list of texts can't be read.")
            found += _alike(listed, text, earliest_s)
            following = page.get("next_page_uri")
            if not isinstance(following, str) or not following:
                break
            uri = following
        else:
            if not found:  # "not there" would be a guess, and a wrong one sends the text twice
                raise TryLater(NAME, "Twilio's list of texts to this customer is too long.")
        return [accepted for _, accepted in sorted(found, key=lambda item: item[0])]

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Texts to these numbers on Twilio's list since, oldest first.

        Raises TryLater, Refused or CredentialsRefused.
        """
        found: list[InboundText] = []
        for sender in senders:
            found += await list_texts_to(self._api, sender, since_ms=since_ms)
        return sorted(found, key=lambda text: text.sent_at_ms or 0)

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials, account, clock, and each sender's webhook address."""
        return await check_account(self._api, self._clock, senders=senders, public_url=public_url)

    async def _page(self, text: OutgoingText, uri: str | None) -> Mapping[str, object]:
        query = [
            ("To", display(text.customer)),
            ("From", display(text.sender)),
            ("PageSize", str(_PAGE_SIZE)),
        ]
        return await self._api.read("/Messages.json", query, page=uri)


def _accepted(message: Mapping[str, object]) -> Accepted | None:
    sid = message.get("sid")
    if not isinstance(sid, str) or not sid:
        return None
    status = str(message.get("status") or "queued").lower()
    error = twilio_webhooks.error_code(message.get("error_code"))
    segments = str(message.get("num_segments") or "0")
    return Accepted(
        carrier_id=sid,
        state=twilio_webhooks.STATES.get(status, "queued"),
        # "0" is what a messaging service says before it has chosen a sender
        segments=int(segments) if segments.isdecimal() and int(segments) > 0 else None,
        error=error,
        reason=twilio_webhooks.reason_of(status, error),
    )


def _alike(
    listed: Sequence[object], text: OutgoingText, earliest_s: int
) -> Iterator[tuple[float, Accepted]]:
    for message in listed:
        if not isinstance(message, dict) or not _is_like(message, text):
            continue
        accepted = _accepted(message)
        created_s = seconds_of(message.get("date_created"))
        if accepted is not None and created_s is not None and created_s >= earliest_s:
            yield created_s, accepted


def _is_like(message: Mapping[str, object], text: OutgoingText) -> bool:
    return (
        str(message.get("direction")).startswith("outbound")
        and message.get("to") == display(text.customer)
        and message.get("from") == display(text.sender)
        and _bare(str(message.get("body") or "")) == _bare(text.body)
    )


def _bare(body: str) -> str:
    # White space around a text and the kind of its line breaks may change on the way.
    return body.replace("\r\n", "\n").strip()


def build(settings: TwilioSettings, tools: Tools) -> TwilioCarrier:
    """The carrier of this account."""
    return TwilioCarrier(
        account_sid=settings.account_sid,
        auth_tokens=split_tokens(settings.auth_token),
        api_url=settings.api_url,
        public_url=tools.public_url,
        shared_keys=None if settings.shared_keys is None else _split_keys(settings.shared_keys),
        messaging_service_sid=settings.messaging_service_sid,
        http=tools.http,
        clock=tools.clock,
    )


SPEC = CarrierSpec(
    name=NAME,
    title="Twilio",
    settings=TwilioSettings,
    capabilities=CAPABILITIES,
    errors=TABLE,
    build=build,
)
