"""Zendesk's calls to webhooks: signature, retries, history, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from bridge.sandbox.zendesk.records import Json, iso

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from bridge.sandbox.zendesk.state import Account

RETRIES_409, RETRIES_TIMEOUT, LONGEST_RETRY_AFTER = 3, 5, 60
BREAKER_WINDOW_MS, BREAKER_SHARE, BREAKER_LEAST, BREAKER_MOST = 300_000, 0.7, 10, 1000
TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - public, for the form's test button


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Sign as Zendesk does: base64 of HMAC-SHA256 over time stamp and raw body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One HTTP call: `status` 0 means no answer."""

    at_ms: int
    status: int
    answer: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One event or trigger on its way to one webhook."""

    id: str
    webhook_id: str
    body: bytes
    at_ms: int
    status: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)


class Deliveries:
    """Sends. The knobs are plain attributes."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.lost = False
        self.copies = 1
        self.held = False
        self.waiting: list[tuple[Json, bytes]] = []
        self.skew_s = 0
        self.timeout_s = 12.0
        self.pause_scale = 1.0
        self.resign_retries = True
        self.breaker = False
        self.breaker_pause_s = 60
        self.invocations: list[Invocation] = []
        self._results: deque[tuple[int, str, bool]] = deque(maxlen=5000)
        self._broken_until: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Drop what is on its way and close the pool."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def idle(self) -> None:
        """Wait until nothing is on its way (what is held back aside)."""
        while self._tasks:
            await asyncio.wait(self._tasks)  # which cancels none of them when it is cancelled

    def send(self, webhook: Json, body: bytes) -> None:
        """Send to a webhook, now, later, several times or never, as the knobs say."""
        if self.lost or webhook["status"] != "active":
            return
        if self.held:
            self.waiting.append((webhook, body))
            return
        for _ in range(self.copies):
            self._spawn(self._deliver(webhook, body))

    def hold(self) -> None:
        """Keep webhooks back from now on, in `waiting`."""
        self.held = True

    async def release(self, order: Sequence[int] | None = None) -> None:
        """Send what was held back, one after the other, in the given order of positions (None:
        as it arose; what is left out is lost), and hold no more."""
        waiting, self.waiting = self.waiting, []
        self.held = False
        for position in range(len(waiting)) if order is None else order:
            await self._deliver(*waiting[position])

    async def test(self, webhook: Json, body: bytes) -> Attempt:
        """Make the one call of the test button."""
        return await self._call(webhook, body, str(uuid.uuid4()), self._stamp())

    async def _deliver(self, webhook: Json, body: bytes) -> None:
        invocation = Invocation(
            id=uuid.uuid4().hex.upper()[:26],
            webhook_id=webhook["id"],
            body=body,
            at_ms=self.account.now_ms(),
        )
        self.invocations.append(invocation)
        if self._is_broken(webhook["id"]):
            invocation.status = "circuit broken"
            return
        stamp = self._stamp()
        while True:
            if self.resign_retries:
                stamp = self._stamp()
            attempt = await self._call(webhook, body, invocation.id, stamp)
            invocation.attempts.append(attempt)
            pause = _pause_before_retry(invocation.attempts)
            if pause is None:
                break
            await asyncio.sleep(pause * self.pause_scale)
        is_good = 200 <= invocation.attempts[-1].status < 300
        invocation.status = "success" if is_good else "terminated"
        self._note_result(webhook["id"], is_good=is_good)
        self.account.changed(
            "webhook", webhook_id=webhook["id"], status=invocation.attempts[-1].status
        )

    async def _call(self, webhook: Json, body: bytes, invocation: str, stamp: str) -> Attempt:
        if self._session is None:
            raise RuntimeError("start() first")
        method = webhook["http_method"]
        sent = b"" if method in {"GET", "DELETE"} else body
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(self.account.id),
            "X-Zendesk-Webhook-Id": webhook["id"],
            "X-Zendesk-Webhook-Invocation-Id": invocation,
            "X-Zendesk-Webhook-Signature": sign(webhook["_secret"], stamp, sent),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            **_authentication(webhook),
        }
        at_ms, status, answer, got = self.account.now_ms(), 0, "", {}
        try:
            async with self._session.request(
                method,
                URL(webhook["endpoint"], encoded=True),
                data=sent or None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            ) as response:
                status, answer = response.status, await response.text(errors="replace")
                got = {name.lower(): value for name, value in response.headers.items()}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, answer = 0, type(error).__name__
        return Attempt(at_ms=at_ms, status=status, answer=answer, headers=got)

    def _stamp(self) -> str:
        return iso(self.account.now_ms() + self.skew_s * 1000) or ""

    def _note_result(self, webhook_id: str, *, is_good: bool) -> None:
        now = self.account.now_ms()
        self._results.append((now, webhook_id, is_good))
        recent = [
            good
            for at, name, good in self._results
            if name == webhook_id and at > now - BREAKER_WINDOW_MS
        ]
        failures = recent.count(False)
        is_bad = len(recent) >= BREAKER_LEAST and failures / len(recent) >= BREAKER_SHARE
        if self.breaker and (is_bad or failures > BREAKER_MOST):
            self._broken_until[webhook_id] = now + self.breaker_pause_s * 1000

    def _is_broken(self, webhook_id: str) -> bool:
        return self.breaker and self._broken_until.get(webhook_id, 0) > self.account.now_ms()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _pause_before_retry(attempts: list[Attempt]) -> float | None:
    """Seconds until the next try, None where the last answer is final (reference: 5.5)."""
    last = attempts[-1]
    if last.status == 409:
        return 1.0 if sum(one.status == 409 for one in attempts) <= RETRIES_409 else None
    if last.status in {429, 503}:
        asked = last.headers.get("retry-after", "")
        if asked.isdigit() and int(asked) < LONGEST_RETRY_AFTER and len(attempts) <= 5:
            return float(asked)
        return None
    if last.status == 0 and last.answer == "TimeoutError":
        count = sum(one.status == 0 for one in attempts)
        return 1.0 if count <= RETRIES_TIMEOUT else None
    return None


def _authentication(webhook: Json) -> dict[str, str]:
    proof = webhook.get("_authentication") or {}
    data = proof.get("data", {})
    if proof.get("type") == "bearer_token":
        return {"Authorization": f"Bearer {data['token']}"}
    if proof.get("type") == "basic_auth":
        pair = f"{data['username']}:{data['password']}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    if proof.get("type") == "api_key":
        return {str(data["name"]): str(data["value"])}
    return {}
