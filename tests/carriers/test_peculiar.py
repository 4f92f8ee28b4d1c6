"""What is peculiar to one carrier: many events at once, pictures, parts, and odd answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bridge.carriers.contract import (
    Carrier,
    DeliveryReport,
    InboundText,
    OutgoingText,
    WebhookRequest,
)
from bridge.errors import BadRequest, Forged, UserMistake
from bridge.http import HttpClient
from bridge.settings import load_settings
from tests.carriers.conftest import Scripted, report_in, text_in
from tests.carriers.kits.every import KITS, build, environment
from tests.carriers.kits.kit import PUBLIC_URL, Hook, as_json, changed, get

BY_NAME = {kit.name: kit for kit in KITS}
HOOK = Hook()
TEXT = OutgoingText(
    ref="part-1",
    sender="+12025550100",
    customer="+12025550123",
    body="hello",
    status_url=f"{PUBLIC_URL}/carriers/any/status?ref=part-1",
)
WITH_PICTURES = replace(TEXT, media_urls=("https://bridge.example/m/1", "https://b.example/m/2"))


@pytest.fixture
def carrier(name: str, http: HttpClient, far_side: Scripted) -> Carrier:
    return build(BY_NAME[name], http, api_url=far_side.url)


def record_of(request: WebhookRequest) -> dict[str, object]:
    found = json.loads(request.body)
    record: dict[str, object] = found[0] if isinstance(found, list) else found
    return record


def sent_of(far_side: Scripted) -> dict[str, object]:
    record: dict[str, object] = json.loads(far_side.asked[-1].body)
    return record


@pytest.mark.parametrize("name", ["bandwidth"])
async def test_bandwidths_list_brings_texts_and_reports_together(
    name: str, carrier: Carrier
) -> None:
    kit = BY_NAME[name]
    text, report = kit.inbound(HOOK), kit.report(replace(HOOK, status="message-delivered"))
    both = as_json([record_of(text), record_of(report), {"type": "message-of-tomorrow"}])

    events = carrier.parse_inbound(changed(text, body=both))

    assert [type(event) for event in events] == [InboundText, DeliveryReport]


@pytest.mark.parametrize("name", ["bandwidth"])
async def test_a_text_of_ours_never_comes_in_as_a_customers(name: str, carrier: Carrier) -> None:
    request = BY_NAME[name].inbound(HOOK)
    ours = request.body.replace(b'"direction": "in"', b'"direction": "out"')

    with pytest.raises(BadRequest, match="direction"):
        carrier.parse_inbound(changed(request, body=ours))


@pytest.mark.parametrize(("name", "code"), [("bandwidth", "9902"), ("bandwidth", "9999")])
async def test_no_receipt_is_no_proof_of_a_failure(name: str, carrier: Carrier, code: str) -> None:
    request = BY_NAME[name].report(replace(HOOK, status="message-failed", error=code))

    report = report_in(carrier, request)

    assert (report.state, report.error, report.reason) == ("sent", None, None)


@pytest.mark.parametrize("name", ["infobip"])
async def test_infobips_results_are_each_an_event(name: str, carrier: Carrier) -> None:
    request = BY_NAME[name].inbound(HOOK)
    results = record_of(request)["results"]
    assert isinstance(results, list)
    (one,) = results
    three = as_json({"results": [{**one, "messageId": f"m{number}"} for number in range(3)]})

    events = carrier.parse_inbound(changed(request, body=three))

    ids = [event.carrier_id for event in events]
    assert ids == ["m0", "m1", "m2"]


@pytest.mark.parametrize("name", ["sinch"])
async def test_sinchs_summary_tells_of_each_status(name: str, carrier: Carrier) -> None:
    request = BY_NAME[name].report(replace(HOOK, status="Delivered"))
    summary = {
        "type": "delivery_report_sms",
        "batch_id": "b1",
        "client_reference": "part-1",
        "statuses": [{"code": 0, "status": "Delivered", "count": 1}],
    }

    report = report_in(carrier, changed(request, body=as_json(summary)))

    assert (report.carrier_id, report.ref, report.state) == ("b1", "part-1", "delivered")


@pytest.mark.parametrize("name", ["sinch"])
async def test_sinch_without_any_proof_does_not_start(name: str) -> None:
    settings = {
        key: value for key, value in environment(BY_NAME[name]).items() if "WEBHOOK" not in key
    }

    with pytest.raises(UserMistake, match="BRIDGE_SINCH_WEBHOOK_SECRET"):
        load_settings(settings, None)


@pytest.mark.parametrize("name", ["sinch"])
async def test_sinchs_callbacks_may_be_proven_by_a_password(name: str, http: HttpClient) -> None:
    kit = replace(
        BY_NAME[name],
        secret="WEBHOOK_PASSWORD",
        settings={
            "SERVICE_PLAN_ID": "plan1",
            "API_TOKEN": "t",
            "WEBHOOK_USERNAME": "hooks",
            "WEBHOOK_PASSWORD": "x",
        },
    )
    carrier = build(kit, http)
    by_password = BY_NAME["bandwidth"].inbound(HOOK).headers["authorization"]
    request = kit.inbound(HOOK)

    carrier.verify(changed(request, headers={"authorization": by_password}))
    with pytest.raises(Forged):
        carrier.verify(request)


@pytest.mark.parametrize("name", ["plivo-v2"])
async def test_a_nonce_that_says_nothing_of_the_body_is_good_for_one_body(
    name: str, carrier: Carrier
) -> None:
    request = BY_NAME[name].inbound(HOOK)
    carrier.verify(request)
    carrier.verify(request)

    with pytest.raises(Forged, match="nonce"):
        carrier.verify(changed(request, body=request.body.replace(b"hello", b"HELLO")))


@pytest.mark.parametrize("name", ["plivo"])
async def test_plivo_tells_which_word_it_has_dealt_with(name: str, carrier: Carrier) -> None:
    request = BY_NAME[name].inbound(HOOK)

    for intent, handled in (("optout", "STOP"), ("OptIn", "START"), ("help", "HELP"), ("", None)):
        told = changed(request, body=request.body + f"&MessageIntent={intent}".encode())
        assert text_in(carrier, told).carrier_handled == handled


@pytest.mark.parametrize("name", ["plivo"])
@pytest.mark.parametrize("first", [0, 1])
async def test_plivos_pictures_are_counted_from_nought_or_one(
    name: str, carrier: Carrier, first: int
) -> None:
    request = BY_NAME[name].inbound(replace(HOOK, missing="MediaCount"))
    media = f"&MediaCount=2&Media{first}=https://a&Media{first + 1}=https://b"

    text = text_in(carrier, changed(request, body=request.body + media.encode()))

    assert [item.url for item in text.media] == ["https://a", "https://b"]


@pytest.mark.parametrize(
    ("name", "pictures", "expected"),
    [
        (
            "telnyx",
            {"data": {"payload": {"media": [{"url": "https://a", "content_type": "image/png"}]}}},
            [("https://a", "image/png")],
        ),
        (
            "bandwidth",
            {"message": {"media": ["https://a/1.jpg", "https://a/0.smil"]}},
            [("https://a/1.jpg", "application/octet-stream")],
        ),
        (
            "sinch",
            {
                "body": {
                    "message": "look",
                    "media": [{"url": "https://a", "content_type": "image/png"}, {"status": "x"}],
                }
            },
            [("https://a", "image/png")],
        ),
        (
            "vonage-messages",
            {"text": None, "image": {"url": "https://a", "caption": "look"}},
            [("https://a", "application/octet-stream")],
        ),
    ],
)
async def test_pictures_come_with_their_address_and_type(
    name: str, carrier: Carrier, pictures: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    request = BY_NAME[name].inbound(HOOK)
    record = record_of(request)
    _put(record, pictures)
    body = as_json([record] if name == "bandwidth" else record)

    text = text_in(carrier, changed(request, body=body))

    assert [(item.url, item.content_type) for item in text.media] == expected
    assert text.body in {"hello", "look"}


def _put(record: dict[str, object], changes: dict[str, object]) -> None:
    for key, value in changes.items():
        inner = record.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            _put(inner, value)
        else:
            record[key] = value


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("telnyx", "media_urls", list(WITH_PICTURES.media_urls)),
        ("plivo", "media_urls", list(WITH_PICTURES.media_urls)),
        ("bandwidth", "media", list(WITH_PICTURES.media_urls)),
        ("sinch", "body", {"url": WITH_PICTURES.media_urls[0], "message": "hello"}),
    ],
)
async def test_pictures_leave_as_the_carrier_wants_them(
    name: str, carrier: Carrier, far_side: Scripted, field: str, expected: object
) -> None:
    accepted = BY_NAME[name].answers["accepted"]
    far_side.say(accepted.status, accepted.body)

    await carrier.send(WITH_PICTURES)

    assert sent_of(far_side)[field] == expected


@pytest.mark.parametrize("name", ["telnyx"])
async def test_events_that_are_no_business_of_ours_bring_nothing(
    name: str, carrier: Carrier
) -> None:
    request = BY_NAME[name].inbound(HOOK)
    other = request.body.replace(b"message.received", b"call.hangup")

    assert list(carrier.parse_inbound(changed(request, body=other))) == []


@pytest.mark.parametrize("name", ["kannel"])
async def test_kannels_text_may_come_in_the_query(name: str, carrier: Carrier) -> None:
    secret = BY_NAME[name].settings["WEBHOOK_TOKEN"]
    query = f"token={secret}&id=1&from=12025550123&to=50500&text=Gr%C3%BC%C3%9Fe+%26+%2B"

    text = text_in(carrier, get(f"/carriers/kannel/inbound?{query}", base=PUBLIC_URL))

    assert (text.body, text.customer, text.sender) == ("Grüße & +", "+12025550123", "US:50500")
    with pytest.raises(BadRequest, match="text"):
        carrier.parse_inbound(
            get(f"/carriers/kannel/inbound?{query.partition('&text')[0]}", base=PUBLIC_URL)
        )


@pytest.mark.parametrize("name", ["kannel"])
@pytest.mark.parametrize("charset", ["UTF-7", "nonsense", "base64"])
async def test_kannels_charset_is_one_of_three(name: str, carrier: Carrier, charset: str) -> None:
    request = BY_NAME[name].inbound(HOOK)

    with pytest.raises(BadRequest, match="charset"):
        carrier.parse_inbound(
            changed(request, url=request.url.replace("charset=UTF-8", f"charset={charset}"))
        )


@pytest.mark.parametrize("name", ["kannel"])
@pytest.mark.parametrize(("body", "coding"), [("plain {€}", "0"), ("żółw", "2")])
async def test_kannel_is_told_what_gsm_can_not_say(
    name: str, carrier: Carrier, far_side: Scripted, body: str, coding: str
) -> None:
    far_side.say(202, b"0: Accepted for delivery")

    await carrier.send(replace(TEXT, body=body))

    (asked,) = far_side.asked
    assert asked.headers["x-kannel-coding"] == coding
    assert asked.body == body.encode()
    assert "sendsms-password" not in asked.path
