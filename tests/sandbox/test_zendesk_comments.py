"""The fake Zendesk keeps comments and audits as Zendesk does (reference: zendesk, 2.2, 4)."""

from __future__ import annotations

import aiohttp
import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import ZendeskApi


@pytest.fixture
async def customer(zendesk_api: ZendeskApi) -> int:
    return await zendesk_api.make_user(name="Cleo", phone="+12025550123")


async def test_a_comment_is_appended_and_the_ticket_opened(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    await zendesk.set_status(ticket, "pending")

    reply = await zendesk_api.call(
        "PUT",
        f"tickets/{ticket}",
        {
            "ticket": {
                "comment": {"body": "Two", "public": True, "author_id": customer},
                "status": "open",
                "metadata": {"mark": "m2"},
            }
        },
    )

    assert reply.status == 200
    assert reply.body["ticket"]["status"] == "open"
    (change,) = [one for one in reply.body["audit"]["events"] if one["type"] == "Change"]
    assert (change["field_name"], change["value"], change["previous_value"]) == (
        "status",
        "open",
        "pending",
    )
    assert [one.plain_body for one in zendesk.comments(ticket)] == ["Hello", "Two"]


async def test_a_comment_by_the_api_does_not_reopen_by_itself(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    await zendesk.set_status(ticket, "solved")

    await zendesk_api.comment(ticket, "Two", comment={"body": "Two", "author_id": customer})
    by_api = zendesk.ticket(ticket)["status"]
    await zendesk.requester_writes(ticket, "Three")

    assert (by_api, zendesk.ticket(ticket)["status"]) == ("solved", "open")


async def test_comments_come_in_pages_newest_first(zendesk_api: ZendeskApi, customer: int) -> None:
    ticket = await zendesk_api.make_ticket(customer, "0")
    for number in range(1, 5):
        await zendesk_api.comment(ticket, str(number))
    path = f"tickets/{ticket}/comments?sort=-created_at&page[size]=2&include=users"

    first = await zendesk_api.get(path)
    await zendesk_api.comment(ticket, "new")
    after = first.body["meta"]["after_cursor"]
    second = await zendesk_api.get(f"{path}&page[after]={after}")
    third = await zendesk_api.get(f"{path}&page[after]={second.body['meta']['after_cursor']}")

    texts = [[one["body"] for one in page.body["comments"]] for page in (first, second, third)]
    assert texts == [["4", "3"], ["2", "1"], ["0"]]
    assert [page.body["meta"]["has_more"] for page in (first, second, third)] == [True, True, False]
    assert third.body["links"]["next"] is not None
    assert {user["name"] for user in third.body["users"]} == {"Cleo"}
    plain = await zendesk_api.get(f"tickets/{ticket}/comments?sort=-created_at")
    assert plain.body["comments"][0]["body"] == "0"  # without page[...] `sort` counts for nothing


async def test_audits_can_be_kept_to_comments(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    await zendesk.set_tags(ticket, ["x"])
    await zendesk_api.comment(ticket, "Two", metadata={"mark": "m"})

    every = await zendesk_api.get(f"tickets/{ticket}/audits?page[size]=10")
    kept = await zendesk_api.get(f"tickets/{ticket}/audits?filter_events[]=Comment")

    assert (len(every.body["audits"]), len(kept.body["audits"])) == (3, 2)
    assert kept.body["audits"][-1]["metadata"]["custom"] == {"mark": "m"}


async def test_a_comment_is_made_private_and_blacked_out(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer, "card 1234")
    comment = zendesk.comments(ticket)[0]

    hidden = await zendesk_api.call("PUT", f"tickets/{ticket}/comments/{comment.id}/make_private")
    await zendesk.set_status(ticket, "closed")
    refused = await zendesk_api.call(
        "PUT", f"tickets/{ticket}/comments/{comment.id}/redact", {"text": "1234"}
    )
    marked = {"ticket_id": ticket, "html_body": "<p>card <redact>1234</redact></p>"}
    black = await zendesk_api.call("PUT", f"comment_redactions/{comment.id}", marked)

    assert (hidden.status, comment.public) == (200, False)
    assert refused.status == 422
    assert black.body["comment"]["plain_body"] == "card ▇▇▇▇"


async def test_an_answer_can_be_lost_after_the_comment_stands(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    ticket = await zendesk_api.make_ticket(customer)
    zendesk.faults.lose_answer("PUT", "/api/v2/tickets/*")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await zendesk_api.comment(ticket, "Two")

    assert len(zendesk.comments(ticket)) == 2


async def test_the_limit_of_comments_is_kept(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, customer: int
) -> None:
    zendesk.account.most_comments = 2
    ticket = await zendesk_api.make_ticket(customer)

    replies = [await zendesk_api.comment(ticket, str(number)) for number in range(2)]

    assert [one.status for one in replies] == [200, 422]
