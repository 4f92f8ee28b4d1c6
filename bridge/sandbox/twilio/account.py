"""The account behind the fake Twilio: its numbers, messages, blocks and knobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import phonenumbers

from bridge.sandbox.twilio.records import (
    FINISHED,
    MMS_COUNTRIES,
    HandsetText,
    Json,
    Message,
    Number,
    NumberKind,
    SentText,
    count_segments,
    new_sid,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.clock import Clock

LONGEST_BODY = 1600
MOST_MEDIA = 10


class TwilioRefusal(Exception):
    """An error answer of the REST API: HTTP status, Twilio's code, the sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Account:
    """State in memory. Everything public here is for reading, the knobs for setting."""

    def __init__(self, sid: str, clock: Clock) -> None:
        self.sid = sid
        self.clock = clock
        self.status = "active"
        self.numbers: dict[str, Number] = {}
        self.messages: list[Message] = []
        self.blocked: set[tuple[str, str]] = set()  # (our number, customer)
        self.landlines: set[str] = set()
        self.invalid: set[str] = set()
        self.sent: list[SentText] = []
        self.handsets: dict[str, list[HandsetText]] = {}
        self.alerts: list[tuple[int, str]] = []  # Twilio's debugger: code, what happened
        self.list_lag_s = 0.0
        self.on_change: list[Callable[[Json], None]] = []

    def now_ms(self) -> int:
        """Return the time, UTC milliseconds."""
        return self.clock.now_ms()

    def changed(self, kind: str, **details: object) -> None:
        """Tell everybody who watches."""
        for listener in self.on_change:
            listener({"far_side": "twilio", "kind": kind, "at_ms": self.now_ms(), **details})

    def add_number(
        self,
        number: str,
        sms_url: str,
        *,
        kind: NumberKind,
        country: str,
        advanced_opt_out: bool,
        sms_method: str,
    ) -> Number:
        """Add a number, or replace the settings of one that is there."""
        known = self.numbers.get(number)
        made = Number(
            sid=known.sid if known else new_sid("SC" if kind == "short_code" else "PN"),
            number=number,
            sms_url=sms_url,
            kind=kind,
            country=country,
            sms_method=sms_method,
            friendly_name=number,
            advanced_opt_out=advanced_opt_out,
            service_sid=new_sid("MG") if advanced_opt_out else None,
            created_ms=self.now_ms(),
        )
        self.numbers[number] = made
        return made

    def message(self, sid: str) -> Message:
        """Find a message. Raises TwilioRefusal 404."""
        for message in self.messages:
            if message.sid == sid:
                return message
        raise not_found(f"Messages/{sid}.json")

    def listed(self) -> list[Message]:
        """Return what the message list shows, newest first."""
        newest = self.now_ms() - self.list_lag_s * 1000
        return [m for m in reversed(self.messages) if m.listed and m.created_ms <= newest]

    def accept(
        self,
        *,
        to: str,
        sender: str,
        body: str,
        media_urls: Sequence[str] = (),
        status_callback: str | None = None,
        direction: str = "outbound-api",
        listed: bool = True,
    ) -> Message:
        """Take a message for sending, into the list and the ledger."""
        now = self.now_ms()
        message = Message(
            sid=new_sid("MM" if media_urls else "SM"),
            sender=sender,
            to=to,
            body=body,
            direction=direction,
            status="queued",
            created_ms=now,
            updated_ms=now,
            segments=count_segments(body),
            media_urls=tuple(media_urls),
            status_callback=status_callback,
            listed=listed,
        )
        self.messages.append(message)
        self.sent.append(
            SentText(
                sid=message.sid,
                sender=sender,
                customer=to,
                body=body,
                media_urls=message.media_urls,
                status_callback=status_callback,
                direction=direction,
                at_ms=now,
            )
        )
        self.changed("accepted", sid=message.sid, sender=sender, customer=to, body=body)
        return message

    def check_outgoing(self, *, to: str, sender: str, body: str, media: Sequence[str]) -> None:
        """Refuse what Twilio refuses at once. Raises TwilioRefusal."""
        if to in self.invalid or not is_plausible(to):
            raise _bad(21211, f"The 'To' number {to} is not a valid phone number.")
        number = self.numbers.get(sender)
        if number is None:
            raise _bad(
                21606,
                f"The 'From' phone number {sender} is not a valid, message-capable Twilio "
                "phone number for this destination.",
            )
        if to == sender:
            raise _bad(21266, "'To' and 'From' number cannot be the same.")
        if (sender, to) in self.blocked:
            raise _bad(21610, "Attempt to send to unsubscribed recipient")
        if to in self.landlines:
            raise _bad(21614, "'To' number is not a valid mobile number")
        if len(body.encode("utf-16-be")) // 2 > LONGEST_BODY:
            raise _bad(21617, "The concatenated message body exceeds the 1600 character limit")
        _check_media(number, media)

    def finish(self, message: Message, status: str, error_code: int | None = None) -> None:
        """Move a message to another state."""
        now = self.now_ms()
        message.status, message.updated_ms = status, now
        message.error_code = error_code
        if message.sent_ms is None and status in FINISHED:
            message.sent_ms = now
        self.changed("status", sid=message.sid, status=status, error_code=error_code)

    def receive_on_phone(self, phone: str, text: HandsetText) -> None:
        """Put a text on a customer's phone."""
        self.handsets.setdefault(phone, []).append(text)
        self.changed("handset", customer=phone, sender=text.sender, body=text.body, sid=text.sid)


def not_found(what: str) -> TwilioRefusal:
    """Make Twilio's 404."""
    return TwilioRefusal(404, 20404, f"The requested resource /{what} was not found")


def is_plausible(number: str) -> bool:
    """Whether Twilio would take this as somebody's phone number."""
    if number == "+15005550001" or not number.startswith("+"):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _check_media(number: Number, media: Sequence[str]) -> None:
    if media and number.country not in MMS_COUNTRIES:
        raise _bad(21622, "MMS has not been enabled for this number")
    if len(media) > MOST_MEDIA:
        raise _bad(21623, "Number of media files exceeds allowed limit")
    if any(not url.startswith(("http://", "https://")) for url in media):
        raise _bad(21620, "Invalid media URL(s)")


def _bad(code: int, message: str) -> TwilioRefusal:
    return TwilioRefusal(400, code, message)
