"""The OpenAPI 3.1 document, made from the very table and models that the API runs on."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import bridge
from bridge.web.api.schemas import LONGEST_NUMBER, Problem
from bridge.web.parts import PARTS
from bridge.web.problems import CONTENT_TYPE as PROBLEM_TYPE

PATH = "/api/v1/openapi.json"
REF = "#/components/schemas/{model}"
ALWAYS = (401, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing the API can do: route and description in one. `name` is its operation id.

    `answers` maps each status of success to the shape of its body (None: no body), `problems`
    are the refusals that its caller has to expect beside 401 and 500.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    answers: Mapping[int, type[BaseModel] | None]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    problems: Sequence[int] = field(default=())


def add_document(app: web.Application, endpoints: Sequence[Endpoint]) -> None:
    """Serve the document, made once. It says nothing that is secret and needs no token."""

    @cache
    def content() -> bytes:
        # When it is first asked for: most starts are of a service that nobody asks.
        return json.dumps(document(endpoints, app[PARTS].public_url)).encode()

    async def show_document(_request: web.Request) -> web.Response:
        return web.Response(body=content(), content_type="application/json")

    app.router.add_get(PATH, show_document)


def document(endpoints: Sequence[Endpoint], public_url: str) -> dict[str, Any]:
    """The whole document."""
    schemas = models_json_schema(_shapes(endpoints), ref_template=REF)[1]["$defs"]
    paths: dict[str, dict[str, Any]] = {PATH: {"get": _own_operation()}}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SMS to ticket bridge",
            "version": bridge.__version__,
            "description": "What came and went, what failed, and what customers agreed to.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _shapes(endpoints: Sequence[Endpoint]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    shapes: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for endpoint in endpoints:
        if endpoint.body is not None:
            shapes[endpoint.body] = "validation"
        shapes.update({model: "serialization" for model in endpoint.answers.values() if model})
    return sorted(shapes.items(), key=lambda shape: shape[0].__name__)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query)],
        "responses": {
            **{str(status): _answer(status, model) for status, model in endpoint.answers.items()},
            **_problems((*endpoint.problems, *ALWAYS)),
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(endpoint.body)}
    return operation


def _own_operation() -> dict[str, Any]:
    return {
        "operationId": "show_document",
        "summary": "This document",
        "security": [],
        "parameters": [],
        "responses": {
            "200": {
                "description": "OK",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **_problems((500,)),
        },
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_NUMBER},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
        for name, schema in properties.items()
    ]


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    # A parameter that is not given is left out: there is no way to write null in a query.
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            kept.update(choice)
    return kept


def _answer(status: int, model: type[BaseModel] | None) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if model is not None:
        described["content"] = _content(model)
    return described


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}


def _problems(statuses: Iterable[int]) -> dict[str, Any]:
    schema = {"$ref": REF.format(model=Problem.__name__)}
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status in sorted(statuses)
    }
