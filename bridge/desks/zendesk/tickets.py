"""Tickets: what we send, what we read, what a refusal means. No calls are made here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import cast, get_args

from bridge.desks.contract import (
    RequesterSuspended,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketFull,
    TicketGone,
    TicketId,
    TicketStatus,
    UserId,
    Written,
)
from bridge.desks.zendesk.answers import FAR_SIDE, ZendeskRefused
from bridge.desks.zendesk.comments import comment_request, marks_of, written_comment
from bridge.desks.zendesk.records import (
    Malformed,
    Record,
    id_of,
    optional_id,
    optional_text,
    optional_time,
    record_of,
    text_of,
)
from bridge.errors import Refused, TryLater

STATUSES = frozenset(get_args(TicketStatus))
MERGED_TAG = "closed_by_merge"
# The limit of 5,000 comments is documented, the words of its refusal are not.
_TOO_MANY = re.compile(
    r"(?=.*\bcomments\b).*(\blimit|\bmaximum\b|\btoo many\b|\bexceed)", re.IGNORECASE
)
_REQUEST_NUMBER = re.compile(r"#(\d{1,18})")


def creation_body(draft: TicketDraft, *, number_field_id: int | None) -> bytes:
    """The bytes of a creation; the same draft always gives the same bytes."""
    ticket: dict[str, object] = {
        "subject": draft.subject,
        "external_id": draft.key,
        "comment": comment_request(draft.first),
        # Sent even when empty: a follow-up would else take over the tags of the closed ticket.
        "tags": tags(draft.tags),
        "metadata": marks_of(draft.first),
    }
    if draft.first.author_id is not None:
        ticket["submitter_id"] = draft.first.author_id
    if number_field_id is not None and draft.number:
        ticket["custom_fields"] = [{"id": number_field_id, "value": draft.number}]
    optional = {
        "requester_id": draft.requester_id,  # left out, it is the user whose token we use
        "via_followup_source_id": draft.follow_up_of,
        "brand_id": draft.brand_id,
        "group_id": draft.group_id,
        "ticket_form_id": draft.ticket_form_id,
    }
    ticket |= {name: value for name, value in optional.items() if value is not None}
    return json.dumps({"ticket": ticket}, separators=(",", ":"), sort_keys=True).encode()


def tags(wanted: Iterable[str]) -> list[str]:
    """Tags as Zendesk keeps them: lower case, white space would split one into two."""
    return list(dict.fromkeys("_".join(tag.lower().split()) for tag in wanted if tag.strip()))


def read_ticket(record: Record) -> Ticket:
    """A ticket as read. Raises TicketGone for a deleted one, Malformed."""
    status = text_of(record, "status").lower()
    if status == "deleted":
        raise TicketGone(FAR_SIDE, "the ticket is deleted", code="RecordNotFound")
    if status not in STATUSES:
        raise Malformed("status")
    found = record.get("tags")
    followups = record.get("followup_ids")
    return Ticket(
        id=TicketId(id_of(record, "id")),
        status=cast("TicketStatus", status),
        requester_id=UserId(id_of(record, "requester_id")),
        stamp=text_of(record, "updated_at"),
        tags=frozenset(tag for tag in found if isinstance(tag, str))
        if isinstance(found, list)
        else frozenset(),
        external_id=optional_text(record, "external_id"),
        followup_ids=tuple(TicketId(each) for each in followups if isinstance(each, int))
        if isinstance(followups, list)
        else (),
    )


def age_key(record: Record) -> tuple[int, int]:
    """Sorts ticket records from the oldest. Raises Malformed."""
    return optional_time(record, "created_at"), id_of(record, "id")


def key_of(body: bytes) -> str:
    """The external id in what `creation_body` made."""
    return text_of(record_of(json.loads(body), "ticket"), "external_id")


def read_written(
    answer: Record, *, ticket_id: TicketId | None = None, key: str | None = None
) -> Written:
    """What a creation or update answered; `ticket_id` or `key` (the external id) is the one meant.

    Raises Malformed, also where the answer is about another ticket.
    """
    ticket = record_of(answer, "ticket")
    found = TicketId(id_of(ticket, "id"))
    if ticket_id is not None and found != ticket_id:
        raise Malformed("ticket.id")
    if key is not None and optional_text(ticket, "external_id") not in (None, key):
        raise Malformed("ticket.external_id")
    requester_id = optional_id(ticket, "requester_id")
    return Written(
        ticket_id=found,
        requester_id=None if requester_id is None else UserId(requester_id),
        comment_id=written_comment(record_of(answer, "audit")),
        status=_status(ticket),
    )


def _status(ticket: Record) -> TicketStatus | None:
    status = (optional_text(ticket, "status") or "").lower()
    return cast("TicketStatus", status) if status in STATUSES else None


def refusal_of_creation(error: ZendeskRefused) -> Refused | TryLater:
    """What a refused creation means."""
    if _suspended(error):
        return RequesterSuspended(FAR_SIDE, "Zendesk has suspended this requester", code=error.code)
    if error.status == 409:
        # Only seen while a first request with the same key is still running.
        return TryLater(FAR_SIDE, "Zendesk is still at work on the same ticket")
    return error


def refusal_of_update(error: ZendeskRefused) -> Refused:
    """What a refused look at or change of one ticket means."""
    if error.status == 404 and error.code != "InvalidEndpoint":
        return TicketGone(FAR_SIDE, "the ticket is deleted or out of reach", code=error.code)
    if error.status == 409:
        return TicketChanged(FAR_SIDE, "the ticket changed in the meantime", code=error.code)
    if error.status != 422:
        return error
    if error.says("ClosedTicket", "closed prevents ticket update"):
        return TicketClosed(FAR_SIDE, "the ticket is closed", code="ClosedTicket")
    if _suspended(error):
        return RequesterSuspended(FAR_SIDE, "Zendesk has suspended this requester", code=error.code)
    if any(_TOO_MANY.search(detail.words) for detail in error.details):
        return TicketFull(FAR_SIDE, "the ticket takes no more comments", code=error.code)
    return error


def _suspended(error: ZendeskRefused) -> bool:
    return error.status == 422 and error.says("UserSuspended", "is suspended")


def named_request(text: str, *, other_than: TicketId) -> TicketId | None:
    """The first ticket named as "#42" in a comment about a merge.

    The words around it are in the account's language; the number is all that can be relied on.
    """
    found = _REQUEST_NUMBER.search(text)
    if found is None or int(found[1]) in {0, other_than}:
        return None
    return TicketId(int(found[1]))
