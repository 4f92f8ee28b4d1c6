"""Vonage as a carrier, by either of its APIs: Messages (JSON, JWTs) or SMS (forms, `sig`).

One account may use both: each webhook is checked by the proof it carries, and both proofs are made
with the account's signature secret. docs/carriers/vonage.md says what is not certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.carriers import vonage_messages, vonage_sms
from bridge.carriers.api import CarrierApi, basic
from bridge.carriers.contract import (
    Accepted,
    Capabilities,
    CarrierSettings,
    Event,
    Finding,
    InboundText,
    OutgoingText,
    WebhookAnswer,
    WebhookRequest,
)
from bridge.carriers.fields import json_object
from bridge.carriers.media import MediaSource
from bridge.carriers.signing import one_header
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.carriers.vonage_errors import ERRORS, NAME
from bridge.domain.numbers import display
from bridge.errors import BadRequest, FarSideError, Forged
from bridge.http import HttpClient
from bridge.setting_types import (
    API_URL,
    TOKEN,
    ApiUrl,
    RotatedToken,
    Token,
    split_tokens,
)

CAPABILITIES = Capabilities(
    longest_text=3200,
    mms=None,
    delivery_reports=True,
    idempotency_key=False,
    can_find_sent=False,
    signs_time=True,
    joins_parts=False,
    webhook_methods=frozenset({"GET", "POST"}),
    pace={"long_code": 1.0, "toll_free": 3.0, "short_code": 30.0},
)


def _read_key(written: str) -> str:
    """Check that the file holds a private key. Raises ValueError."""
    try:
        text = Path(written).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ValueError from None
    if "PRIVATE KEY-----" not in text:
        raise ValueError
    return written


_MEDIA_HOSTS = frozenset({"api-us.nexmo.com", "api-eu.nexmo.com"})


class VonageSettings(CarrierSettings):
    """One Vonage account. With an application its sends carry that application's JWT."""

    api_key: str = Field(pattern=r"^[0-9A-Za-z]{1,64}$", description="the account's API key")
    api_secret: Token = Field(description="the account's API secret")
    signature_secret: RotatedToken = Field(
        min_length=8,
        description=f"the account's signature secret, 8 or more {TOKEN}; or two, parted by a comma",
    )
    signature_method: Literal["md5hash", "md5", "sha1", "sha256", "sha512"] = Field(
        "sha256", description="md5hash, md5, sha1, sha256 or sha512, as set in the account"
    )
    api: Literal["messages", "sms"] = Field("messages", description="messages or sms")
    application_id: str | None = Field(
        None, pattern=r"^[0-9A-Fa-f-]{8,64}$", description="the id of the application"
    )
    private_key_file: Annotated[str, AfterValidator(_read_key)] | None = Field(
        None, description="a file that can be read, with the application's private key"
    )
    api_url: ApiUrl = Field("https://api.nexmo.com", description=API_URL)
    sms_api_url: ApiUrl = Field("https://rest.nexmo.com", description=API_URL)

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.application_id is None) != (self.private_key_file is None):
            raise ValueError(
                "expected both BRIDGE_VONAGE_APPLICATION_ID and BRIDGE_VONAGE_PRIVATE_KEY_FILE, or "
                "neither"
            )
        return self


