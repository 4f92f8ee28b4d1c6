"""A customer's phone: who it is, what they agreed to, and their conversations."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.clock import rfc3339
from bridge.domain.numbers import display
from bridge.store import listing
from bridge.store.database import Transaction
from bridge.web.api.answers import respond, show_conversation, time_or_none
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
        return {**_show_contact(contact), "conversations": shown}

    found = await request.app[PARTS].database.read(find)
    if found is None:
        raise web.HTTPNotFound
    return respond(ContactView.model_validate(found))


def _show_contact(contact: listing.Contact) -> dict[str, Any]:
    return {
        "number": display(contact.address),
        "name": contact.name,
        "email": contact.email,
        "requester_id": contact.requester_id,
        "opted_out_at": time_or_none(contact.opted_out_at_ms),
        "opted_in_at": time_or_none(contact.opted_in_at_ms),
        "landline_at": time_or_none(contact.landline_at_ms),
        "tags": contact.tags,
        "created_at": rfc3339(contact.created_at_ms),
        "lists": [
            {"list": member.list, "state": member.state, "since": rfc3339(member.since_ms)}
            for member in contact.memberships
        ],
        "consent": [
            {
                "action": entry.action,
                "sender": None if entry.sender is None else display(entry.sender),
                "list": entry.list,
                "how": entry.how,
                "words": entry.words,
                "rule": entry.rule,
                "message_id": entry.message_id,
                "at": rfc3339(entry.at_ms),
            }
            for entry in contact.consent
        ],
    }


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
