"""Calls that read a ticket's comments and audits, in whatever order Zendesk lists them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence

from bridge.desks.contract import Comment, TicketId, UserId
from bridge.desks.zendesk import comments, tickets
from bridge.desks.zendesk.api import Params, ZendeskApi
from bridge.desks.zendesk.records import Record, id_of, optional_text, records_of, time_of
from bridge.errors import Refused

NEWEST = 50  # comments a page: what is new is nearly always on the first
MERGE_LOOK = 20
MOST_AUDIT_PAGES = 5
RoleOf = Callable[[UserId], Awaitable[str]]


async def comments_since(
    api: ZendeskApi, ticket_id: TicketId, since_ms: int, role_of: RoleOf
) -> list[Comment]:
    """Comments created at or after `since_ms`, oldest first. Raises Malformed.

    `role_of` is asked for authors of public comments that were not side-loaded.
    """
    found, roles = await _read_back(api, ticket_id, since_ms=since_ms, size=NEWEST)
    wanted = [record for record in found if time_of(record, "created_at") >= since_ms]
    for record in wanted:
        if record.get("public") is True:
            await _complete(roles, record, role_of)
    return [comments.read_comment(record, roles) for record in wanted]


async def merge_target(api: ZendeskApi, ticket_id: TicketId, role_of: RoleOf) -> TicketId | None:
    """The ticket that the merge of this one names, None where nothing does. Raises Malformed."""
    target = await _target_by_audits(api, ticket_id)
    return target or await _target_by_comments(api, ticket_id, role_of)


async def _read_back(
    api: ZendeskApi, ticket_id: TicketId, *, since_ms: int, size: int
) -> tuple[list[Record], dict[int, str]]:
    """All comments since, and perhaps older ones, oldest first, with the roles of their authors.

    Reading stops early only where the list has proved to run from the newest to the oldest: an
    account that ignores the wish for that order has its newest on the last page.
    """
    params: Params = {"sort": "-created_at", "include": "users", "page[size]": size}
    found: list[Record] = []
    roles: dict[int, str] = {}
    async for page in api.whole_pages(f"/api/v2/tickets/{ticket_id}/comments", "comments", params):
        records = records_of(page, "comments")
        roles |= comments.roles_of(page)
        found += records
        times = [time_of(record, "created_at") for record in records]
        if times and max(times) < since_ms and _runs_back(found, times):
            break
    return sorted(found, key=_age), roles


def _runs_back(found: Sequence[Record], page_times: Sequence[int]) -> bool:
    is_sorted = list(page_times) == sorted(page_times, reverse=True)
    return is_sorted and time_of(found[0], "created_at") > page_times[-1]


def _age(record: Record) -> tuple[int, int]:
    return time_of(record, "created_at"), id_of(record, "id")


async def _complete(roles: dict[int, str], record: Record, role_of: RoleOf) -> None:
    # Normally side-loaded; where it is not, a reply must not be taken for a customer's words.
    author = record.get("author_id")
    if isinstance(author, int) and author > 0 and author not in roles:
        roles[author] = await role_of(UserId(author))


async def _target_by_audits(api: ZendeskApi, ticket_id: TicketId) -> TicketId | None:
    """By the comment of the update that put the tag of a merge on the ticket.

    Audits need the global scope "read", which the bridge may lack: then there are none.
    """
    merges: list[Record] = []
    pages = 0
    try:
        path = f"/api/v2/tickets/{ticket_id}/audits"
        params: Params = {"sort": "-created_at", "page[size]": 100}
        async for page in api.whole_pages(path, "audits", params):
            audits = records_of(page, "audits")
            tagged = [audit for audit in audits if _adds_tag_of_merge(audit)]
            merges += [audit for audit in audits if comments.via_of(audit) == "merge"]
            pages += 1
            if tagged:
                return _named_in(max(tagged, key=_age), ticket_id)
            if pages >= MOST_AUDIT_PAGES:
                return None
    except Refused:
        return None
    # The target of an earlier merge may itself be merged later: the last one counts.
    return _named_in(max(merges, key=_age), ticket_id) if merges else None


def _adds_tag_of_merge(audit: Record) -> bool:
    return any(
        event.get("field_name") == "tags"
        and tickets.MERGED_TAG in _words(event.get("value"))
        and tickets.MERGED_TAG not in _words(event.get("previous_value"))
        for event in records_of(audit, "events")
    )


def _words(value: object) -> list[str]:
    # Audits show tags as a list or as words with spaces between them.
    return [str(each) for each in value] if isinstance(value, list) else str(value).split()


def _named_in(audit: Record, ticket_id: TicketId) -> TicketId | None:
    for event in records_of(audit, "events"):
        if event.get("type") == "Comment":
            text = next(filter(None, (optional_text(event, name) for name in _BODIES)), "")
            return tickets.named_request(text, other_than=ticket_id)
    return None


_BODIES = ("plain_body", "body", "html_body")


async def _target_by_comments(
    api: ZendeskApi, ticket_id: TicketId, role_of: RoleOf
) -> TicketId | None:
    found, roles = await _read_back(api, ticket_id, since_ms=sys.maxsize, size=MERGE_LOOK)
    newest_first = found[: -MERGE_LOOK - 1 : -1]
    if newest_first:
        await _complete(roles, newest_first[0], role_of)
    for place, record in enumerate(newest_first):
        comment = comments.read_comment(record, roles)
        # Nothing can follow on the merge, so the newest comment is about it even where its `via`
        # does not say so. A customer's "#7" must never be taken for a ticket.
        if comment.via == "merge" or (place == 0 and comment.author_is_staff):
            text = comment.plain_body or comment.html_body
            return tickets.named_request(text, other_than=ticket_id)
    return None
