"""The account's own triggers: those that would e-mail the customer too are named, not touched."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bridge.desks.zendesk import setup
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken
from bridge.desks.zendesk.setup import SetupResult
from bridge.http import HttpClient
from tests.desks.scripted import HandClock
from tests.desks.shelves import Record, Shelves

PUBLIC = "https://bridge.example"


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


def notifying(*conditions: Record, either: list[Record] | None = None, **more: object) -> Record:
    return {
        "title": "Notify requester",
        "active": True,
        "conditions": {"all": list(conditions), "any": either or []},
        "actions": [
            {"field": "current_tags", "value": "notified"},
            {"field": "notification_user", "value": ["requester_id", "Subject", "Body"]},
        ],
        **more,
    }


def without(tags: object) -> Record:
    return {"field": "current_tags", "operator": "not_includes", "value": tags}


CREATED = {"field": "update_type", "operator": "is", "value": "Create"}


@pytest.mark.parametrize(
    ("trigger", "named"),
    [
        pytest.param(notifying(CREATED), True, id="on-create"),
        pytest.param(notifying(), True, id="always"),
        pytest.param(
            notifying(
                actions=[{"field": "notification_user", "value": ["requester_and_ccs", "a", "b"]}]
            ),
            True,
            id="with-ccs",
        ),
        pytest.param(
            notifying(actions=[{"field": "notification_sms_user", "value": ["requester_id", 1]}]),
            True,
            id="by-text",
        ),
        pytest.param(
            notifying(actions=[{"field": "deflection", "value": ["a", "b"]}]), True, id="articles"
        ),
        pytest.param(notifying(without("vip other")), True, id="without-other-tags"),
        pytest.param(
            notifying({"field": "current_tags", "operator": "includes", "value": "sms_bridge"}),
            True,
            id="with-our-tag",
        ),
        pytest.param(
            notifying(either=[without("sms_bridge"), CREATED]), True, id="without-us-or-created"
        ),
        pytest.param(
            notifying({"field": "via_id", "operator": "is", "value": "5"}), True, id="api-tickets"
        ),
        pytest.param(notifying(without("sms_bridge")), False, id="without-us"),
        pytest.param(notifying(CREATED, without("vip sms_bridge")), False, id="without-us-and-vip"),
        pytest.param(notifying(without(["sms_bridge"])), False, id="tags-as-a-list"),
        pytest.param(notifying(without("sms")), False, id="without-texts-at-all"),
        pytest.param(notifying(either=[without("sms_bridge")]), False, id="any-of-one"),
        pytest.param(
            notifying({"field": "via_id", "operator": "is", "value": "4"}), False, id="mail-only"
        ),
        pytest.param(notifying(active=False), False, id="off"),
        pytest.param(
            notifying(actions=[{"field": "notification_user", "value": ["assignee_id", "a", "b"]}]),
            False,
            id="to-the-agent",
        ),
        pytest.param(
            notifying(actions=[{"field": "notification_group", "value": ["group_id", "a", "b"]}]),
            False,
            id="to-the-group",
        ),
        pytest.param(notifying(actions=[], conditions=None), False, id="empty"),
    ],
)
async def test_triggers_that_would_mail_the_customer_are_named_and_not_touched(
    account: Shelves, api: ZendeskApi, trigger: Record, *, named: bool
) -> None:
    identity = account.add("triggers", trigger)
    before = json.dumps(account.records["triggers"][identity])

    plan = setup.plan(await setup.read_account(api), stored=SetupResult(), public_url=PUBLIC)
    await setup.apply(api, plan)

    assert [notifier.id for notifier in plan.notifiers] == ([identity] if named else [])
    advice = [line for line in plan.lines if "Contains none of the following" in line]
    assert len(advice) == named
    assert all("sms_bridge" in line and "Notify requester" in line for line in advice)
    assert json.dumps(account.records["triggers"][identity]) == before
