"""What a new account has before anybody sets it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.records import STATUSES, Json, iso

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.state import Account

TABLES = (
    "triggers",
    "automations",
    "views",
    "macros",
    "ticket_fields",
    "user_fields",
    "trigger_categories",
    "groups",
    "brands",
    "ticket_forms",
    "custom_statuses",
    "organizations",
)

_CREATED = {"field": "update_type", "operator": "is", "value": "Create"}
_CHANGED = {"field": "update_type", "operator": "is", "value": "Change"}
_PUBLIC = {"field": "comment_is_public", "operator": "is", "value": "true"}
_BY_AGENT = {"field": "role", "operator": "is", "value": "agent"}
_DEFAULT_TRIGGERS: tuple[tuple[str, list[Json], list[str]], ...] = (
    (
        "Notify requester and CCs of received request",
        [_CREATED, {"field": "status", "operator": "is_not", "value": "solved"}],
        ["requester_and_ccs", "[Request received] {{ticket.title}}", "Request {{ticket.id}}"],
    ),
    (
        "Notify requester and CCs of comment update",
        [_CHANGED, _PUBLIC, _BY_AGENT],
        ["requester_and_ccs", "Re: {{ticket.title}}", "{{ticket.latest_public_comment}}"],
    ),
    (
        "Notify assignee of comment update",
        [_CHANGED, {"field": "comment_is_public", "operator": "is", "value": "not_relevant"}],
        ["assignee_id", "Re: {{ticket.title}}", "{{ticket.latest_comment}}"],
    ),
)


def seed(account: Account) -> None:
    """Fill the tables of a new account."""
    account.resources.update({table: {} for table in TABLES})
    _add(account, "groups", name="Support", default=True, is_public=True, deleted=False)
    _add(account, "brands", name="Acme", default=True, active=True, subdomain="acme")
    _add(account, "ticket_forms", name="Default", default=True, active=True)
    for status in STATUSES[:-1]:
        _add(
            account,
            "custom_statuses",
            status_category=status,
            agent_label=status.capitalize(),
            end_user_label=status.capitalize(),
            active=True,
            default=True,
        )
    for name in ("Subject", "Description", "Status", "Priority", "Assignee"):
        _add(
            account,
            "ticket_fields",
            title=name,
            type=name.lower(),
            active=True,
            removable=False,
            custom_field_options=[],
        )
    for position, (title, every, message) in enumerate(_DEFAULT_TRIGGERS, start=1):
        _add(
            account,
            "triggers",
            title=title,
            raw_title=title,
            active=True,
            position=position,
            default=True,
            description=None,
            category_id=None,
            conditions={"all": [dict(one) for one in every], "any": []},
            actions=[{"field": "notification_user", "value": list(message)}],
        )
    _add(
        account,
        "automations",
        title="Close ticket 4 days after status is set to solved",
        active=True,
        position=1,
        default=True,
        conditions={
            "all": [
                {"field": "status", "operator": "is", "value": "solved"},
                {"field": "SOLVED", "operator": "greater_than", "value": "96"},
            ],
            "any": [],
        },
        actions=[{"field": "status", "value": "closed"}],
    )


def _add(account: Account, table: str, **fields: object) -> None:
    key, now = account.new_id(), iso(account.now_ms())
    account.resources[table][key] = {
        "id": key,
        "url": f"{account.url}/api/v2/{table}/{key}.json",
        "created_at": now,
        "updated_at": now,
        **fields,
    }
