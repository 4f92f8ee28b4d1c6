"""Conditions of triggers, automations and views: which exist, and whether they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.answers import invalid
from bridge.sandbox.zendesk.records import PRIORITIES, STATUSES, TYPES, VIA_IDS, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.sandbox.zendesk.happenings import Happening
    from bridge.sandbox.zendesk.records import Ticket

_CHANGES = {
    "changed",
    "not_changed",
    "value",
    "value_previous",
    "not_value",
    "not_value_previous",
}
_EQUAL = {"is", "is_not"}
_ORDER = {"less_than", "greater_than"}
_HOURS = {"NEW", "OPEN", "PENDING", "HOLD", "SOLVED", "CLOSED"} | {
    "assigned_at",
    "updated_at",
    "requester_updated_at",
    "assignee_updated_at",
}
ORDERED = {"status": STATUSES, "priority": PRIORITIES, "type": TYPES}
REFERENCES = {
    "group_id",
    "assignee_id",
    "requester_id",
    "organization_id",
    "brand_id",
    "ticket_form_id",
}
OPERATORS: dict[str, set[str]] = {
    **dict.fromkeys(ORDERED, _EQUAL | _ORDER | _CHANGES),
    **dict.fromkeys(REFERENCES, _EQUAL | _CHANGES),
    "custom_status_id": {"includes", "not_includes", "changed", "not_changed"},
    "current_tags": {"includes", "not_includes"},
    "update_type": {"is"},
    "comment_is_public": {"is"},
    "ticket_is_public": {"is"},
    "role": _EQUAL,
    "requester_role": _EQUAL,
    "current_via_id": _EQUAL,
    "via_id": _EQUAL,
    "comment_includes_word": {"includes", "not_includes", "is", "is_not"},
    "subject_includes_word": {"includes", "not_includes", "is", "is_not"},
    **{name: {"is", "less_than", "greater_than"} for name in sorted(_HOURS)},
}
PLAIN_VALUES: dict[str, set[str]] = {
    "status": set(STATUSES),
    "update_type": {"Create", "Change"},
    "comment_is_public": {"true", "false", "not_relevant", "requester_can_see_comment"},
    "ticket_is_public": {"public", "private"},
}
TRIGGER_FIELDS = set(OPERATORS) - _HOURS
AUTOMATION_FIELDS = set(OPERATORS) - {"update_type", "comment_is_public", "role", "current_via_id"}
VIEW_FIELDS = AUTOMATION_FIELDS
REQUIRED_IN_ALL = {"status", "type", "group_id", "assignee_id", "requester_id"}


def read_conditions(given: object, fields: set[str], where: str) -> list[Json]:
    """Check one list of conditions. Raises ZendeskRefusal 422."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid(where, f"{where}: must be an array")
    return [_read(one, fields, where) for one in given]


def _read(given: object, fields: set[str], where: str) -> Json:
    if not isinstance(given, dict):
        raise invalid(where, f"{where}: must hold objects")
    name, operator = str(given.get("field", "")), str(given.get("operator", ""))
    value = given.get("value")
    is_custom = re.fullmatch(r"custom_fields_\d+", name) is not None
    if name not in fields and not is_custom:
        raise invalid(where, f"Condition field is not valid: {name}", "InvalidValue")
    operators = _EQUAL | _CHANGES | {"present", "not_present"} if is_custom else OPERATORS[name]
    if operator not in operators:
        raise invalid(where, f"Condition operator is not valid for {name}: {operator}")
    known = PLAIN_VALUES.get(name)
    has_value = operator not in {"changed", "not_changed"}
    if known is not None and has_value and str(value) not in known:
        raise invalid(where, f"Condition value is not valid for {name}: {value}")
    return {"field": name, "operator": operator, "value": value}


def all_hold(conditions: Json, happening: Happening) -> bool:
    """Whether all of `all` hold, and one of `any` where there are some."""
    every, some = conditions.get("all", []), conditions.get("any", [])
    return all(holds(one, happening) for one in every) and (
        not some or any(holds(one, happening) for one in some)
    )


