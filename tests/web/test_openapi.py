"""The document: valid, complete, and true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from bridge.store.sqlite import SqliteDatabase
from bridge.web.api.openapi import PATH
from tests.store.rows import BEGAN, CUSTOMER, SENDER, add, add_failed_work, add_message, add_part
from tests.web.conftest import Client, Server
from tests.web.far_sides import Taken


@pytest.fixture
async def document(api: Client) -> dict[str, Any]:
    response = await api.get(PATH)
    assert response.status == 200
    found: dict[str, Any] = await response.json()
    return found


async def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document, cls=OpenAPIV31SpecValidator)


async def test_every_route_is_in_the_document_and_the_other_way_round(
    document: dict[str, Any], server: Server
) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in server.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }

    assert routes - {("HEAD", PATH)} == described


def strings(schema: object, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "string":
            yield where, schema
        for name, inner in schema.items():
            yield from strings(inner, f"{where}/{name}")
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from strings(inner, f"{where}/{number}")


async def test_every_string_has_its_limits(document: dict[str, Any]) -> None:
    unlimited = [
        where
        for where, schema in strings([document["paths"], document["components"]["schemas"]], "")
        if not {"maxLength", "enum", "const"} & schema.keys()
    ]

    assert unlimited == []


def check(document: dict[str, Any], method: str, path: str, status: int, body: object) -> None:
    """Hold a real answer against what the document says of it."""
    operation = document["paths"][path][method.lower()]
    [(_, content)] = operation["responses"][str(status)]["content"].items()
    resource = DRAFT202012.create_resource(document)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    schema = {"$ref": f"urn:document{content['schema']['$ref']}"}
    OAS31Validator(schema, registry=registry).validate(body)


async def fill(database: SqliteDatabase) -> None:
    await add_message(
        database,
        "in",
        verdict="ticket",
        media='[{"url": "https://api.twilio.com/m", "content_type": "image/png"}]',
    )
    await add_message(database, "out", direction="outbound", state="failed", error="30003")
    await add_part(database, "out", 0)
    await add(
        database,
        "attempts",
        work_ref="w1",
        message_id="in",
        kind="text",
        outcome="later",
        words="a pause",
        at=BEGAN,
        took_ms=12,
    )
    await add_failed_work(database, "w1", message_id="in")
    await add(
        database,
        "conversations",
        id="c",
        sender=SENDER,
        customer=CUSTOMER,
        created_at=BEGAN,
    )
    await add(database, "contacts", address=CUSTOMER, tags='["vip"]', created_at=BEGAN)
    await add(database, "consent", contact=CUSTOMER, action="opt_in", how="text", at=BEGAN)
    await add(
        database,
        "memberships",
        contact=CUSTOMER,
        list="vip",
        state="pending",
        since=BEGAN,
    )


async def test_real_answers_are_what_the_document_says(
    api: Client, document: dict[str, Any], database: SqliteDatabase, taken: Taken
) -> None:
    await fill(database)
    taken.order_answer = {"id": "out"}
    order = {"sender": SENDER, "customer": CUSTOMER, "body": "hello"}
    asked = [
        ("GET", "/api/v1/messages?limit=1", None, 200),
        ("GET", "/api/v1/messages?limit=0", None, 400),
        ("POST", "/api/v1/messages", order, 201),
        ("POST", "/api/v1/messages", {}, 400),
        ("GET", "/api/v1/messages/in", None, 200),
        ("GET", "/api/v1/messages/none", None, 404),
        ("GET", "/api/v1/failed", None, 200),
        ("POST", "/api/v1/failed/none/retry", None, 404),
        ("POST", "/api/v1/failed/w1/retry", None, 200),
        ("DELETE", "/api/v1/failed/none", None, 404),
        ("GET", "/api/v1/conversations", None, 200),
        ("GET", f"/api/v1/contacts/{CUSTOMER}", None, 200),
        ("GET", "/api/v1/contacts/nobody", None, 404),
    ]
    described = {path: re.compile(re.sub("{[a-z]+}", "[^/]+", path)) for path in document["paths"]}
    unasked = {(m.upper(), path) for path, found in document["paths"].items() for m in found}
    unasked -= {("GET", PATH)}

    for method, path, body, status in asked:
        response = await api.request(method, path, json=body)
        plain = path.partition("?")[0]
        [template] = [name for name, pattern in described.items() if pattern.fullmatch(plain)]
        assert response.status == status, f"{method} {path}"
        check(document, method, template, status, await response.json())
        unasked.discard((method, template))

    assert unasked == set()


async def test_the_problem_without_a_token_is_what_the_document_says(
    client: Client, document: dict[str, Any]
) -> None:
    response = await client.get("/api/v1/messages")

    check(document, "GET", "/api/v1/messages", 401, await response.json())
