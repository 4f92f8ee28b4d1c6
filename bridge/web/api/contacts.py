"""A customer's phone: who it is, what they agreed to, and their conversations."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.store import listing
from bridge.store.database import Transaction
from bridge.web.api import answers
from bridge.web.api.answers import respond, show_conversation
from bridge.web.api.openapi import Endpoint
from bridge.web.api.reading import read_addresses
from bridge.web.api.schemas import LONGEST_NUMBER, ContactView
from bridge.web.parts import PARTS

MOST_CONVERSATIONS = 500


async def show_contact(request: web.Request) -> web.Response:
    """One contact, with the consent ledger."""
    given = request.match_info["number"]
    addresses = read_addresses("number", given) if len(given) <= LONGEST_NUMBER else None

    def find(tx: Transaction) -> dict[str, Any] | None:
        contact = listing.contact(tx, addresses or ())
        if contact is None:
            return None
        conversations = listing.list_conversations(
            tx, customers=[contact.address], limit=MOST_CONVERSATIONS
        )
        shown = [show_conversation(conversation) for conversation in conversations]
        return {**answers.show_contact(contact), "conversations": shown}

    found = await request.app[PARTS].database.read(find)
    if found is None:
        raise web.HTTPNotFound
    return respond(ContactView.model_validate(found))


ENDPOINTS = (
    Endpoint(
        name="show_contact",
        method="GET",
        path="/api/v1/contacts/{number}",
        summary="One contact and its consent",
        handler=show_contact,
        answers={200: ContactView},
        problems=(400, 404),
    ),
)
