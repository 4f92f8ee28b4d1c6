"""What a carrier's file hands to the registry: everything that is known without an account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bridge.carriers.contract import Capabilities, Carrier, CarrierSettings
from bridge.carriers.errors import ErrorTable
from bridge.clock import Clock
from bridge.http import HttpClient

S = TypeVar("S", bound=CarrierSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a carrier works with. `http` is its own; `public_url` has no slash at its end."""

    http: HttpClient
    clock: Clock
    public_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierSpec(Generic[S]):
    """A carrier as data. `name` stands in paths, settings and the settings file; `title` is how
    people write it."""

    name: str
    title: str
    settings: type[S]
    capabilities: Capabilities
    errors: ErrorTable
    build: Callable[[S, Tools], Carrier]
