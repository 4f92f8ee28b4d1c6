"""What surrounds every handler."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from tests.web.conftest import Client
from tests.web.far_sides import Taken


@pytest.fixture(autouse=True)
def forget_context() -> None:
    structlog.contextvars.clear_contextvars()


async def test_every_answer_has_an_id_of_its_own(client: Client) -> None:
    first = await client.get("/healthz", headers={"X-Request-Id": "mine"})
    second = await client.get("/nowhere")

    ids = {first.headers["X-Request-Id"], second.headers["X-Request-Id"]}
    assert len(ids) == 2
    assert "mine" not in ids


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v1/messages", "/carriers/x/status"])
async def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    response = await client.get(path)

    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "aiohttp" not in response.headers["Server"].lower()


async def test_an_unknown_address_is_a_404_problem(client: Client) -> None:
    response = await client.get("/nowhere")

    assert (response.status, response.content_type) == (404, "application/problem+json")
    assert (await response.json())["title"] == "Not Found"


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_but_its_id(
    api: Client, taken: Taken
) -> None:
    taken.fault = RuntimeError("the text was: call me at +12025550142")
    order = {"sender": "+12025550100", "customer": "+12025550142", "body": "hello"}

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        response = await api.post("/api/v1/messages", json=order)

    problem = await response.json()
    assert (response.status, response.content_type) == (500, "application/problem+json")
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert "12025550142" not in str(problem)
    [fault] = [line for line in lines if line["event"] == "fault"]
    assert (fault["error"], fault["correlation_id"]) == ("RuntimeError", problem["request_id"])
    assert any("queue_message" in place for place in fault["places"])
    assert "12025550142" not in str(lines)


async def test_the_log_names_the_route_and_never_the_path_or_query(api: Client) -> None:
    with capture_logs() as lines:
        await api.get("/api/v1/contacts/+12025550142?customer=+12025550143")

    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["route"], line["method"], line["status"]) == (
        "/api/v1/contacts/{number}",
        "GET",
        404,
    )
    assert "1202555014" not in str(lines)


async def test_what_a_forgery_lacked_is_in_the_log_but_not_in_the_answer(
    client: Client, taken: Taken
) -> None:
    with capture_logs() as lines:
        response = await client.post("/carriers/paper/inbound", data=b"{}")

    [line] = [line for line in lines if line["event"] == "forged"]
    assert (line["source"], line["log_level"]) == ("paper", "warning")
    assert "signed for another address" in line["reason"]
    assert "address" not in await response.text()
