"""Vonage's Messages API: JSON, with JSON Web Tokens in both directions."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from bridge.carriers.api import CarrierApi
from bridge.carriers.contract import (
    Accepted,
    DeliveryReport,
    DeliveryState,
    Event,
    InboundText,
    Media,
    OutgoingText,
)
from bridge.carriers.fields import (
    LONGEST_BODY,
    LONGEST_ID,
    LONGEST_REF,
    LONGEST_VALUE,
    Fields,
    read_parties,
    with_plus,
)
from bridge.carriers.signing import check_age
from bridge.carriers.vonage_errors import ERRORS
from bridge.carriers.vonage_sms import WINDOW_S
from bridge.clock import Clock
from bridge.domain.numbers import display
from bridge.errors import Forged
from bridge.ids import new_id

TOKEN_LIVES_S = 300
_CHANNELS = frozenset({"sms", "mms"})  # others have rules of their own: an SMS is no answer there
_MEDIA = ("image", "video", "audio", "file", "vcard")
_STATES: Mapping[str, DeliveryState] = {
    "submitted": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "rejected": "failed",
    "undeliverable": "undelivered",
}
_CODE = re.compile(r"(?:^|[#/])([0-9]{3,5})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application whose JWT goes with our calls."""

    application_id: str
    private_key: SecretStr
    clock: Clock

    def login(self) -> str:
        """An Authorization header that is good for some minutes."""
        import jwt  # noqa: PLC0415 - 9 MB with what it needs: only where Vonage is

        now_s = self.clock.now_ms() // 1000
        claims = {
            "application_id": self.application_id,
            "iat": now_s,
            "exp": now_s + TOKEN_LIVES_S,
            "jti": new_id(),
        }
        return f"Bearer {jwt.encode(claims, self.private_key.get_secret_value(), 'RS256')}"


def check_token(
    token: str, body: bytes, *, secrets: Sequence[str], api_key: str, clock: Clock
) -> None:
    """Check a webhook's JWT: who made it, when, for which body and account. Raises Forged."""
    claims = _claims(token, secrets)
    said = claims.get("payload_hash")
    actual = hashlib.sha256(body).hexdigest()
    if not isinstance(said, str) or not hmac.compare_digest(said.lower().encode(), actual.encode()):
        raise Forged("body")
    if claims.get("api_key", api_key) != api_key:
        raise Forged("account")
    issued = claims.get("iat")
    check_age(str(issued) if isinstance(issued, int) else "", clock, window_s=WINDOW_S)


def _claims(token: str, secrets: Sequence[str]) -> Mapping[str, object]:
    import jwt  # noqa: PLC0415 - see above

    for secret in secrets:
        try:
            claims: Mapping[str, object] = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                # Times are checked by our own clock, and within a window that lets repeats through.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                },
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError as error:
            raise Forged("token") from error
        return claims
    raise Forged("token")


def parse(event: Fields) -> Sequence[Event]:
    """A text, or a status. Raises BadRequest naming the field."""
    if event.text("channel") and event.text("channel").lower() not in _CHANNELS:
        return []
    return [_report(event)] if "status" in event.values else [_text(event)]


def _text(event: Fields) -> InboundText:
    customer, sender = read_parties(
        with_plus(event.required("from")), with_plus(event.required("to"))
    )
    media = tuple(_media(event))
    body = event.text("text", longest=LONGEST_BODY) if media else event.body("text")
    captions = [event.inner(kind).text("caption", longest=LONGEST_BODY) for kind in _MEDIA]
    return InboundText(
        carrier_id=event.required("message_uuid", longest=LONGEST_ID),
        sender=sender,
        customer=customer,
        body=body or next((caption for caption in captions if caption), ""),
        media=media,
        sent_at_ms=event.time_ms("timestamp"),
    )


def _media(event: Fields) -> Iterator[Media]:
    for kind in _MEDIA:
        url = event.inner(kind).text("url", longest=LONGEST_VALUE)
        if url:
            yield Media(url=url, content_type="application/octet-stream")


def _report(event: Fields) -> DeliveryReport:
    state = _STATES.get(event.required("status").lower(), "queued")
    failed = state in {"failed", "undelivered"}
    error = event.inner("error")
    code = _code_in(error.text("type", longest=LONGEST_VALUE)) or _code_in(error.text("title"))
    return DeliveryReport(
        carrier_id=event.required("message_uuid", longest=LONGEST_ID),
        ref=event.text("client_ref", longest=LONGEST_REF) or None,
        state=state,
        error=(code or None) if failed else None,
        reason=ERRORS.explain(code) if failed else None,
    )


async def send(api: CarrierApi, application: Application | None, text: OutgoingText) -> Accepted:
    """Send one text. Raises TryLater, Refused, CredentialsRefused or OutcomeUnknown."""
    record = {
        "channel": "sms",
        "message_type": "text",
        "from": _bare(text.sender),
        "to": _bare(text.customer),
        "text": text.body,
        "client_ref": text.ref,
        "webhook_url": text.status_url,
        "webhook_version": "v1",
        "sms": {"encoding_type": "auto"},
    }
    login = None if application is None else application.login()
    answer = await api.send("/v1/messages", record, login=login)
    carrier_id = answer.get("message_uuid")
    if not isinstance(carrier_id, str) or not carrier_id:
        raise ERRORS.unknown("Vonage said yes but named no message.")
    return Accepted(carrier_id=carrier_id, state="queued")


def code_of(answer: Mapping[str, object]) -> str:
    """The number of a fault: at the end of its type, which is an address."""
    kind = answer.get("type")
    return _code_in(kind) if isinstance(kind, str) else ""


def _code_in(written: str) -> str:
    found = _CODE.search(written)
    return "" if found is None else found[1]


def _bare(address: str) -> str:
    return display(address).removeprefix("+")
