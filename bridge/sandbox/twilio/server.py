"""The fake Twilio: the server, and what tests and the sandbox page ask of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from aiohttp import web

from bridge.clock import Clock, SystemClock
from bridge.sandbox.faults import Faults
from bridge.sandbox.twilio.account import LONGEST_BODY, Account
from bridge.sandbox.twilio.hooks import Caller, HookAnswer
from bridge.sandbox.twilio.inbound import inbound_fields, is_success, receive, replies
from bridge.sandbox.twilio.records import (
    API_VERSION,
    HandsetText,
    InboundResult,
    Json,
    Message,
    Number,
    NumberKind,
    SentText,
)
from bridge.sandbox.twilio.rest import Rest
from bridge.sandbox.twilio.words import Handled, handle_word

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

LARGEST_REQUEST = 1024 * 1024


class FakeTwilio:
    """One Twilio account on loopback. State outlives `stop()` and a new `start()`."""

    def __init__(
        self,
        account_sid: str = "AC" + "0" * 32,
        auth_token: str = "twilio-auth-token",  # noqa: S107 - of a fake
        *,
        clock: Clock | None = None,
    ) -> None:
        self.account = Account(account_sid, clock or SystemClock())
        self.faults = Faults()
        self.rest = Rest(self.account, auth_token, self._accepted)
        self.url = ""
        self.deliveries: dict[str, str] = {}
        self.delay_s = 0.0
        self.lose_webhooks = False
        self.lose_callbacks = False
        self.fetch_within_s = (
            0.0  # how long a picture to send is asked for; what Twilio does is not said
        )
        self.callbacks_held = False
        self.held_callbacks: list[tuple[str, dict[str, str]]] = []
        self.callback_log: list[tuple[str, str, int]] = []  # sid, state, HTTP status
        self._caller = Caller(auth_token)
        self._lines: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None

    # -- life ---------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 takes a free one. Sets `url`."""
        app = web.Application(
            middlewares=[self.faults.middleware(), self.rest.middleware()],
            client_max_size=LARGEST_REQUEST,
        )
        app.add_routes(self.rest.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        api, storage = (address[1] for address in self._runner.addresses)
        self.url = f"http://127.0.0.1:{api}"
        self.rest.storage_url = f"http://127.0.0.1:{storage}"
        await self._caller.open()

    async def stop(self) -> None:
        """Stop listening and drop what was on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._caller.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def idle(self) -> None:
        """Wait until nothing is on its way any more (held callbacks aside)."""
        while self._tasks:
            await asyncio.wait(self._tasks)  # which cancels none of them when it is cancelled

    # -- what is there ------------------------------------------------------------------------

    @property
    def account_sid(self) -> str:
        """The account's id."""
        return self.account.sid

    @property
    def auth_token(self) -> str:
        """The primary token: proof at the API and key of the signatures."""
        return self.rest.auth_token

    @auth_token.setter
    def auth_token(self, token: str) -> None:
        self.rest.auth_token = token
        self._caller.auth_token = token

    @property
    def signing_token(self) -> str:
        """The key of the signatures; set it apart from `auth_token` to play a rotation."""
        return self._caller.auth_token

    @signing_token.setter
    def signing_token(self, token: str) -> None:
        self._caller.auth_token = token

    @property
    def sent(self) -> list[SentText]:
        """Every message ever accepted for sending, in order; append-only."""
        return self.account.sent

    @property
    def messages(self) -> list[Message]:
        """Every message resource, oldest first."""
        return self.account.messages

    @property
    def on_change(self) -> list[Callable[[Json], None]]:
        """Who wants to hear of every change."""
        return self.account.on_change

    def handset(self, number: str) -> list[HandsetText]:
        """Return the texts on a customer's phone, in the order they came."""
        return self.account.handsets.setdefault(number, [])

    def message(self, sid: str) -> Message:
        """Return one message resource."""
        return self.account.message(sid)

    def add_number(
        self,
        number: str,
        sms_url: str = "",
        kind: NumberKind = "long_code",
        country: str = "US",
        *,
        advanced_opt_out: bool = False,
        sms_method: str = "POST",
    ) -> Number:
        """Put a number into the account."""
        return self.account.add_number(
            number,
            sms_url,
            kind=kind,
            country=country,
            advanced_opt_out=advanced_opt_out,
            sms_method=sms_method,
        )

    # -- inbound ------------------------------------------------------------------------------

    async def customer_texts(
        self,
        customer: str,
        to: str,
        body: str,
        media: Sequence[tuple[str, bytes]] = (),
        copies: int = 1,
        *,
        concurrent: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> InboundResult:
        """Text one of our numbers. The webhook goes out `copies` times, one after the other
        or at once. Raises KeyError for a number that is not ours."""
        number = self.account.numbers[to]
        message = receive(self.account, number, customer, body[:LONGEST_BODY], media)
        handled = handle_word(
            body,
            kind=number.kind,
            advanced=number.advanced_opt_out,
            is_blocked=(to, customer) in self.account.blocked,
        )
        if handled is not None:
            self._answer_word(number, customer, handled)
        message.payload = inbound_fields(self.account, number, message, handled, self.url) | dict(
            extra or {}
        )
        if self.lose_webhooks:
            return InboundResult(sid=message.sid)
        return await self.redeliver(message.sid, copies=copies, concurrent=concurrent)

    async def redeliver(
        self, sid: str, *, copies: int = 1, concurrent: bool = False
    ) -> InboundResult:
        """Call the webhook of an inbound message (again)."""
        message = self.account.message(sid)
        number = self.account.numbers[message.to]
        if concurrent:
            calls = [self._deliver_inbound(number, message) for _ in range(copies)]
            answers = list(await asyncio.gather(*calls))
        else:
            answers = [await self._deliver_inbound(number, message) for _ in range(copies)]
        return InboundResult(
            sid=sid,
            statuses=tuple(answer.status for answer in answers),
            bodies=tuple(answer.body for answer in answers),
        )

    def _answer_word(self, number: Number, customer: str, handled: Handled) -> None:
        pair = (number.number, customer)
        if handled.blocks is not None:
            (self.account.blocked.add if handled.blocks else self.account.blocked.discard)(pair)
        if handled.reply is None:
            return
        message = self.account.accept(
            to=customer,
            sender=number.number,
            body=handled.reply,
            direction="outbound-reply",
            listed=handled.listed,
        )
        self.account.sent.pop()  # not sent by the application: the ledger is about what it did
        self.account.finish(message, "delivered")
        self._show(message, (), by_carrier=True)

    async def _deliver_inbound(self, number: Number, message: Message) -> HookAnswer:
        if not number.sms_url:
            return HookAnswer(status=0)
        answer = await self._caller.call(number.sms_url, number.sms_method, message.payload)
        if not is_success(answer):
            self.account.alerts.append((11200, f"{message.sid}: HTTP {answer.status}"))
            if number.fallback_url:
                fields = message.payload | {"ErrorCode": "11200", "ErrorUrl": number.sms_url}
                answer = await self._caller.call(
                    number.fallback_url, number.fallback_method, fields
                )
        if is_success(answer):
            self._obey(number, message, answer)
        return answer

    def _obey(self, number: Number, message: Message, answer: HookAnswer) -> None:
        try:
            bodies = replies(answer)
        except ET.ParseError:
            self.account.alerts.append((12100, f"{message.sid}: document parse failure"))
            return
        for body in bodies:
            if (number.number, message.sender) in self.account.blocked:
                self.account.alerts.append((21610, message.sid))
                continue
            reply = self.account.accept(
                to=message.sender, sender=number.number, body=body, direction="outbound-reply"
            )
            self._accepted(reply)

    # -- outbound -----------------------------------------------------------------------------

    def _accepted(self, message: Message) -> None:
        self._spawn(self._send(message))

    async def _send(self, message: Message) -> None:
        async with self._lines[message.sender, message.to]:
            await asyncio.sleep(self.delay_s)
            outcome, _, code = self.deliveries.get(message.to, "delivered").partition(":")
            media = await self._fetch_media(message)
            if media is None:
                outcome, code = "failed", "11200"
            if outcome == "failed":
                self._report(message, "failed", int(code or 30008))
                return
            self._report(message, "sent")
            if outcome == "undelivered":
                self._report(message, "undelivered", int(code or 30003))
                return
            self._show(message, media or ())
            if outcome == "delivered":
                self._report(message, "delivered")

    async def _fetch_media(self, message: Message) -> tuple[tuple[str, bytes], ...] | None:
        fetched = [
            await self._caller.fetch(url, within_s=self.fetch_within_s)
            for url in message.media_urls
        ]
        found = tuple(one for one in fetched if one is not None)
        return found if len(found) == len(fetched) else None

    def _show(
        self, message: Message, media: tuple[tuple[str, bytes], ...], *, by_carrier: bool = False
    ) -> None:
        text = HandsetText(
            sender=message.sender,
            body=message.body,
            at_ms=self.account.now_ms(),
            sid=message.sid,
            media=media,
            by_carrier=by_carrier,
        )
        self.account.receive_on_phone(message.to, text)

    def _report(self, message: Message, state: str, error: int | None = None) -> None:
        self.account.finish(message, state, error)
        if message.status_callback is None or self.lose_callbacks:
            return
        fields = {
            "SmsSid": message.sid,
            "SmsStatus": state,
            "MessageStatus": state,
            "To": message.to,
            "MessageSid": message.sid,
            "AccountSid": self.account.sid,
            "From": message.sender,
            "ApiVersion": API_VERSION,
        }
        if error is not None:
            fields["ErrorCode"] = str(error)
        if self.callbacks_held:
            self.held_callbacks.append((message.status_callback, fields))
            return
        self._spawn(self._call_back_in_turn(message, fields))

    async def _call_back_in_turn(self, message: Message, fields: dict[str, str]) -> None:
        # An application that is slow to answer holds up neither the texts nor other callbacks.
        async with self._turns[message.sid]:
            await self._call_back(message.status_callback or "", fields)

    async def _call_back(self, url: str, fields: dict[str, str]) -> int:
        answer = await self._caller.call(url, "POST", fields)
        self.callback_log.append((fields["MessageSid"], fields["MessageStatus"], answer.status))
        return answer.status

    def hold_callbacks(self) -> None:
        """Keep status callbacks back from now on, in `held_callbacks`."""
        self.callbacks_held = True

    async def release_callbacks(
        self, order: Sequence[int] | None = None, *, copies: int = 1
    ) -> list[int]:
        """Send the callbacks held back, in the given order of positions (None: as they arose;
        positions left out are lost), and hold no more. Returns the HTTP statuses."""
        held, self.held_callbacks = self.held_callbacks, []
        self.callbacks_held = False
        positions = range(len(held)) if order is None else order
        return [await self._call_back(*held[at]) for at in positions for _ in range(copies)]

    def report(self, sid: str, state: str, error: int | None = None) -> None:
        """Move a message to another state now, with its callback."""
        self._report(self.account.message(sid), state, error)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
