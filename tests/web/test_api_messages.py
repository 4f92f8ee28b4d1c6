"""/api/v1/messages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bridge.errors import BadRequest, NotDurable
from bridge.store.database import Database
from bridge.web.parts import NewMessage
from tests.store.rows import BEGAN, CUSTOMER, SENDER, add, add_message, add_part
from tests.web.conftest import Client
from tests.web.far_sides import Taken

pytestmark = pytest.mark.both_engines

PATH = "/api/v1/messages"
ORDER = {"sender": SENDER, "customer": CUSTOMER, "body": "Your parcel is here."}


async def get(api: Client, path: str) -> dict[str, Any]:
    response = await api.get(path)
    found: dict[str, Any] = await response.json()
    assert response.status == 200, found
    return found


async def test_an_inbound_text_is_shown_in_full(api: Client, database: Database) -> None:
    await add_message(
        database,
        "a",
        sender="US:50500",
        body="bonjour 🙂\u0007",
        media='[{"url": "https://api.twilio.com/m1", "content_type": "image/png"}]',
        verdict="ticket",
        ticket_id=42,
        comment_id=7002,
    )

    page = await get(api, PATH)

    assert page == {
        "messages": [
            {
                "id": "a",
                "direction": "inbound",
                "kind": "text",
                "sender": "50500",
                "customer": CUSTOMER,
                "body": "bonjour 🙂\u0007",
                "media": [{"url": "https://api.twilio.com/m1", "content_type": "image/png"}],
                "verdict": "ticket",
                "state": "done",
                "ticket_id": 42,
                "comment_id": 7002,
                "carrier": "twilio",
                "carrier_id": "SMa",
                "segments": None,
                "parts": [],
                "error": None,
                "reason": None,
                "recovered": False,
                "created_at": "2026-01-02T03:04:05.678Z",
            }
        ],
        "next": None,
    }


async def test_a_reply_sent_in_parts_is_one_message(api: Client, database: Database) -> None:
    await add_message(database, "out", direction="outbound", state="sent")
    await add_part(database, "out", 0, state="delivered", segments=2)
    await add_part(database, "out", 1, state="sent", segments=1)

    [message] = (await get(api, PATH))["messages"]

    assert message["parts"] == [
        {"carrier_id": "SMout0", "state": "delivered", "segments": 2},
        {"carrier_id": "SMout1", "state": "sent", "segments": 1},
    ]
    assert (message["carrier_id"], message["segments"]) == ("SMout0", 3)


async def test_pages_follow_their_cursors_to_the_end(api: Client, database: Database) -> None:
    for number in range(5):
        await add_message(database, str(number))

    seen = []
    following = f"{PATH}?limit=2"
    while following:
        page = await get(api, following)
        seen.append([message["id"] for message in page["messages"]])
        following = page["next"] and f"{PATH}?limit=2&cursor={page['next']}"

    assert seen == [["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("customer=%2B12025550142", ["number"], id="plus escaped"),
        pytest.param("customer=+12025550142", ["number"], id="plus as a blank"),
        pytest.param("customer=12025550142", ["number"], id="no plus"),
        pytest.param("customer=%2B1%20(202)%20555-0142", ["number"], id="as people write it"),
        pytest.param("sender=50500", ["us", "gb"], id="short code of any country"),
        pytest.param("sender=US:50500", ["us"], id="short code of one country"),
        pytest.param("customer=MyBank", ["bank"], id="a name"),
        pytest.param("state=failed", ["gb"], id="state"),
        pytest.param("sender=50500&state=done", ["us"], id="two together"),
        pytest.param("customer=%2B12025550199", [], id="nobody"),
    ],
)
async def test_messages_are_found_as_people_spell_it(
    api: Client, database: Database, query: str, expected: list[str]
) -> None:
    await add_message(database, "bank", customer="name:MyBank")
    await add_message(database, "gb", customer="+447700900123", sender="GB:50500", state="failed")
    await add_message(database, "us", customer="+447700900124", sender="US:50500")
    await add_message(database, "number")

    page = await get(api, f"{PATH}?{query}")

    assert [message["id"] for message in page["messages"]] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("state=lost", "state"),
        ("customer=", "customer"),
        ("customer=%2B12", "customer"),
        ("customer=12%00", "customer"),
        ("sender=" + "9" * 41, "sender"),
        ("custommer=%2B12025550142", "custommer"),
        ("state=failed&state=done", "state"),
        ("cursor=zzz", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("cursor=bWVzc2FnZXM6LTE", "cursor"),  # messages:-1
        ("cursor=ZmFpbGVkOjE6MQ", "cursor"),  # failed:1:1, of another list
    ],
)
async def test_a_faulty_question_is_400_and_names_the_field(
    api: Client, query: str, field: str
) -> None:
    response = await api.get(f"{PATH}?{query}")

    problem = await response.json()
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert problem["field"] == field
    assert problem["expected"]


async def test_a_cursor_beyond_all_numbers_is_harmless(api: Client) -> None:
    beyond = base64.urlsafe_b64encode(b"messages:9999999999999999999").decode().rstrip("=")

    page = await get(api, f"{PATH}?cursor={beyond}")

    assert page == {"messages": [], "next": None}


async def test_a_message_can_be_asked_why(api: Client, database: Database) -> None:
    await add_message(database, "a", verdict="keyword", why="JOIN subscribes", rule="join")
    await add(
        database,
        "attempts",
        work_ref="w1",
        message_id="a",
        kind="text",
        outcome="later",
        words="Zendesk asks for a pause",
        at=BEGAN,
        took_ms=12,
    )
    await add(
        database,
        "work",
        ref="w1",
        lane="in:c",
        account="zendesk",
        kind="text",
        message_id="a",
        state="waiting",
        attempts=1,
        due_at=BEGAN + 1000,
        created_at=BEGAN,
    )

    trace = await get(api, f"{PATH}/a")

    assert (trace["verdict"], trace["why"], trace["rule"]) == ("keyword", "JOIN subscribes", "join")
    assert trace["attempts"] == [
        {
            "work_id": "w1",
            "kind": "text",
            "outcome": "later",
            "words": "Zendesk asks for a pause",
            "at": "2026-01-02T03:04:05.678Z",
            "took_ms": 12,
        }
    ]
    assert [work["due_at"] for work in trace["work"]] == ["2026-01-02T03:04:06.678Z"]


async def test_an_unknown_message_is_404(api: Client) -> None:
    assert (await api.get(f"{PATH}/nothing")).status == 404


async def test_an_order_is_handed_on_and_answered_as_a_message(
    api: Client, database: Database, taken: Taken
) -> None:
    await add_message(database, "new", direction="outbound", kind="campaign", state="queued")
    taken.order_answer = {"id": "new"}
    order = {**ORDER, "kind": "campaign", "send": False, "idempotency_key": "k-1"}

    response = await api.post(PATH, json=order)

    assert (response.status, response.headers["Location"]) == (201, f"{PATH}/new")
    assert (await response.json())["id"] == "new"
    assert taken.orders == [
        NewMessage(
            sender=SENDER,
            customer=CUSTOMER,
            body="Your parcel is here.",
            kind="campaign",
            send=False,
            idempotency_key="k-1",
        )
    ]


async def test_an_order_says_by_default_that_it_is_a_conversation_to_send(
    api: Client, database: Database, taken: Taken
) -> None:
    await add_message(database, "new", direction="outbound", kind="conversation", state="queued")
    taken.order_answer = {"id": "new"}

    await api.post(PATH, json={**ORDER, "sender": "50500", "customer": "+1 202-555-0142"})

    [order] = taken.orders
    assert (order.kind, order.send, order.idempotency_key) == ("conversation", True, None)
    assert (order.sender, order.customer) == ("ZZ:50500", CUSTOMER)


async def test_an_order_repeated_under_its_key_is_200(
    api: Client, database: Database, taken: Taken
) -> None:
    await add_message(database, "old", direction="outbound", kind="conversation", state="sent")
    taken.order_answer = {"id": "old", "created": False}

    response = await api.post(PATH, json={**ORDER, "idempotency_key": "k-1"})

    assert (response.status, (await response.json())["id"]) == (200, "old")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"body": None}, "body", id="no text"),
        pytest.param({"body": ""}, "body", id="empty text"),
        pytest.param({"body": " \n"}, "body", id="blank text"),
        pytest.param({"body": "a\x00b"}, "body", id="NUL"),
        pytest.param({"body": "x" * 10_001}, "body", id="text too long"),
        pytest.param({"body": ["a"]}, "body", id="a list for a text"),
        pytest.param({"send": "yes"}, "send", id="a word for a truth"),
        pytest.param({"send": 1}, "send", id="a number for a truth"),
        pytest.param({"kind": "reply"}, "kind", id="a kind that is not the caller's"),
        pytest.param({"customer": "MyBank"}, "customer", id="a name can't be texted"),
        pytest.param({"customer": 12025550142}, "customer", id="a number for a string"),
        pytest.param({"sender": "+12"}, "sender", id="no number at all"),
        pytest.param({"idempotency_key": "a b"}, "idempotency_key", id="blank in the key"),
        pytest.param({"idempotency_key": "k" * 256}, "idempotency_key", id="long key"),
        pytest.param({"text": "hello"}, "text", id="an unknown field"),
    ],
)
async def test_a_faulty_order_is_400_names_the_field_and_changes_nothing(
    api: Client, taken: Taken, change: dict[str, object], field: str
) -> None:
    response = await api.post(PATH, json={**ORDER, **change})

    assert response.status == 400
    assert (await response.json())["field"] == field
    assert taken.orders == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"null", b'{"sender": "\xff"}', b"[" * 100_000],
    ids=["empty", "cut", "list", "string", "null", "not UTF-8", "deep"],
)
async def test_a_body_that_is_no_object_is_400(api: Client, taken: Taken, body: bytes) -> None:
    response = await api.post(PATH, data=body, headers={"Content-Type": "application/json"})

    assert response.status == 400
    assert (await response.json())["field"] == "body"


async def test_a_body_that_does_not_say_that_it_is_json_is_415(api: Client, taken: Taken) -> None:
    response = await api.post(PATH, data=json.dumps(ORDER), headers={"Content-Type": "text/plain"})

    assert (response.status, taken.orders) == (415, [])


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param(BadRequest("sender", "one of your senders"), 400, id="refused by the flow"),
        pytest.param(NotDurable("disk full"), 503, id="not durable"),
    ],
)
async def test_what_the_flow_refuses_is_answered_so(
    api: Client, taken: Taken, fault: Exception, status: int
) -> None:
    taken.fault = fault

    response = await api.post(PATH, json=ORDER)

    assert (response.status, response.content_type) == (status, "application/problem+json")
