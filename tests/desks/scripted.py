"""A Zendesk that answers what a test tells it to, and a server that misbehaves on the wire."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.clock import from_rfc3339

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NOW = "2026-01-02T03:04:05Z"


@dataclass(slots=True)
class HandClock:
    """A clock that stands still until it is moved."""

    ms: int = field(default_factory=lambda: from_rfc3339(NOW))

    def now_ms(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class ScriptedZendesk:
    """Answers by method and path, each answer once and in order; an unscripted call is a 599.

    `always` answers what is left over, by the request.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.unscripted: list[str] = []
        self._replies: dict[str, deque[web.Response]] = defaultdict(deque)
        self._always: dict[str, Callable[[Asked], tuple[int, object]]] = {}
        self.gate: asyncio.Barrier | None = None  # all but the first call wait there
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(application, host="127.0.0.1")

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    def on(
        self,
        call: str,
        content: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Script one answer to e.g. "PUT /api/v2/tickets/5"; bytes go out as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        self._replies[call].append(web.Response(body=body, status=status, headers=sent))

    def always(self, call: str, answer: Callable[[Asked], tuple[int, object]]) -> None:
        """Answer every call of a kind with a status and a content, by what was asked."""
        self._always[call] = answer

    def calls(self, call: str) -> list[Asked]:
        return [asked for asked in self.asked if f"{asked.method} {asked.path}" == call]

    async def _answer(self, request: web.Request) -> web.Response:
        call = f"{request.method} {request.path}"
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        self.asked.append(asked)
        if self.gate is not None and len(self.asked) > 1:
            await self.gate.wait()
        if self._replies[call]:
            return self._replies[call].popleft()
        if call in self._always:
            status, content = self._always[call](asked)
            return web.json_response(content, status=status)
        self.unscripted.append(call)
        return web.Response(status=599, text="nothing scripted")


@dataclass(slots=True)
class RawServer:
    """Speaks TCP only: a test writes the bytes, or doesn't."""

    handler: Handler
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.handler(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read one whole request with a Content-Length: its method and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = 0
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            length = int(line.partition(":")[2])
    return head.split(" ", 1)[0], await reader.readexactly(length)


def http_answer(body: bytes, *, length: int | None = None, status: str = "200 OK") -> bytes:
    """The bytes of a keep-alive answer; `length` can promise more than comes."""
    promised = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {promised}"
    return head.encode() + b"\r\n\r\n" + body


class ClosesOnSecond:
    """Answers the first request of the first connection, reads the second and hangs up.

    Every later connection is answered properly, so that a repeat would succeed.
    """

    def __init__(self, body: bytes = b"{}") -> None:
        self.methods: list[str] = []
        self._body = body
        self._first = True

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hang_up, self._first = self._first, False
        for turn in range(10):
            method, _ = await read_request(reader)
            self.methods.append(method)
            if hang_up and turn == 1:
                return
            writer.write(http_answer(self._body))
            await writer.drain()
