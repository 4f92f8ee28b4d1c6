"""Triggers, automations, views, macros and fields: lists to be created, changed and deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge.sandbox.zendesk.answers import invalid, not_found, page
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.conditions import (
    AUTOMATION_FIELDS,
    REQUIRED_IN_ALL,
    TRIGGER_FIELDS,
    VIEW_FIELDS,
    all_hold,
    read_conditions,
)
from bridge.sandbox.zendesk.definitions import trigger_definitions
from bridge.sandbox.zendesk.happenings import Happening
from bridge.sandbox.zendesk.records import Json, Ticket
from bridge.sandbox.zendesk.tables import Collection

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.zendesk.state import Account

FIELD_TYPES = {
    "text",
    "textarea",
    "checkbox",
    "date",
    "integer",
    "decimal",
    "regexp",
    "partialcreditcard",
    "multiselect",
    "tagger",
    "lookup",
}
USER_FIELD_TYPES = FIELD_TYPES - {"partialcreditcard"} | {"dropdown"}
TRIGGER_ACTIONS = {
    "status",
    "type",
    "priority",
    "group_id",
    "assignee_id",
    "set_tags",
    "current_tags",
    "remove_tags",
    "custom_status_id",
    "ticket_form_id",
    "brand_id",
    "follower",
    "notification_user",
    "notification_group",
    "notification_target",
    "notification_webhook",
}
_UNSET = ("new", "closed")  # what a macro can't set a ticket to
TIME_FIELDS = {"NEW", "OPEN", "PENDING", "HOLD", "SOLVED", "CLOSED"}


class Admin:
    """The handlers of everything an admin sets up."""

    def __init__(self, account: Account, webhook_ids: Callable[[], set[str]]) -> None:
        self.account = account
        self.webhook_ids = webhook_ids
        self.trigger_categories_on = False

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        found: list[tuple[str, str, object]] = [
            ("GET", "triggers/definitions", self.definitions),
            ("GET", r"views/{id:\d+}/tickets", self.view_tickets),
            ("GET", r"views/{id:\d+}/count", self.view_count),
        ]
        for table, single, read in (
            ("triggers", "trigger", self._read_trigger),
            ("automations", "automation", self._read_automation),
            ("views", "view", self._read_view),
            ("macros", "macro", self._read_macro),
            ("ticket_fields", "ticket_field", self._read_ticket_field),
            ("user_fields", "user_field", self._read_user_field),
            ("trigger_categories", "trigger_category", self._read_category),
        ):
            collection = Collection(self.account, table, single, read)
            found += collection.routes(writable=True)
        for table, single in (
            ("groups", "group"),
            ("brands", "brand"),
            ("ticket_forms", "ticket_form"),
            ("custom_statuses", "custom_status"),
            ("organizations", "organization"),
        ):
            found += Collection(self.account, table, single, _read_only).routes(writable=False)
        return found

    async def definitions(self, _request: web.Request) -> web.Response:
        """GET what triggers of this account can ask and do."""
        return web.json_response({"definitions": trigger_definitions()})

    async def view_tickets(self, request: web.Request) -> web.Response:
        """GET the tickets of a view."""
        found = self._in_view(request)
        write = self.account.ticket_json
        return web.json_response(page(request, "tickets", found, write, lambda one: one.id))

    async def view_count(self, request: web.Request) -> web.Response:
        """GET how many tickets a view has."""
        number = len(self._in_view(request))
        written = {"view_id": int(request.match_info["id"]), "value": number, "pretty": str(number)}
        return web.json_response({"view_count": {**written, "fresh": True}})

    def _in_view(self, request: web.Request) -> list[Ticket]:
        view = self.account.resources["views"].get(int(request.match_info["id"]))
        if view is None:
            raise not_found()
        user = request[CALLER].user
        return [
            ticket
            for ticket in self.account.tickets.values()
            if not ticket.deleted
            and all_hold(
                view["conditions"],
                Happening(ticket=ticket, updater=user, channel="api", created=False),
            )
        ]

    def _read_trigger(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        merged = {**(old or {}), **given}
        if self.trigger_categories_on and not merged.get("category_id"):
            raise invalid("category_id", "Category can't be blank", "BlankValue")
        conditions = merged.get("conditions")
        if not isinstance(conditions, dict):
            raise invalid("conditions", "Conditions: must be an object with all and any")
        actions = self._read_actions(merged.get("actions"))
        read = {
            "all": read_conditions(conditions.get("all"), TRIGGER_FIELDS, "all"),
            "any": read_conditions(conditions.get("any"), TRIGGER_FIELDS, "any"),
        }
        if not read["all"] and not read["any"]:
            raise invalid("base", "Trigger must have at least one condition", "BlankValue")
        return _rule(merged, read, actions) | {
            "description": merged.get("description"),
            "category_id": merged.get("category_id"),
            "raw_title": merged["title"],
        }

    def _read_automation(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        merged = {**(old or {}), **given}
        conditions = merged.get("conditions")
        if not isinstance(conditions, dict):
            conditions = {"all": merged.get("all"), "any": merged.get("any")}
        read = {
            "all": read_conditions(conditions.get("all"), AUTOMATION_FIELDS, "all"),
            "any": read_conditions(conditions.get("any"), AUTOMATION_FIELDS, "any"),
        }
        names = {one["field"] for one in read["all"]}
        if not names & TIME_FIELDS and not any(name.endswith("_at") for name in names):
            raise invalid("base", "Automation must have at least one time based condition")
        if not names & REQUIRED_IN_ALL:
            raise invalid("base", "Automation must check status, type, group, assignee, requester")
        actions = self._read_actions(merged.get("actions"))
        if not _ends(read["all"], actions):
            raise invalid("base", "Automation must have an action that makes its conditions false")
        return _rule(merged, read, actions) | {"raw_title": merged["title"]}

    def _read_view(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        merged = {**(old or {}), **given}
        before = (old or {}).get("conditions", {})
        read = {
            "all": read_conditions(given.get("all", before.get("all")), VIEW_FIELDS, "all"),
            "any": read_conditions(given.get("any", before.get("any")), VIEW_FIELDS, "any"),
        }
        if not {one["field"] for one in read["all"]} & REQUIRED_IN_ALL:
            raise invalid(
                "base", "View must test status, type, group, assignee or requester under all"
            )
        output = given.get("output") or {}
        if not isinstance(output, dict):
            raise invalid("output", "Output: must be an object")
        columns = [{"id": one, "title": one} for one in output.get("columns", ["subject"])]
        execution = {
            "columns": columns,
            "fields": columns,
            "sort_by": output.get("sort_by", "created"),
            "sort_order": output.get("sort_order", "desc"),
            "group_by": output.get("group_by"),
        }
        return {
            "title": merged["title"],
            "raw_title": merged["title"],
            "description": merged.get("description"),
            "active": merged.get("active", True),
            "position": merged.get("position", 9999),
            "default": False,
            "restriction": merged.get("restriction"),
            "conditions": read,
            "execution": execution if output or old is None else old["execution"],
        }

    def _read_macro(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        merged = {**(old or {}), **given}
        actions = merged.get("actions")
        if not isinstance(actions, list) or not actions:
            raise invalid("actions", "Actions: cannot be blank", "BlankValue")
        if not all(isinstance(one, dict) for one in actions):
            raise invalid("actions", "Actions: must hold objects")
        if any(one.get("field") == "status" and one.get("value") in _UNSET for one in actions):
            raise invalid("actions", "Actions: status can't be new or closed")
        kept = ("title", "actions", "active", "description", "restriction")
        return {"active": True, **{name: merged[name] for name in kept if name in merged}}

    def _read_ticket_field(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        return _read_field(given, old, FIELD_TYPES) | {
            "agent_can_edit": True,
            "editable_in_portal": bool(given.get("editable_in_portal", False)),
            "required": bool(given.get("required", False)),
            "removable": True,
            "title_in_portal": given.get("title_in_portal", given.get("title")),
        }

    def _read_user_field(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "title")
        key = str(given.get("key", (old or {}).get("key", "")))
        if not re.fullmatch(r"[A-Za-z0-9_]+", key):
            raise invalid("key", "Key: cannot be blank or is not valid", "BlankValue")
        if old is not None:
            key = old["key"]  # it is fixed when the field is created
        elif any(one["key"] == key for one in self.account.resources["user_fields"].values()):
            raise invalid("key", f"Key: {key} has already been taken", "DuplicateValue")
        return _read_field(given, old, USER_FIELD_TYPES) | {"key": key, "system": False}

    def _read_category(self, given: Json, old: Json | None) -> Json:
        _require(given, old, "name")
        return {"name": given.get("name", (old or {}).get("name")), "position": 0}

    def _read_actions(self, given: object) -> list[Json]:
        if not isinstance(given, list) or not given:
            raise invalid("actions", "Actions: cannot be blank", "BlankValue")
        return [self._read_action(one) for one in given]

    def _read_action(self, given: object) -> Json:
        if not isinstance(given, dict):
            raise invalid("actions", "Actions: must hold objects")
        name, value = str(given.get("field", "")), given.get("value")
        if name not in TRIGGER_ACTIONS and not re.fullmatch(r"custom_fields_\d+", name):
            raise invalid("actions", f"Action field is not valid: {name}")
        if name == "notification_webhook":
            if not isinstance(value, list) or len(value) != 2:
                raise invalid("actions", "Action value must be a webhook id and a body")
            if value[0] not in self.webhook_ids():
                raise invalid("actions", f"Webhook {value[0]} does not exist")
        return {"field": name, "value": value}


def _require(given: Json, old: Json | None, name: str) -> None:
    if (old is None or name in given) and not str(given.get(name) or "").strip():
        raise invalid(name, f"{name.capitalize()}: cannot be blank", "BlankValue")


def _rule(merged: Json, conditions: Json, actions: list[Json]) -> Json:
    return {
        "title": merged["title"],
        "active": merged.get("active", True) is True,
        "position": merged.get("position", 9999),
        "conditions": conditions,
        "actions": actions,
        "default": merged.get("default", False),
    }


def _read_field(given: Json, old: Json | None, types: set[str]) -> Json:
    merged = {**(old or {}), **given}
    kind = merged.get("type") if old is None else old["type"]  # it is fixed at creation
    if not isinstance(kind, str) or kind not in types:
        raise invalid("type", f"Type: {kind} is not valid")
    options = merged.get("custom_field_options")
    if kind in {"tagger", "dropdown", "multiselect"} and not options:
        raise invalid("custom_field_options", "Custom field options: cannot be blank", "BlankValue")
    return {
        "type": kind,
        "title": merged["title"],
        "raw_title": merged["title"],
        "description": merged.get("description", ""),
        "raw_description": merged.get("description", ""),
        "active": merged.get("active", True),
        "position": merged.get("position", 9999),
        "regexp_for_validation": merged.get("regexp_for_validation"),
        "tag": merged.get("tag"),
        "custom_field_options": options or [],
    }


def _ends(conditions: list[Json], actions: list[Json]) -> bool:
    """Whether an action makes a condition false, so that the automation does not run for ever."""
    if any(one["field"] in TIME_FIELDS and one["operator"] == "is" for one in conditions):
        return True
    return any(_undoes(action, condition) for action in actions for condition in conditions)


def _undoes(action: Json, condition: Json) -> bool:
    if condition["field"] != "current_tags":
        is_same = action["field"] == condition["field"]
        return is_same and str(action["value"]) != str(condition["value"])
    given, wanted = set(str(action["value"]).split()), set(str(condition["value"]).split())
    if condition["operator"] == "not_includes":
        return action["field"] in {"current_tags", "set_tags"} and bool(given & wanted)
    if action["field"] == "remove_tags":
        return wanted <= given
    return action["field"] == "set_tags" and not given & wanted


def _read_only(_given: Json, _old: Json | None) -> Any:  # noqa: ANN401 - never called
    raise not_found()
