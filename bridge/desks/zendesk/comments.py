"""Comments: what we send and what we read. No calls are made here."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.desks.contract import Attachment, Comment, CommentDraft, CommentId, Ticket, UserId
from bridge.desks.zendesk.records import (
    Record,
    id_of,
    optional_text,
    record_of,
    records_of,
    text_of,
    time_of,
)

COVERS = "sms_bridge_more"  # further texts in the same comment, by their ids
MARK = "sms_bridge"  # our key in `metadata`; read back as metadata.custom.sms_bridge
STAFF_ROLES = frozenset({"agent", "admin"})


def marks_of(draft: CommentDraft) -> dict[str, str]:
    """What goes into the metadata of a write: how its comment is known again."""
    more = {COVERS: " ".join(draft.covers)} if draft.covers else {}
    return {MARK: draft.mark, **more}


def comment_request(draft: CommentDraft) -> dict[str, object]:
    """A comment as a ticket's `comment` key.

    `body`, never `html_body`: what a customer typed must not turn into markup. `public` is always
    said, as its value at creation is the default of all later comments.
    """
    comment: dict[str, object] = {"body": draft.body, "public": draft.public}
    if draft.author_id is not None:
        comment["author_id"] = draft.author_id
    if draft.uploads:
        comment["uploads"] = list(draft.uploads)
    return comment


def update_request(ticket: Ticket, draft: CommentDraft) -> dict[str, object]:
    """An update that adds one comment, refused with 409 when the ticket is not as it was read."""
    changes: dict[str, object] = {
        "comment": comment_request(draft),
        "metadata": marks_of(draft),
        "safe_update": True,
        "updated_stamp": ticket.stamp,
    }
    if draft.reopen:
        changes["status"] = "open"
    return {"ticket": changes}


def written_comment(audit: Record) -> CommentId | None:
    """The id of the comment that an update made, None where its audit doesn't tell."""
    for event in records_of(audit, "events"):
        if event.get("type") == "Comment":
            return CommentId(id_of(event, "id"))
    return None


def roles_of(page: Record) -> dict[int, str]:
    """Roles of the side-loaded users by id; deleted users are missing."""
    return {
        user["id"]: optional_text(user, "role") or ""
        for user in records_of(page, "users")
        if isinstance(user.get("id"), int)
    }


def read_comment(record: Record, roles: Mapping[int, str]) -> Comment:
    """A comment as read. Raises Malformed."""
    author_id = UserId(id_of(record, "author_id"))
    metadata = record_of(record, "metadata")
    flags = metadata.get("flags")
    custom = record_of(metadata, "custom")
    html_body = optional_text(record, "html_body") or ""
    return Comment(
        id=CommentId(id_of(record, "id")),
        author_id=author_id,
        author_is_staff=roles.get(author_id) in STAFF_ROLES,
        # Anything but a clear "true" must never leave Zendesk.
        public=record.get("public") is True,
        type=optional_text(record, "type") or "",
        html_body=html_body,
        plain_body=optional_text(record, "plain_body") or optional_text(record, "body") or "",
        created_at_ms=time_of(record, "created_at"),
        via=via_of(record),
        flags=frozenset(flag for flag in flags if isinstance(flag, int))
        if isinstance(flags, list)
        else frozenset(),
        mark=optional_text(custom, MARK),
        covers=tuple((optional_text(custom, COVERS) or "").split()),
        attachments=tuple(
            _read_attachment(each)
            for each in records_of(record, "attachments")
            if each.get("deleted") is not True and optional_text(each, "content_url")
        ),
    )


def via_of(record: Record) -> str:
    """How a comment or an audit came: "web", "api", "merge" ..."""
    via = record_of(record, "via")
    # A merge made in the browser has the channel "web" and says "merge" only in `source.rel`.
    if record_of(via, "source").get("rel") == "merge":
        return "merge"
    channel = via.get("channel")
    return "" if channel is None else str(channel)


def _read_attachment(record: Record) -> Attachment:
    size = record.get("size")
    result = record.get("malware_scan_result")
    return Attachment(
        name=optional_text(record, "file_name") or "",
        url=text_of(record, "content_url"),
        content_type=optional_text(record, "content_type") or "application/octet-stream",
        size=size if isinstance(size, int) else 0,
        # An admin's override opens the file to agents: it makes it no less dangerous.
        malware=result == "malware_found",
        scanned=result not in {"not_scanned", "failed_to_scan"},
    )
