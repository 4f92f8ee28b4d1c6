"""Conversations: who talks with which number of ours, and on which ticket."""

from __future__ import annotations

from aiohttp import web

from bridge.store import listing
from bridge.web.api.answers import respond, show_conversation
from bridge.web.api.openapi import Endpoint
from bridge.web.api.reading import read_addresses, read_cursor, read_query, write_cursor
from bridge.web.api.schemas import ConversationPage, ConversationQuery
from bridge.web.parts import PARTS

CURSOR = "conversations"


async def list_conversations(request: web.Request) -> web.Response:
    """Conversations, the newest begun first."""
    query = read_query(request, ConversationQuery)
    customers = read_addresses("customer", query.customer)
    marks = read_cursor(CURSOR, query.cursor, 1)
    found = await request.app[PARTS].database.read(
        lambda tx: listing.list_conversations(
            tx,
            customers=customers,
            before=None if marks is None else marks[0],
            limit=query.limit + 1,
        )
    )
    page = found[: query.limit]
    following = write_cursor(CURSOR, page[-1].id) if len(found) > len(page) else None
    shown = {
        "conversations": [show_conversation(conversation) for conversation in page],
        "next": following,
    }
    return respond(ConversationPage.model_validate(shown))


ENDPOINTS = (
    Endpoint(
        name="list_conversations",
        method="GET",
        path="/api/v1/conversations",
        summary="Conversations, newest first",
        handler=list_conversations,
        query=ConversationQuery,
        answers={200: ConversationPage},
        problems=(400,),
    ),
)
