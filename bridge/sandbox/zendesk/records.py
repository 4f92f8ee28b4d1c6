"""What the fake Zendesk keeps: users, tickets, comments, audits, uploads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

Json = dict[str, Any]

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("question", "incident", "problem", "task")
STAFF_ROLES = {"agent", "admin"}
Source = Literal["api", "web", "rule", "merge"]
VIA_IDS = {"web": 0, "mail": 4, "api": 5, "rule": 8, "merge": 19}


def iso(ms: int | None) -> str | None:
    """Write a time as Zendesk does: whole seconds, UTC."""
    if ms is None:
        return None
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def via_json(channel: str, source: Json | None = None, rel: str | None = None) -> Json:
    """Write where something came from."""
    return {"channel": channel, "source": {"from": source or {}, "to": {}, "rel": rel}}


@dataclass(slots=True, kw_only=True)
class Identity:
    """A way to recognise a user."""

    id: int
    type: str
    value: str
    primary: bool
    verified: bool
    created_ms: int
    updated_ms: int

    def to_json(self, user_id: int, url: str) -> Json:
        """Write the resource."""
        return {
            "created_at": iso(self.created_ms),
            "deliverable_state": "deliverable",
            "id": self.id,
            "primary": self.primary,
            "type": self.type,
            "undeliverable_count": 0,
            "updated_at": iso(self.updated_ms),
            "url": f"{url}/api/v2/users/{user_id}/identities/{self.id}.json",
            "user_id": user_id,
            "value": self.value,
            "verified": self.verified,
        }


@dataclass(slots=True, kw_only=True)
class User:
    """An agent, admin or end user."""

    id: int
    name: str
    role: str = "end-user"
    email: str | None = None
    phone: str | None = None
    shared_phone: bool | None = None
    external_id: str | None = None
    verified: bool = False
    active: bool = True
    suspended: bool = False
    tags: list[str] = field(default_factory=list)
    user_fields: Json = field(default_factory=dict)
    notes: str = ""
    details: str = ""
    locale: str = "en-US"
    time_zone: str = "Eastern Time (US & Canada)"
    organization_id: int | None = None
    identities: list[Identity] = field(default_factory=list)
    created_ms: int = 0
    updated_ms: int = 0
    default_group_id: int | None = None

    @property
    def is_staff(self) -> bool:
        """Whether this is an agent or admin."""
        return self.role in STAFF_ROLES

    def to_json(self, url: str) -> Json:
        """Write the resource."""
        return {
            "active": self.active,
            "alias": "",
            "created_at": iso(self.created_ms),
            "custom_role_id": None,
            "default_group_id": self.default_group_id,
            "details": self.details,
            "email": self.email,
            "external_id": self.external_id,
            "iana_time_zone": "America/New_York",
            "id": self.id,
            "last_login_at": None,
            "locale": self.locale,
            "locale_id": 1,
            "moderator": self.is_staff,
            "name": self.name,
            "notes": self.notes,
            "only_private_comments": False,
            "organization_id": self.organization_id,
            "phone": self.phone,
            "photo": None,
            "restricted_agent": self.role != "admin",
            "role": self.role,
            "role_type": None,
            "shared": False,
            "shared_agent": False,
            "shared_phone_number": self.shared_phone,
            "signature": None,
            "suspended": self.suspended,
            "tags": list(self.tags),
            "ticket_restriction": None if self.is_staff else "requested",
            "time_zone": self.time_zone,
            "two_factor_auth_enabled": False,
            "updated_at": iso(self.updated_ms),
            "url": f"{url}/api/v2/users/{self.id}.json",
            "user_fields": dict(self.user_fields),
            "verified": self.verified,
        }


@dataclass(slots=True, kw_only=True)
class Attachment:
    """A stored file."""

    id: int
    file_name: str
    content_type: str
    content: bytes
    token: str
    inline: bool = False
    malware: str = "malware_not_found"
    override: bool = False  # agents may open it all the same

    def to_json(self, url: str) -> Json:
        """Write the resource."""
        content_url = f"{url}/attachments/token/{self.token}/?name={quote(self.file_name)}"
        return {
            "content_type": self.content_type,
            "content_url": content_url,
            "deleted": False,
            "file_name": self.file_name,
            "height": None,
            "id": self.id,
            "inline": self.inline,
            "malware_access_override": self.override,
            "malware_scan_result": self.malware,
            "mapped_content_url": content_url,
            "size": len(self.content),
            "thumbnails": [],
            "url": f"{url}/api/v2/attachments/{self.id}.json",
            "width": None,
        }


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment of a ticket; it is an event of its audit, too."""

    id: int
    ticket_id: int
    audit_id: int
    author_id: int
    public: bool
    body: str
    html_body: str
    plain_body: str
    created_ms: int
    via: Json
    custom: Json = field(default_factory=dict)
    flags: list[int] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    type: str = "Comment"

    def to_json(self, url: str) -> Json:
        """Write the comment as the comments list does."""
        return {
            "attachments": [one.to_json(url) for one in self.attachments],
            "audit_id": self.audit_id,
            "author_id": self.author_id,
            "body": self.body,
            "created_at": iso(self.created_ms),
            "html_body": self.html_body,
            "id": self.id,
            "metadata": {
                "system": {"client": "fake", "ip_address": "192.0.2.1"},
                "custom": dict(self.custom),
                "flags": list(self.flags),
            },
            "plain_body": self.plain_body,
            "public": self.public,
            "type": self.type,
            "via": self.via,
        }

    def to_event(self, url: str) -> Json:
        """Write the comment as an event of its audit."""
        event = self.to_json(url)
        del event["created_at"], event["metadata"], event["via"]
        return event


