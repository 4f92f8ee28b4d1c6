"""The carriers' own SDKs believe what the suite's kits sign, and nothing that we refuse."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bridge.carriers.contract import WebhookRequest
from tests.carriers.kits import plivo, sinch, telnyx, vonage
from tests.carriers.kits.every import SECRET
from tests.carriers.kits.kit import Hook, Kit, changed

WHY = "the SDK is not installed (make env FULL=1)"
Believes = Callable[[WebhookRequest], bool]


def _fields(request: WebhookRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _by_plivo_v3(request: WebhookRequest) -> bool:
    check: Any = pytest.importorskip("plivo.utils", reason=WHY).validate_v3_signature
    nonce, signature = request.headers[f"{plivo.V3}-nonce"], request.headers.get(plivo.V3, "")
    return bool(check("POST", request.url, nonce, SECRET, signature, _fields(request)))


def _by_plivo_v2(request: WebhookRequest) -> bool:
    check: Any = pytest.importorskip("plivo.utils", reason=WHY).validate_signature
    nonce, signature = request.headers[f"{plivo.V2}-nonce"], request.headers.get(plivo.V2, "")
    return bool(check(request.url, nonce, signature, SECRET))


def _by_telnyx(request: WebhookRequest) -> bool:
    module: Any = pytest.importorskip("telnyx.lib.webhook_verification", reason=WHY)
    try:
        module.verify_webhook_signature(
            request.body.decode(), request.headers, telnyx.public_key(SECRET)
        )
    except module.WebhookVerificationError:
        return False
    return True


def _by_sinch(request: WebhookRequest) -> bool:
    module: Any = pytest.importorskip("sinch.domains.sms.sinch_events.v1", reason=WHY)
    events = module.SmsSinchEvent(SECRET)
    body = request.body.decode("utf-8", "replace")
    return bool(events.validate_authentication_header(dict(request.headers), body))


def _by_vonage_messages(request: WebhookRequest) -> bool:
    check: Any = pytest.importorskip("vonage_jwt.verify_jwt", reason=WHY).verify_signature
    return bool(check(request.headers.get("authorization", "").removeprefix("Bearer "), SECRET))


def _by_vonage_sms(request: WebhookRequest) -> bool:
    auth: Any = pytest.importorskip("vonage_http_client.auth", reason=WHY).Auth
    account = auth(api_key="a", signature_secret=SECRET, signature_method="sha256")
    fields = _fields(request)
    fields["sig"] = fields.get("sig", "").lower()  # theirs compares letter by letter
    return bool(account.check_signature(fields))


EACH = pytest.mark.parametrize(
    ("kit", "believes"),
    [
        pytest.param(plivo.KIT, _by_plivo_v3, id="plivo-v3"),
        pytest.param(plivo.KIT_V2, _by_plivo_v2, id="plivo-v2"),
        pytest.param(telnyx.KIT, _by_telnyx, id="telnyx"),
        pytest.param(sinch.KIT, _by_sinch, id="sinch"),
        pytest.param(vonage.MESSAGES, _by_vonage_messages, id="vonage-messages"),
        pytest.param(vonage.SMS, _by_vonage_sms, id="vonage-sms"),
    ],
)


def fresh(**changes: str) -> Hook:
    return replace(Hook(signed_s=int(time.time())), **changes)  # type: ignore[arg-type]


@EACH
@pytest.mark.parametrize("body", ["hello", "", "Grüße & 100% = ok 😀", "one\ntwo", "a+b %2B"])
def test_what_the_kit_signs_their_sdk_believes(kit: Kit, believes: Believes, body: str) -> None:
    status, code = kit.failure

    assert believes(kit.inbound(fresh(body=body)))
    assert believes(kit.report(fresh(status=status, error=code)))


@EACH
def test_another_secret_their_sdk_does_not_believe(kit: Kit, believes: Believes) -> None:
    assert not believes(kit.inbound(fresh(secret="a-secret-that-somebody-else-has-set-up")))


@EACH
def test_what_their_sdk_refuses_the_kit_spoils_in_the_same_way(
    kit: Kit, believes: Believes
) -> None:
    request = kit.inbound(fresh())

    assert not believes(kit.spoil(request, "other_secret"))
    # Vonage has its customers compare the hash of the body themselves.
    covers_the_body = kit.name not in {"plivo-v2", "vonage-messages"}
    altered = changed(request, body=request.body.replace(b"hello", b"HELLO"))
    assert believes(altered) != covers_the_body
