"""The fake Zendesk's trigger engine (reference: zendesk, 6.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import ZendeskApi
from tests.sandbox.hooking import REPLY, make_ticket, make_trigger, make_webhook
from tests.sandbox.receiver import Receiver


@pytest.fixture
async def customer(zendesk_api: ZendeskApi) -> int:
    return await zendesk_api.make_user(name="Cleo", phone="+12025550123")


async def test_a_trigger_calls_its_webhook_signed(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, receiver: Receiver, customer: int
) -> None:
    webhook = await make_webhook(zendesk_api, receiver)
    await make_trigger(zendesk_api, webhook)
    ticket = await make_ticket(zendesk_api, customer)
    secret = (await zendesk_api.get(f"webhooks/{webhook}/signing_secret")).body["signing_secret"]
    await zendesk.idle()
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
