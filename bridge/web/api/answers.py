"""What is stored, in the shapes of the API: display numbers, RFC 3339 times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from bridge.clock import rfc3339
from bridge.domain.numbers import display
from bridge.store.listing import Conversation, Message, Part


def respond(
    shown: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status,
        body=shown.model_dump_json().encode(),
        headers=headers,
        content_type="application/json",
    )


def time_or_none(ms: int | None) -> str | None:
    """A time as RFC 3339, where there is one."""
    return None if ms is None else rfc3339(ms)


def show_message(message: Message) -> dict[str, Any]:
    """A message as in MessageView.

    What went out has its carrier's ids and segments in its parts: the first id stands for all.
    """
    parts = message.parts
    first_id = next((part.carrier_id for part in parts if part.carrier_id is not None), None)
    return {
        "id": message.id,
        "direction": message.direction,
        "kind": message.kind,
        "sender": display(message.sender),
        "customer": display(message.customer),
        "body": message.body,
        "media": show_media(message.media),
        "verdict": message.verdict,
        "state": message.state,
        "ticket_id": message.ticket_id,
        "comment_id": message.comment_id,
        "carrier": message.carrier,
        "carrier_id": message.carrier_id or first_id,
        "segments": sum(part.segments for part in parts) if parts else message.segments,
        "parts": [show_part(part) for part in parts],
        "error": message.error,
        "reason": message.reason,
        "created_at": rfc3339(message.created_at_ms),
    }


def show_media(media: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pictures and files as in MediaView."""
    return [
        {"url": str(item["url"]), "content_type": str(item.get("content_type", ""))}
        for item in media
    ]


def show_part(part: Part) -> dict[str, Any]:
    """A part as in PartView."""
    return {"carrier_id": part.carrier_id, "state": part.state, "segments": part.segments}


def show_conversation(conversation: Conversation) -> dict[str, Any]:
    """A conversation as in ConversationView."""
    return {
        "id": conversation.id,
        "sender": display(conversation.sender),
        "customer": display(conversation.customer),
        "ticket_id": conversation.ticket_id,
        "last_inbound_at": time_or_none(conversation.last_inbound_at_ms),
        "last_outbound_at": time_or_none(conversation.last_outbound_at_ms),
        "created_at": rfc3339(conversation.created_at_ms),
    }
