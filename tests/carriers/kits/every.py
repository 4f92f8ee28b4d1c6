"""Every carrier's kit, and a carrier built by it."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.carriers.contract import Carrier
from bridge.carriers.registry import CARRIERS
from bridge.carriers.spec import Tools
from bridge.http import HttpClient
from bridge.settings import load_settings
from tests.carriers.kits import bandwidth, infobip, kannel, plivo, sinch, telnyx, twilio, vonage
from tests.carriers.kits.kit import NOW_S, PUBLIC_URL, Kit

KITS = (
    twilio.KIT,
    vonage.MESSAGES,
    vonage.SMS,
    telnyx.KIT,
    plivo.KIT,
    plivo.KIT_V2,
    bandwidth.KIT,
    sinch.KIT,
    infobip.KIT,
    kannel.KIT,
)
SECRET = "first-of-the-two-secrets-of-the-suite"


class Still:
    """A clock that stands at the suite's moment, unless it is moved."""

    def __init__(self) -> None:
        self.moved_s = 0

    def now_ms(self) -> int:
        return (NOW_S + self.moved_s) * 1000


def environment(
    kit: Kit, *, api_url: str | None = None, secret: str = SECRET, **changes: str
) -> dict[str, str]:
    """The variables that set up a kit's account; `secret` is what webhooks are signed with."""
    values: Mapping[str, str] = {
        **kit.settings,
        kit.secret: ",".join(kit.webhook_secret(one) for one in secret.split(",")),
        **({} if api_url is None else dict.fromkeys(kit.api_settings, api_url)),
        **changes,
    }
    return {f"BRIDGE_{kit.carrier.upper()}_{name}": value for name, value in values.items()}


def build(
    kit: Kit,
    http: HttpClient,
    clock: Still | None = None,
    *,
    api_url: str | None = None,
    secret: str = SECRET,
) -> Carrier:
    """The carrier as the service would build it."""
    settings = load_settings(environment(kit, api_url=api_url, secret=secret), None)
    tools = Tools(http=http, clock=clock or Still(), public_url=PUBLIC_URL)
    carrier: Carrier = CARRIERS[kit.carrier].build(settings.carriers[kit.carrier], tools)
    return carrier
