"""The sandbox as its page sees it: both fake far sides, and the bridge by its own HTTP API.

What Twilio and Zendesk show is read from the fakes' own records; what the bridge did, from
GET /api/v1/messages with its token, as any other program would ask.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

import aiohttp

from bridge.clock import from_rfc3339
from bridge.errors import BadRequest
from bridge.sandbox.page import STATIC, Outcome, State, Status
from bridge.sandbox.story import AGENT, BRAND_NUMBERS, CUSTOMERS
from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.views import show_text, show_ticket
from bridge.sandbox.zendesk import FakeZendesk, ZendeskRefusal

LOOK_EVERY_S = 0.3  # the API has no events: this often the bridge is asked while somebody watches
TELL_EVERY_S = 15.0  # also without a change, so that a browser that has left is noticed
ANSWER_WITHIN_S = 3.0
PICTURE = STATIC / "broken_mug.png"
MOST_MESSAGES = 100
FINISHED = frozenset({"done", "delivered", "undelivered", "failed", "refused"})
TOLD = frozenset({"why", "rule", "cause_id", "attempts"})  # of a trace, to the page
Record = dict[str, Any]


class SandboxWorld:
    """Implements `bridge.sandbox.page.World`. `open()` before use, `close()` after.

    What was last touched before `since_ms` (UTC) is history: the console shows it, the page not.
    """

    def __init__(
        self,
        *,
        twilio: FakeTwilio,
        zendesk: FakeZendesk,
        bridge_url: str,
        api_token: str,
        since_ms: int = 0,
    ) -> None:
        self._since_ms = since_ms
        self._twilio = twilio
        self._zendesk = zendesk
        self._messages_url = f"{bridge_url.rstrip('/')}/api/v1/messages"
        self._token = api_token
        self._session: aiohttp.ClientSession | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._touched = asyncio.Event()
        self._changed = asyncio.Condition()
        self._state: State | None = None
        self._messages: list[Record] = []
        self._traces: dict[str, Record] = {}  # only where what is told of them changes no more
        self._copies: dict[str, int] = {}
        self._answers: dict[str, tuple[int, ...]] = {}
        self._watched_by = 0
        self._is_down = False

    async def open(self) -> None:
        """Give Zendesk its people, and begin to watch the far sides."""
        self._seat_people()
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._twilio.on_change.append(self._hear)
        self._zendesk.on_change.append(self._hear)
        self._watcher = asyncio.create_task(self._watch())

    def _seat_people(self) -> None:
        """The agent, and the customers whom Zendesk knows."""
        if AGENT.email in {user.email for user in self._zendesk.users.values()}:
            return
        self._zendesk.add_user(name=AGENT.name, email=AGENT.email, role="agent", verified=True)
        for customer in CUSTOMERS:
            if customer.in_zendesk is not None:
                self._zendesk.add_user(name=customer.name, phone=customer.in_zendesk)

    async def close(self) -> None:
        """Stop watching."""
        self._twilio.on_change.remove(self._hear)
        self._zendesk.on_change.remove(self._hear)
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        if self._session is not None:
            await self._session.close()

    # ---- what there is to see

    async def state(self) -> State:
        """All there is to show, now."""
        await self._ask_bridge()
        return self._gather()

    async def subscribe(self) -> AsyncGenerator[State]:
        """The state at once, after each change, and every TELL_EVERY_S seconds."""
        self._watched_by += 1
        self._touched.set()
        try:
            state = await self.state()
            while True:
                yield state
                state = await self._wait_for_other(state)
        finally:
            self._watched_by -= 1

    async def _wait_for_other(self, known: State) -> State:
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_EVERY_S):
                    await self._changed.wait_for(lambda: self._state not in (None, known))
            return self._state or known

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                pause_s = LOOK_EVERY_S if self._watched_by else None
                await asyncio.wait_for(self._touched.wait(), pause_s)
            self._touched.clear()
            if self._watched_by:
                await self._ask_bridge()
                state = self._gather()
                if state != self._state:
                    async with self._changed:
                        self._state = state
                        self._changed.notify_all()

    def _hear(self, change: Mapping[str, Any]) -> None:
        self._touched.set()
        if change.get("kind") == "status" and change.get("status") in {"undelivered", "failed"}:
            # "The next one fails" was about this one.
            self._twilio.deliveries.pop(self._twilio.message(str(change["sid"])).to, None)

    def _gather(self) -> State:
        deliveries = self._twilio.deliveries
        account = self._zendesk.account
        parents = {
            child: parent.id for parent in account.tickets.values() for child in parent.followup_ids
        }
        return {
            "senders": [
                {"number": one.number, "name": one.name, "kind": one.kind} for one in BRAND_NUMBERS
            ],
            "customers": [
                {
                    "number": one.number,
                    "name": one.name,
                    "about": one.about,
                    "next_delivery": deliveries.get(one.number, "delivered"),
                }
                for one in CUSTOMERS
            ],
            "texts": [
                show_text(
                    message,
                    copies=self._copies.get(message.sid, 1),
                    answers=self._answers.get(message.sid),
                )
                for message in self._twilio.messages
            ],
            "tickets": [
                show_ticket(ticket, account.users, follow_up_of=parents.get(ticket.id))
                for ticket in account.tickets.values()
                if not ticket.deleted and ticket.updated_ms >= self._since_ms
            ],
            "messages": self._messages,
            "zendesk_down": self._is_down,
        }

    # ---- the bridge's own word

    async def _ask_bridge(self) -> None:
        """Read the newest messages, and the trace of each that is not known to be finished."""
        found = await self._get(f"{self._messages_url}?limit={MOST_MESSAGES}")
        if found is None:
            return  # the bridge is starting or stopping: what was known stays shown
        messages = [
            message
            for message in reversed(found.get("messages", []))
            if not self._since_ms or from_rfc3339(message["created_at"]) >= self._since_ms
        ]
        self._messages = [await self._with_reasons(message) for message in messages]

    async def _with_reasons(self, message: Record) -> Record:
        is_answer = message.get("kind") == "auto"  # what it answers never changes
        if message.get("direction") != "inbound" and not is_answer:
            return message
        trace = self._traces.get(message["id"])
        if trace is None:
            trace = await self._get(f"{self._messages_url}/{message['id']}") or {}
            finished = message.get("state") in FINISHED and trace.get("state") in FINISHED
            if finished or (is_answer and trace):
                self._traces[message["id"]] = trace
        told = {name: trace[name] for name in TOLD if name in trace}
        return {**message, "attempts": [], **told}

    async def _get(self, url: str) -> Record | None:
        if self._session is None:
            return None
        try:
            async with self._session.get(url) as response:
                answer = await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None

    # ---- what the page asks for

    async def text(
        self, *, customer: str, sender: str, body: str, copies: int, with_picture: bool = False
    ) -> str:
        """Text the brand, with the sandbox's own picture or without; the webhook is delivered
        `copies` times. Returns the text's id."""
        _check_customer(customer)
        if sender not in self._twilio.account.numbers:
            raise BadRequest("sender", "one of the brand's numbers")
        media = [_own_picture()] if with_picture else []
        result = await self._twilio.customer_texts(customer, sender, body, media, copies)
        self._copies[result.sid] = copies
        self._answers[result.sid] = result.statuses
        self._touched.set()
        return result.sid

    def picture(self, picture_id: str) -> tuple[str, bytes] | None:
        """A picture on a phone or a ticket: its type and content, None where there is none."""
        for message in self._twilio.messages:
            for media in message.media:
                if media.sid == picture_id:
                    return media.content_type, media.content
        file = self._zendesk.account.files.get(picture_id)
        return None if file is None else (file.content_type, file.content)

    async def reply(self, *, ticket_id: int, html: str, public: bool) -> int:
        """Write an agent's comment. Returns its id."""
        with _in_words("ticket_id"):
            comment = await self._zendesk.agent_replies(
                ticket_id, html, public=public, agent=AGENT.name
            )
        return comment.id

    async def set_status(self, *, ticket_id: int, status: Status) -> None:
        """Change a ticket's status as an agent would (closed: as Zendesk's automation would)."""
        with _in_words("ticket_id"):
            await self._zendesk.set_status(ticket_id, status, agent=AGENT.name)

    async def merge(self, *, ticket_id: int, into: int) -> None:
        """Merge a ticket into another, as an agent would."""
        if ticket_id == into:
            raise BadRequest("into", "another ticket")
        with _in_words("into"):
            await self._zendesk.merge(ticket_id, into, agent=AGENT.name)

    async def zendesk_down(self, *, down: bool) -> None:
        """Let Zendesk answer 503 to everything, or bring it back."""
        self._zendesk.faults.down(down)
        self._is_down = down
        self._touched.set()

    async def next_delivery(self, *, customer: str, outcome: Outcome) -> None:
        """Say what becomes of the next text to this customer."""
        _check_customer(customer)
        if outcome == "delivered":
            self._twilio.deliveries.pop(customer, None)
        else:
            self._twilio.deliveries[customer] = outcome
        self._touched.set()


def _own_picture() -> tuple[str, bytes]:
    return "image/png", PICTURE.read_bytes()


def _check_customer(number: str) -> None:
    if number not in {one.number for one in CUSTOMERS}:
        raise BadRequest("customer", "one of the sandbox's customers")


@contextlib.contextmanager
def _in_words(field: str) -> Iterator[None]:
    """Turn the fake's refusal into ours, with Zendesk's own words."""
    try:
        yield
    except ZendeskRefusal as refusal:
        problems = (refusal.body or {}).get("details", {})
        words = [one["description"] for found in problems.values() for one in found]
        raise BadRequest(field, "; ".join(words) or "a ticket that exists") from refusal
