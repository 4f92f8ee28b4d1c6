"""What is peculiar to Vonage and Twilio: parts, tokens, a messaging service, shared keys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.carriers.contract import (
    Carrier,
    OutgoingText,
    Piece,
    WebhookRequest,
)
from bridge.errors import BadRequest, Forged, UserMistake
from bridge.http import HttpClient
from bridge.settings import load_settings
from tests.carriers.conftest import Scripted, text_in
from tests.carriers.kits.every import KITS, build, environment
from tests.carriers.kits.kit import NOW_S, PUBLIC_URL, Hook, as_json, changed, digest

BY_NAME = {kit.name: kit for kit in KITS}
HOOK = Hook()
TEXT = OutgoingText(
    ref="part-1",
    sender="+12025550100",
    customer="+12025550123",
    body="hello",
    status_url=f"{PUBLIC_URL}/carriers/any/status?ref=part-1",
)


@pytest.fixture
def carrier(name: str, http: HttpClient, far_side: Scripted) -> Carrier:
    return build(BY_NAME[name], http, api_url=far_side.url)


def record_of(request: WebhookRequest) -> dict[str, object]:
    found = json.loads(request.body)
    record: dict[str, object] = found[0] if isinstance(found, list) else found
    return record


@pytest.mark.parametrize("name", ["vonage-sms"])
async def test_vonages_parts_are_told_as_parts(name: str, carrier: Carrier) -> None:
    kit = BY_NAME[name]

    text = text_in(carrier, kit.inbound(replace(HOOK, piece=(2, 3))))

    assert text.piece == Piece(ref="42", number=2, total=3)
    for wrong in ((0, 3), (4, 3), (1, 900)):
        with pytest.raises(BadRequest, match="concat"):
            carrier.parse_inbound(kit.inbound(replace(HOOK, piece=wrong)))


@pytest.mark.parametrize("name", ["vonage-sms"])
async def test_a_text_of_which_a_part_was_refused_has_failed_and_is_not_repeated(
    name: str, carrier: Carrier, far_side: Scripted
) -> None:
    far_side.say(200, {"messages": [{"status": "0"}, {"status": "1"}]})

    accepted = await carrier.send(TEXT)

    assert (accepted.state, accepted.error) == ("failed", "sms-1")


@pytest.mark.parametrize("name", ["vonage-sms"])
async def test_a_long_address_for_receipts_goes_without_its_query(
    name: str, carrier: Carrier, far_side: Scripted
) -> None:
    long = f"https://sms.example.com/{'x' * 80}/carriers/vonage/status"
    far_side.say(200, BY_NAME[name].answers["accepted"].body)

    await carrier.send(replace(TEXT, status_url=f"{long}?ref=part-1"))

    assert b"%3Fref" not in far_side.asked[0].body
    assert b"client-ref=part-1" in far_side.asked[0].body


@pytest.mark.parametrize("name", ["vonage-messages"])
async def test_texts_of_other_channels_are_not_taken_for_sms(name: str, carrier: Carrier) -> None:
    request = BY_NAME[name].inbound(HOOK)
    other = {**record_of(request), "channel": "whatsapp"}

    assert list(carrier.parse_inbound(changed(request, body=as_json(other)))) == []


@pytest.mark.parametrize("name", ["vonage-messages", "vonage-sms"])
async def test_another_accounts_webhook_is_not_ours(name: str, http: HttpClient) -> None:
    kit = BY_NAME[name]
    other = replace(kit, settings={**kit.settings, "API_KEY": "ffff9999"})

    with pytest.raises(Forged, match="account"):
        build(other, http).verify(kit.inbound(HOOK))


async def test_vonages_application_signs_each_call_with_its_key(
    http: HttpClient, far_side: Scripted, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "private.key"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    kit = BY_NAME["vonage-messages"]
    settings = {
        **kit.settings,
        "APPLICATION_ID": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
        "PRIVATE_KEY_FILE": str(file),
    }
    carrier = build(replace(kit, settings=settings), http, api_url=far_side.url)
    far_side.say(202, {"message_uuid": "m1"})

    await carrier.send(TEXT)

    kind, _, token = far_side.asked[0].headers["authorization"].partition(" ")
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    assert kind == "Bearer"
    assert claims["application_id"] == settings["APPLICATION_ID"]
    assert claims["iat"] == NOW_S < claims["exp"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"BRIDGE_VONAGE_APPLICATION_ID": "aaaaaaaa"}, "both BRIDGE_VONAGE_APPLICATION_ID and"),
        ({"BRIDGE_VONAGE_PRIVATE_KEY_FILE": "/no/such/file"}, "PRIVATE_KEY_FILE: expected a file"),
        ({"BRIDGE_VONAGE_SIGNATURE_METHOD": "crc"}, "SIGNATURE_METHOD: expected md5hash"),
    ],
)
def test_half_of_vonages_settings_are_told(changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserMistake, match=told):
        load_settings({**environment(BY_NAME["vonage-messages"]), **changes}, None)


@pytest.mark.parametrize("name", ["twilio"])
async def test_a_messaging_service_goes_along_and_the_number_stays(
    name: str, http: HttpClient, far_side: Scripted
) -> None:
    kit = BY_NAME[name]
    service = "MG" + "0" * 32
    settings = {**kit.settings, "MESSAGING_SERVICE_SID": service}
    carrier = build(replace(kit, settings=settings), http, api_url=far_side.url)
    far_side.say(201, {"sid": "SM1", "status": "accepted"})

    await carrier.send(TEXT)

    sent = parse_qs(far_side.asked[0].body.decode())
    assert (sent["MessagingServiceSid"], sent["From"]) == ([service], [TEXT.sender])


@pytest.mark.parametrize("name", ["twilio"])
async def test_a_shared_key_signs_as_well_as_the_token(name: str, http: HttpClient) -> None:
    kit = BY_NAME[name]
    settings = {**kit.settings, "SHARED_KEYS": "KY1=first-shared-key, KY2=second=shared=key"}
    carrier = build(replace(kit, settings=settings), http)
    request = kit.inbound(HOOK)
    fields = sorted(parse_qs(request.body.decode(), keep_blank_values=True).items())
    signed = request.url + "".join(field + values[0] for field, values in fields)

    for key, secret in (("KY1", "first-shared-key"), ("KY2", "second=shared=key")):
        headers = {
            **request.headers,
            "x-twilio-signature": digest(secret, signed.encode()),
            "x-twilio-webhooks-signature-settings": f"key={key},algorithm=HMAC_SHA256",
        }
        carrier.verify(changed(request, headers=headers))
        with pytest.raises(Forged):
            carrier.verify(changed(request, headers={**headers, "x-twilio-signature": "x"}))


def test_faulty_shared_keys_are_told_without_them() -> None:
    settings = {**environment(BY_NAME["twilio"]), "BRIDGE_TWILIO_SHARED_KEYS": "KY1=a,hidden"}

    with pytest.raises(UserMistake, match="SHARED_KEYS: expected shared keys") as fault:
        load_settings(settings, None)
    assert "hidden" not in str(fault.value)
    good = {**settings, "BRIDGE_TWILIO_SHARED_KEYS": "KY1=first-shared-key"}
    assert "first-shared-key" in load_settings(good, None).secret_values
