"""The desk that the flows see, made of calls to Zendesk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from bridge.desks.contract import (
    Change,
    Changes,
    Comment,
    CommentDraft,
    DeskUser,
    Ticket,
    TicketDraft,
    TicketGone,
    TicketId,
    UserId,
    Written,
)
from bridge.desks.zendesk import comments, phones, threads, tickets, users
from bridge.desks.zendesk.answers import FAR_SIDE, ZendeskRefused, well_formed
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.changes import ChangeFeed
from bridge.desks.zendesk.files import ZendeskFiles
from bridge.desks.zendesk.records import Record, record_of, records_of, text_of
from bridge.errors import OutcomeUnknown, TryLater

INVALID = "InvalidFormat"  # what an account that validates numbers says of one


class ZendeskDesk:
    """Implements `bridge.desks.contract.Desk`.

    `number_field` tells the id of the ticket field that holds the texted number, None while
    there is no such field.
    """

    name = FAR_SIDE

    def __init__(self, *, api: ZendeskApi, number_field: Callable[[], int | None]) -> None:
        self._api = api
        self._number_field = number_field
        self._feed = ChangeFeed(api)

    def prepare_ticket(self, draft: TicketDraft) -> bytes:
        """The body of `create_ticket`, to be kept for a byte-identical repeat."""
        return tickets.creation_body(draft, number_field_id=self._number_field())

    async def create_ticket(self, key: str, body: bytes) -> Written:
        """Create; Zendesk answers a repeat within two hours with the ticket it made first."""
        try:
            answer = await self._api.post(
                "/api/v2/tickets", body, {"Idempotency-Key": key}, expect="ticket"
            )
        except ZendeskRefused as error:
            raise tickets.refusal_of_creation(error) from error
        with well_formed(write=True):
            return tickets.read_written(answer, key=tickets.key_of(body))

    async def find_tickets(self, external_id: str) -> Sequence[Ticket]:
        """Tickets with this external id, oldest first; deleted ones are left out."""
        answer = await self._api.get(
            "/api/v2/tickets", {"external_id": external_id}, expect="tickets"
        )
        with well_formed(write=False):
            found = sorted(records_of(answer, "tickets"), key=tickets.age_key)
            return [ticket for record in found if (ticket := _unless_gone(record))]

    async def ticket(self, ticket_id: TicketId) -> Ticket:
        """Read a ticket."""
        with _about_one_ticket():
            answer = await self._api.get(f"/api/v2/tickets/{ticket_id}", expect="ticket")
        with well_formed(write=False):
            return tickets.read_ticket(record_of(answer, "ticket"))

    async def add_comment(self, ticket: Ticket, draft: CommentDraft) -> Written:
        """Append a comment in one call, guarded by the ticket's stamp."""
        with _about_one_ticket():
            answer = await self._api.put(
                f"/api/v2/tickets/{ticket.id}",
                comments.update_request(ticket, draft),
                expect="ticket",
            )
        with well_formed(write=True):
            return tickets.read_written(answer, ticket_id=ticket.id)

    async def upload(self, *, name: str, content_type: str, content: bytes) -> str:
        """Keep a file for a comment (its token is good for an hour). Never OutcomeUnknown."""
        with _repeatable():
            answer = await self._api.post(
                f"/api/v2/uploads?{urlencode({'filename': name})}",
                content,
                {"content-type": content_type},
                expect="upload",
            )
        with well_formed(write=False):
            return text_of(record_of(answer, "upload"), "token")

    async def file_source(self) -> ZendeskFiles:
        """Zendesk's own hosts, with this account's credentials for itself."""
        return await self._api.files()

    async def reopen(self, ticket_id: TicketId) -> None:
        """Set the status alone. Harmless to repeat, so never OutcomeUnknown."""
        with _about_one_ticket(), _repeatable():
            await self._api.put(f"/api/v2/tickets/{ticket_id}", {"ticket": {"status": "open"}})

    async def add_tags(self, ticket_id: TicketId, tags: Sequence[str]) -> None:
        """Add tags. Harmless to repeat, so never OutcomeUnknown."""
        wanted = tickets.tags(tags)
        if not wanted:
            return
        with _about_one_ticket(), _repeatable():
            await self._api.put(f"/api/v2/tickets/{ticket_id}/tags", {"tags": wanted})

    async def comments_since(self, ticket_id: TicketId, since_ms: int) -> Sequence[Comment]:
        """Comments created at or after `since_ms`, oldest first."""
        with _about_one_ticket(), well_formed(write=False):
            return await threads.comments_since(self._api, ticket_id, since_ms, self._role)

    async def changed_tickets(self, cursor: str | None, *, since_ms: int) -> Changes:
        """The next page of tickets that changed, by export or, where that is refused, search."""
        return await self._feed.changed_tickets(cursor, since_ms=since_ms)

    async def changes_of(self, ticket_ids: Sequence[TicketId]) -> Sequence[Change]:
        """When these tickets (100 at most) last changed; those out of reach are left out."""
        return await self._feed.changes_of(ticket_ids)

    def spare_in_s(self) -> float:
        """How long what can wait should wait."""
        return self._api.spare_in_s()

    async def merge_target(self, ticket_id: TicketId) -> TicketId | None:
        """The ticket that a closed one was merged into, None where it was simply closed."""
        ticket = await self.ticket(ticket_id)
        if ticket.status != "closed" or tickets.MERGED_TAG not in ticket.tags:
            return None
        with _about_one_ticket(), well_formed(write=False):
            return await threads.merge_target(self._api, ticket_id, self._role)

    async def user(self, user_id: UserId) -> DeskUser | None:
        """A user by id; None where deleted or merged into another."""
        try:
            answer = await self._api.get(f"/api/v2/users/{user_id}", expect="user")
        except ZendeskRefused as error:
            if error.status == 404:
                return None
            raise
        with well_formed(write=False):
            user = users.read_user(record_of(answer, "user"))
        return user if user.active else None

    async def users_by_phone(self, number: str) -> Sequence[DeskUser]:
        """Active users whose phone is this number, however it is written there."""
        return await phones.find_by_phone(self._api, number)

    async def user_by_email(self, email: str) -> DeskUser | None:
        """The active user with this e-mail address."""
        if any(character.isspace() or character == '"' for character in email):
            return None
        for user in await phones.search(self._api, {"query": f'email:"{email}"'}):
            if user.email is not None and user.email.casefold() == email.casefold():
                return user
        return None

    async def user_for_key(self, external_id: str) -> DeskUser | None:
        """The active user with this external id, which Zendesk compares without case."""
        for user in await phones.search(self._api, {"external_id": external_id}):
            if (user.external_id or "").casefold() == external_id.casefold():
                return user
        return None

    async def make_user(self, *, external_id: str, name: str, phone: str | None) -> DeskUser:
        """Create an end user, or return the one that has this external id.

        Looks first: Zendesk's upsert would overwrite the name that an agent gave. Safe to repeat,
        so never OutcomeUnknown.
        """
        known = await self.user_for_key(external_id)
        if known is not None:
            return known
        try:
            return await self._upsert(external_id=external_id, name=name, phone=phone)
        except ZendeskRefused as error:
            codes = {detail.code for detail in error.details if detail.field == "phone"}
            if phone is None or not codes:
                raise
        if codes != {INVALID}:
            # It is somebody's own number by now, whom the first search did not find.
            theirs = await self.users_by_phone(phone)
            if theirs:
                return max(theirs, key=lambda user: (not user.is_staff, user.updated_at_ms))
        # Some accounts refuse numbers that do send texts. The number stands in the external id
        # too, and a text must not be lost for the sake of a field.
        return await self._upsert(external_id=external_id, name=name, phone=None)

    async def _upsert(self, *, external_id: str, name: str, phone: str | None) -> DeskUser:
        with _repeatable():
            return await phones.upsert(self._api, external_id=external_id, name=name, phone=phone)

    async def _role(self, user_id: UserId) -> str:
        user = await self.user(user_id)
        return "agent" if user is not None and user.is_staff else "end-user"


def _unless_gone(record: Record) -> Ticket | None:
    try:
        return tickets.read_ticket(record)
    except TicketGone:
        return None


@contextmanager
def _about_one_ticket() -> Iterator[None]:
    try:
        yield
    except ZendeskRefused as error:
        raise tickets.refusal_of_update(error) from error


@contextmanager
def _repeatable() -> Iterator[None]:
    try:
        yield
    except OutcomeUnknown as error:
        raise TryLater(error.far_side, error.words, pause_s=error.pause_s) from error