class VonageCarrier:
    """One Vonage account as a `Carrier`."""

    name = NAME
    capabilities = CAPABILITIES
    errors = ERRORS
    inbound_answer = WebhookAnswer()
    status_answer = WebhookAnswer()

    def __init__(self, *, settings: VonageSettings, tools: Tools) -> None:
        self._settings = settings
        self._clock = tools.clock
        self._secrets = split_tokens(settings.signature_secret)
        login = basic(settings.api_key, settings.api_secret.get_secret_value())
        self._sms = _api(tools.http, settings.sms_api_url, login)
        self._messages = _api(tools.http, settings.api_url, login)
        # Files of the Messages API; where "secure inbound media" is on they want more than we show.
        self.media = MediaSource(api_url=settings.api_url, hosts=_MEDIA_HOSTS)
        self._application = None
        if settings.application_id is not None and settings.private_key_file is not None:
            self._application = vonage_messages.Application(
                application_id=settings.application_id,
                private_key=SecretStr(Path(settings.private_key_file).read_text(encoding="ascii")),
                clock=tools.clock,
            )

    def verify(self, request: WebhookRequest) -> None:
        """Check the JWT where there is one, else `sig`. Raises Forged."""
        if "authorization" in request.headers:
            kind, _, token = one_header(request, "authorization").partition(" ")
            if kind.lower() != "bearer":
                raise Forged("missing")
            vonage_messages.check_token(
                token.strip(),
                request.body,
                secrets=self._secrets,
                api_key=self._settings.api_key,
                clock=self._clock,
            )
            return
        try:
            fields = vonage_sms.fields_of(request)
        except BadRequest as error:  # what can't be read can't be signed
            raise Forged("missing") from error
        vonage_sms.check_signature(
            fields,
            secrets=self._secrets,
            method=self._settings.signature_method,
            api_key=self._settings.api_key,
            clock=self._clock,
        )

    def parse_inbound(self, request: WebhookRequest) -> Sequence[Event]:
        """Read an inbound text of either API. Raises BadRequest naming the field."""
        if "authorization" in request.headers:
            return vonage_messages.parse(json_object(request))
        return vonage_sms.parse(vonage_sms.fields_of(request))

    def parse_report(self, request: WebhookRequest) -> Sequence[Event]:
        """Read a report of either API. Raises BadRequest naming the field."""
        return self.parse_inbound(request)

    async def send(self, text: OutgoingText) -> Accepted:
        """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
        if self._settings.api == "sms":
            return await vonage_sms.send(self._sms, text)
        return await vonage_messages.send(self._messages, self._application, text)

    async def find_sent(self, text: OutgoingText, *, since_ms: int) -> Sequence[Accepted]:
        """Nothing: the list of texts is a product of its own. Reports name our id."""
        del text, since_ms
        return ()

    async def list_inbound(self, *, since_ms: int, senders: Sequence[str]) -> Sequence[InboundText]:
        """Nothing: the list of texts is a product of its own."""
        del since_ms, senders
        return ()

    async def check(self, *, senders: Sequence[str], public_url: str) -> Sequence[Finding]:
        """Credentials, and where each number sends its texts."""
        try:
            answer = await self._sms.read("/account/numbers", [("size", "100")])
        except FarSideError as error:
            mend = "set BRIDGE_VONAGE_API_KEY and BRIDGE_VONAGE_API_SECRET as the dashboard says"
            return [Finding(check="vonage credentials", ok=False, detail=error.words, mend=mend)]
        listed = answer.get("numbers")
        numbers = {
            str(one.get("msisdn")): one
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, dict)
        }
        wanted = f"{public_url.rstrip('/')}/carriers/{NAME}/inbound"
        found = [Finding(check="vonage credentials", ok=True, detail="accepted")]
        for sender in senders:
            number = display(sender)
            entry = numbers.get(number.removeprefix("+"))
            goes_to = "" if entry is None else str(entry.get("moHttpUrl") or "")
            ok = entry is not None and (
                goes_to == wanted or bool(entry.get("app_id")) or not goes_to
            )
            detail = "the account does not own this number" if entry is None else "ours"
            if entry is not None and not ok:
                detail = "incoming texts go to another address"
            mend = f"see the number's settings in the dashboard; the address is {wanted}"
            found.append(
                Finding(
                    check=f"vonage number {number}", ok=ok, detail=detail, mend="" if ok else mend
                )
            )
        return found


def _api(http: HttpClient, url: str, login: str) -> CarrierApi:
    return CarrierApi(
        http=http, url=url, logins=[login], errors=ERRORS, code_of=vonage_messages.code_of
    )


def build(settings: VonageSettings, tools: Tools) -> VonageCarrier:
    """The carrier of this account."""
    return VonageCarrier(settings=settings, tools=tools)


SPEC = CarrierSpec(
    name=NAME,
    title="Vonage",
    settings=VonageSettings,
    capabilities=CAPABILITIES,
    errors=ERRORS,
    build=build,
)
