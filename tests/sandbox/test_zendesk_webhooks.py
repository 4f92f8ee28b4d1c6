"""The fake Zendesk's webhooks and triggers (reference: zendesk, 5, 6.1)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import web

from bridge.sandbox.zendesk import FakeZendesk
from bridge.sandbox.zendesk.deliveries import TEST_SECRET, sign
from tests.sandbox.asking import ZendeskApi
from tests.sandbox.moving_clock import MovingClock
from tests.sandbox.receiver import Receiver, Taken

BODY = '{"ticket_id":"{{ticket.id}}","comment_id":"{{ticket.latest_public_comment.id}}"}'
REPLY = [
    {"field": "current_tags", "operator": "includes", "value": "sms"},
    {"field": "comment_is_public", "operator": "is", "value": "true"},
    {"field": "role", "operator": "is", "value": "agent"},
]


@pytest.fixture
async def customer(zendesk_api: ZendeskApi) -> int:
    return await zendesk_api.make_user(name="Cleo", phone="+12025550123")


async def make_webhook(
    zendesk_api: ZendeskApi, receiver: Receiver, *subscriptions: str, **changes: Any
) -> str:
    given = {
        "name": "bridge",
        "status": "active",
        "endpoint": f"{receiver.url}/events",
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": list(subscriptions) or ["conditional_ticket_events"],
        **changes,
    }
    reply = await zendesk_api.call("POST", "webhooks", {"webhook": given})
    assert reply.status == 201, reply.body
    return str(reply.body["webhook"]["id"])


async def make_trigger(
    zendesk_api: ZendeskApi, webhook: str, *, body: str = BODY, every: object = None
) -> int:
    given = {
        "title": "reply",
        "conditions": {"all": REPLY if every is None else every, "any": []},
        "actions": [{"field": "notification_webhook", "value": [webhook, body]}],
    }
    reply = await zendesk_api.call("POST", "triggers", {"trigger": given})
    assert reply.status == 201, reply.body
    return int(reply.body["trigger"]["id"])


async def make_ticket(zendesk_api: ZendeskApi, customer: int) -> int:
    return await zendesk_api.make_ticket(customer, tags=["sms"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"ticket_id":"42"}', "KrgEVnw51bzWRrsaEq7U79hEPmMByOh4A1UoQQ9ZZA0="),
        (b"", "1xsiPKGHFyXedEmvxNaOg4VQ2U4XjHcPMETpJymjCkg="),
    ],
    ids=["a body", "no body"],
)
def test_signatures_are_zendesks(body: bytes, expected: str) -> None:
    assert sign(TEST_SECRET, "2026-01-02T03:04:05Z", body) == expected


async def test_a_trigger_calls_its_webhook_signed(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    webhook = await make_webhook(zendesk_api, receiver)
    await make_trigger(zendesk_api, webhook)
    ticket = await make_ticket(zendesk_api, customer)
    secret = (await zendesk_api.get(f"webhooks/{webhook}/signing_secret")).body["signing_secret"]
    receiver.taken.clear()

    comment = await zendesk.agent_replies(ticket, "<p>Hello</p>")
    await zendesk.idle()

    (taken,) = receiver.taken
    assert json.loads(taken.body) == {"ticket_id": str(ticket), "comment_id": str(comment.id)}
    stamp = taken.headers["x-zendesk-webhook-signature-timestamp"]
    mac = hmac.new(secret["secret"].encode(), stamp.encode() + taken.body, hashlib.sha256)
    wanted = base64.b64encode(mac.digest()).decode()
    assert taken.headers["x-zendesk-webhook-signature"] == wanted
    assert stamp == "2026-01-02T03:04:05Z"
    assert taken.headers["x-zendesk-webhook-id"] == webhook


@pytest.mark.parametrize("who", ["note", "requester", "other ticket", "by the api"])
async def test_triggers_ask_their_conditions(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int, who: str
) -> None:
    await make_trigger(zendesk_api, await make_webhook(zendesk_api, receiver))
    ticket = await make_ticket(zendesk_api, customer)
    other = await zendesk_api.make_ticket(customer)
    await zendesk.idle()
    receiver.taken.clear()

    if who == "note":
        await zendesk.agent_replies(ticket, "note", public=False)
    elif who == "requester":
        await zendesk.requester_writes(ticket, "Hello")
    elif who == "other ticket":
        await zendesk.agent_replies(other, "Hello")
    else:
        await zendesk_api.comment(ticket, "x", comment={"body": "x", "author_id": customer})
    await zendesk.idle()

    # A comment that the API user writes in the customer's name is an agent's update.
    assert len(receiver.taken) == (who == "by the api")


async def test_an_api_update_can_be_left_out_by_its_channel(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    every = [*REPLY, {"field": "current_via_id", "operator": "is_not", "value": "5"}]
    await make_trigger(zendesk_api, await make_webhook(zendesk_api, receiver), every=every)
    ticket = await make_ticket(zendesk_api, customer)

    await zendesk_api.comment(ticket, "ours")
    await zendesk.agent_replies(ticket, "theirs")
    await zendesk.idle()

    assert len(receiver.taken) == 1


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ticket.latest_comment.id}}", "{latest}"),
        ("{{ ticket.latest_public_comment.id }}", "{public}"),
        ("{{ticket.latest_comment.is_public}}", "false"),
        ("{{ticket.comment.id}}", ""),
        ("{{ticket.latest_comment_id}}", ""),
        ("{{ticket.audit.id}}", ""),
        ("{{no.such.thing}}", ""),
        ("{{ticket.requester.phone}}", "+12025550123"),
        ("{{current_user.name}}", "Ann Agent"),
        ("{{ticket.status}}", "Open"),
        ("{{ticket.updated_at}}", "2026-01-02"),
        ("{{ticket.updated_at_with_timestamp}}", "2026-01-02T03:04:05Z"),
        ("{{ticket.tags}}", "sms"),
    ],
)
async def test_placeholders_are_filled_in_or_empty(
    zendesk: FakeZendesk,
    zendesk_api: ZendeskApi,
    receiver: Receiver,
    customer: int,
    template: str,
    expected: str,
) -> None:
    ticket = await make_ticket(zendesk_api, customer)
    every = [{"field": "comment_is_public", "operator": "is", "value": "false"}]
    webhook = await make_webhook(zendesk_api, receiver)
    await make_trigger(zendesk_api, webhook, body=f"[{template}]", every=every)

    note = await zendesk.agent_replies(ticket, "note", public=False)
    await zendesk.idle()

    first = zendesk.comments(ticket)[0]
    wanted = expected.format(latest=note.id, public=first.id)
    assert receiver.taken[0].body.decode() == f"[{wanted}]"


async def test_a_trigger_that_tags_sets_off_the_next_one(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    await make_trigger(zendesk_api, await make_webhook(zendesk_api, receiver))
    tagging = {
        "title": "tag",
        "position": 9999,
        "conditions": {"all": [{"field": "update_type", "operator": "is", "value": "Change"}]},
        "actions": [{"field": "current_tags", "value": "sms"}],
    }
    await zendesk_api.call("POST", "triggers", {"trigger": tagging})
    ticket = await zendesk_api.make_ticket(customer)

    await zendesk.agent_replies(ticket, "Hello")
    await zendesk.idle()

    assert zendesk.ticket(ticket)["tags"] == ["sms"]
    assert len(receiver.taken) == 1


async def test_the_accounts_own_triggers_write_mails_to_those_who_have_an_address(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    with_mail = await zendesk_api.make_user(email="m@example.org", skip_verify_email=True)
    silent = await zendesk_api.make_ticket(customer)
    loud = await zendesk_api.make_ticket(with_mail)

    await zendesk.agent_replies(silent, "Hello")
    await zendesk.agent_replies(loud, "Hello")

    to_customer = [one for one in zendesk.emails_sent if one.to == "m@example.org"]
    assert {one.ticket_id for one in to_customer} == {loud}
    assert [one.cause for one in to_customer] == [
        "Notify requester and CCs of received request",
        "Notify requester and CCs of comment update",
    ]


async def test_events_come_in_an_envelope(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    names = [f"zen:event-type:ticket.{one}" for one in ("comment_added", "status_changed")]
    await make_webhook(zendesk_api, receiver, *names)
    ticket = await make_ticket(zendesk_api, customer)
    await zendesk.idle()
    receiver.taken.clear()

    comment = await zendesk.agent_replies(ticket, "<b>Hello</b>", status="solved")
    await zendesk.idle()

    events = {one["type"].rpartition(".")[2]: one for one in map(_json, receiver.taken)}
    added, changed = events["comment_added"], events["status_changed"]
    assert added["subject"] == f"zen:ticket:{ticket}"
    assert added["event"]["comment"] == {
        "id": str(comment.id),
        "body": "Hello",
        "is_public": True,
        "author": {"id": str(zendesk.agent().id), "is_staff": True, "name": "Ann Agent"},
    }
    assert (changed["event"]["current"], changed["event"]["previous"]) == ("SOLVED", "NEW")
    assert added["detail"]["status"] == "SOLVED"
    assert added["detail"]["requester_id"] == str(customer)
    sequences = [one["event"]["meta"]["sequence"]["id"] for one in events.values()]
    assert len(set(sequences)) == 1


def _json(taken: Taken) -> Any:
    return json.loads(taken.body)


async def test_merge_and_deletion_are_told(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    names = [f"zen:event-type:ticket.{one}" for one in ("merged", "soft_deleted", "undeleted")]
    await make_webhook(zendesk_api, receiver, *names)
    source = await make_ticket(zendesk_api, customer)
    target = await make_ticket(zendesk_api, customer)

    await zendesk.merge(source, target)
    await zendesk.delete(target)
    await zendesk.restore(target)
    await zendesk.idle()

    kinds = sorted(_json(one)["type"].rpartition(".")[2] for one in receiver.taken)
    assert kinds == ["merged", "soft_deleted", "undeleted"]
    merged = next(one for one in map(_json, receiver.taken) if one["type"].endswith("merged"))
    assert merged["event"]["target_ticket"] == {"id": str(target)}


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([200], 1),
        ([500, 200], 1),
        ([403, 200], 1),
        ([409, 409, 200], 3),
        ([409, 409, 409, 409, 200], 4),
        ([503, 200], 1),
    ],
    ids=["good", "500 is final", "403 is final", "409", "409 thrice", "503 without a pause"],
)
async def test_retries_depend_on_the_answer(
    zendesk: FakeZendesk,
    zendesk_api: ZendeskApi,
    receiver: Receiver,
    customer: int,
    answers: list[int],
    calls: int,
) -> None:
    await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    receiver.answers = [web.Response(status=status) for status in answers]

    await make_ticket(zendesk_api, customer)
    await zendesk.idle()

    assert len(receiver.taken) == calls
    assert len({one.headers["x-zendesk-webhook-invocation-id"] for one in receiver.taken}) == 1


@pytest.mark.parametrize(("asked", "calls"), [("5", 2), ("60", 1), ("soon", 1)])
async def test_503_is_retried_where_the_pause_is_short(
    zendesk: FakeZendesk,
    zendesk_api: ZendeskApi,
    receiver: Receiver,
    customer: int,
    asked: str,
    calls: int,
) -> None:
    await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    receiver.answers = [web.Response(status=503, headers={"Retry-After": asked})]

    await make_ticket(zendesk_api, customer)
    await zendesk.idle()

    assert len(receiver.taken) == calls


async def test_a_webhook_that_does_not_answer_is_tried_five_times_more(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    zendesk.deliveries.timeout_s = 0.02
    zendesk.deliveries.pause_scale = 0.001
    webhook = await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    receiver.answers = [0.1] * 9

    await make_ticket(zendesk_api, customer)
    await zendesk.idle()

    assert len(receiver.taken) == 6
    listed = (await zendesk_api.get(f"webhooks/{webhook}/invocations")).body["invocations"]
    assert [one["status"] for one in listed] == ["terminated"]
    attempts = await zendesk_api.get(f"webhooks/{webhook}/invocations/{listed[0]['id']}/attempts")
    assert len(attempts.body["attempts"]) == 6


async def test_webhooks_are_lost_doubled_and_late(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    await make_trigger(zendesk_api, await make_webhook(zendesk_api, receiver))
    ticket = await make_ticket(zendesk_api, customer)
    await zendesk.idle()
    receiver.taken.clear()

    zendesk.deliveries.lost = True
    await zendesk.agent_replies(ticket, "lost")
    zendesk.deliveries.lost = False
    zendesk.deliveries.copies = 3
    tripled = await zendesk.agent_replies(ticket, "thrice")
    await zendesk.idle()
    zendesk.deliveries.copies = 1
    zendesk.hold_webhooks()
    held = [await zendesk.agent_replies(ticket, text) for text in ("one", "two", "three")]
    await zendesk.release_webhooks([2, 0])

    comments = [int(_json(one)["comment_id"]) for one in receiver.taken]
    assert comments == [tripled.id] * 3 + [held[2].id, held[0].id]


async def test_time_stamps_can_be_off(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    zendesk.deliveries.skew_s = -600
    await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")

    await make_ticket(zendesk_api, customer)
    (taken,) = await receiver.wait_for(1)

    assert taken.headers["x-zendesk-webhook-signature-timestamp"] == "2026-01-02T02:54:05Z"


async def test_a_webhook_that_fails_too_often_is_paused(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, clock: MovingClock
) -> None:
    customer = await zendesk_api.make_user()
    await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    zendesk.deliveries.breaker = True
    receiver.answers = [web.Response(status=500) for _ in range(10)]

    for _ in range(12):
        await make_ticket(zendesk_api, customer)
        await zendesk.idle()
    paused = len(receiver.taken)
    clock.advance(61)
    await make_ticket(zendesk_api, customer)
    await zendesk.idle()

    assert (paused, len(receiver.taken)) == (10, 11)
    assert [one.status for one in zendesk.deliveries.invocations].count("circuit broken") == 2


async def test_a_new_secret_is_used_at_once(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    webhook = await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    old = (await zendesk_api.get(f"webhooks/{webhook}/signing_secret")).body["signing_secret"]

    renewed = await zendesk_api.call("POST", f"webhooks/{webhook}/signing_secret")
    await make_ticket(zendesk_api, customer)
    await zendesk.idle()

    new = renewed.body["signing_secret"]["secret"]
    (taken,) = receiver.taken
    stamp = taken.headers["x-zendesk-webhook-signature-timestamp"]
    assert (renewed.status, new != old["secret"]) == (201, True)
    assert taken.headers["x-zendesk-webhook-signature"] == sign(new, stamp, taken.body)


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "http://bridge.example.org/x"},
        {"endpoint": "nonsense"},
        {"subscriptions": []},
        {"subscriptions": ["conditional_ticket_events", "zen:event-type:ticket.created"]},
        {"subscriptions": ["everything"]},
        {"subscriptions": ["zen:event-type:ticket.created"], "http_method": "PUT"},
        {"name": " "},
        {"status": "on"},
    ],
    ids=str,
)
async def test_a_webhook_that_can_not_be_is_refused(
    zendesk_api: ZendeskApi, receiver: Receiver, changes: dict[str, object]
) -> None:
    given = {
        "name": "x",
        "status": "active",
        "endpoint": f"{receiver.url}/x",
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": ["conditional_ticket_events"],
        **changes,
    }

    reply = await zendesk_api.call("POST", "webhooks", {"webhook": given})

    assert reply.status == 400
    assert reply.body["errors"][0]["detail"]


async def test_a_webhook_is_changed_found_and_deleted(
    zendesk_api: ZendeskApi, receiver: Receiver
) -> None:
    proof = {"type": "bearer_token", "add_position": "header", "data": {"token": "hush"}}
    webhook = await make_webhook(zendesk_api, receiver, authentication=proof)
    trigger = await make_trigger(zendesk_api, webhook)
    path = f"webhooks/{webhook}"

    kept = await zendesk_api.call("PATCH", path, {"webhook": {"name": "renamed"}})
    moved = await zendesk_api.call(
        "PATCH", path, {"webhook": {"subscriptions": ["zen:event-type:ticket.created"]}}
    )
    shown = await zendesk_api.get("webhooks?filter[name_contains]=RENA&page[size]=5")
    in_use = await zendesk_api.call("DELETE", path)
    await zendesk_api.call("DELETE", f"triggers/{trigger}")
    gone = await zendesk_api.call("DELETE", path)

    assert (kept.status, moved.status, in_use.status, gone.status) == (204, 400, 400, 204)
    assert [one["name"] for one in shown.body["webhooks"]] == ["renamed"]
    assert "hush" not in shown.raw.decode()
    assert shown.body["webhooks"][0]["authentication"]["type"] == "bearer_token"
    assert (await zendesk_api.get(path)).status == 404


async def test_a_webhook_can_be_tried(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver
) -> None:
    webhook = await make_webhook(zendesk_api, receiver)
    receiver.answers = [web.Response(status=403, text="no")]

    reply = await zendesk_api.call(
        "POST", f"webhooks/test?webhook_id={webhook}", {"request": {"payload": '{"a":1}'}}
    )

    assert (reply.status, reply.body["response"]["status"]) == (200, 403)
    assert receiver.taken[0].body == b'{"a":1}'


async def test_hooks_do_not_hold_up_the_api(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    await make_webhook(zendesk_api, receiver, "zen:event-type:ticket.created")
    receiver.answers = [2.0]

    async with asyncio.timeout(1):
        await make_ticket(zendesk_api, customer)
        await receiver.wait_for(1)
