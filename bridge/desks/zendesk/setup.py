"""Making, mending and taking away what the bridge needs in a Zendesk account.

Read the account, plan, show the plan, apply it. A plan is data and changes nothing; applying the
same plan's outcome again finds nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bridge.desks.zendesk import wanted
from bridge.desks.zendesk.answers import ZendeskRefused
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.notifiers import Notifier, find_notifiers
from bridge.desks.zendesk.records import Record, record_of
from bridge.desks.zendesk.wanted import SHELVES, Kind, Wanted, differences, is_of_title
from bridge.errors import OutcomeUnknown, UserMistake

Action = Literal["create", "change", "keep", "remove"]
CATEGORIES = "/api/v2/trigger_categories"
LONGEST_CLOSE_AFTER_H = 28 * 24  # Zendesk closes every solved ticket after 28 days
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SHELVES = tuple(SHELVES.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupResult:
    """What is there now, to be kept for the next time; None for what is not."""

    webhook_id: str | None = None
    signing_secret: str | None = field(default=None, repr=False)
    trigger_id: int | None = None
    view_id: int | None = None
    field_id: int | None = None
    automation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an account holds, as far as it concerns us. `category_id` is where triggers go.

    `missing` are the kinds that its plan doesn't have.
    """

    records: Mapping[Kind, Sequence[Record]]
    missing: frozenset[Kind] = frozenset()
    category_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: `why` says what differs, `body` is what will be sent."""

    action: Action
    kind: Kind
    title: str
    id: str | None = None
    body: Record | None = None
    why: str = ""

    @property
    def words(self) -> str:
        """The step for people: 'change trigger "..." (actions)'."""
        what = f'{self.action} {SHELVES[self.kind].words} "{self.title}"'
        return f"{what} ({self.why})" if self.why else what


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps in order, and what a person should look at."""

    steps: tuple[Step, ...]
    notifiers: tuple[Notifier, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything has to be done."""
        return any(step.action != "keep" for step in self.steps)

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole plan for people, steps first."""
        advice = (notifier.advice for notifier in self.notifiers)
        return (*(step.words for step in self.steps), *self.warnings, *advice)


async def read_account(api: ZendeskApi) -> Account:
    """Read what is there. Raises what `ZendeskApi` raises."""
    shelves = {kind: await _read_shelf(api, shelf.path, shelf.many) for kind, shelf in _SHELVES}
    categories = await _read_shelf(api, CATEGORIES, "trigger_categories")
    category = categories[0].get("id") if categories else None
    return Account(
        records={kind: found or () for kind, found in shelves.items()},
        missing=frozenset(kind for kind, found in shelves.items() if found is None),
        category_id=None if category is None else str(category),
    )


async def _read_shelf(api: ZendeskApi, path: str, many: str) -> list[Record] | None:
    try:
        return [record async for record in api.pages(path, many)]
    except ZendeskRefused as error:
        if error.status != 404:
            raise
        return None  # an account whose plan has none


def plan(
    account: Account, *, stored: SetupResult, public_url: str, close_after_h: int | None = None
) -> Plan:
    """What to do so that the account holds what the bridge needs.

    Without `close_after_h` an automation that exists stays as it is, and none is made. Raises
    UserMistake where the hours can't be.
    """
    if close_after_h is not None and not 1 <= close_after_h <= LONGEST_CLOSE_AFTER_H:
        raise UserMistake(
            f"--close-after {close_after_h}: expected 1 to {LONGEST_CLOSE_AFTER_H} hours"
        )
    webhook, *old = _webhook_steps(account, stored, public_url)
    trigger = wanted.trigger(webhook.id or wanted.NEW_WEBHOOK, account.category_id)
    every = [
        webhook,
        _step(account, trigger, stored.trigger_id),
        _step(account, wanted.view(), stored.view_id),
        _step(account, wanted.field(), stored.field_id),
        *_automation_steps(account, stored, close_after_h),
        *old,  # last, when nothing calls it any more
    ]
    left_out = account.missing | ({"trigger"} if "webhook" in account.missing else set())
    steps = [step for step in every if step.kind not in left_out]
    ours = {step.id for step in steps if step.kind == "trigger"}
    foreign = [each for each in account.records["trigger"] if str(each.get("id")) not in ours]
    warnings = [*_lacks(account), *_duplicates(account, steps)]
    if not public_url.startswith("https://"):
        warnings.append(
            f"Zendesk calls https addresses only, and BRIDGE_PUBLIC_URL is {public_url}"
        )
    return Plan(
        steps=tuple(steps),
        notifiers=tuple(find_notifiers(foreign)),
        warnings=tuple(warnings),
    )


def plan_teardown(account: Account, *, stored: SetupResult) -> Plan:
    """What to do so that nothing of ours is left. Nothing that others made is touched."""
    steps = []
    # The webhook last: Zendesk keeps one that a trigger still calls.
    for kind in ("automation", "trigger", "view", "field", "webhook"):
        found = _find(account, kind, _TITLES[kind], _stored_id(stored, kind))
        if found is not None:
            why = "and with it the number on every ticket" if kind == "field" else ""
            steps.append(
                Step(action="remove", kind=kind, title=_title(kind, found), id=_id(found), why=why)
            )
    return Plan(steps=tuple(steps), warnings=tuple(_lacks(account)))


async def apply(api: ZendeskApi, planned: Plan) -> SetupResult:
    """Do what was planned; return what is there now. Raises what `ZendeskApi` raises.

    After an error in between, reading and planning anew goes on where this stopped.
    """
    ids: dict[Kind, str] = {}
    for step in planned.steps:
        made = await _do(api, step, ids.get("webhook"))
        if made is not None:
            ids[step.kind] = made
    webhook_id = ids.get("webhook")
    return SetupResult(
        webhook_id=webhook_id,
        signing_secret=await _signing_secret(api, webhook_id) if webhook_id else None,
        trigger_id=_number(ids.get("trigger")),
        view_id=_number(ids.get("view")),
        field_id=_number(ids.get("field")),
        automation_id=_number(ids.get("automation")),
    )


_TITLES: Mapping[Kind, str] = {
    each.kind: each.title
    for each in (
        wanted.webhook(""),
        wanted.trigger("", None),
        wanted.view(),
        wanted.field(),
        wanted.automation(1),
    )
}


def _webhook_steps(account: Account, stored: SetupResult, public_url: str) -> list[Step]:
    want = wanted.webhook(public_url)
    step = _step(account, want, stored.webhook_id)
    if step.action != "change" or "subscriptions" not in step.why:
        return [step]
    # Zendesk never lets go of a subscription, so such a webhook has to be made anew.
    create = Step(action="create", kind="webhook", title=want.title, body=want.create)
    remove = Step(
        action="remove", kind="webhook", title=step.title, id=step.id, why="wrong subscriptions"
    )
    return [create, remove]


def _automation_steps(
    account: Account, stored: SetupResult, close_after_h: int | None
) -> list[Step]:
    if close_after_h is not None:
        return [_step(account, wanted.automation(close_after_h), stored.automation_id)]
    found = _find(account, "automation", _TITLES["automation"], stored.automation_id)
    if found is None:
        return []
    title = _title("automation", found)
    return [Step(action="keep", kind="automation", title=title, id=_id(found), why="as it is")]


def _step(account: Account, want: Wanted, stored_id: str | int | None) -> Step:
    found = _find(account, want.kind, want.title, stored_id)
    if found is None:
        why = "made again: it was deleted" if stored_id is not None else ""
        return Step(
            action="create", kind=want.kind, title=want.title, body=dict(want.create), why=why
        )
    title = _title(want.kind, found)
    differing = differences(want, found)
    if not differing:
        return Step(action="keep", kind=want.kind, title=title, id=_id(found))
    why = ", ".join(_difference(name, want, found) for name in differing)
    return Step(
        action="change",
        kind=want.kind,
        title=title,
        id=_id(found),
        body=dict(want.mend),
        why=why,
    )


def _difference(name: str, want: Wanted, found: Record) -> str:
    before, after = found.get(name), want.state[name]
    if isinstance(after, str):
        return f"{name} {before or 'missing'} -> {after}"
    return "switched on again" if name == "active" else name


def _find(account: Account, kind: Kind, title: str, stored_id: str | int | None) -> Record | None:
    records = account.records[kind]
    if stored_id is not None:
        for record in records:
            if str(record.get("id")) == str(stored_id):
                return record
    alike = [record for record in records if is_of_title(kind, title, record)]
    return min(alike, key=_age) if alike else None


def _age(record: Record) -> tuple[bool, int, str]:
    off = record.get("active") is False or record.get("status") == "inactive"
    identity = str(record.get("id"))
    return off, len(identity), identity


def _lacks(account: Account) -> Iterator[str]:
    for kind, shelf in _SHELVES:
        if kind in account.missing:
            loss = "replies are found by looking every now and then" if kind == "webhook" else ""
            yield (
                f"this account has no {shelf.many.replace('_', ' ')} (404): the {shelf.words} is"
                f" left out{f'; {loss}' if loss else ''}"
            )


def _duplicates(account: Account, steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        others = [
            str(record.get("id"))
            for record in account.records[step.kind]
            if is_of_title(step.kind, _TITLES[step.kind], record)
            and str(record.get("id")) != step.id
        ]
        if others and step.action not in {"create", "remove"}:
            yield (
                f"there is more than one {SHELVES[step.kind].words} of this kind; the bridge goes"
                f" by {step.id}, so delete in Zendesk: {', '.join(others)}"
            )


async def _do(api: ZendeskApi, step: Step, webhook_id: str | None) -> str | None:
    shelf = SHELVES[step.kind]
    body = {shelf.one: wanted.with_webhook(step.body or {}, webhook_id or "")}
    place = f"{shelf.path}/{step.id}"
    if step.action == "create":
        answer = await api.post(shelf.path, body, expect=shelf.one)
        return _id(record_of(answer, shelf.one))
    if step.action == "change":
        await (api.patch if step.kind == "webhook" else api.put)(place, body)
    if step.action != "remove":
        return step.id
    try:
        await api.delete(place)
    except ZendeskRefused as error:
        if error.status != 404:  # somebody was quicker
            raise
    return None


async def _signing_secret(api: ZendeskApi, webhook_id: str) -> str:
    path = f"{SHELVES['webhook'].path}/{webhook_id}/signing_secret"
    secret = record_of(await api.get(path, expect="signing_secret"), "signing_secret").get("secret")
    if not isinstance(secret, str) or not secret:
        raise OutcomeUnknown("zendesk", "Zendesk named no signing secret: run setup again")
    return secret


def _id(record: Record) -> str:
    found = str(record.get("id"))
    if record.get("id") is None or not _ID.fullmatch(found):  # it becomes part of an address
        raise OutcomeUnknown("zendesk", "Zendesk named no id: run setup again")
    return found


def _number(found: str | None) -> int | None:
    return int(found) if found is not None and found.isdecimal() else None


def _title(kind: Kind, record: Record) -> str:
    return str(record.get(SHELVES[kind].title) or "without a title")


def _stored_id(stored: SetupResult, kind: Kind) -> str | int | None:
    ids: Mapping[Kind, str | int | None] = {
        "webhook": stored.webhook_id,
        "trigger": stored.trigger_id,
        "view": stored.view_id,
        "field": stored.field_id,
        "automation": stored.automation_id,
    }
    return ids[kind]
