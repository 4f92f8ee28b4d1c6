"""The account's own triggers that would also write to the customer about every text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge.desks.zendesk.events import TAG
from bridge.desks.zendesk.records import Record, record_of, records_of

OUR_TAGS = frozenset({"sms", TAG})  # every ticket of the bridge has both
API_CHANNEL = "5"  # via id "web service": how our tickets come in
_REQUESTER = frozenset({"requester_id", "requester_and_ccs"})
_WAYS = {
    "notification_user": "e-mail",
    "notification_sms_user": "text",
    "deflection": "e-mail articles to",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """A trigger of the account's own that we name and never change."""

    id: str
    title: str
    way: str

    @property
    def advice(self) -> str:
        """What to tell the admin."""
        return (
            f'trigger "{self.title}" ({self.id}) would also {self.way} the customer about texts:'
            " add to it, under the conditions that must all be met, the condition"
            f' "Tags - Contains none of the following - {TAG}"'
            f" (current_tags not_includes {TAG})"
        )


def find_notifiers(triggers: Iterable[Record]) -> Iterator[Notifier]:
    """Active triggers that notify the requester and don't leave our tickets out."""
    for trigger in triggers:
        way = _way(trigger)
        if trigger.get("active") is True and way is not None and not _leaves_out(trigger):
            title = str(trigger.get("title") or "without a title")
            yield Notifier(id=str(trigger.get("id")), title=title, way=way)


def _way(trigger: Record) -> str | None:
    for action in records_of(trigger, "actions"):
        field, value = action.get("field"), action.get("value")
        to = value[0] if isinstance(value, list) and value else value
        if field in _WAYS and (field == "deflection" or to in _REQUESTER):
            return _WAYS[field]
    return None


def _leaves_out(trigger: Record) -> bool:
    conditions = record_of(trigger, "conditions")
    musts = records_of(conditions, "all")
    either = records_of(conditions, "any")
    if len(either) == 1:  # one of one is a must
        musts = [*musts, *either]
    return any(_never_ours(condition) for condition in musts)


def _never_ours(condition: Record) -> bool:
    field, operator = condition.get("field"), condition.get("operator")
    value = condition.get("value")
    words = [str(each) for each in value] if isinstance(value, list) else str(value).split()
    if field == "current_tags":
        return operator == "not_includes" and not OUR_TAGS.isdisjoint(words)
    if field == "via_id":
        return (operator == "is" and words != [API_CHANNEL]) or (
            operator == "is_not" and words == [API_CHANNEL]
        )
    return False
