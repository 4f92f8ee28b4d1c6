"""The one way out: every call to Zendesk or a carrier goes through `HttpClient.call`.

It knows nothing of either; it keeps deadlines and size limits, follows no redirect (credentials
would travel along), and tells apart what certainly never left from what may have arrived.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import Literal

import aiohttp
from yarl import URL

from bridge.errors import BridgeError

CallOutcome = Literal["done", "later", "refused", "unknown"]
Watch = Callable[[CallOutcome, float], None]

AT_ONCE = 64  # calls to one far side
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes; a page of 100 comments is far below
CONNECT_SHARE = 0.5  # of the whole deadline, for DNS, TCP and TLS


class CallFailed(BridgeError):
    """No usable answer. `sent` tells whether any byte of the request may have left."""

    def __init__(self, words: str, *, sent: bool) -> None:
        super().__init__(words)
        self.words = words
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body as JSON. Raises ValueError where it is not, or is nested absurdly."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class HttpClient:
    """A keep-alive pool towards one far side, with places for `at_once` calls.

    `timeout_s` is the whole deadline of a call, from the first look-up to the last byte read; what
    waits for a place, behind calls that each have theirs, has none yet. Its intent is noted by
    then: where nobody can be asked afterwards what became of a call, no more may be wanted than
    there are places.
    `watch` hears how each call ended and how many seconds it took.
    """

    def __init__(
        self, *, timeout_s: float, at_once: int = AT_ONCE, watch: Watch | None = None
    ) -> None:
        self._timeout_s = timeout_s
        self._watch = watch
        self._at_once = at_once
        self._places = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool. Needs a running loop."""
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._at_once),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            trust_env=False,
            auto_decompress=True,
        )
        # aiohttp repeats a PUT or DELETE by itself when a kept-alive connection turns out to be
        # dead (client.py, `retry_persistent_connection`); the first one may have been applied,
        # and a comment would stand twice. There is no public switch. A test proves this one.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public one

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Make one request and read its whole answer, whatever its status.

        `url` is already encoded. Raises CallFailed.
        """
        async with self._places:
            return await self._watched(method, url, headers, body)

    async def _watched(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None
    ) -> Answer:
        began = time.monotonic()
        outcome: CallOutcome = "unknown"
        try:
            answer = await self._call(method, url, headers, body)
        except CallFailed as error:
            outcome = "unknown" if error.sent else "later"
            raise
        else:
            outcome = _outcome(answer.status)
            return answer
        finally:
            if self._watch is not None:
                self._watch(outcome, time.monotonic() - began)

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None
    ) -> Answer:
        assert self._session is not None, "open() first"  # noqa: S101 - a fault of ours
        progress = SimpleNamespace(sent=False)
        deadline = aiohttp.ClientTimeout(
            total=self._timeout_s, connect=self._timeout_s * CONNECT_SHARE
        )
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                timeout=deadline,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as response:
                content = await _read_limited(response)
                lower = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status, headers=lower, body=content)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CallFailed(_in_words(error, self._timeout_s), sent=progress.sent) from error


def _outcome(status: int) -> CallOutcome:
    if status < HTTPStatus.BAD_REQUEST:
        return "done"
    away = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "later" if away else "refused"


async def _read_limited(response: aiohttp.ClientResponse) -> bytes:
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        chunks += chunk
        if len(chunks) > LARGEST_ANSWER:
            raise ValueError(f"answer larger than {LARGEST_ANSWER} bytes")
    return bytes(chunks)


async def _note_sent(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    # Runs when the head is handed to the socket, so "not sent" is certain and "sent" is cautious.
    context.trace_request_ctx.sent = True


def _in_words(error: BaseException, timeout_s: float) -> str:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the TLS certificate of {error.host} is not valid: {_verdict(error)}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name can't be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.strerror or type(error).__name__}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer was cut short"
    if isinstance(error, ValueError):
        return str(error)
    return f"connection lost: {type(error).__name__}"


def _verdict(error: aiohttp.ClientConnectorCertificateError) -> str:
    """OpenSSL's verdict on a certificate: "certificate has expired"."""
    return str(getattr(error.certificate_error, "verify_message", "")) or "not trusted"
