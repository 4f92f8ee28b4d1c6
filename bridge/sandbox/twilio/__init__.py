"""Twilio's Programmable Messaging, as far as a bridge uses it."""

from bridge.sandbox.twilio.records import HandsetText, InboundResult, Number, SentText
from bridge.sandbox.twilio.server import FakeTwilio

__all__ = ["FakeTwilio", "HandsetText", "InboundResult", "Number", "SentText"]
