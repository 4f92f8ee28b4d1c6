"""Twilio's Programmable Messaging, as far as a bridge uses it."""

from __future__ import annotations

from bridge.sandbox.twilio.records import HandsetText, InboundResult, Number, SentText
from bridge.sandbox.twilio.server import FakeTwilio

__all__ = ["FakeTwilio", "HandsetText", "InboundResult", "Number", "SentText"]
