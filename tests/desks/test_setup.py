"""`zendesk setup`: what it makes, mends, names and takes away, and that it can be repeated."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.desks.zendesk import setup
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken
from bridge.desks.zendesk.setup import Plan, SetupResult
from bridge.errors import OutcomeUnknown, UserMistake
from bridge.http import HttpClient
from tests.desks.scripted import HandClock
from tests.desks.shelves import Record, Shelves

PUBLIC = "https://bridge.example"
NOTHING = SetupResult()


@pytest.fixture
async def account() -> AsyncIterator[Shelves]:
    shelves = Shelves()
    await shelves.start()
    shelves.add("trigger_categories", {"name": "Notifications"})
    shelves.add("views", {"title": "Your unsolved tickets", "conditions": {"all": [], "any": []}})
    shelves.add("ticket_fields", {"title": "Subject", "type": "subject"})
    yield shelves
    await shelves.stop()


@pytest.fixture
def api(account: Shelves, http: HttpClient, clock: HandClock) -> ZendeskApi:
    credentials = ApiToken(email="bridge@example.org", api_token="s3cret-token")
    return ZendeskApi(base_url=account.url, credentials=credentials, http=http, clock=clock)


async def planned(
    api: ZendeskApi,
    stored: SetupResult = NOTHING,
    *,
    public_url: str = PUBLIC,
    close_after_h: int | None = None,
) -> Plan:
    account = await setup.read_account(api)
    return setup.plan(account, stored=stored, public_url=public_url, close_after_h=close_after_h)


async def run(
    api: ZendeskApi, stored: SetupResult = NOTHING, *, close_after_h: int | None = None
) -> SetupResult:
    return await setup.apply(api, await planned(api, stored, close_after_h=close_after_h))


def actions(plan: Plan) -> list[str]:
    return [f"{step.action} {step.kind}" for step in plan.steps]


def ours(account: Shelves, kind: str, title: str) -> Record:
    (found,) = [each for each in account.records[kind].values() if each.get("title") == title]
    return found


async def test_a_bare_account_gets_everything(account: Shelves, api: ZendeskApi) -> None:
    made = await run(api, close_after_h=24)

    webhook = account.only("webhooks")
    assert webhook["endpoint"] == "https://bridge.example/desks/zendesk/events"
    assert webhook["subscriptions"] == ["conditional_ticket_events"]
    assert (webhook["http_method"], webhook["request_format"]) == ("POST", "json")
    assert webhook["status"] == "active"
    trigger = account.only("triggers")
    assert trigger["conditions"]["all"] == [
        {"field": "current_tags", "operator": "includes", "value": "sms_bridge"},
        {"field": "comment_is_public", "operator": "is", "value": "true"},
        {"field": "role", "operator": "is", "value": "agent"},
    ]
    (action,) = trigger["actions"]
    webhook_id, body = action["value"]
    assert (action["field"], webhook_id) == ("notification_webhook", webhook["id"])
    assert json.loads(body) == {
        "ticket_id": "{{ticket.id}}",
        "comment_id": "{{ticket.latest_public_comment.id}}",
    }
    category = account.only("trigger_categories")
    assert trigger["category_id"] == str(category["id"])
    view = ours(account, "views", "SMS bridge: conversations")
    assert view["conditions"]["all"] == [
        {"field": "status", "operator": "less_than", "value": "closed"},
        {"field": "current_tags", "operator": "includes", "value": "sms_bridge"},
    ]
    field = ours(account, "ticket_fields", "SMS bridge: number texted")
    assert field["type"] == "text"
    automation = account.only("automations")
    assert automation["conditions"]["all"][1:] == [
        {"field": "SOLVED", "operator": "greater_than", "value": "24"},
        {"field": "current_tags", "operator": "includes", "value": "sms_bridge"},
    ]
    assert automation["actions"] == [{"field": "status", "value": "closed"}]
    assert made == SetupResult(
        webhook_id=webhook["id"],
        signing_secret=f"secret-of-{webhook['id']}",
        trigger_id=trigger["id"],
        view_id=view["id"],
        field_id=field["id"],
        automation_id=automation["id"],
    )


async def test_no_automation_unless_asked(account: Shelves, api: ZendeskApi) -> None:
    made = await run(api)

    assert account.records["automations"] == {}
    assert made.automation_id is None


@pytest.mark.parametrize("known", [True, False], ids=["ids-stored", "ids-lost"])
async def test_a_second_run_changes_nothing(
    account: Shelves, api: ZendeskApi, *, known: bool
) -> None:
    first = await run(api, close_after_h=24)
    account.writes.clear()

    plan = await planned(api, first if known else NOTHING)
    second = await setup.apply(api, plan)

    assert not plan.changes
    assert actions(plan) == [
        "keep webhook",
        "keep trigger",
        "keep view",
        "keep field",
        "keep automation",
    ]
    assert second == first
    assert account.writes == []


async def test_planning_writes_nothing_and_says_everything(
    account: Shelves, api: ZendeskApi
) -> None:
    plan = await planned(api, close_after_h=24)

    assert plan.changes
    assert plan.lines == (
        'create webhook "SMS bridge: events"',
        'create trigger "SMS bridge: public agent reply"',
        'create view "SMS bridge: conversations"',
        'create ticket field "SMS bridge: number texted"',
        'create automation "SMS bridge: close solved tickets"',
    )
    assert account.writes == []


@pytest.mark.parametrize(
    ("kind", "drift", "words"),
    [
        pytest.param(
            "webhooks",
            {"endpoint": "https://old.example/desks/zendesk/events"},
            "endpoint https://old.example/desks/zendesk/events -> "
            "https://bridge.example/desks/zendesk/events",
            id="webhook-elsewhere",
        ),
        pytest.param(
            "webhooks", {"status": "inactive"}, "status inactive -> active", id="webhook-off"
        ),
        pytest.param("triggers", {"active": False}, "switched on again", id="trigger-off"),
        pytest.param(
            "triggers", {"conditions": {"all": [], "any": []}}, "conditions", id="trigger-bare"
        ),
        pytest.param("triggers", {"actions": []}, "actions", id="trigger-idle"),
        pytest.param("automations", {"active": False}, "switched on again", id="automation-off"),
    ],
)
async def test_drift_is_mended_in_one_step(
    account: Shelves, api: ZendeskApi, kind: str, drift: dict[str, Any], words: str
) -> None:
    first = await run(api, close_after_h=24)
    before = dict(account.only(kind))
    account.only(kind).update(drift)
    account.writes.clear()

    plan = await planned(api, first, close_after_h=24)
    second = await setup.apply(api, plan)

    assert [step.why for step in plan.steps if step.action != "keep"] == [words]
    assert account.only(kind) == before
    assert len(account.writes) == 1
    assert second == first


async def test_a_view_and_a_field_are_mended_too(account: Shelves, api: ZendeskApi) -> None:
    first = await run(api)
    view = account.records["views"][str(first.view_id)]
    view["conditions"] = {"all": view["conditions"]["all"][:1], "any": []}
    account.records["ticket_fields"][str(first.field_id)]["active"] = False

    await run(api, first)

    assert len(view["conditions"]["all"]) == 2
    assert account.records["ticket_fields"][str(first.field_id)]["active"] is True


async def test_what_zendesk_adds_and_admins_like_is_left_alone(
    account: Shelves, api: ZendeskApi
) -> None:
    first = await run(api, close_after_h=24)
    trigger = account.only("triggers")
    trigger["title"] = "Text messages out"
    trigger["position"] = 1
    trigger["conditions"]["all"].reverse()
    for condition in trigger["conditions"]["all"]:
        condition["is_user_value"] = False
    trigger["actions"][0]["value"][1] = trigger["actions"][0]["value"][1].replace(" ", "\n")
    account.records["views"][str(first.view_id)]["title"] = "Texts"

    assert not (await planned(api, first, close_after_h=24)).changes


@pytest.mark.parametrize(
    ("kind", "left_out", "words"),
    [
        ("webhooks", {"webhook", "trigger"}, "this account has no webhooks (404)"),
        ("triggers", {"trigger"}, "this account has no triggers (404)"),
        ("views", {"view"}, "this account has no views (404)"),
        ("ticket_fields", {"field"}, "this account has no ticket fields (404)"),
        ("automations", {"automation"}, "this account has no automations (404)"),
    ],
)
async def test_what_a_plan_has_not_is_said_and_the_rest_is_made(
    account: Shelves, api: ZendeskApi, kind: str, left_out: set[str], words: str
) -> None:
    account.missing.add(kind)

    plan = await planned(api, close_after_h=24)
    made = await setup.apply(api, plan)

    every = {"webhook", "trigger", "view", "field", "automation"}
    assert {step.kind for step in plan.steps} == every - left_out
    assert [line.partition(":")[0] for line in plan.warnings] == [words]
    assert {each for each in every if getattr(made, f"{each}_id") is not None} == every - left_out
    again = await planned(api, made, close_after_h=24)
    assert not again.changes
    await setup.apply(api, setup.plan_teardown(await setup.read_account(api), stored=made))
    assert account.records["triggers"] == account.records["webhooks"] == {}


async def test_other_hours_change_the_automation(account: Shelves, api: ZendeskApi) -> None:
    first = await run(api, close_after_h=24)

    plan = await planned(api, first, close_after_h=48)
    await setup.apply(api, plan)

    assert [step.words for step in plan.steps if step.action == "change"] == [
        'change automation "SMS bridge: close solved tickets" (conditions)'
    ]
    assert account.only("automations")["conditions"]["all"][1]["value"] == "48"


async def test_what_was_deleted_is_made_again(account: Shelves, api: ZendeskApi) -> None:
    first = await run(api)
    account.records["webhooks"].clear()

    second = await run(api, first)

    assert second.webhook_id != first.webhook_id
    assert account.only("triggers")["actions"][0]["value"][0] == second.webhook_id
    assert second.trigger_id == first.trigger_id


async def test_a_webhook_with_other_subscriptions_is_replaced(
    account: Shelves, api: ZendeskApi
) -> None:
    first = await run(api)
    account.only("webhooks")["subscriptions"] = ["zen:event-type:ticket.created"]

    plan = await planned(api, first)
    second = await setup.apply(api, plan)

    assert [each for each in actions(plan) if not each.startswith("keep")] == [
        "create webhook",
        "change trigger",
        "remove webhook",
    ]
    assert account.only("webhooks")["id"] == second.webhook_id
    assert account.only("webhooks")["subscriptions"] == ["conditional_ticket_events"]
    assert not (await planned(api, second)).changes


async def test_a_run_cut_short_goes_on_where_it_stopped(account: Shelves, api: ZendeskApi) -> None:
    account.fail_next = "views"
    with pytest.raises(OutcomeUnknown):
        await run(api)

    await run(api)

    assert account.writes == ["POST webhooks", "POST triggers", "POST views", "POST ticket_fields"]


async def test_an_account_without_trigger_categories(account: Shelves, api: ZendeskApi) -> None:
    account.has_categories = False

    await run(api)

    assert "category_id" not in account.only("triggers")


@pytest.mark.parametrize(
    ("title", "kind"), [("SMS number", "text"), ("SMS bridge: number texted", "tagger")]
)
async def test_a_field_that_is_not_ours_is_left_alone(
    account: Shelves, api: ZendeskApi, title: str, kind: str
) -> None:
    theirs = account.add("ticket_fields", {"title": title, "type": kind})

    made = await run(api)
    await setup.apply(api, setup.plan_teardown(await setup.read_account(api), stored=made))

    assert str(made.field_id) != theirs
    assert theirs in account.records["ticket_fields"]


async def test_doubles_are_reported_and_left(account: Shelves, api: ZendeskApi) -> None:
    first = await run(api)
    twin = account.add("triggers", dict(account.only("triggers")))

    plan = await planned(api, first)

    assert not plan.changes
    assert len(plan.warnings) == 1
    assert str(first.trigger_id) in plan.warnings[0]
    assert plan.warnings[0].endswith(twin)


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8080", "http://bridge.example"])
async def test_an_address_that_zendesk_can_not_call_is_named(
    account: Shelves, api: ZendeskApi, public_url: str
) -> None:
    plan = await planned(api, public_url=public_url)

    assert public_url in plan.warnings[0]


@pytest.mark.parametrize("hours", [0, -1, 673])
async def test_hours_that_can_not_be_are_refused(
    account: Shelves, api: ZendeskApi, hours: int
) -> None:
    with pytest.raises(UserMistake, match="1 to 672"):
        await planned(api, close_after_h=hours)


@pytest.mark.parametrize("known", [True, False], ids=["ids-stored", "ids-lost"])
async def test_teardown_takes_away_ours_and_nothing_else(
    account: Shelves, api: ZendeskApi, *, known: bool
) -> None:
    theirs = {kind: set(records) for kind, records in account.records.items()}
    made = await run(api, close_after_h=24)

    plan = setup.plan_teardown(
        await setup.read_account(api), stored=made if known else SetupResult()
    )
    left = await setup.apply(api, plan)

    assert actions(plan) == [
        "remove automation",
        "remove trigger",
        "remove view",
        "remove field",
        "remove webhook",
    ]
    assert {kind: set(records) for kind, records in account.records.items()} == theirs
    assert left == SetupResult()
    again = setup.plan_teardown(await setup.read_account(api), stored=made)
    assert again.steps == ()


async def test_teardown_lives_with_somebody_being_quicker(
    account: Shelves, api: ZendeskApi
) -> None:
    made = await run(api)
    plan = setup.plan_teardown(await setup.read_account(api), stored=made)
    account.records["views"].pop(str(made.view_id))

    await setup.apply(api, plan)

    assert account.records["webhooks"] == {}


async def test_the_signing_secret_is_never_shown(account: Shelves, api: ZendeskApi) -> None:
    made = await run(api)

    assert made.signing_secret is not None
    assert made.signing_secret not in repr(made)
