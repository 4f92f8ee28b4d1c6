"""What `bridge doctor` says about a Twilio account."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from bridge.carriers.contract import Finding
from bridge.carriers.registry import build_carriers
from bridge.carriers.twilio import TwilioCarrier, TwilioSettings
from bridge.clock import from_rfc3339
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted

ACCOUNT = "AC" + "0" * 32
PUBLIC = "https://bridge.example"
WEBHOOK = f"{PUBLIC}/carriers/twilio/inbound"
ACTIVE = {"sid": ACCOUNT, "status": "active", "type": "Full"}


class Still:
    """A clock that stands at three in the morning."""

    def now_ms(self) -> int:
        return from_rfc3339("2026-01-02T03:00:00Z")


@pytest.fixture
def twilio(far_side: Scripted, http: HttpClient) -> TwilioCarrier:
    settings = TwilioSettings(account_sid=ACCOUNT, auth_token=SecretStr("t"), api_url=far_side.url)
    built = build_carriers(
        {"twilio": settings}, http=lambda _: http, clock=Still(), public_url=PUBLIC
    )["twilio"]
    assert isinstance(built, TwilioCarrier)
    return built


def number(**changes: object) -> dict[str, object]:
    entry: dict[str, object] = {
        "phone_number": "+12025550100",
        "sms_url": f"{WEBHOOK}#rc=5&rp=all",
        "sms_method": "POST",
        "sms_application_sid": "",
        "capabilities": {"sms": True, "mms": True},
    }
    return {"incoming_phone_numbers": [entry | changes]}


async def findings(
    twilio: TwilioCarrier, far_side: Scripted, entry: object, sender: str = "+12025550100"
) -> Finding:
    far_side.say(200, ACTIVE, Date="Fri, 02 Jan 2026 03:00:05 GMT")
    far_side.say(200, entry)
    account, clock, about_sender = await twilio.check(senders=[sender], public_url=PUBLIC)
    assert account.ok
    assert clock.ok
    return about_sender


async def test_a_number_that_is_set_up_is_fine(twilio: TwilioCarrier, far_side: Scripted) -> None:
    finding = await findings(twilio, far_side, number())

    assert finding == Finding(
        check="twilio number +12025550100",
        ok=True,
        detail="webhook set, repeated by Twilio on every fault",
    )
    asked = urlsplit(far_side.asked[1].path)
    assert asked.path == f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
    assert parse_qs(asked.query) == {"PhoneNumber": ["+12025550100"]}


@pytest.mark.parametrize(
    ("entry", "ok", "detail", "mend"),
    [
        pytest.param({"incoming_phone_numbers": []}, False, "not own", "buy it", id="not-ours"),
        pytest.param(number(phone_number="+12025550101"), False, "not own", "buy it", id="another"),
        pytest.param(number(sms_url=""), False, "no webhook", WEBHOOK, id="none-set"),
        pytest.param(number(sms_url=None), False, "no webhook", WEBHOOK, id="null"),
        pytest.param(
            number(sms_url="https://demo.twilio.com/welcome/sms/reply/"),
            False,
            "demo.twilio.com",
            f"{WEBHOOK}#rc=5&rp=all",
            id="elsewhere",
        ),
        pytest.param(number(sms_method="GET"), False, "GET", "POST", id="method"),
        pytest.param(
            number(sms_application_sid="AP1"), False, "TwiML app", "webhook", id="twiml-app"
        ),
        pytest.param(
            number(capabilities={"sms": False}), False, "can't text", "SMS", id="voice-only"
        ),
        pytest.param(number(sms_url=WEBHOOK), True, "won't repeat", "#rc=5&rp=all", id="no-retry"),
        pytest.param(
            number(sms_url=f"{WEBHOOK}#rp=ct"), True, "won't repeat", "rp=all", id="retry-connect"
        ),
        pytest.param(
            number(sms_url=f"{WEBHOOK}#rc=0&rp=all"), True, "won't repeat", "rc=5", id="retry-never"
        ),
        pytest.param(number(sms_url=f"{WEBHOOK}#rp=4xx,5xx"), True, "repeated", "", id="retry-5xx"),
    ],
)
async def test_a_number_that_is_not_says_how_to_mend_it(
    twilio: TwilioCarrier,
    far_side: Scripted,
    *,
    entry: object,
    ok: bool,
    detail: str,
    mend: str,
) -> None:
    finding = await findings(twilio, far_side, entry)

    assert finding.ok is ok
    assert detail in finding.detail
    assert mend in finding.mend
    assert bool(finding.mend) == bool(mend)


async def test_a_short_code_is_looked_up_among_short_codes(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    entry = {"short_code": "50500", "sms_url": f"{WEBHOOK}#rc=5&rp=all", "sms_method": "POST"}

    finding = await findings(twilio, far_side, {"short_codes": [entry]}, "US:50500")

    assert finding.ok
    assert far_side.asked[1].path.endswith("/SMS/ShortCodes.json?ShortCode=50500")


@pytest.mark.parametrize(
    ("account", "detail"),
    [
        (ACTIVE | {"status": "suspended"}, "suspended"),
        (ACTIVE | {"type": "Trial"}, "trial"),
        ({"sid": ACCOUNT}, "no state"),
    ],
)
async def test_an_account_that_can_not_send_is_named(
    twilio: TwilioCarrier, far_side: Scripted, account: dict[str, str], detail: str
) -> None:
    far_side.say(200, account)

    finding = (await twilio.check(senders=[], public_url=PUBLIC))[0]

    assert not finding.ok
    assert detail in finding.detail
    assert finding.mend


async def test_wrong_credentials_are_the_only_finding(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(401, {"code": 20003})

    found = await twilio.check(senders=["+12025550100"], public_url=PUBLIC)

    assert [(finding.check, finding.ok) for finding in found] == [("twilio credentials", False)]
    assert "BRIDGE_TWILIO_AUTH_TOKEN" in found[0].mend


async def test_a_clock_that_is_off_is_named(twilio: TwilioCarrier, far_side: Scripted) -> None:
    far_side.say(200, ACTIVE, Date="Fri, 02 Jan 2026 02:55:00 GMT")

    clock = (await twilio.check(senders=[], public_url=PUBLIC))[1]

    assert (clock.ok, clock.detail) == (False, "300 s ahead of Twilio's")
    assert "NTP" in clock.mend


def test_settings_hide_their_secrets() -> None:
    settings = TwilioSettings(account_sid=ACCOUNT, auth_token=SecretStr("secret-1"))

    assert "secret-1" not in repr(settings)
