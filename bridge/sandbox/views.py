"""The fakes' own records in the shapes of the sandbox's page."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.clock import rfc3339
from bridge.sandbox.page import PICTURE_TYPES, CommentView, TextView, TicketView
from bridge.sandbox.twilio.records import ERROR_MESSAGES, Message
from bridge.sandbox.zendesk.records import Comment, Ticket, User

STATES = {"sent": "sent", "delivered": "delivered", "undelivered": "failed", "failed": "failed"}


def show_text(message: Message, *, copies: int, answers: tuple[int, ...] | None) -> TextView:
    """One text of the phone network.

    `answers` are the HTTP statuses that the webhook of a customer's text met, None while it is
    under way.
    """
    inbound = message.direction == "inbound"
    state = _received(answers) if inbound else STATES.get(message.status, "queued")
    return {
        "id": message.sid,
        "customer": message.sender if inbound else message.to,
        "sender": message.to if inbound else message.sender,
        "from_customer": inbound,
        "body": message.body,
        "media": [url.rpartition("/")[2] for url in message.media_urls],
        "pictures": [one.sid for one in message.media if one.content_type in PICTURE_TYPES],
        "state": state,
        "reason": _reason(message, answers) if state == "failed" else None,
        "copies": copies,
        "at": rfc3339(message.created_ms),
    }


def _received(answers: tuple[int, ...] | None) -> str:
    if answers is None:
        return "sent"
    return "delivered" if any(200 <= status < 300 for status in answers) else "failed"


def _reason(message: Message, answers: tuple[int, ...] | None) -> str:
    if message.direction == "inbound":
        status = answers[-1] if answers else 0
        answered = f"answered {status}" if status else "did not answer"
        return f"The bridge {answered}; it will find the text on the carrier's list"
    code = message.error_code or 30008
    return f"{ERROR_MESSAGES.get(code, 'Unknown error')} (error {code})"


def show_ticket(
    ticket: Ticket, users: Mapping[int, User], *, follow_up_of: int | None
) -> TicketView:
    """A ticket with its comments, oldest first."""
    requester = users.get(ticket.requester_id)
    return {
        "id": ticket.id,
        "subject": ticket.subject,
        "status": ticket.status,
        "requester": requester.name if requester else "Nobody",
        "phone": (requester.phone if requester else None) or "",
        "tags": sorted(ticket.tags),
        "follow_up_of": follow_up_of,
        "comments": [show_comment(comment, users) for comment in ticket.comments],
        "created_at": rfc3339(ticket.created_ms),
        "updated_at": rfc3339(ticket.updated_ms),
    }


def show_comment(comment: Comment, users: Mapping[int, User]) -> CommentView:
    """A comment as an agent sees it.

    What another program wrote in its own name bears custom metadata; an agent's own does not.
    """
    author = users.get(comment.author_id)
    role = "customer"
    if author is not None and author.is_staff:
        role = "bridge" if comment.custom else "agent"
    return {
        "id": comment.id,
        "public": comment.public,
        "author": author.name if author else "Nobody",
        "role": role,
        "html": comment.html_body,
        "plain": comment.plain_body,
        "attachments": [one.file_name for one in comment.attachments],
        "pictures": [one.token for one in comment.attachments if one.content_type in PICTURE_TYPES],
        "at": rfc3339(comment.created_ms),
    }
