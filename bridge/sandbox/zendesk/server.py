"""The fake Zendesk: the server, and what tests and the sandbox page ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge.clock import Clock, SystemClock
from bridge.sandbox.faults import Faults
from bridge.sandbox.zendesk.admin import Admin
from bridge.sandbox.zendesk.answers import ZendeskRefusal, no_endpoint
from bridge.sandbox.zendesk.auth import CALLER, Auth
from bridge.sandbox.zendesk.comments import Comments
from bridge.sandbox.zendesk.deliveries import Deliveries
from bridge.sandbox.zendesk.events import encode, envelope, events_of
from bridge.sandbox.zendesk.exports import Exports
from bridge.sandbox.zendesk.happenings import Happening
from bridge.sandbox.zendesk.limits import Limits
from bridge.sandbox.zendesk.merging import Merger
from bridge.sandbox.zendesk.people import People
from bridge.sandbox.zendesk.records import Comment, Email, Json, Ticket, User, Write
from bridge.sandbox.zendesk.rules import Rules
from bridge.sandbox.zendesk.search import Search
from bridge.sandbox.zendesk.seed import seed
from bridge.sandbox.zendesk.state import Account
from bridge.sandbox.zendesk.tickets import Tickets
from bridge.sandbox.zendesk.uploads import LARGEST_FILE, Uploads
from bridge.sandbox.zendesk.users import Users
from bridge.sandbox.zendesk.webhooks import Webhooks
from bridge.sandbox.zendesk.wishes import Wish, make_comment_wish
from bridge.sandbox.zendesk.writing import TicketWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.typedefs import Handler, Middleware


class FakeZendesk:
    """One Zendesk account on loopback. State outlives `stop()` and a new `start()`."""

    def __init__(
        self,
        *,
        client_id: str = "sms-bridge",
        client_secret: str = "zendesk-client-secret",  # noqa: S107 - of a fake
        email: str = "bridge@acme.example",
        api_token: str = "zendesk-api-token",  # noqa: S107 - of a fake
        clock: Clock | None = None,
    ) -> None:
        account = Account(clock or SystemClock())
        self.account = account
        seed(account)
        self.faults = Faults()
        self.limits = Limits(account.clock)
        self.auth = Auth(
            account,
            client_id=client_id,
            client_secret=client_secret,
            email=email,
            api_token=api_token,
        )
        self.people = People(account)
        self.writer = TicketWriter(account)
        self.merger = Merger(account, self.writer)
        self.rules = Rules(account, self.writer)
        self.deliveries = Deliveries(account)
        self.webhooks = Webhooks(account, self.deliveries)
        self.uploads = Uploads(account, self.auth)
        self.admin = Admin(account, lambda: set(self.webhooks.table))
        self.comment_event_on_create = True
        self._comments = Comments(account, self.limits)
        self.ticket_calls = Tickets(account, self.writer, self.limits, self.merger, self.people)
        self._parts: tuple[Any, ...] = (
            self.ticket_calls,
            self._comments,
            Users(account, self.people, self.limits),
            Search(account),
            self.webhooks,
            self.admin,
            Exports(account, self.limits),
            self.uploads,
        )
        self.writer.react = self._react
        self.rules.notify = self._notify
        self.merger.told = self._comments.told = self._tell
        self._runner: web.AppRunner | None = None
        self.api_user = self.add_user(name="SMS bridge", email=email, role="admin", verified=True)
        account.api_user_id = self.api_user.id
        self.add_user(name="Ann Agent", email="ann@acme.example", role="agent", verified=True)

    # -- life ---------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 takes a free one. Sets `url`."""
        app = web.Application(
            middlewares=[self.faults.middleware(), self._guard()], client_max_size=LARGEST_FILE
        )
        app.router.add_post("/oauth/tokens", self.auth.issue)
        app.router.add_get("/attachments/token/{token}/", self.uploads.download)
        app.router.add_get("/file/{token}", self.uploads.serve)
        for part in self._parts:
            for method, path, handler in part.routes():
                for suffix in ("", ".json"):
                    app.router.add_route(method, f"/api/v2/{path}{suffix}", handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        api, storage = (address[1] for address in self._runner.addresses)
        self.account.url = f"http://127.0.0.1:{api}"
        self.uploads.storage_url = f"http://127.0.0.1:{storage}"
        await self.deliveries.open()

    async def stop(self) -> None:
        """Stop listening and drop what was on its way."""
        await self.deliveries.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def idle(self) -> None:
        """Wait until no webhook is on its way (those held back aside)."""
        await self.deliveries.idle()

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            headers: dict[str, str] = {}
            try:
                if request.path.startswith("/api/"):
                    caller = self.auth.identify(request)
                    headers = self.limits.count_request()
                    if request.match_info.http_exception is None:
                        caller.require(request)
                    request[CALLER] = caller
                response = await handler(request)
            except ZendeskRefusal as refusal:
                response = refusal.response()
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
                response = no_endpoint().response()
            for name, value in headers.items():
                response.headers.setdefault(name, value)
            return response

        return guard

    # -- what is there ------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The account's address, without a slash at the end."""
        return self.account.url

    @property
    def tickets(self) -> dict[int, Ticket]:
        """Every ticket ever made, deleted ones too."""
        return self.account.tickets

    @property
    def users(self) -> dict[int, User]:
        """Every user ever made, inactive ones too."""
        return self.account.users

    @property
    def writes(self) -> list[Write]:
        """Every write that was applied, in order; append-only."""
        return self.account.writes

    @property
    def emails_sent(self) -> list[Email]:
        """Every e-mail that Zendesk would have sent."""
        return self.account.emails_sent

    @property
    def on_change(self) -> list[Callable[[Json], None]]:
        """Who wants to hear of every change."""
        return self.account.on_change

    def ticket(self, ticket_id: int) -> Json:
        """A ticket as the API would show it now, deleted or not."""
        return self.account.ticket_json(self.tickets[ticket_id])

    def comments(self, ticket_id: int) -> list[Comment]:
        """The comments of a ticket, oldest first."""
        return self.tickets[ticket_id].comments

    def agent(self, name: str | int | User | None = None) -> User:
        """The agent of this name or id; None: Ann, or the only one. Raises KeyError."""
        if isinstance(name, User):
            return name
        staff = [user for user in self.users.values() if user.is_staff and user.active]
        if name is None:
            return staff[-1] if len(staff) < 2 else staff[1]
        for user in staff:
            if name in {user.id, user.name, user.name.split(" ")[0], user.email}:
                return user
        raise KeyError(name)

    # -- what people do -----------------------------------------------------------------------

    def add_user(self, *, name: str, **fields: object) -> User:
        """Add a user as an admin would by hand; fields as in the API. No mail goes out."""
        given = {"name": name, "skip_verify_email": True, **fields}
        return self.people.create(given, source="web")

    async def agent_replies(
        self,
        ticket_id: int,
        html: str,
        *,
        agent: str | int | User | None = None,
        public: bool = True,
        attachments: Sequence[tuple[str, str, bytes]] = (),
        status: str | None = None,
    ) -> Comment:
        """Reply on the agent's screen. `attachments` are (name, type, bytes); `status` is the
        choice of "submit as" (None: as it is; a new ticket becomes the agent's, and open)."""
        user, ticket = self.agent(agent), self.account.ticket(ticket_id)
        comment = make_comment_wish(html=html)
        comment.public, comment.author_id = public, user.id
        comment.uploads = [self._upload(*one) for one in attachments]
        wish = Wish(comment=comment)
        if status is not None:
            wish.fields["status"] = status
        if ticket.assignee_id is None and (ticket.status == "new" or status == "solved"):
            wish.fields["assignee_id"] = user.id
        self.writer.update(ticket, wish, updater=user, source="web")
        return ticket.comments[-1]

    async def agent_opens(
        self,
        requester: User,
        html: str,
        *,
        subject: str = "",
        tags: Sequence[str] = (),
        agent: str | int | User | None = None,
        public: bool = True,
    ) -> Ticket:
        """Open a ticket for somebody on the agent's screen."""
        user = self.agent(agent)
        comment = make_comment_wish(html=html)
        comment.public, comment.author_id = public, user.id
        wish = Wish(comment=comment, requester=requester, fields={"assignee_id": user.id})
        wish.fields |= {"tags": list(tags)} | ({"subject": subject} if subject else {})
        ticket, _ = self.writer.create(wish, updater=user, source="web")
        return ticket

    async def requester_writes(self, ticket_id: int, text: str) -> Comment:
        """Let the requester answer by another way than a text (the web form)."""
        ticket = self.account.ticket(ticket_id)
        user = self.users[ticket.requester_id]
        comment = make_comment_wish(body=text)
        comment.public, comment.author_id = True, user.id
        self.writer.update(ticket, Wish(comment=comment), updater=user, source="web")
        return ticket.comments[-1]

    async def set_status(
        self, ticket_id: int, status: str, *, agent: str | int | User | None = None
    ) -> None:
        """Change a ticket's status by hand; `closed` is what the automation would do."""
        user, ticket = self.agent(agent), self.account.ticket(ticket_id)
        wish = Wish(fields={"status": status})
        if status == "solved" and ticket.assignee_id is None:
            wish.fields["assignee_id"] = user.id
        self.writer.update(ticket, wish, updater=user, source="web")

    async def set_tags(
        self, ticket_id: int, tags: Sequence[str], *, agent: str | int | User | None = None
    ) -> None:
        """Replace a ticket's tags by hand."""
        wish = Wish(fields={"tags": list(tags)})
        ticket = self.account.ticket(ticket_id)
        self.writer.update(ticket, wish, updater=self.agent(agent), source="web")

    async def change_requester(
        self, ticket_id: int, user: User, *, agent: str | int | User | None = None
    ) -> None:
        """Give a ticket to another requester."""
        ticket = self.account.ticket(ticket_id)
        self.writer.update(ticket, Wish(requester=user), updater=self.agent(agent), source="web")

    async def merge(
        self,
        sources: int | Sequence[int],
        target: int,
        *,
        public: bool = False,
        source_comment: str | None = None,
        target_comment: str | None = None,
        agent: str | int | User | None = None,
    ) -> None:
        """Merge tickets into another one; both sides get a comment."""
        ids = [sources] if isinstance(sources, int) else list(sources)
        self.merger.merge(
            [self.account.ticket(one) for one in ids],
            self.account.ticket(target),
            updater=self.agent(agent),
            source_comment=source_comment,
            target_comment=target_comment,
            source_public=public,
            target_public=public,
        )

    async def delete(self, ticket_id: int, *, agent: str | int | User | None = None) -> None:
        """Delete a ticket."""
        self.merger.delete(self.account.ticket(ticket_id), self.agent(agent), source="web")

    async def restore(self, ticket_id: int, *, agent: str | int | User | None = None) -> None:
        """Bring a deleted ticket back."""
        self.merger.restore(self.tickets[ticket_id], self.agent(agent), source="web")

    async def make_private(self, comment_id: int, *, agent: str | int | User | None = None) -> None:
        """Turn a public comment into a note."""
        comment = self.account.comment(comment_id)
        self._comments.hide(self.tickets[comment.ticket_id], comment, self.agent(agent))

    def suspend(self, user: User, suspended: bool = True) -> None:  # noqa: FBT001, FBT002 - reads as said
        """Suspend a user, or lift it."""
        self.people.update(user, {"suspended": suspended}, source="web")

    async def run_automations(self) -> int:
        """Run the hourly automations now. Returns how many tickets they changed."""
        return self.rules.run_automations()

    # -- webhooks -----------------------------------------------------------------------------

    def hold_webhooks(self) -> None:
        """Keep webhooks back from now on."""
        self.deliveries.hold()

    async def release_webhooks(self, order: Sequence[int] | None = None) -> None:
        """Send what was held back, in the given order of positions (None: as it arose; what is
        left out is lost), and hold no more."""
        await self.deliveries.release(order)

    def _react(self, happening: Happening) -> None:
        self.rules.run_triggers(happening)
        for event in events_of(
            happening, self.account, comment_on_create=self.comment_event_on_create
        ):
            self._publish(event)

    def _tell(self, kind: str, ticket: Ticket, actor: User, body: Json) -> None:
        self._publish(envelope(kind, ticket, actor, body, self.account))

    def _publish(self, event: Json) -> None:
        for webhook in self.webhooks.active_for(event["type"]):
            self.deliveries.send(webhook, encode(event))

    def _notify(self, webhook_id: str, body: str) -> None:
        webhook = self.webhooks.table.get(webhook_id)
        if webhook is not None:
            self.deliveries.send(webhook, body.encode())

    def _upload(self, name: str, content_type: str, content: bytes) -> str:
        attachment = self.uploads.store(name, content_type, content)
        self.account.uploads[attachment.token] = [attachment]
        self.account.upload_made_ms[attachment.token] = self.account.now_ms()
        return attachment.token
