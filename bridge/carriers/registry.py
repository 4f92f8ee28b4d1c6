"""Every carrier there is, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.carriers import bandwidth, infobip, kannel, plivo, sinch, telnyx, twilio, vonage
from bridge.carriers.contract import (
    Capabilities,
    Carrier,
    CarrierSettings,
    OptOutWord,
    SenderKind,
)
from bridge.carriers.spec import CarrierSpec, Tools
from bridge.clock import Clock
from bridge.http import HttpClient

_SPECS: tuple[CarrierSpec[Any], ...] = (
    twilio.SPEC,
    vonage.SPEC,
    telnyx.SPEC,
    plivo.SPEC,
    bandwidth.SPEC,
    sinch.SPEC,
    infobip.SPEC,
    kannel.SPEC,
)

CARRIERS: Mapping[str, CarrierSpec[Any]] = {spec.name: spec for spec in _SPECS}

# What each carrier can do, set up here or not.
CAPABILITIES: Mapping[str, Capabilities] = {
    name: spec.capabilities for name, spec in CARRIERS.items()
}


def build_carriers(
    configured: Mapping[str, CarrierSettings],
    *,
    http: Callable[[str], HttpClient],
    clock: Clock,
    public_url: str,
) -> dict[str, Carrier]:
    """Build the configured carriers by name. `http` gives each its own way out."""
    return {
        name: CARRIERS[name].build(
            settings, Tools(http=http(name), clock=clock, public_url=public_url)
        )
        for name, settings in configured.items()
    }


def answered_words() -> Mapping[str, Mapping[SenderKind, Mapping[OptOutWord, frozenset[str]]]]:
    """The words that each carrier answers by itself, for each kind of sender that it has."""
    return {
        name: {kind: can.answers.get(kind, {}) for kind in can.kinds}
        for name, can in CAPABILITIES.items()
    }
