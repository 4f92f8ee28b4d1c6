"""Every carrier there is, one line each: the settings that ask for it, and what builds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bridge.carriers.contract import Capabilities, Carrier
from bridge.carriers.twilio import TwilioCarrier, TwilioSettings
from bridge.clock import Clock
from bridge.http import HttpClient

CarrierSettings = TwilioSettings
Builder = Callable[[CarrierSettings, HttpClient, Clock], Carrier]


def _twilio(settings: TwilioSettings, http: HttpClient, clock: Clock) -> Carrier:
    return TwilioCarrier(
        account_sid=settings.account_sid,
        auth_tokens=settings.auth_tokens,
        api_url=settings.api_url,
        public_url=settings.public_url,
        shared_keys=settings.shared_keys,
        http=http,
        clock=clock,
    )


BUILDERS: Mapping[str, Builder] = {
    TwilioSettings.carrier: _twilio,
}


# What each carrier can do, set up here or not.
CAPABILITIES: Mapping[str, Capabilities] = {
    TwilioSettings.carrier: TwilioCarrier.capabilities,
}


def build_carriers(
    configured: Iterable[CarrierSettings], *, http: HttpClient, clock: Clock
) -> dict[str, Carrier]:
    """Build the configured carriers by name."""
    return {
        settings.carrier: BUILDERS[settings.carrier](settings, http, clock)
        for settings in configured
    }
