"""Messages: what came and went, why it went so, and a new one."""

from __future__ import annotations

from aiohttp import web

from bridge.store import listing
from bridge.web.api import answers
from bridge.web.api.answers import respond, show_message
from bridge.web.api.openapi import Endpoint
from bridge.web.api.reading import (
    read_addresses,
    read_json,
    read_number_cursor,
    read_query,
    read_reachable,
    write_cursor,
)
from bridge.web.api.schemas import (
    MessageOrder,
    MessagePage,
    MessageQuery,
    MessageTrace,
    MessageView,
)
from bridge.web.parts import PARTS, NewMessage

CURSOR = "messages"


async def list_messages(request: web.Request) -> web.Response:
    """Messages, newest first."""
    query = read_query(request, MessageQuery)
    customers = read_addresses("customer", query.customer)
    senders = read_addresses("sender", query.sender)
    marks = read_number_cursor(CURSOR, query.cursor, 1)
    found = await request.app[PARTS].database.read(
        lambda tx: listing.list_messages(
            tx,
            customers=customers,
            senders=senders,
            state=query.state,
            before=None if marks is None else marks[0],
            limit=query.limit + 1,
        )
    )
    page = found[: query.limit]
    following = write_cursor(CURSOR, page[-1].seq) if len(found) > len(page) else None
    shown = {"messages": [show_message(message) for message in page], "next": following}
    return respond(MessagePage.model_validate(shown))


async def show_trace(request: web.Request) -> web.Response:
    """One message with its verdict, rule, and every attempt: the answer to "why?"."""
    message_id = request.match_info["id"]
    found = await request.app[PARTS].database.read(lambda tx: listing.trace(tx, message_id))
    if found is None:
        raise web.HTTPNotFound
    return respond(MessageTrace.model_validate(answers.show_trace(found)))


async def take_message(request: web.Request) -> web.Response:
    """Queue a text to a customer, or record one that another system has sent."""
    order = await read_json(request, MessageOrder)
    parts = request.app[PARTS]
    queued = await parts.queue_message(
        NewMessage(
            sender=read_reachable("sender", order.sender),
            customer=read_reachable("customer", order.customer),
            body=order.body,
            kind=order.kind,
            send=order.send,
            idempotency_key=order.idempotency_key,
        )
    )
    message_id = str(queued["id"])
    message = await parts.database.read(lambda tx: listing.message_by_id(tx, message_id))
    if message is None:  # erased within the last millisecond
        raise web.HTTPNotFound
    return respond(
        MessageView.model_validate(show_message(message)),
        status=201 if queued.get("created", True) else 200,
        headers={"Location": f"/api/v1/messages/{message_id}"},
    )


ENDPOINTS = (
    Endpoint(
        name="list_messages",
        method="GET",
        path="/api/v1/messages",
        summary="Messages, newest first",
        handler=list_messages,
        query=MessageQuery,
        answers={200: MessagePage},
        problems=(400,),
    ),
    Endpoint(
        name="take_message",
        method="POST",
        path="/api/v1/messages",
        summary="Send a text, or record one that another system has sent",
        handler=take_message,
        body=MessageOrder,
        answers={201: MessageView, 200: MessageView},
        problems=(400, 408, 413, 415, 503),
    ),
    Endpoint(
        name="show_trace",
        method="GET",
        path="/api/v1/messages/{id}",
        summary="One message and why it went as it did",
        handler=show_trace,
        answers={200: MessageTrace},
        problems=(404,),
    ),
)
