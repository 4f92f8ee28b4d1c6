"""/api/v1: who may ask, failed work, conversations and contacts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpServer

from bridge.store.database import Database
from bridge.web.api import ENDPOINTS
from bridge.web.parts import WebParts
from bridge.web.server import create_app
from tests.store.rows import BEGAN, CUSTOMER, SENDER, add, add_failed_work, add_message
from tests.web.conftest import TOKEN, Client
from tests.web.far_sides import Taken


def everything() -> list[tuple[str, str]]:
    asked = [(e.method, e.path.replace("{", "").replace("}", "")) for e in ENDPOINTS]
    return [*asked, ("GET", "/api/v1/nothing"), ("PUT", "/api/v1/messages"), ("GET", "/api/")]


@pytest.mark.parametrize(("method", "path"), everything())
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no token"),
        pytest.param([("Authorization", "Bearer wrong")], id="wrong"),
        pytest.param([("Authorization", f"Bearer {TOKEN}x")], id="longer"),
        pytest.param([("Authorization", "Bearer ")], id="empty"),
        pytest.param([("Authorization", f"Basic {TOKEN}")], id="another scheme"),
        pytest.param([("Authorization", f"Bearer {TOKEN}")] * 2, id="twice"),
    ],
)
async def test_without_the_token_nothing_is_told_or_changed(
    client: Client,
    taken: Taken,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
) -> None:
    response = await client.request(method, path, headers=headers)

    assert (response.status, response.content_type) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert taken.orders == []


@pytest.mark.parametrize("presented", ["Bearer ", "Bearer None", f"Bearer {TOKEN}"])
async def test_without_a_configured_token_the_api_is_closed(
    aiohttp_server: AiohttpServer,
    make_parts: Callable[[str | None], WebParts],
    presented: str,
) -> None:
    for token in (None, ""):
        server = await aiohttp_server(create_app(make_parts(token)))
        async with TestClient(server) as client:
            response = await client.get("/api/v1/messages", headers={"Authorization": presented})

            assert response.status == 401


async def test_the_scheme_may_be_in_any_case(client: Client) -> None:
    response = await client.get("/api/v1/messages", headers={"Authorization": f"bearer {TOKEN}"})

    assert response.status == 200


@pytest.mark.both_engines
async def test_failed_work_is_shown_tried_again_and_given_up(
    api: Client, database: Database, taken: Taken
) -> None:
    await add_message(database, "m", state="failed")
    await add_failed_work(database, "w1", message_id="m", ticket_id=42)
    await add_failed_work(database, "w2")

    page = await (await api.get("/api/v1/failed?limit=1")).json()
    rest = await (await api.get(f"/api/v1/failed?cursor={page['next']}")).json()
    retried = await api.post("/api/v1/failed/w1/retry")
    dropped = await api.delete("/api/v1/failed/w2")
    after = await (await api.get("/api/v1/failed")).json()

    assert [work["id"] for work in page["failed"]] == ["w2"]
    assert rest == {
        "failed": [
            {
                "id": "w1",
                "kind": "text",
                "message_id": "m",
                "ticket_id": 42,
                "reason": "the ticket form wants a field",
                "attempts": 7,
                "since": "2026-01-02T03:04:05.678Z",
            }
        ],
        "next": None,
    }
    assert (retried.status, await retried.json()) == (200, {"id": "w1", "state": "waiting"})
    assert (dropped.status, taken.wakes) == (204, 1)
    assert after == {"failed": [], "next": None}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/failed/w9/retry"), ("DELETE", "/api/v1/failed/w9")]
)
async def test_unknown_failed_work_is_404(
    api: Client, taken: Taken, method: str, path: str
) -> None:
    response = await api.request(method, path)

    assert (response.status, response.content_type) == (404, "application/problem+json")
    assert "w9" in (await response.json())["detail"]
    assert taken.wakes == 0


@pytest.mark.both_engines
async def test_conversations_are_listed_in_pages(api: Client, database: Database) -> None:
    for number, customer in enumerate([CUSTOMER, "+447700900123", "US:70700"]):
        await add(
            database,
            "conversations",
            id=f"0{number}",
            sender=SENDER,
            customer=customer,
            ticket_id=number,
            last_inbound_at=BEGAN,
            created_at=BEGAN,
        )

    first = await (await api.get("/api/v1/conversations?limit=2")).json()
    rest = await (await api.get(f"/api/v1/conversations?cursor={first['next']}")).json()
    short = await (await api.get("/api/v1/conversations?customer=70700")).json()

    assert [found["customer"] for found in first["conversations"]] == ["70700", "+447700900123"]
    assert rest == {
        "conversations": [
            {
                "id": "00",
                "sender": SENDER,
                "customer": CUSTOMER,
                "ticket_id": 0,
                "last_inbound_at": "2026-01-02T03:04:05.678Z",
                "last_outbound_at": None,
                "created_at": "2026-01-02T03:04:05.678Z",
            }
        ],
        "next": None,
    }
    assert [found["id"] for found in short["conversations"]] == ["02"]


@pytest.mark.both_engines
@pytest.mark.parametrize("number", ["+12025550142", "%2B12025550142", "%2012025550142"])
async def test_a_contact_is_shown_with_consent_and_conversations(
    api: Client, database: Database, number: str
) -> None:
    await add(
        database,
        "contacts",
        address=CUSTOMER,
        name="Ann",
        opted_out_at=BEGAN,
        created_at=BEGAN,
    )
    await add(
        database,
        "consent",
        contact=CUSTOMER,
        sender=SENDER,
        action="opt_out",
        how="text",
        words="Stop!",
        rule="STOP",
        message_id="m",
        at=BEGAN,
    )
    await add(
        database,
        "memberships",
        contact=CUSTOMER,
        list="vip",
        state="subscribed",
        since=BEGAN,
    )
    await add(
        database,
        "conversations",
        id="c",
        sender=SENDER,
        customer=CUSTOMER,
        created_at=BEGAN,
    )

    response = await api.get(f"/api/v1/contacts/{number}")

    contact = await response.json()
    assert response.status == 200
    assert (contact["number"], contact["name"]) == (CUSTOMER, "Ann")
    assert contact["opted_out_at"] == "2026-01-02T03:04:05.678Z"
    assert [entry["words"] for entry in contact["consent"]] == ["Stop!"]
    assert [member["list"] for member in contact["lists"]] == ["vip"]
    assert [found["id"] for found in contact["conversations"]] == ["c"]


@pytest.mark.parametrize(
    ("number", "status"), [("+12025550199", 404), ("9" * 50, 404), ("+12", 400)]
)
async def test_who_is_not_known_is_404(api: Client, number: str, status: int) -> None:
    assert (await api.get(f"/api/v1/contacts/{number}")).status == status
