"""Twilio's webhooks: what an inbound text and a delivery report are read as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from bridge.carriers.contract import Media, WebhookRequest
from bridge.carriers.media import MediaSource
from bridge.carriers.twilio import MEDIA_HOSTS, TwilioCarrier
from bridge.clock import SystemClock
from bridge.domain.numbers import can_be_answered
from bridge.errors import BadRequest, Forged
from bridge.http import HttpClient
from tests.carriers.conftest import report_in, text_in

ACCOUNT = "AC" + "0" * 32
TOKEN = "12345"
INBOUND = "https://bridge.example/carriers/twilio/inbound"
STATUS = "https://bridge.example/carriers/twilio/status?ref=out-1"
TEXT = {
    "ToCountry": "US",
    "ToState": "",
    "SmsMessageSid": "SM" + "a" * 32,
    "NumMedia": "0",
    "ToCity": "",
    "FromZip": "",
    "SmsSid": "SM" + "a" * 32,
    "FromState": "",
    "SmsStatus": "received",
    "FromCity": "",
    "Body": "Hello 👋\nis it here? ",
    "FromCountry": "US",
    "To": "+12025550100",
    "ToZip": "",
    "NumSegments": "1",
    "MessageSid": "SM" + "a" * 32,
    "AccountSid": ACCOUNT,
    "From": "+12025550123",
    "ApiVersion": "2010-04-01",
}
REPORT = {
    "MessageSid": "SM" + "b" * 32,
    "MessageStatus": "delivered",
    "AccountSid": ACCOUNT,
    "From": "+12025550100",
    "To": "+12025550123",
    "ApiVersion": "2010-04-01",
}


@pytest.fixture
def twilio() -> TwilioCarrier:
    return TwilioCarrier(
        account_sid=ACCOUNT,
        auth_tokens=[TOKEN],
        api_url="https://api.twilio.com",
        public_url="https://bridge.example",
        http=HttpClient(timeout_s=1),
        clock=SystemClock(),
    )


def posted(fields: dict[str, str], url: str = INBOUND, *, raw: bytes = b"") -> WebhookRequest:
    return WebhookRequest(
        method="POST",
        url=url,
        seen_url=url,
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, fields),
        },
        body=urlencode(fields).encode() + raw,
    )


def test_a_text_is_read_exactly_as_sent(twilio: TwilioCarrier) -> None:
    request = posted(TEXT)

    twilio.verify(request)
    text = text_in(twilio, request)

    assert text.carrier_id == "SM" + "a" * 32
    assert text.sender == "+12025550100"
    assert text.customer == "+12025550123"
    assert text.body == "Hello 👋\nis it here? "
    assert text.media == ()
    assert text.carrier_handled is None


def test_a_get_webhook_is_read_from_its_query(twilio: TwilioCarrier) -> None:
    url = f"{INBOUND}?{urlencode(TEXT)}"
    request = WebhookRequest(
        method="GET",
        url=url,
        seen_url=url,
        headers={"x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, {})},
        body=b"",
    )

    twilio.verify(request)

    assert text_in(twilio, request) == text_in(twilio, posted(TEXT))


@pytest.mark.parametrize(
    ("changes", "customer", "sender"),
    [
        pytest.param({"From": "50500"}, "US:50500", "+12025550100", id="customer-short"),
        pytest.param(
            {"From": "50500", "FromCountry": "", "ToCountry": ""},
            "US:50500",
            "+12025550100",
            id="customer-short-no-countries",
        ),
        pytest.param({"To": "50500"}, "+12025550123", "US:50500", id="sender-short"),
        pytest.param(
            {"To": "50500", "FromCountry": "", "ToCountry": ""},
            "+12025550123",
            "US:50500",
            id="sender-short-no-countries",
        ),
        pytest.param({"From": "MyBank"}, "name:MyBank", "+12025550100", id="name"),
        pytest.param(
            {"From": "whatsapp:+12025550123"},
            "name:whatsapp:+12025550123",
            "+12025550100",
            id="another-channel",
        ),
    ],
)
def test_both_ends_are_read_as_addresses(
    twilio: TwilioCarrier, changes: dict[str, str], customer: str, sender: str
) -> None:
    text = text_in(twilio, posted(TEXT | changes))

    assert (text.customer, text.sender) == (customer, sender)


def test_pictures_are_listed_with_their_types(twilio: TwilioCarrier) -> None:
    place = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/"
    fields = TEXT | {
        "Body": "",
        "NumMedia": "2",
        "MediaUrl0": place + "ME0",
        "MediaContentType0": "image/jpeg",
        "MediaUrl1": place + "ME1",
    }

    text = text_in(twilio, posted(fields))

    assert text.body == ""
    assert text.media == (
        Media(url=place + "ME0", content_type="image/jpeg"),
        Media(url=place + "ME1", content_type="application/octet-stream"),
    )


@pytest.mark.parametrize(
    ("told", "handled"),
    [("STOP", "STOP"), ("start", "START"), ("HELP", "HELP"), ("", None), ("DANCE", None)],
)
def test_a_word_that_twilio_has_dealt_with_is_marked(
    twilio: TwilioCarrier, told: str, handled: str | None
) -> None:
    assert text_in(twilio, posted(TEXT | {"OptOutType": told})).carrier_handled == handled


def without(fields: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in fields.items() if key != name}


@pytest.mark.parametrize(
    ("fields", "raw", "named"),
    [
        *[
            pytest.param(without(TEXT, name), b"", name, id=f"no-{name}")
            for name in ("MessageSid", "From", "To", "Body")
        ],
        *[
            pytest.param(TEXT | {name: " "}, b"", name, id=f"empty-{name}")
            for name in ("MessageSid", "From", "To")
        ],
        pytest.param(without(TEXT, "Body"), b"&Body=%ff%fe", "Body", id="not-utf-8"),
        pytest.param(TEXT | {"Body": "a\0b"}, b"", "Body", id="nul"),
        pytest.param(TEXT | {"From": "+1\0"}, b"", "From", id="nul-in-from"),
        pytest.param(TEXT | {"Body": "x" * 16_001}, b"", "Body", id="long-body"),
        pytest.param(TEXT | {"To": "1" * 257}, b"", "To", id="long-to"),
        pytest.param(TEXT | {"MessageSid": "S" * 65}, b"", "MessageSid", id="long-id"),
        pytest.param(TEXT, b"&From=%2B12025550199", "From", id="two-froms"),
        pytest.param(TEXT | {"NumMedia": "-1"}, b"", "NumMedia", id="negative-media"),
        pytest.param(TEXT | {"NumMedia": "²"}, b"", "NumMedia", id="odd-digit-media"),
        pytest.param(TEXT | {"NumMedia": "9" * 200}, b"", "NumMedia", id="endless-media"),
        pytest.param(TEXT | {"NumMedia": "1"}, b"", "MediaUrl0", id="media-missing"),
    ],
)
def test_a_malformed_text_names_its_field(
    twilio: TwilioCarrier, fields: dict[str, str], raw: bytes, named: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        text_in(twilio, posted(fields, raw=raw))

    assert refused.value.field == named
    assert "+1202" not in str(refused.value)


def test_a_json_body_is_no_text(twilio: TwilioCarrier) -> None:
    request = WebhookRequest(
        method="POST",
        url=INBOUND,
        seen_url=INBOUND,
        headers={"content-type": "application/json"},
        body=b'{"Body": "hello"}',
    )

    with pytest.raises(BadRequest) as refused:
        text_in(twilio, request)

    assert refused.value.field == "Content-Type"


def test_another_accounts_text_is_forged(twilio: TwilioCarrier) -> None:
    with pytest.raises(Forged) as refused:
        twilio.verify(posted(TEXT | {"AccountSid": "AC" + "1" * 32}))

    assert refused.value.reason == "account"


def test_a_changed_body_is_forged(twilio: TwilioCarrier) -> None:
    with pytest.raises(Forged) as refused:
        twilio.verify(posted(TEXT, raw=b"&Extra=1"))

    assert refused.value.reason == "token"


def test_a_parameter_that_twilio_adds_one_day_changes_nothing(twilio: TwilioCarrier) -> None:
    request = posted(TEXT | {"Tomorrow": "1"})

    twilio.verify(request)

    assert text_in(twilio, request) == text_in(twilio, posted(TEXT))


@given(body=st.binary(max_size=200), url=st.sampled_from([INBOUND, INBOUND + "?a=%ff"]))
def test_any_bytes_are_read_or_refused_by_name(body: bytes, url: str) -> None:
    carrier = next(_carriers())
    request = WebhookRequest(method="POST", url=url, seen_url=url, headers={}, body=body)

    for parse in (carrier.parse_inbound, carrier.parse_report):
        with pytest.raises(BadRequest) as refused:
            parse(request)
        assert refused.value.field


@given(written=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_an_odd_sender_never_loses_a_text(written: str) -> None:
    if not written.strip():
        return

    text = text_in(next(_carriers()), posted(TEXT | {"From": written, "FromCountry": ""}))

    assert text.customer.startswith("name:") or can_be_answered(text.customer)


def _carriers() -> Iterator[TwilioCarrier]:
    yield TwilioCarrier(
        account_sid=ACCOUNT,
        auth_tokens=[TOKEN],
        api_url="https://api.twilio.com",
        public_url="https://bridge.example",
        http=HttpClient(timeout_s=1),
        clock=SystemClock(),
    )


@pytest.mark.parametrize(
    ("status", "error", "state", "reason"),
    [
        ("accepted", None, "queued", None),
        ("queued", None, "queued", None),
        ("sending", None, "sending", None),
        ("sent", None, "sent", None),
        ("delivered", None, "delivered", None),
        ("read", None, "delivered", None),
        ("undelivered", "30003", "undelivered", "switched off"),
        ("failed", "30006", "failed", "landline"),
        ("failed", "39999", "failed", "error 39999"),
        ("failed", None, "failed", "without saying why"),
        ("canceled", None, "failed", "cancelled"),
        ("teleported", None, "queued", "teleported"),
        ("delivered", "0", "delivered", None),
    ],
)
def test_a_report_is_read_in_our_own_states(
    twilio: TwilioCarrier, status: str, error: str | None, state: str, reason: str | None
) -> None:
    fields = REPORT | {"MessageStatus": status} | ({"ErrorCode": error} if error else {})
    request = posted(fields, STATUS)

    twilio.verify(request)
    report = report_in(twilio, request)

    assert report.carrier_id == "SM" + "b" * 32
    assert report.ref == "out-1"
    assert report.state == state
    assert report.error == (error if error != "0" else None)
    assert (reason is None) == (report.reason is None)
    assert reason is None or reason in str(report.reason)


def test_a_report_finds_its_text_by_our_own_callback_address(twilio: TwilioCarrier) -> None:
    ref = "0190-äö&=1"

    report = report_in(twilio, posted(REPORT, twilio.status_url(ref)))

    assert report.ref == ref
    assert report_in(twilio, posted(REPORT, STATUS.partition("?")[0])).ref is None


@pytest.mark.parametrize("name", ["MessageSid", "MessageStatus"])
def test_a_malformed_report_names_its_field(twilio: TwilioCarrier, name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        report_in(twilio, posted(without(REPORT, name), STATUS))

    assert refused.value.field == name


@pytest.mark.parametrize(
    ("url", "api_url", "allowed"),
    [
        ("https://api.twilio.com/2010-04-01/x", "https://api.twilio.com", True),
        ("https://API.twilio.com:443/x", "https://api.twilio.com", True),
        ("https://media.twiliocdn.com/a?b=c%20d", "https://api.twilio.com", True),
        ("https://api.twilio.com/x", "http://127.0.0.1:9001", True),
        ("http://127.0.0.1:9001/x", "http://127.0.0.1:9001", True),
        ("http://127.0.0.1:9002/redirected", "http://127.0.0.1:9001", True),
        ("http://127.0.0.1:9001/x", "https://api.twilio.com", False),
        ("http://[::1]/x", "https://api.twilio.com", False),
        ("http://api.twilio.com/x", "https://api.twilio.com", False),
        ("https://api.twilio.com:8443/x", "https://api.twilio.com", False),
        ("https://api.twilio.com.evil.example/x", "https://api.twilio.com", False),
        ("https://api.twilio.com@evil.example/x", "https://api.twilio.com", False),
        ("https://evil.example\\@api.twilio.com/x", "https://api.twilio.com", False),
        ("https://169.254.169.254/latest", "https://api.twilio.com", False),
        ("file:///etc/passwd", "https://api.twilio.com", False),
        ("https://api.twilio.com:99999/", "https://api.twilio.com", False),
        ("", "https://api.twilio.com", False),
    ],
)
def test_media_is_fetched_only_from_where_twilio_keeps_it(
    url: str, api_url: str, allowed: bool
) -> None:
    assert MediaSource(api_url=api_url, hosts=MEDIA_HOSTS).allows(url) is allowed


def test_credentials_for_media_go_to_the_api_alone(twilio: TwilioCarrier) -> None:
    urls: Sequence[str] = [
        "https://media.twiliocdn.com/x",
        "https://evil.example/x",
        "http://api.twilio.com/x",
        f"https://evil.example/?{quote('https://api.twilio.com/')}",
    ]

    assert [set(headers) for headers in twilio.media.headers("https://api.twilio.com/x")] == [
        {"authorization"}
    ]
    assert [list(twilio.media.headers(url)) for url in urls] == [[{}]] * 4
