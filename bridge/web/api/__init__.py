"""/api/v1: what other programs may ask and do. One table of endpoints is routes and document."""

from __future__ import annotations

from aiohttp import web

from bridge.web.api import contacts, conversations, failed, messages
from bridge.web.api.openapi import Endpoint, add_document

ENDPOINTS: tuple[Endpoint, ...] = (
    *messages.ENDPOINTS,
    *failed.ENDPOINTS,
    *conversations.ENDPOINTS,
    *contacts.ENDPOINTS,
)


def add_routes(app: web.Application) -> None:
    """Add every endpoint, and the document that describes them."""
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.path, endpoint.handler)
    add_document(app, ENDPOINTS)
