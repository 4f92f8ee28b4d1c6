"""What the flows ask of a desk, in the flows' own words. `desks/zendesk/` answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NewType, Protocol

from bridge.errors import Refused, TryLater

TicketId = NewType("TicketId", int)
CommentId = NewType("CommentId", int)
UserId = NewType("UserId", int)
TicketStatus = Literal["new", "open", "pending", "hold", "solved", "closed"]


class TicketGone(Refused):
    """The ticket is deleted, archived beyond reach, or was never there (404)."""


class TicketClosed(Refused):
    """The ticket closed between the look and the write."""


class TicketFull(Refused):
    """The ticket takes no more comments (5,000 at Zendesk): the conversation goes on in another."""


class TicketChanged(Refused):
    """The ticket changed since it was read (the stamp did not match): read it again."""


class TicketBusy(TryLater):
    """The ticket, or what one call may do, has had enough updates for now (429): not applied."""


class RequesterSuspended(Refused):
    """The desk won't take anything in this user's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as read. `stamp` is its `updated_at` exactly as Zendesk wrote it."""

    id: TicketId
    status: TicketStatus
    requester_id: UserId
    stamp: str
    tags: frozenset[str] = frozenset()
    external_id: str | None = None
    followup_ids: tuple[TicketId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file on a comment. What was found to be malware stays so, whoever may open it all the same.

    `scanned` is false while the desk has not looked through it, or could not.
    """

    name: str
    url: str
    content_type: str
    size: int
    malware: bool = False
    scanned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment as read. `mark` is our own mark in its metadata, None on everybody else's.

    `created_at_ms` is in whole seconds, as Zendesk's times are.
    """

    id: CommentId
    author_id: UserId
    author_is_staff: bool
    public: bool
    type: str  # "Comment" or "VoiceComment"
    html_body: str
    plain_body: str
    created_at_ms: int
    via: str  # "web", "api", "mail", "rule", "merge" ...
    flags: frozenset[int] = frozenset()
    mark: str | None = None
    covers: tuple[str, ...] = ()  # the ids of further texts that stand in it
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDraft:
    """A comment to write. `author_id` None means the bridge itself (notes).

    `mark` goes into the metadata and is how we know it again, with the ids of further texts that
    it `covers`. `reopen` sets the ticket to open.
    """

    body: str
    mark: str
    public: bool
    author_id: UserId | None = None
    reopen: bool = False
    covers: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()  # what `upload` gave for the files that belong to it


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDraft:
    """A ticket to open. `key` is its external id, and what its idempotency key begins with.

    `requester_id` None means the bridge itself.
    """

    key: str
    subject: str
    requester_id: UserId | None
    first: CommentDraft
    tags: tuple[str, ...] = ()
    number: str = ""  # the number that was texted, for the ticket field
    follow_up_of: TicketId | None = None
    brand_id: int | None = None
    group_id: int | None = None
    ticket_form_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A ticket or comment that now exists. `comment_id` is None where the answer doesn't say."""

    ticket_id: TicketId
    requester_id: UserId | None
    comment_id: CommentId | None
    status: TicketStatus | None = None  # the ticket's after the write, where the answer names it
    files: frozenset[str] | None = None  # by name, where the comment itself was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A ticket that changed, and when: in whole seconds, by the desk's clock.

    `tagged` is true where it has the tag of the bridge's tickets.
    """

    ticket_id: TicketId
    changed_at_ms: int
    tagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A page of changed tickets. `cursor` asks for the next one; `more` where it is there now."""

    changes: tuple[Change, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskUser:
    """A user of the desk. `updated_at_ms` decides between several with one phone."""

    id: UserId
    name: str
    phone: str | None
    email: str | None
    is_staff: bool
    active: bool
    suspended: bool
    updated_at_ms: int
    external_id: str | None = None


class FileSource(Protocol):
    """Where the desk's files may be fetched from, and with which headers."""

    @property
    def is_near(self) -> bool:
        """Whether they may be on this machine."""
        ...

    def allows(self, url: str) -> bool:
        """Whether this address may be asked."""
        ...

    def headers(self, url: str) -> Sequence[Mapping[str, str]]:
        """What to ask with, in turn while the answer is 401; credentials only for the desk."""
        ...


class Desk(Protocol):
    """Zendesk, as the flows see it.

    Every call may raise TryLater, Refused, CredentialsRefused or OutcomeUnknown; reads never
    raise OutcomeUnknown (a read that got no answer is TryLater).
    """

    name: str

    def prepare_ticket(self, draft: TicketDraft) -> bytes:
        """The request body of `create_ticket`, to be kept until the outcome is known:
        a repeat must be byte-identical."""
        ...

    async def create_ticket(self, key: str, body: bytes) -> Written:
        """Create under an idempotency key. Raises RequesterSuspended."""
        ...

    async def find_tickets(self, external_id: str) -> Sequence[Ticket]:
        """Tickets with this external id (not unique at Zendesk), oldest first."""
        ...

    async def ticket(self, ticket_id: TicketId) -> Ticket:
        """Read a ticket. Raises TicketGone."""
        ...

    async def add_comment(self, ticket: Ticket, draft: CommentDraft) -> Written:
        """Append a comment, guarded by the ticket's stamp.

        Raises TicketGone, TicketClosed, TicketFull, TicketChanged, RequesterSuspended.
        """
        ...

    async def upload(self, *, name: str, content_type: str, content: bytes) -> str:
        """Keep a file for a comment that is written soon; returns what the draft names it by.

        Safe to repeat: what no comment takes is forgotten by the desk.
        """
        ...

    async def file_source(self) -> FileSource:
        """How attachments are fetched now; credentials are renewed where they must be."""
        ...

    async def reopen(self, ticket_id: TicketId) -> None:
        """Set a ticket to open; safe to repeat. Raises TicketGone, TicketClosed."""
        ...

    async def add_tags(self, ticket_id: TicketId, tags: Sequence[str]) -> None:
        """Add tags; those that are there already stay. Raises TicketGone."""
        ...

    async def comments_since(self, ticket_id: TicketId, since_ms: int) -> Sequence[Comment]:
        """Comments created at or after `since_ms`, oldest first. Raises TicketGone."""
        ...

    async def changed_tickets(self, cursor: str | None, *, since_ms: int) -> Changes:
        """The next page of tickets that changed, in the order of their changes, up to a minute
        ago. `since_ms`, at least two minutes ago, is where to start without a usable cursor."""
        ...

    async def changes_of(self, ticket_ids: Sequence[TicketId]) -> Sequence[Change]:
        """When these tickets (100 at most) last changed; those out of reach are left out."""
        ...

    def spare_in_s(self) -> float:
        """How long what can wait should wait, so that others who use the account have room."""
        ...

    async def merge_target(self, ticket_id: TicketId) -> TicketId | None:
        """The ticket that a closed one was merged into, None where it was simply closed."""
        ...

    async def user(self, user_id: UserId) -> DeskUser | None:
        """A user by id, None where deleted."""
        ...

    async def users_by_phone(self, number: str) -> Sequence[DeskUser]:
        """Active users with this E.164 number in whatever spelling."""
        ...

    async def user_by_email(self, email: str) -> DeskUser | None:
        """The user with this e-mail address."""
        ...

    async def user_for_key(self, external_id: str) -> DeskUser | None:
        """The user with this external id (exact look-up, not the lagging search)."""
        ...

    async def make_user(self, *, external_id: str, name: str, phone: str | None) -> DeskUser:
        """Create an end user, or return the one that has this external id: safe to repeat."""
        ...
