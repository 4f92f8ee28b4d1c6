"""Event subscriptions: which events a change makes, and their envelope."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.records import Json, iso

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.happenings import Happening
    from bridge.sandbox.zendesk.records import Comment, Ticket, User
    from bridge.sandbox.zendesk.state import Account

PREFIX = "zen:event-type:ticket."
_UPPER = {"status", "priority", "type"}
_CHANGE_NAMES = {
    "status": "status_changed",
    "priority": "priority_changed",
    "type": "type_changed",
    "subject": "subject_changed",
    "requester_id": "requester_changed",
    "assignee_id": "agent_assignment_changed",
    "group_id": "group_assignment_changed",
    "external_id": "external_id_changed",
    "brand_id": "brand_changed",
    "ticket_form_id": "form_changed",
}


def events_of(happening: Happening, account: Account, *, comment_on_create: bool) -> list[Json]:
    """Write every event that a change of a ticket makes; they share one sequence id."""
    found: list[tuple[str, Json]] = []
    if happening.created:
        found.append(("created", {}))
    if happening.comment is not None and (comment_on_create or not happening.created):
        found.append(("comment_added", {"comment": _comment(happening.comment, account)}))
    for name, old in happening.before.items():
        found.extend(_change(name, old, happening.ticket))
    sequence = uuid.uuid4().hex.upper()[:26]
    return [
        envelope(
            kind, happening.ticket, happening.updater, body, account, sequence=(sequence, position)
        )
        for position, (kind, body) in enumerate(found, start=1)
    ]


def envelope(
    kind: str,
    ticket: Ticket,
    actor: User,
    body: Json,
    account: Account,
    *,
    sequence: tuple[str, int] | None = None,
) -> Json:
    """Write one event. Ids are text here, status and priority in capitals."""
    identifier, position = sequence or (uuid.uuid4().hex.upper()[:26], 1)
    meta = {"meta": {"sequence": {"id": identifier, "position": position}}}
    moment = datetime.fromtimestamp(account.now_ms() / 1000, UTC)
    return {
        "account_id": account.id,
        "id": str(uuid.uuid4()),
        "type": PREFIX + kind,
        "subject": f"zen:ticket:{ticket.id}",
        "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "zendesk_event_version": "2022-11-06",
        "detail": _detail(ticket, actor, account),
        "event": {**body, **meta},
    }


def encode(event: Json) -> bytes:
    """Write an event's bytes: these are signed and sent, and never written again."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _detail(ticket: Ticket, actor: User, account: Account) -> Json:
    channel = ticket.via["channel"]
    return {
        "id": str(ticket.id),
        "actor_id": str(actor.id),
        "assignee_id": _id(ticket.assignee_id),
        "requester_id": str(ticket.requester_id),
        "submitter_id": str(ticket.submitter_id),
        "brand_id": _id(ticket.brand_id),
        "group_id": _id(ticket.group_id),
        "organization_id": _id(ticket.organization_id),
        "form_id": _id(ticket.ticket_form_id),
        "external_id": ticket.external_id,
        "status": "DELETED" if ticket.deleted else ticket.status.upper(),
        "custom_status": _id(account.custom_status_ids.get(ticket.status)),
        "priority": ticket.priority.upper() if ticket.priority else None,
        "type": ticket.type.upper() if ticket.type else None,
        "is_public": ticket.is_public,
        "subject": ticket.subject,
        "description": ticket.description,
        "tags": sorted(ticket.tags),
        "via": {"channel": "web_service" if channel == "api" else channel},
        "created_at": iso(ticket.created_ms),
        "updated_at": iso(ticket.updated_ms),
    }


def _comment(comment: Comment, account: Account) -> Json:
    author = account.users[comment.author_id]
    return {
        "id": str(comment.id),
        "body": comment.body,
        "is_public": comment.public,
        "author": {"id": str(author.id), "is_staff": author.is_staff, "name": author.name},
    }


def _change(name: str, old: object, ticket: Ticket) -> list[tuple[str, Json]]:
    if name == "tags":
        before, after = set(map(str, _items(old))), set(ticket.tags)
        added, removed = sorted(after - before), sorted(before - after)
        return [("tags_changed", {"tags_added": added, "tags_removed": removed})]
    if name.startswith("custom_fields_"):
        key = int(name.removeprefix("custom_fields_"))
        new = ticket.custom_fields.get(key)
        field = {"id": str(key), "type": "text"}
        return [("custom_field_changed", {"field": field, "current": new, "previous": old})]
    kind = _CHANGE_NAMES.get(name)
    if kind is None:
        return []
    current = getattr(ticket, name)
    return [(kind, {"current": _shown(name, current), "previous": _shown(name, old)})]


def _shown(name: str, value: object) -> object:
    if value is None:
        return None
    return str(value).upper() if name in _UPPER else str(value)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)
