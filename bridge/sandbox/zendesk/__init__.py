"""Zendesk Support, as far as a bridge uses it."""

from __future__ import annotations

from bridge.sandbox.zendesk.answers import ZendeskRefusal
from bridge.sandbox.zendesk.records import Comment, Email, Ticket, User, Write
from bridge.sandbox.zendesk.server import FakeZendesk

__all__ = ["Comment", "Email", "FakeZendesk", "Ticket", "User", "Write", "ZendeskRefusal"]
