"""The fake Zendesk's webhooks (reference: zendesk, 5)."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from bridge.sandbox.zendesk import FakeZendesk
from bridge.sandbox.zendesk.deliveries import TEST_SECRET, sign
from tests.sandbox.asking import ZendeskApi
from tests.sandbox.hooking import make_ticket, make_trigger, make_webhook, read
from tests.sandbox.moving_clock import MovingClock
from tests.sandbox.receiver import Receiver


@pytest.fixture
async def customer(zendesk_api: ZendeskApi) -> int:
    return await zendesk_api.make_user(name="Cleo", phone="+12025550123")


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

    events = {one["type"].rpartition(".")[2]: one for one in map(read, receiver.taken)}
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

    kinds = sorted(read(one)["type"].rpartition(".")[2] for one in receiver.taken)
    assert kinds == ["merged", "soft_deleted", "undeleted"]
    merged = next(one for one in map(read, receiver.taken) if one["type"].endswith("merged"))
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

    comments = [int(read(one)["comment_id"]) for one in receiver.taken]
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
    receiver.answers = [30.0]

    async with asyncio.timeout(20):
        await make_ticket(zendesk_api, customer)
        await receiver.wait_for(1)
