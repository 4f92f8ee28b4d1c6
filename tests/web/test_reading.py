"""What a caller is told of a query or a body that can't be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Client

ORDER = {"sender": "+12025550100", "customer": "+12025550142", "body": "Hi"}


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ("limit=abc", "limit", "a whole number"),
        ("limit=2.5", "limit", "a whole number"),
        ("limit=", "limit", "a whole number"),
        (f"limit={'9' * 5000}", "limit", "a whole number of a few digits"),
        ("limit=0", "limit", "a whole number from 1 on"),
        ("limit=501", "limit", "a whole number up to 500"),
        ("state=lost", "state", "one of 'received', 'waiting', "),
        ("customer=", "customer", "1 or more characters"),
        (f"customer={'1' * 41}", "customer", "40 characters at most"),
        ("colour=red", "colour", "is not known here"),
    ],
    ids=lambda value: value if len(value) < 30 else value[:10],
)
async def test_a_query_that_cannot_be_is_told_of_in_plain_words(
    api: Client, query: str, field: str, expected: str
) -> None:
    response = await api.get(f"/api/v1/messages?{query}")

    problem = await response.json()
    assert (response.status, problem["field"]) == (400, field)
    assert problem["expected"].startswith(expected)
    assert "Input" not in problem["detail"]


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"body": " "}, "body", "must not be empty"),
        ({"body": 7}, "body", "a text in quotation marks"),
        ({"send": "yes"}, "send", "true or false"),
        ({"kind": "letter"}, "kind", "one of 'conversation' or 'campaign'"),
        ({"idempotency_key": "a b"}, "idempotency_key", "characters as in ^["),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_a_body_that_cannot_be_is_told_of_in_plain_words(
    api: Client, changes: dict[str, Any], field: str, expected: str
) -> None:
    response = await api.post("/api/v1/messages", json={**ORDER, **changes})

    problem = await response.json()
    assert (response.status, problem["field"]) == (400, field)
    assert problem["expected"].startswith(expected)


@pytest.mark.parametrize("body", ["[]", "7", "null"])
async def test_a_body_is_an_object(api: Client, body: str) -> None:
    response = await api.post(
        "/api/v1/messages", data=body, headers={"Content-Type": "application/json"}
    )

    problem = await response.json()
    assert (problem["field"], problem["expected"]) == ("body", "a JSON object")
