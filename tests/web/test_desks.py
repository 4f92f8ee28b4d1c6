"""Zendesk's webhook over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bridge.desks.zendesk import events
from bridge.errors import NotDurable
from tests.web.conftest import Client
from tests.web.far_sides import SECRET, Taken

PATH = "/desks/zendesk/events"
BODY = json.dumps({"ticket_id": "42", "comment_id": "7002"}).encode()


def headers(body: bytes, *, age_s: int = 0, secret: str = SECRET) -> dict[str, str]:
    stamp = f"{datetime.now(UTC) - timedelta(seconds=age_s):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": events.sign(secret, stamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
    }


async def test_a_signed_hint_is_taken(client: Client, taken: Taken) -> None:
    response = await client.post(PATH, data=BODY, headers=headers(BODY))

    assert response.status == 200
    assert [(hint.ticket_id, hint.comment_id) for hint in taken.hints] == [(42, 7002)]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="unsigned"),
        pytest.param(headers(BODY, secret="other"), id="another secret"),
        pytest.param(headers(BODY + b" "), id="another body"),
        pytest.param(headers(BODY, age_s=400), id="stale"),
    ],
)
async def test_a_forged_or_stale_hint_is_403(
    client: Client, taken: Taken, sent: dict[str, str]
) -> None:
    response = await client.post(PATH, data=BODY, headers=sent)

    assert response.status == 403
    assert "detail" not in await response.json()
    assert taken.hints == []
    assert [source for source, _ in taken.forgeries] == ["zendesk"]


async def test_without_a_secret_nothing_is_believed_and_the_operator_is_told(
    client: Client, taken: Taken
) -> None:
    taken.secrets = []

    response = await client.post(PATH, data=BODY, headers=headers(BODY))

    assert response.status == 403
    [(source, reason)] = taken.forgeries
    assert source == "zendesk"
    assert "bridge zendesk setup" in reason


async def test_either_secret_will_do_while_one_is_rotated(client: Client, taken: Taken) -> None:
    taken.secrets = ["bmV3", SECRET]

    response = await client.post(PATH, data=BODY, headers=headers(BODY))

    assert response.status == 200


async def test_a_malformed_hint_is_400_and_names_the_field(client: Client, taken: Taken) -> None:
    body = b'{"ticket_id": "forty-two"}'

    response = await client.post(PATH, data=body, headers=headers(body))

    assert response.status == 400
    assert (await response.json())["field"] == "ticket_id"
    assert taken.hints == []


@pytest.mark.parametrize("fault", [NotDurable("disk full"), KeyError("x")], ids=["disk", "ours"])
async def test_a_hint_that_could_not_be_stored_is_503_and_comes_again(
    client: Client, taken: Taken, fault: Exception
) -> None:
    taken.fault = fault

    response = await client.post(PATH, data=BODY, headers=headers(BODY))

    assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_zendesk_only_posts(client: Client) -> None:
    response = await client.get(PATH)

    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert response.content_type == "application/problem+json"
