"""A customer's text: its resource, its webhook, and what the webhook's answer asks for."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from bridge.sandbox.twilio.account import Account
from bridge.sandbox.twilio.hooks import HookAnswer
from bridge.sandbox.twilio.records import (
    API_VERSION,
    Media,
    Message,
    Number,
    count_segments,
    new_sid,
)
from bridge.sandbox.twilio.words import Handled


def receive(
    account: Account, number: Number, customer: str, body: str, media: Sequence[tuple[str, bytes]]
) -> Message:
    """Put a customer's text into the message list."""
    now = account.now_ms()
    message = Message(
        sid=new_sid("MM" if media else "SM"),
        sender=customer,
        to=number.number,
        body=body,
        direction="inbound",
        status="received",
        created_ms=now,
        updated_ms=now,
        sent_ms=now,
        segments=count_segments(body),
        service_sid=number.service_sid,
        media=[
            Media(sid=new_sid("ME"), content_type=kind, content=content, created_ms=now)
            for kind, content in media
        ],
    )
    account.messages.append(message)
    account.changed("inbound", sid=message.sid, customer=customer, body=body)
    return message


def inbound_fields(
    account: Account, number: Number, message: Message, handled: Handled | None, url: str
) -> dict[str, str]:
    """Write the parameters of an inbound text's webhook."""
    fields = {
        "ToCountry": number.country,
        "ToState": "",
        "ToCity": "",
        "ToZip": "",
        "FromCountry": number.country,
        "FromState": "",
        "FromCity": "",
        "FromZip": "",
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "MessageSid": message.sid,
        "AccountSid": account.sid,
        "SmsStatus": "received",
        "From": message.sender,
        "To": message.to,
        "Body": message.body,
        "NumMedia": str(len(message.media)),
        "NumSegments": str(message.segments),
        "ApiVersion": API_VERSION,
    }
    if number.service_sid is not None:
        fields["MessagingServiceSid"] = number.service_sid
    if handled is not None and number.advanced_opt_out:
        fields["OptOutType"] = handled.word
    base = f"{url}/{API_VERSION}/Accounts/{account.sid}/Messages/{message.sid}"
    for index, media in enumerate(message.media):
        fields[f"MediaUrl{index}"] = f"{base}/Media/{media.sid}"
        fields[f"MediaContentType{index}"] = media.content_type
    return fields


def is_success(answer: HookAnswer) -> bool:
    """Whether a webhook was answered well."""
    return 200 <= answer.status < 300


def replies(answer: HookAnswer) -> list[str]:
    """Read the texts that an answer asks to send. Raises ElementTree.ParseError."""
    text = answer.body.strip()
    if not text:
        return []
    if answer.content_type == "text/plain":
        return [text]
    found = ET.fromstring(text).iter()  # noqa: S314 - from our own server
    return [
        body
        for element in found
        if element.tag in {"Message", "Sms"}
        for body in [_message_text(element)]
        if body
    ]


def _message_text(element: ET.Element) -> str:
    inner = element.find("Body")
    return ((inner.text if inner is not None else element.text) or "").strip()
