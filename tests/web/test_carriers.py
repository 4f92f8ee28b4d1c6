"""Carriers' webhooks over real HTTP."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import NotDurable
from bridge.metrics import Metrics
from tests.web.conftest import PUBLIC_URL, Client
from tests.web.far_sides import Taken, sign

TEXT = {"id": "m1", "to": "+12025550100", "from": "+12025550142", "body": "grüße 🙂\nzwei"}
INBOUND = "/carriers/paper/inbound"


def signed(path: str, record: object) -> dict[str, Any]:
    body = json.dumps(record).encode()
    return {"data": body, "headers": {"X-Paper-Signature": sign(PUBLIC_URL + path, body)}}


async def test_a_text_is_taken_and_answered_as_the_carrier_wants(
    client: Client, taken: Taken
) -> None:
    response = await client.post(INBOUND, **signed(INBOUND, TEXT))

    assert (response.status, await response.read()) == (200, b"<Response/>")
    assert response.headers["Content-Type"] == "text/xml"
    [(name, text)] = taken.texts
    assert (name, text.carrier_id, text.body) == ("paper", "m1", TEXT["body"])


async def test_a_report_is_taken_with_its_own_answer(client: Client, taken: Taken) -> None:
    path = "/carriers/paper/status?ref=r1"

    response = await client.post(path, **signed(path, {"id": "m1"}))

    assert response.status == 202
    assert [(name, report.carrier_id) for name, report in taken.reports] == [("paper", "m1")]


async def test_a_text_may_come_by_get_where_the_carrier_does_so(
    client: Client, taken: Taken
) -> None:
    path = f"{INBOUND}?id=m1&to=a&from=b&body=c"
    headers = {"X-Paper-Signature": sign(PUBLIC_URL + path, b"")}

    response = await client.get(path, headers=headers)

    assert response.status == 200
    assert len(taken.texts) == 1


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("GET", "/carriers/strict/inbound", "POST", id="GET where only POST comes"),
        pytest.param("GET", "/carriers/strict/status", "POST", id="GET of a report"),
        pytest.param("DELETE", INBOUND, "GET,POST", id="DELETE"),
        pytest.param("HEAD", INBOUND, "GET,POST", id="HEAD"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    client: Client, taken: Taken, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)

    assert (response.status, response.headers["Allow"]) == (405, allowed)
    assert response.content_type == "application/problem+json"
    assert taken.texts == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param([("X-Paper-Signature", "")], id="empty"),
        pytest.param([("X-Paper-Signature", "00" * 32)], id="wrong"),
        pytest.param([("X-Paper-Signature", "RIGHT"), ("X-Paper-Signature", "RIGHT")], id="twice"),
        pytest.param(
            [("X-Paper-Signature", "RIGHT"), ("x-paper-SIGNATURE", "wrong")], id="two different"
        ),
    ],
)
async def test_a_forged_text_is_403_stored_nowhere_and_counted(
    client: Client, taken: Taken, metrics: Metrics, headers: list[tuple[str, str]]
) -> None:
    body = json.dumps(TEXT).encode()
    right = sign(PUBLIC_URL + INBOUND, body)
    sent = [(name, value.replace("RIGHT", right)) for name, value in headers]

    response = await client.post(INBOUND, data=body, headers=sent)

    assert response.status == 403
    assert await response.json() == {"type": "about:blank", "title": "forbidden", "status": 403}
    assert taken.texts == []
    assert [source for source, _ in taken.forgeries] == ["paper"]
    counted = 'bridge_webhooks_refused_total{reason="signature",source="paper"} 1.0'
    assert counted in metrics.render().decode()


async def test_a_forgery_is_noticed_before_its_body_is_read(client: Client, taken: Taken) -> None:
    response = await client.post(INBOUND, data=b"not JSON at all")

    assert response.status == 403


async def test_the_signed_address_is_the_public_one_whatever_the_host_says(
    client: Client, taken: Taken
) -> None:
    body = json.dumps(TEXT).encode()
    forged = sign(f"http://evil.example{INBOUND}", body)
    headers = {"X-Paper-Signature": forged, "Host": "evil.example", "X-Forwarded-Proto": "https"}

    response = await client.post(INBOUND, data=body, headers=headers)

    assert response.status == 403
    [(_, reason)] = taken.forgeries
    assert f"seen https://evil.example{INBOUND}" in reason
    assert f"than {PUBLIC_URL}{INBOUND}" in reason


async def test_a_malformed_text_is_400_and_names_the_field(client: Client, taken: Taken) -> None:
    response = await client.post(INBOUND, **signed(INBOUND, {**TEXT, "from": 5}))

    problem = await response.json()
    assert (response.status, response.content_type) == (400, "application/problem+json")
    assert (problem["field"], problem["expected"]) == ("from", "a string")
    assert taken.texts == []


async def test_a_webhook_that_was_taken_is_not_logged_as_a_request_too(client: Client) -> None:
    with capture_logs() as lines:
        await client.post(INBOUND, **signed(INBOUND, TEXT))
        await client.post(INBOUND, **signed(INBOUND, {**TEXT, "from": 5}))

    assert [line["status"] for line in lines if line["event"] == "request"] == [400]


async def test_an_unknown_carrier_is_404(client: Client) -> None:
    response = await client.post("/carriers/nobody/inbound", data=b"{}")

    assert response.status == 404
    assert await response.json() == {"type": "about:blank", "title": "Not Found", "status": 404}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(NotDurable("disk full"), id="not durable"),
        pytest.param(RuntimeError("a fault of ours about +12025550142"), id="a fault of ours"),
    ],
)
async def test_what_could_not_be_stored_is_503_so_that_it_comes_again(
    client: Client, taken: Taken, fault: Exception
) -> None:
    taken.fault = fault

    response = await client.post(INBOUND, **signed(INBOUND, TEXT))

    assert (response.status, response.headers["Retry-After"]) == (503, "5")
    assert "+12025550142" not in await response.text()


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
async def test_an_encoded_body_is_415(client: Client, taken: Taken, encoding: str) -> None:
    response = await client.post(INBOUND, data=b"whatever", headers={"Content-Encoding": encoding})

    assert response.status == 415
    assert taken.texts == []


async def test_a_body_of_just_the_limit_is_taken_and_one_byte_more_is_413(
    client: Client, taken: Taken
) -> None:
    room = 1024 * 1024 - len(json.dumps({**TEXT, "body": ""}))
    most = signed(INBOUND, {**TEXT, "body": "x" * room})
    over = signed(INBOUND, {**TEXT, "body": "x" * (room + 1)})
    over["data"] = BytesIO(over["data"])  # the client warns of large plain bytes

    assert (await client.post(INBOUND, **most)).status == 200
    refused = await client.post(INBOUND, **over)

    assert (refused.status, refused.content_type) == (413, "application/problem+json")
    assert len(taken.texts) == 1
