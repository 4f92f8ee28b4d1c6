"""The cast of the sandbox: who has a phone, which numbers the brand answers, and its settings.

All numbers are from the ranges kept for fiction (555-01xx); nobody can be called by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody with a phone. `about` is one line for the page.

    `in_zendesk`: how somebody once typed the number into Zendesk, None for a stranger.
    """

    number: str
    name: str
    about: str
    in_zendesk: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandNumber:
    """A number customers can text. `number` is E.164, or the digits of a short code."""

    number: str
    name: str
    kind: Literal["long_code", "toll_free", "short_code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who answers the tickets."""

    name: str
    email: str


AGENT = Agent(name="Robin Park", email="robin@acme.example")

CUSTOMERS = (
    Customer(
        number="+12025550123",
        name="Maya Torres",
        about="Washington, waiting for a parcel",
        in_zendesk="+12025550123",
    ),
    Customer(
        number="+13125550142",
        name="Jonas Weber",
        about="Chicago, texts in bursts",
        in_zendesk="(312) 555-0142",
    ),
    Customer(
        number="+14155550177",
        name="Amira Haddad",
        about="San Francisco, writes Arabic too",
        in_zendesk="+1 415-555-0177",
    ),
    Customer(
        number="+16175550111",
        name="Sam Lee",
        about="Boston, not known to Zendesk yet",
        in_zendesk=None,
    ),
)

BRAND_NUMBERS = (
    BrandNumber(number="+12025550100", name="Acme", kind="long_code"),
    BrandNumber(number="+18005550199", name="Acme Orders", kind="toll_free"),
    BrandNumber(number="50500", name="Acme VIP", kind="short_code"),
)

# What `bridge import` reads at the start of the demo: the same file an operator would write.
SETTINGS = """\
[[senders]]
number = "+12025550100"
carrier = "twilio"
country = "US"
kind = "long_code"
name = "Acme"
tags = ["us"]

[[senders]]
number = "+18005550199"
carrier = "twilio"
country = "US"
kind = "toll_free"
name = "Acme Orders"
tags = ["orders"]

[[senders]]
number = "50500"
carrier = "twilio"
country = "US"
kind = "short_code"
name = "Acme VIP"
tags = ["vip_line"]

[[lists]]
name = "vip"

[[keywords]]
words = ["JOIN", "VIP"]
lists = ["vip"]
reply = "Welcome to Acme VIP: early sales and quiet prices. Reply STOP to end."
"""
