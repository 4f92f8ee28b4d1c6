"""Twilio's calls to the application: time limits, retries by URL fragment, signatures.

Rules from "webhooks connection overrides": ct 5000 ms, rt 15000 ms, tt 15000 ms, rc 1, rp ct.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from bridge.sandbox.twilio.signature import sign

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_RETRIES = 5
FETCH_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """How a call ended: `status` 0 means that there was no answer, `failure` says why."""

    status: int
    body: str = ""
    content_type: str = ""
    failure: str = ""  # "", "ct", "rt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the fragment of a webhook URL sets."""

    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 15.0
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})

    def wants_retry(self, answer: HookAnswer) -> bool:
        """Whether this policy repeats a call that ended so."""
        if answer.failure:
            kind = answer.failure
        elif answer.status >= 500:
            kind = "5xx"
        elif answer.status >= 400:
            kind = "4xx"
        else:
            return False
        return kind in self.policy or "all" in self.policy


def split_overrides(url: str) -> tuple[str, Overrides]:
    """Take the fragment off a webhook URL and read it. What can't be read counts as not set."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.fragment))
    bare = urlunsplit(parts._replace(fragment=""))

    def number(name: str, otherwise: float) -> float:
        return float(given[name]) if given.get(name, "").isdigit() else otherwise

    return bare, Overrides(
        connect_s=number("ct", 5000) / 1000,
        read_s=number("rt", 15000) / 1000,
        total_s=number("tt", 15000) / 1000,
        retries=min(int(number("rc", 1)), MOST_RETRIES),
        policy=frozenset(given.get("rp", "ct").split(",")),
    )


class Caller:
    """Makes the calls. `auth_token` may be changed at any time (rotation)."""

    def __init__(self, auth_token: str) -> None:
        self.auth_token = auth_token
        self.retry_pause_s = 0.02
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, url: str, method: str, fields: Mapping[str, str]) -> HookAnswer:
        """Call a webhook as its URL says, with retries; the last answer counts."""
        target, overrides = split_overrides(url)
        token = str(uuid.uuid4())
        ends = time.monotonic() + overrides.total_s
        answer = HookAnswer(status=0, failure="ct")
        for attempt in range(overrides.retries + 1):
            left = ends - time.monotonic()
            if left <= 0:
                break
            headers = {"I-Twilio-Idempotency-Token": token} if attempt else {}
            answer = await self._once(
                target, method, fields, headers, overrides=overrides, left_s=left
            )
            if not overrides.wants_retry(answer):
                break
            await asyncio.sleep(self.retry_pause_s)
        return answer

    async def fetch(self, url: str, *, within_s: float = 0.0) -> tuple[str, bytes] | None:
        """Fetch a picture to send: type and content, None where it can't be within this time."""
        ends_at = asyncio.get_running_loop().time() + within_s
        while True:
            found = await self._fetch_once(url)
            if found is not None or asyncio.get_running_loop().time() >= ends_at:
                return found
            await asyncio.sleep(FETCH_PAUSE_S)

    async def _fetch_once(self, url: str) -> tuple[str, bytes] | None:
        """HEAD, then GET; the types have to be the same."""
        session = self._open_session()
        try:
            async with session.head(url, allow_redirects=True) as head:
                head_type = head.content_type
            async with session.get(url) as response:
                if response.status != 200 or head_type != response.content_type:
                    return None
                return response.content_type, await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    async def _once(
        self,
        url: str,
        method: str,
        fields: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        overrides: Overrides,
        left_s: float,
    ) -> HookAnswer:
        session = self._open_session()
        if method == "GET":
            url = url + ("&" if "?" in url else "?") + urlencode(fields)
            data, signature = None, sign(url, (), self.auth_token)
        else:
            data, signature = urlencode(fields), sign(url, fields.items(), self.auth_token)
        limits = aiohttp.ClientTimeout(
            total=left_s, connect=overrides.connect_s, sock_read=overrides.read_s
        )
        try:
            async with session.request(
                method,
                URL(url, encoded=True),
                data=data,
                timeout=limits,
                headers={
                    "X-Twilio-Signature": signature,
                    "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                    "User-Agent": "TwilioProxy/1.1",
                    "Accept": "*/*",
                    **headers,
                },
            ) as response:
                return HookAnswer(
                    status=response.status,
                    body=await response.text(errors="replace"),
                    content_type=response.content_type,
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return HookAnswer(status=0, failure="ct")
        except (aiohttp.ClientError, TimeoutError, OSError):
            return HookAnswer(status=0, failure="rt")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("start() first")
        return self._session
