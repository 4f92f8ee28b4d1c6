"""What triggers of this account can ask and do, as /api/v2/triggers/definitions tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.conditions import OPERATORS, PLAIN_VALUES, TRIGGER_FIELDS

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.records import Json

_ACTIONS = (
    "status",
    "priority",
    "type",
    "group_id",
    "assignee_id",
    "set_tags",
    "current_tags",
    "remove_tags",
    "notification_user",
    "notification_group",
    "notification_webhook",
)


def trigger_definitions() -> Json:
    """Write conditions and actions with their operators and values."""
    conditions = [_condition(name) for name in sorted(TRIGGER_FIELDS)]
    return {
        "conditions_all": conditions,
        "conditions_any": conditions,
        "actions": [
            {
                "title": name.replace("_", " ").capitalize(),
                "subject": name,
                "type": "list",
                "group": "ticket",
                "nullable": False,
                "repeatable": name == "notification_webhook",
            }
            for name in _ACTIONS
        ],
    }


def _condition(name: str) -> Json:
    operators = sorted(OPERATORS[name])
    written: Json = {
        "title": name.replace("_", " ").capitalize(),
        "subject": name,
        "type": "list",
        "group": "ticket",
        "nullable": False,
        "repeatable": False,
        "operators": [
            {"value": one, "title": one.replace("_", " ").capitalize(), "terminal": False}
            for one in operators
        ],
    }
    if name in PLAIN_VALUES:
        written["values"] = [
            {"value": one, "title": one, "enabled": True} for one in sorted(PLAIN_VALUES[name])
        ]
    return written
