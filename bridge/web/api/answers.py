"""What is stored, in the shapes of the API: display numbers, RFC 3339 times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from bridge.clock import rfc3339
from bridge.domain.numbers import display
from bridge.store.failed import FailedWork
from bridge.store.listing import Contact, Conversation, Message, Part, Trace


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
        "recovered": message.recovered is not None,
        "created_at": rfc3339(message.created_at_ms),
    }


def show_media(media: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pictures and files as in MediaView."""
    return [
        {
            "url": str(item["url"]),
            "content_type": str(item.get("content_type", "")),
            "name": item.get("name"),
            "sent_as": item.get("sent_as"),
            "why": item.get("why"),
        }
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


def show_trace(found: Trace) -> dict[str, Any]:
    """A message as in MessageTrace."""
    message = found.message
    return {
        **show_message(message),
        "why": message.why,
        "rule": message.rule,
        "handled": message.handled,
        "cause_id": message.cause_id,
        "sent_at": time_or_none(message.sent_at_ms),
        "updated_at": rfc3339(message.updated_at_ms),
        "attempts": [
            {
                "work_id": attempt.work_ref,
                "kind": attempt.kind,
                "outcome": attempt.outcome,
                "words": attempt.words,
                "at": rfc3339(attempt.at_ms),
                "took_ms": attempt.took_ms,
            }
            for attempt in found.attempts
        ],
        "work": [
            {
                "id": work.ref,
                "kind": work.kind,
                "state": work.state,
                "attempts": work.attempts,
                "reason": work.reason,
                "due_at": rfc3339(work.due_at_ms),
            }
            for work in found.work
        ],
    }


def show_contact(contact: Contact) -> dict[str, Any]:
    """A contact as in ContactView, without its conversations."""
    return {
        "number": display(contact.address),
        "name": contact.name,
        "email": contact.email,
        "requester_id": contact.requester_id,
        "opted_out_at": time_or_none(contact.opted_out_at_ms),
        "opted_in_at": time_or_none(contact.opted_in_at_ms),
        "landline_at": time_or_none(contact.landline_at_ms),
        "tags": contact.tags,
        "fields": contact.fields,
        "stop_wish": contact.stop_wish,
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


def show_failed(work: FailedWork) -> dict[str, Any]:
    """Failed work as in FailedView."""
    return {
        "id": work.ref,
        "kind": work.kind,
        "message_id": work.message_id,
        "ticket_id": work.ticket_id,
        "reason": work.reason,
        "attempts": work.attempts,
        "since": rfc3339(work.since_ms),
    }
