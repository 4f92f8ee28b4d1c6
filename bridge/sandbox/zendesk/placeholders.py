"""Placeholders of triggers and webhooks. What Zendesk does not know becomes the empty string."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.records import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.zendesk.happenings import Happening
    from bridge.sandbox.zendesk.records import Comment, User
    from bridge.sandbox.zendesk.state import Account

_PLACEHOLDER = re.compile(r"\{\{\s*([a-zA-Z0-9_.]+)\s*\}\}")


def render(text: str, happening: Happening, account: Account) -> str:
    """Replace every placeholder, in one pass.

    `ticket.comment.id`, `ticket.latest_comment_id` and `ticket.audit.id` are unknown to Zendesk
    (measured on a live account in 2026), and so they are here.
    """
    return _PLACEHOLDER.sub(lambda match: _value(match[1], happening, account), text)


def _value(name: str, happening: Happening, account: Account) -> str:
    for prefix, find in _OBJECTS.items():
        if name == prefix or name.startswith(prefix + "."):
            return find(name.removeprefix(prefix).removeprefix("."), happening, account)
    if name.startswith("ticket."):
        return _ticket(name.removeprefix("ticket."), happening, account)
    return ""


def _ticket(name: str, happening: Happening, account: Account) -> str:
    ticket = happening.ticket
    values: dict[str, Callable[[], object]] = {
        "id": lambda: ticket.id,
        "external_id": lambda: ticket.external_id,
        "title": lambda: ticket.subject,
        "subject": lambda: ticket.subject,
        "description": lambda: ticket.description,
        "status": ticket.status.capitalize,
        "priority": (ticket.priority or "").capitalize,
        "tags": lambda: " ".join(sorted(ticket.tags)),
        "link": lambda: f"{account.url}/agent/tickets/{ticket.id}",
        "url": lambda: f"{account.url}/agent/tickets/{ticket.id}",
        "via": lambda: ticket.via["channel"],
        "updated_at": lambda: (iso(ticket.updated_ms) or "")[:10],
        "updated_at_with_timestamp": lambda: iso(ticket.updated_ms),
        "created_at": lambda: (iso(ticket.created_ms) or "")[:10],
        "created_at_with_timestamp": lambda: iso(ticket.created_ms),
        "group.id": lambda: ticket.group_id,
        "brand.id": lambda: ticket.brand_id,
        "is_public": lambda: ticket.is_public,
    }
    if name.startswith("ticket_field_"):
        key = name.removeprefix("ticket_field_")
        return _text(ticket.custom_fields.get(int(key)) if key.isdigit() else None)
    return _text(values.get(name, lambda: "")())


def _person(user: User | None, name: str) -> str:
    if user is None:
        return ""
    values = {
        "": user.name,
        "id": user.id,
        "name": user.name,
        "first_name": user.name.split(" ")[0],
        "email": user.email,
        "phone": user.phone,
        "external_id": user.external_id,
    }
    return _text(values.get(name))


def _comment(comment: Comment | None, name: str, account: Account) -> str:
    if comment is None:
        return ""
    if name.startswith("author."):
        return _person(account.users.get(comment.author_id), name.removeprefix("author."))
    values: dict[str, object] = {
        "": comment.plain_body,
        "id": comment.id,
        "value": comment.plain_body,
        "is_public": comment.public,
        "created_at": iso(comment.created_ms),
        "attachments": len(comment.attachments) or "",
    }
    return _text(values.get(name))


def _latest(happening: Happening, *, public: bool) -> Comment | None:
    for comment in reversed(happening.ticket.comments):
        if comment.public or not public:
            return comment
    return None


_OBJECTS: dict[str, Callable[[str, Happening, Account], str]] = {
    "ticket.latest_public_comment": lambda name, happening, account: _comment(
        _latest(happening, public=True), name, account
    ),
    "ticket.latest_comment": lambda name, happening, account: _comment(
        _latest(happening, public=False), name, account
    ),
    "ticket.requester": lambda name, happening, account: _person(
        account.users.get(happening.ticket.requester_id), name
    ),
    "ticket.assignee": lambda name, happening, account: _person(
        account.users.get(happening.ticket.assignee_id or 0), name
    ),
    "current_user": lambda name, happening, _account: _person(happening.updater, name),
}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
