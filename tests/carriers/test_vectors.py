"""Signatures that the carriers' own SDKs have in their tests or make, as fixed examples."""

from __future__ import annotations

import base64

import pytest

from bridge.carriers import plivo, vonage_messages, vonage_sms
from bridge.carriers.contract import WebhookRequest
from bridge.carriers.signing import hmac_sha256, split
from bridge.carriers.sinch import SIGNATURE, SinchSettings
from bridge.carriers.sinch import build as build_sinch
from bridge.carriers.spec import Tools
from bridge.carriers.telnyx import TelnyxSettings
from bridge.carriers.telnyx import build as build_telnyx
from bridge.carriers.vonage_sms import Method
from bridge.errors import Forged
from bridge.http import HttpClient
from tests.carriers.kits.kit import as_form, get, post

SMS = {"param1": "value1", "param2": "value2", "timestamp": "1234567890"}
PLIVO_FIELDS = {
    "From": "447700900123",
    "To": "14155550100",
    "Text": "Hi & bye",
    "MessageUUID": "abc",
    "Type": "sms",
}
PLIVO_URL, NONCE, TOKEN = "https://bridge.example.com", "05429567804466091622", "my_auth_token"
JWT = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2"
    "ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6"
    "CGM"
)


class At:
    """A clock that stands still."""

    def __init__(self, now_s: int) -> None:
        self.now_s = now_s

    def now_ms(self) -> int:
        return self.now_s * 1000


def tools(now_s: int) -> Tools:
    return Tools(
        http=HttpClient(timeout_s=1), clock=At(now_s), public_url="https://bridge.example.com"
    )


@pytest.mark.parametrize(
    ("fields", "method", "expected"),
    [
        (SMS, "sha256", "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"),
        (SMS, "md5", "724c2bf6ca423c36e20631b11d1c5753"),
        (SMS, "md5hash", "d72f75ac8cda9bbce891c4fa62bee6cd"),
        (
            {"param1": "value&1", "param2": "value=2", "timestamp": "1234567890"},
            "md5",
            "2bbf0abafb2c55e5af6231513896a2ac",
        ),
        (
            {"param": "value", "timestamp": "1234567890"},
            "md5",
            "655a4d0b7f064dff438defc52b012cf5",
        ),
    ],
)
def test_vonages_sms_signatures(fields: dict[str, str], method: Method, expected: str) -> None:
    assert vonage_sms.sign("signature_secret", fields, method) == expected


def test_vonages_token_is_read_and_then_lacks_the_body() -> None:
    secret = "qwertyuiopasdfghjklzxcvbnm123456"

    with pytest.raises(Forged, match="body"):
        vonage_messages.check_token(JWT, b"", secrets=[secret], api_key="k", clock=At(1697634680))
    with pytest.raises(Forged, match="token"):
        vonage_messages.check_token(
            JWT, b"", secrets=[f"{secret}!"], api_key="k", clock=At(1697634680)
        )


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256"])
def test_vonages_token_by_another_algorithm_is_refused(algorithm: str) -> None:
    head = base64.urlsafe_b64encode(f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode())
    token = ".".join([head.rstrip(b"=").decode(), *JWT.split(".")[1:]])

    with pytest.raises(Forged, match="token"):
        vonage_messages.check_token(token, b"", secrets=["s" * 32], api_key="k", clock=At(0))


def test_plivos_second_signature() -> None:
    signature = plivo.sign_v2(TOKEN, split("https://answer.url"), "12345")

    assert signature == "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc="


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            post("/plivo/sms", base=PLIVO_URL, body=as_form(PLIVO_FIELDS)),
            "Tlp6mFqynPTNd0DMCx43nNw6RGaJx+NMqSP1zIkNqRk=",
        ),
        (
            post("/plivo/sms?a=1", base=PLIVO_URL, body=as_form(PLIVO_FIELDS)),
            "M9D/Oi5QClECnZoe11DDA2yuXPXpT5glcOBK+gLntdE=",
        ),
        (
            get(f"/plivo/sms?{as_form(PLIVO_FIELDS).decode()}", base=PLIVO_URL),
            "RPd4lV8Isa78q9IeTi7TtwTWIoo+pcG0jp3hTd+OfH0=",
        ),
    ],
    ids=["POST", "POST with a query", "GET"],
)
def test_plivos_third_signature(request_: WebhookRequest, expected: str) -> None:
    assert plivo.sign_v3(TOKEN, request_, split(request_.url), NONCE) == expected


def test_sinchs_signature() -> None:
    body = b'{"type":"mo_text","id":"01W4","from":"447700900123","to":"12345","body":"Hello"}'
    headers = {
        SIGNATURE: "9BewzDLQBdXHgcDCWTtRS2xgZKOFC7rKR+TYJdV54A8=",
        f"{SIGNATURE}-nonce": "01FJA8B4A7BM43YGWSG9GBV067",
        f"{SIGNATURE}-timestamp": "1634579353",
    }
    settings = SinchSettings.model_validate(
        {"service_plan_id": "p", "api_token": "t", "webhook_secret": "foo_secret1234"}
    )

    sinch = build_sinch(settings, tools(1634579353))

    sinch.verify(post("/carriers/sinch/inbound", base=PLIVO_URL, body=body, headers=headers))


@pytest.mark.parametrize(("now_s", "is_fresh"), [(1700000100, True), (1700000301, False)])
def test_telnyxs_signature(now_s: int, *, is_fresh: bool) -> None:
    body = (
        '{"data":{"event_type":"message.received","id":"e1","payload":{"id":"m1","text":"Grüße"},'
        '"record_type":"event"}}'
    ).encode()
    headers = {
        "telnyx-timestamp": "1700000000",
        "telnyx-signature-ed25519": "HjGDiEGlM6+bB/T2AMr/EU3cDAMWLiD8RttulglON6ZEZNzLO2AEeKzTIz8v"
        "sZrpb+FPYx+MqJyq4yYEdGt+AA==",
    }
    settings = TelnyxSettings.model_validate(
        {"api_key": "k", "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
    )
    telnyx = build_telnyx(settings, tools(now_s))
    request = post("/carriers/telnyx/inbound", base=PLIVO_URL, body=body, headers=headers)

    if is_fresh:
        telnyx.verify(request)
        return
    with pytest.raises(Forged, match="stale"):
        telnyx.verify(request)


def test_the_digest_is_the_standard_one() -> None:
    # RFC 4231, test case 2.
    assert hmac_sha256("Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
