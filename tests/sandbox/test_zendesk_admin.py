"""What an admin sets up in the fake Zendesk, and its exports and files (reference: 6, 8, 9)."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import ZendeskApi, ask
from tests.sandbox.moving_clock import START_MS, MovingClock

SMS = {"field": "current_tags", "operator": "includes", "value": "sms"}
SOLVED = {"field": "status", "operator": "is", "value": "solved"}
A_DAY = {"field": "SOLVED", "operator": "greater_than", "value": "24"}
TAG = {"field": "current_tags", "value": "x"}
CLOSE = {"field": "status", "value": "closed"}


def rule(*every: object, actions: object = (TAG,), **changes: object) -> dict[str, Any]:
    return {
        "title": "t",
        "conditions": {"all": list(every), "any": []},
        "actions": list(actions),  # type: ignore[call-overload] # some cases are wrong on purpose
        **changes,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rule(SMS, title=""), "Title"),
        (rule(), "at least one condition"),
        (rule({"field": "weather", "operator": "is", "value": "fine"}), "field is not valid"),
        (rule({"field": "status", "operator": "includes", "value": "open"}), "operator"),
        (rule({"field": "status", "operator": "is", "value": "archived"}), "value"),
        (rule({"field": "role", "operator": "changed", "value": "agent"}), "operator"),
        (rule(A_DAY), "field is not valid"),
        (rule(SMS, actions=[]), "Actions"),
        (rule(SMS, actions=[{"field": "dance", "value": "x"}]), "Action field"),
        (rule(SMS, actions=[{"field": "notification_webhook", "value": "x"}]), "Action value"),
        (rule(SMS, actions=[{"field": "notification_webhook", "value": ["01X", ""]}]), "exist"),
        (rule(SMS, conditions=[]), "Conditions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_trigger_that_can_not_be_is_refused(
    zendesk_api: ZendeskApi, given: dict[str, Any], words: str
) -> None:
    reply = await zendesk_api.call("POST", "triggers", {"trigger": given})

    assert reply.status == 422
    assert words.lower() in str(reply.body["details"]).lower()


async def test_a_category_is_needed_where_categories_are_on(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    zendesk.admin.trigger_categories_on = True
    made = await zendesk_api.call(
        "POST", "trigger_categories", {"trigger_category": {"name": "SMS"}}
    )
    category = made.body["trigger_category"]["id"]

    without = await zendesk_api.call("POST", "triggers", {"trigger": rule(SMS)})
    with_one = await zendesk_api.call(
        "POST", "triggers", {"trigger": rule(SMS, category_id=category)}
    )

    assert (without.status, with_one.status) == (422, 201)


async def test_a_new_account_has_triggers_that_write_to_the_requester(
    zendesk_api: ZendeskApi,
) -> None:
    reply = await zendesk_api.get("triggers?page[size]=100")

    titles = {one["title"] for one in reply.body["triggers"]}
    assert {
        "Notify requester and CCs of received request",
        "Notify requester and CCs of comment update",
    } <= titles
    assert all(one["actions"][0]["field"] == "notification_user" for one in reply.body["triggers"])


async def test_a_trigger_is_changed_switched_off_and_deleted(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    made = await zendesk_api.call("POST", "triggers", {"trigger": rule(SMS)})
    path = f"triggers/{made.body['trigger']['id']}"

    changed = await zendesk_api.call("PUT", path, {"trigger": {"active": False}})
    found = await zendesk_api.get("triggers/search?query=t")
    active = await zendesk_api.get("triggers/active")
    customer = await zendesk_api.make_user()
    ticket = await zendesk_api.make_ticket(customer, tags=["sms"])
    gone = await zendesk_api.call("DELETE", path)

    assert changed.body["trigger"]["conditions"]["all"] == [SMS]
    assert path.endswith(str(found.body["triggers"][-1]["id"]))
    assert changed.body["trigger"]["id"] not in {one["id"] for one in active.body["triggers"]}
    assert zendesk.ticket(ticket)["tags"] == ["sms"]
    assert (gone.status, (await zendesk_api.get(path)).status) == (204, 404)


async def test_definitions_name_conditions_and_actions(zendesk_api: ZendeskApi) -> None:
    reply = await zendesk_api.get("triggers/definitions")

    definitions = reply.body["definitions"]
    subjects = {one["subject"] for one in definitions["conditions_all"]}
    assert {"current_tags", "comment_is_public", "role", "current_via_id"} <= subjects
    assert "notification_webhook" in {one["subject"] for one in definitions["actions"]}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (rule(SOLVED, A_DAY, SMS, actions=[CLOSE]), 201),
        (rule(SOLVED, SMS, actions=[CLOSE]), 422),
        (rule(A_DAY, SMS, actions=[CLOSE]), 422),
        (rule(SOLVED, A_DAY, SMS), 422),
        (rule(SOLVED, A_DAY, actions=[]), 422),
    ],
    ids=["right", "no time", "no status", "runs for ever", "does nothing"],
)
async def test_automations_are_checked(
    zendesk_api: ZendeskApi, given: dict[str, Any], status: int
) -> None:
    assert (await zendesk_api.call("POST", "automations", {"automation": given})).status == status


async def test_an_automation_closes_what_was_solved_long_ago(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    given = rule(SOLVED, A_DAY, SMS, actions=[CLOSE])
    await zendesk_api.call("POST", "automations", {"automation": given})
    customer = await zendesk_api.make_user()
    ours = await zendesk_api.make_ticket(customer, tags=["sms"])
    other = await zendesk_api.make_ticket(customer)
    for ticket in (ours, other):
        await zendesk.set_status(ticket, "solved")

    clock.advance(24 * 3600)
    too_early = await zendesk.run_automations()
    clock.advance(3600)
    changed = await zendesk.run_automations()

    assert (too_early, changed) == (0, 1)
    assert zendesk.ticket(ours)["status"] == "closed"
    assert zendesk.ticket(other)["status"] == "solved"


@pytest.mark.parametrize(
    ("path", "name", "given", "status"),
    [
        ("views", "view", {"title": "v", "all": [SOLVED, SMS]}, 201),
        ("views", "view", {"title": "v", "all": [SMS]}, 422),
        ("views", "view", {"all": [SOLVED]}, 422),
        ("ticket_fields", "ticket_field", {"type": "text", "title": "f"}, 201),
        ("ticket_fields", "ticket_field", {"type": "colour", "title": "f"}, 422),
        ("ticket_fields", "ticket_field", {"type": "tagger", "title": "f"}, 422),
        ("ticket_fields", "ticket_field", {"type": "text"}, 422),
        ("user_fields", "user_field", {"type": "checkbox", "title": "f", "key": "k"}, 201),
        ("user_fields", "user_field", {"type": "checkbox", "title": "f"}, 422),
        ("user_fields", "user_field", {"type": "checkbox", "title": "f", "key": "a b"}, 422),
        ("macros", "macro", {"title": "m", "actions": [TAG]}, 201),
        ("macros", "macro", {"title": "m", "actions": [CLOSE]}, 422),
        ("groups", "group", {"name": "g"}, 404),
    ],
)
async def test_lists_are_checked(
    zendesk_api: ZendeskApi, path: str, name: str, given: dict[str, Any], status: int
) -> None:
    assert (await zendesk_api.call("POST", path, {name: given})).status == status


async def test_a_key_stands_once_and_for_good(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    given = {"type": "checkbox", "title": "f", "key": "sms_opt_out"}
    made = await zendesk_api.call("POST", "user_fields", {"user_field": given})
    twice = await zendesk_api.call("POST", "user_fields", {"user_field": given})
    path = f"user_fields/{made.body['user_field']['id']}"
    changed = await zendesk_api.call("PUT", path, {"user_field": {"key": "other", "title": "g"}})
    user = await zendesk_api.make_user(user_fields={"sms_opt_out": True, "unknown": 1})

    assert (twice.status, twice.body["details"]["key"][0]["error"]) == (422, "DuplicateValue")
    assert (changed.body["user_field"]["key"], changed.body["user_field"]["title"]) == (
        "sms_opt_out",
        "g",
    )
    assert zendesk.users[user].user_fields == {"sms_opt_out": True}


async def test_a_field_holds_a_tickets_value(zendesk: FakeZendesk, zendesk_api: ZendeskApi) -> None:
    given = {"type": "text", "title": "SMS number"}
    made = await zendesk_api.call("POST", "ticket_fields", {"ticket_field": given})
    field = made.body["ticket_field"]["id"]
    fields = [{"id": field, "value": "+12025550100"}, {"id": 5, "value": "unknown"}]

    ticket = await zendesk_api.make_ticket(await zendesk_api.make_user(), custom_fields=fields)

    assert zendesk.ticket(ticket)["custom_fields"] == [{"id": field, "value": "+12025550100"}]


async def test_system_fields_stay(zendesk_api: ZendeskApi) -> None:
    listed = await zendesk_api.get("ticket_fields")
    subject = next(one for one in listed.body["ticket_fields"] if one["title"] == "Subject")

    assert (await zendesk_api.call("DELETE", f"ticket_fields/{subject['id']}")).status == 422


async def test_a_view_shows_its_tickets(zendesk: FakeZendesk, zendesk_api: ZendeskApi) -> None:
    under = {"field": "status", "operator": "less_than", "value": "closed"}
    made = await zendesk_api.call("POST", "views", {"view": {"title": "v", "all": [under, SMS]}})
    customer = await zendesk_api.make_user()
    ours = await zendesk_api.make_ticket(customer, tags=["sms"])
    closed = await zendesk_api.make_ticket(customer, tags=["sms"])
    await zendesk_api.make_ticket(customer)
    await zendesk.set_status(closed, "closed")

    shown = await zendesk_api.get(f"views/{made.body['view']['id']}/tickets")

    assert [one["id"] for one in shown.body["tickets"]] == [ours]


@pytest.mark.parametrize("path", ["groups", "brands", "ticket_forms", "custom_statuses"])
async def test_a_new_account_has_one_of_each(zendesk_api: ZendeskApi, path: str) -> None:
    assert (await zendesk_api.get(path)).body[path]


async def test_exports_leave_out_the_last_minute(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    start = START_MS // 1000 - 10
    first = await zendesk_api.make_ticket(await zendesk_api.make_user())
    clock.advance(61)
    second = await zendesk_api.make_ticket(await zendesk_api.make_user())

    now = await zendesk_api.get(f"incremental/tickets/cursor?start_time={start}")
    clock.advance(61)
    cursor = now.body["after_cursor"]
    later = await zendesk_api.get(f"incremental/tickets/cursor?cursor={cursor}")
    recent = await zendesk_api.get(f"incremental/tickets/cursor?start_time={start + 120}")

    assert [one["id"] for one in now.body["tickets"]] == [first]
    assert [one["id"] for one in later.body["tickets"]] == [second]
    assert later.body["end_of_stream"] is True
    assert recent.status == 422


async def test_events_carry_the_comments(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    ticket = await zendesk_api.make_ticket(await zendesk_api.make_user())
    comment = await zendesk.agent_replies(ticket, "Hello")
    clock.advance(100)
    path = f"incremental/ticket_events?start_time={START_MS // 1000}"

    bare = await zendesk_api.get(path)
    full = await zendesk_api.get(f"{path}&include=comment_events")

    last = full.body["ticket_events"][-1]
    child = next(one for one in last["child_events"] if one["event_type"] == "Comment")
    assert (last["ticket_id"], last["updater_id"]) == (ticket, zendesk.agent().id)
    assert (child["id"], child["body"], child["public"]) == (comment.id, "Hello", True)
    assert "body" not in str(bare.body["ticket_events"][-1]["child_events"])


async def test_a_file_is_uploaded_attached_and_downloaded(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    ticket = await zendesk_api.make_ticket(await zendesk_api.make_user())
    url = f"{zendesk.url}/api/v2/uploads?filename=cat.png"
    headers = {**zendesk_api.headers, "Content-Type": "image/png"}
    upload = await ask(zendesk_api.session, "POST", url, headers, data=b"png")
    token = upload.body["upload"]["token"]

    reply = await zendesk_api.comment(ticket, "x", comment={"body": "x", "uploads": [token]})
    twice = await zendesk_api.comment(ticket, "x", comment={"body": "x", "uploads": [token]})

    (attachment,) = reply.body["audit"]["events"][0]["attachments"]
    assert (attachment["file_name"], attachment["size"]) == ("cat.png", 3)
    assert twice.status == 422
    redirect = await ask(zendesk_api.session, "GET", attachment["content_url"], {})
    stored = await ask(zendesk_api.session, "GET", redirect.headers["location"], {})
    refused = await ask(
        zendesk_api.session, "GET", redirect.headers["location"], zendesk_api.headers
    )
    assert (redirect.status, stored.raw, refused.status) == (302, b"png", 400)


async def test_an_upload_expires(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    ticket = await zendesk_api.make_ticket(await zendesk_api.make_user())
    url = f"{zendesk.url}/api/v2/uploads?filename=cat.png"
    headers = {**zendesk_api.headers, "Content-Type": "image/png"}
    upload = await ask(zendesk_api.session, "POST", url, headers, data=b"png")
    clock.advance(3601)

    comment = {"body": "x", "uploads": [upload.body["upload"]["token"]]}
    assert (await zendesk_api.comment(ticket, "x", comment=comment)).status == 422


async def test_private_attachments_want_credentials(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    zendesk.uploads.private_attachments = True
    ticket = await zendesk_api.make_ticket(await zendesk_api.make_user())
    comment = await zendesk.agent_replies(
        ticket, "Look", attachments=[("cat.png", "image/png", b"png")]
    )
    url = comment.attachments[0].to_json(zendesk.url)["content_url"]

    without = await ask(zendesk_api.session, "GET", url, {})
    with_them = await ask(zendesk_api.session, "GET", url, zendesk_api.headers)

    assert (without.status, with_them.status) == (401, 302)