def holds(condition: Json, happening: Happening) -> bool:
    """Whether one condition holds for what happened."""
    name, operator = str(condition["field"]), str(condition["operator"])
    value = condition.get("value")
    special = _SPECIAL.get(name)
    if special is not None:
        return special(happening, operator, str(value))
    current = field_value(happening.ticket, name)
    if operator in _CHANGES:
        return _change_holds(happening, name, operator, current, value)
    if operator in {"present", "not_present"}:
        return (current not in (None, "")) is (operator == "present")
    if operator in _ORDER:
        return _order_holds(name, operator, current, value)
    return _same(happening, current, value) is (operator == "is")


def field_value(ticket: Ticket, name: str) -> Any:  # noqa: ANN401 - the value of any field
    """The value of a ticket's field by its name in conditions."""
    if name.startswith("custom_fields_"):
        return ticket.custom_fields.get(int(name.removeprefix("custom_fields_")))
    return getattr(ticket, name, None)


def tags_hold(tags: Iterable[str], operator: str, value: str) -> bool:
    """`includes` wants at least one of the tags, `not_includes` none of them."""
    return bool(set(tags) & set(value.split())) is (operator == "includes")


def _same(happening: Happening, current: object, value: object) -> bool:
    if value == "requester_id":
        value = happening.ticket.requester_id
    if value == "assignee_id":
        value = happening.ticket.assignee_id
    return ("" if current is None else str(current)) == ("" if value is None else str(value))


def _change_holds(
    happening: Happening, name: str, operator: str, current: object, value: object
) -> bool:
    before = happening.before.get(name, current)
    has_changed = happening.created or (name in happening.before and before != current)
    now_so, then_so = str(current) == str(value), str(before) == str(value)
    return {
        "changed": has_changed,
        "not_changed": not has_changed,
        "value": has_changed and now_so,
        "not_value": not (has_changed and now_so),
        "value_previous": has_changed and then_so and not happening.created,
        "not_value_previous": not (has_changed and then_so and not happening.created),
    }[operator]


def _order_holds(name: str, operator: str, current: object, value: object) -> bool:
    order = ORDERED[name]
    left = order.index(str(current)) if current in order else -1
    right = order.index(str(value)) if value in order else -1
    return left < right if operator == "less_than" else left > right


def _update_type(happening: Happening, _operator: str, value: str) -> bool:
    return happening.created is (value == "Create")


def _comment_is_public(happening: Happening, _operator: str, value: str) -> bool:
    comment = happening.comment
    if comment is None:
        return False
    return value == "not_relevant" or comment.public is (value != "false")


def _role(happening: Happening, operator: str, value: str) -> bool:
    user, ticket = happening.updater, happening.ticket
    is_so = {
        "agent": user.is_staff,
        "end_user": user.role == "end-user",
        "requester_id": user.id == ticket.requester_id,
        "assignee_id": user.id == ticket.assignee_id,
        "all": True,
    }.get(value, str(user.id) == value)
    return is_so is (operator == "is")


def _via(channel: str, operator: str, value: str) -> bool:
    return (str(VIA_IDS.get(channel, 5)) == value) is (operator == "is")


def _words(text: str, operator: str, value: str) -> bool:
    lower, wanted = text.lower(), value.lower()
    if operator in {"is", "is_not"}:
        return (wanted in lower) is (operator == "is")
    return any(word in lower.split() for word in wanted.split()) is (operator == "includes")


_SPECIAL: dict[str, Callable[[Happening, str, str], bool]] = {
    "current_tags": lambda happening, operator, value: tags_hold(
        happening.ticket.tags, operator, value
    ),
    "update_type": _update_type,
    "comment_is_public": _comment_is_public,
    "ticket_is_public": lambda happening, _operator, value: (
        happening.ticket.is_public is (value == "public")
    ),
    "role": _role,
    "current_via_id": lambda happening, operator, value: _via(happening.channel, operator, value),
    "via_id": lambda happening, operator, value: _via(
        happening.ticket.via["channel"], operator, value
    ),
    "comment_includes_word": lambda happening, operator, value: _words(
        happening.comment.plain_body if happening.comment else "", operator, value
    ),
    "subject_includes_word": lambda happening, operator, value: _words(
        happening.ticket.subject, operator, value
    ),
}