@dataclass(slots=True, kw_only=True)
class Audit:
    """One update of a ticket: who, whence, and what changed. `author_id` is the updater."""

    id: int
    ticket_id: int
    author_id: int
    created_ms: int
    via: Json
    custom: Json = field(default_factory=dict)
    changes: list[Json] = field(default_factory=list)
    comment: Comment | None = None

    def to_json(self, url: str) -> Json:
        """Write the resource."""
        events = [self.comment.to_event(url)] if self.comment is not None else []
        return {
            "author_id": self.author_id,
            "created_at": iso(self.created_ms),
            "events": events + [dict(change) for change in self.changes],
            "id": self.id,
            "metadata": {
                "system": {"client": "fake", "ip_address": "192.0.2.1"},
                "custom": dict(self.custom),
            },
            "ticket_id": self.ticket_id,
            "via": self.via,
        }


@dataclass(slots=True, kw_only=True)
class Ticket:
    """A ticket."""

    id: int
    subject: str
    requester_id: int
    submitter_id: int
    status: str
    created_ms: int
    updated_ms: int
    generated_ms: int
    via: Json
    tags: list[str] = field(default_factory=list)
    external_id: str | None = None
    priority: str | None = None
    type: str | None = None
    assignee_id: int | None = None
    group_id: int | None = None
    brand_id: int | None = None
    ticket_form_id: int | None = None
    organization_id: int | None = None
    custom_fields: dict[int, object] = field(default_factory=dict)
    followup_ids: list[int] = field(default_factory=list)
    merged_into: int | None = None
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    deleted: bool = False
    deleted_ms: int | None = None
    deleted_by: int | None = None
    solved_ms: int | None = None
    is_public: bool = True

    @property
    def description(self) -> str:
        """The first comment's text."""
        return self.comments[0].plain_body if self.comments else ""

    def to_json(self, url: str, custom_status_ids: dict[str, int]) -> Json:
        """Write the resource."""
        fields = [{"id": key, "value": value} for key, value in sorted(self.custom_fields.items())]
        return {
            "allow_attachments": True,
            "allow_channelback": False,
            "assignee_id": self.assignee_id,
            "brand_id": self.brand_id,
            "collaborator_ids": [],
            "created_at": iso(self.created_ms),
            "custom_fields": fields,
            "custom_status_id": custom_status_ids.get(self.status),
            "description": self.description,
            "due_at": None,
            "email_cc_ids": [],
            "external_id": self.external_id,
            "fields": fields,
            "follower_ids": [],
            "followup_ids": list(self.followup_ids),
            "forum_topic_id": None,
            "from_messaging_channel": False,
            "generated_timestamp": self.generated_ms // 1000,
            "group_id": self.group_id,
            "has_incidents": False,
            "id": self.id,
            "is_public": self.is_public,
            "organization_id": self.organization_id,
            "priority": self.priority,
            "problem_id": None,
            "raw_subject": self.subject,
            "recipient": None,
            "requester_id": self.requester_id,
            "satisfaction_rating": None,
            "sharing_agreement_ids": [],
            "status": self.status,
            "subject": self.subject,
            "submitter_id": self.submitter_id,
            "tags": sorted(self.tags),
            "ticket_form_id": self.ticket_form_id,
            "type": self.type,
            "updated_at": iso(self.updated_ms),
            "url": f"{url}/api/v2/tickets/{self.id}.json",
            "via": self.via,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One line of the ledger: a write that was applied. `kind` names it, `source` who did it."""

    at_ms: int
    kind: str
    source: str
    ticket_id: int | None = None
    comment_id: int | None = None
    user_id: int | None = None
    public: bool | None = None
    custom: Json = field(default_factory=dict)
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An e-mail that Zendesk itself would have sent."""

    at_ms: int
    to: str
    subject: str
    cause: str  # the trigger's title, or "welcome"
    ticket_id: int | None = None
