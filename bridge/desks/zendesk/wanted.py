"""What the bridge needs to find in a Zendesk account, as data, and whether it is so.

An object whose id is lost is known by its title, which nobody else would choose. Only what the
bridge depends on is compared: names, columns and places are the admins' once an object exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.desks.zendesk.events import TAG
from bridge.desks.zendesk.records import Record

Kind = Literal["webhook", "trigger", "view", "field", "automation"]

EVENTS_PATH = "/desks/zendesk/events"
NEW_WEBHOOK = "{new webhook}"  # stands for the id of a webhook that is still to be made
NOTIFICATION = json.dumps(
    {"ticket_id": "{{ticket.id}}", "comment_id": "{{ticket.latest_public_comment.id}}"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where objects of a kind live in the API: path, key of one, key of the list."""

    path: str
    one: str
    many: str
    title: str = "title"
    words: str


SHELVES: Mapping[Kind, Shelf] = {
    "webhook": Shelf(
        path="/api/v2/webhooks", one="webhook", many="webhooks", title="name", words="webhook"
    ),
    "trigger": Shelf(path="/api/v2/triggers", one="trigger", many="triggers", words="trigger"),
    "view": Shelf(path="/api/v2/views", one="view", many="views", words="view"),
    "field": Shelf(
        path="/api/v2/ticket_fields", one="ticket_field", many="ticket_fields", words="ticket field"
    ),
    "automation": Shelf(
        path="/api/v2/automations", one="automation", many="automations", words="automation"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One object: `state` is compared, `create` and `mend` are the bodies of the two requests."""

    kind: Kind
    title: str
    state: Record
    create: Record
    mend: Record


def webhook(public_url: str) -> Wanted:
    """Zendesk calls this on behalf of the trigger."""
    state: Record = {
        "endpoint": public_url.rstrip("/") + EVENTS_PATH,
        "status": "active",
        "http_method": "POST",
        "request_format": "json",
    }
    return _wanted(
        "webhook",
        "SMS bridge: events",
        {**state, "subscriptions": ["conditional_ticket_events"]},
        # Zendesk refuses any change of the subscriptions, so they are not in the mending.
        mend=state,
    )


def trigger(webhook_id: str, category_id: str | None) -> Wanted:
    """Calls the webhook when somebody on the staff writes a public comment on our ticket.

    There is no condition on the channel: agents also reply through other tools. Source of the
    placeholders: Zendesk's reference and a measurement of which of them hold a comment's id.
    """
    state: Record = {
        "active": True,
        "conditions": {
            "all": [
                _condition("current_tags", "includes", TAG),
                _condition("comment_is_public", "is", "true"),
                _condition("role", "is", "agent"),
            ],
            "any": [],
        },
        "actions": [{"field": "notification_webhook", "value": [webhook_id, NOTIFICATION]}],
    }
    extra = {"category_id": category_id} if category_id is not None else {}
    return _wanted("trigger", "SMS bridge: public agent reply", state, create=extra)


def view() -> Wanted:
    """The agents' list of open conversations."""
    conditions: Record = {
        "all": [
            _condition("status", "less_than", "closed"),
            _condition("current_tags", "includes", TAG),
        ],
        "any": [],
    }
    columns = ["status", "requester", "subject", "updated"]
    return Wanted(
        kind="view",
        title="SMS bridge: conversations",
        state={"active": True, "conditions": conditions},
        # Views are read with their conditions nested, and written with them at the top.
        create={
            "title": "SMS bridge: conversations",
            "active": True,
            **conditions,
            "output": {"columns": columns, "sort_by": "updated", "sort_order": "desc"},
        },
        mend={"active": True, **conditions},
    )


def field() -> Wanted:
    """Holds the number that was texted, for views, triggers and reports."""
    description = "The number that the customer texted; filled by the SMS bridge."
    return _wanted(
        "field",
        "SMS bridge: number texted",
        {"active": True},
        create={"type": "text", "agent_description": description},
    )


def automation(close_after_h: int) -> Wanted:
    """Closes solved tickets, so that the next text opens a new one."""
    state: Record = {
        "active": True,
        "conditions": {
            "all": [
                _condition("status", "is", "solved"),
                _condition("SOLVED", "greater_than", str(close_after_h)),
                _condition("current_tags", "includes", TAG),
            ],
            "any": [],
        },
        "actions": [{"field": "status", "value": "closed"}],
    }
    return _wanted("automation", "SMS bridge: close solved tickets", state)


def differences(wanted: Wanted, found: Record) -> tuple[str, ...]:
    """The names of what is not as wanted."""
    return tuple(
        name for name, value in wanted.state.items() if _plain(found.get(name)) != _plain(value)
    )


def is_of_title(kind: Kind, title: str, record: Record) -> bool:
    """Whether a record that we have no id of is ours by its title."""
    return record.get(SHELVES[kind].title) == title and (
        kind != "field" or record.get("type") == "text"
    )


def with_webhook(body: object, webhook_id: str) -> object:
    """A request body with the id of a webhook that has been made in the meantime."""
    if isinstance(body, Mapping):
        return {name: with_webhook(value, webhook_id) for name, value in body.items()}
    if isinstance(body, list):
        return [with_webhook(value, webhook_id) for value in body]
    return webhook_id if body == NEW_WEBHOOK else body


def _wanted(
    kind: Kind,
    title: str,
    state: Record,
    *,
    create: Record | None = None,
    mend: Record | None = None,
) -> Wanted:
    return Wanted(
        kind=kind,
        title=title,
        state=state,
        create={SHELVES[kind].title: title, **state, **(create or {})},
        mend=state if mend is None else mend,
    )


def _condition(field: str, operator: str, value: str) -> Record:
    return {"field": field, "operator": operator, "value": value}


def _plain(value: object) -> object:
    """A value in a form in which only real differences differ: what Zendesk adds is dropped."""
    if isinstance(value, Mapping):
        if "all" in value or "any" in value:
            return {part: _plain(value.get(part) or []) for part in ("all", "any")}
        if "field" in value:
            known = ("field", "operator", "value")
            return {name: _plain(value[name]) for name in known if name in value}
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_plain(each) for each in value]
        # The order of conditions and of our single action means nothing.
        return sorted(parts, key=repr) if any(isinstance(each, dict) for each in parts) else parts
    if isinstance(value, bool):
        return str(value).lower()
    return _plain_text(value)


def _plain_text(value: object) -> object:
    text = "" if value is None else str(value)
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
