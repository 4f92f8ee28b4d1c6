"""The trigger engine: after each change, every active trigger is asked in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.conditions import all_hold
from bridge.sandbox.zendesk.happenings import Happening
from bridge.sandbox.zendesk.placeholders import render
from bridge.sandbox.zendesk.records import Email, Json, Ticket, User
from bridge.sandbox.zendesk.wishes import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.zendesk.state import Account
    from bridge.sandbox.zendesk.writing import TicketWriter

HOUR_MS = 3_600_000
MOST_PER_RUN = 1000
SYSTEM = User(id=-1, name="System", role="system")  # who automations write as


class Rules:
    """Runs triggers and automations. `notify` is called with webhook id and rendered body."""

    def __init__(self, account: Account, writer: TicketWriter) -> None:
        self.account = account
        self.writer = writer
        self.notify: Callable[[str, str], None] = lambda _webhook, _body: None
        self.fired: list[tuple[str, int]] = []  # title, ticket: what ran, in order

    def run_triggers(self, happening: Happening) -> None:
        """Ask each trigger until none has anything more to do; each acts at most once."""
        done: set[int] = set()
        while True:
            trigger = self._next(happening, done)
            if trigger is None:
                return
            done.add(trigger["id"])
            self.fired.append((trigger["title"], happening.ticket.id))
            for action in trigger["actions"]:
                self._act(happening, action, trigger["title"])

    def run_automations(self) -> int:
        """Run each active automation once over all tickets, as Zendesk does every hour.
        Returns how many tickets were changed."""
        changed = 0
        for automation in self._in_order("automations"):
            for ticket in list(self.account.tickets.values()):
                happening = Happening(ticket=ticket, updater=SYSTEM, channel="rule", created=False)
                is_over = ticket.deleted or ticket.status == "closed"
                if not is_over and self._automation_holds(automation, happening):
                    self._automate(automation, happening)
                    changed += 1
                if changed == MOST_PER_RUN:
                    return changed
        return changed

    def _automate(self, automation: Json, happening: Happening) -> None:
        ticket, wish = happening.ticket, Wish()
        for action in automation["actions"]:
            name, value = action["field"], action["value"]
            if name in _TAG_ACTIONS:
                wish.fields["tags"] = _new_tags(ticket, name, str(value))
            elif name in _SETTABLE:
                wish.fields[name] = _plain(name, value)
            else:
                self._act(happening, action, automation["title"])
        self.writer.update(ticket, wish, updater=SYSTEM, source="rule")

    def _automation_holds(self, automation: Json, happening: Happening) -> bool:
        conditions = automation["conditions"]
        timed = [one for one in conditions["all"] if one["field"].isupper()]
        plain = [one for one in conditions["all"] if not one["field"].isupper()]
        return all_hold({"all": plain, "any": conditions["any"]}, happening) and all(
            self._time_holds(one, happening.ticket) for one in timed
        )

    def _time_holds(self, condition: Json, ticket: Ticket) -> bool:
        if ticket.status.upper() != condition["field"]:
            return False
        since = ticket.solved_ms if ticket.status == "solved" else ticket.updated_ms
        hours = (self.account.now_ms() - (since or 0)) // HOUR_MS
        wanted = int(str(condition["value"]))
        return {"is": hours == wanted, "less_than": hours < wanted, "greater_than": hours > wanted}[
            condition["operator"]
        ]

    def _next(self, happening: Happening, done: set[int]) -> Json | None:
        for trigger in self._in_order("triggers"):
            if trigger["id"] not in done and all_hold(trigger["conditions"], happening):
                return trigger
        return None

    def _in_order(self, table: str) -> list[Json]:
        active = [one for one in self.account.resources[table].values() if one["active"]]
        return sorted(active, key=lambda one: (one["position"], one["id"]))

    def _act(self, happening: Happening, action: Json, title: str) -> None:
        name, value = action["field"], action["value"]
        if name == "notification_webhook":
            webhook, template = value
            self.notify(str(webhook), render(str(template), happening, self.account))
        elif name == "notification_user":
            self._email(happening, value, title)
        elif name in _TAG_ACTIONS:
            tags = _new_tags(happening.ticket, name, str(value))
            self.writer.change_by_rule(happening, "tags", tags, title)
        elif name.startswith("custom_fields_"):
            key = int(name.removeprefix("custom_fields_"))
            self.writer.change_by_rule(happening, "custom_fields", {key: value}, title)
        elif name in _SETTABLE:
            self.writer.change_by_rule(happening, name, _plain(name, value), title)

    def _email(self, happening: Happening, value: Any, title: str) -> None:  # noqa: ANN401
        whom, subject = [*value, "", ""][:2]
        ticket = happening.ticket
        people = {
            "requester_id": ticket.requester_id,
            "requester_and_ccs": ticket.requester_id,
            "assignee_id": ticket.assignee_id,
            "current_user": happening.updater.id,
        }
        user = self.account.users.get(people.get(str(whom)) or 0)
        if user is None or not user.email:
            return
        self.account.emails_sent.append(
            Email(
                at_ms=self.account.now_ms(),
                to=user.email,
                subject=render(str(subject), happening, self.account),
                cause=title,
                ticket_id=ticket.id,
            )
        )


_TAG_ACTIONS = {"set_tags", "current_tags", "remove_tags"}
_SETTABLE = {"status", "priority", "type", "group_id", "assignee_id", "ticket_form_id", "brand_id"}


def _new_tags(ticket: Ticket, action: str, value: str) -> list[str]:
    old, given = set(ticket.tags), set(value.split())
    return sorted(
        {"set_tags": given, "current_tags": old | given, "remove_tags": old - given}[action]
    )


def _plain(name: str, value: object) -> object:
    if name.endswith("_id"):
        return int(str(value)) if str(value).isdigit() else None
    return value
