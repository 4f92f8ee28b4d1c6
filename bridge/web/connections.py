"""Who may stay connected. aiohttp knows no bound on connections, and lets one whose headers come
drop by drop stay for as long as one that waits between two requests."""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from typing import Final, cast

import structlog
from aiohttp import web

log = structlog.get_logger()
HEADERS_WITHIN_S: Final = 10.0  # of the first request from the beginning, later from its first byte
LOOK_EVERY_S: Final = 1.0
MOST: Final = 4_096
BACKLOG: Final = 1_024  # asyncio accepts so many at once, before anybody can refuse one
OWN_FILES: Final = 400  # descriptors for the store, the far sides and what is fetched
FEWEST: Final = 64
TELL_EVERY_S: Final = 60.0


class Connections:
    """All connections of one listening socket."""

    def __init__(self, most: int = MOST, headers_within_s: float = HEADERS_WITHIN_S) -> None:
        self.most = most
        self.headers_within_s = headers_within_s
        self._all: dict[asyncio.Protocol, _Watched] = {}
        # Without a request under way, the longest first; and since when headers are waited for.
        self._silent: OrderedDict[_Watched, None] = OrderedDict()
        self._awaited: OrderedDict[_Watched, float] = OrderedDict()
        self._looking: asyncio.TimerHandle | None = None
        self._told_at = -TELL_EVERY_S

    def admit(self, server: web.Server) -> asyncio.Protocol:
        """The protocol of a connection that has just come. Where there are too many, the one goes
        that has been silent the longest; where none is silent, this one."""
        if len(self._all) >= self.most and not self._make_room():
            self._tell()
            return _Refused()
        handler = server()
        watched = self._all[handler] = _Watched(handler, self)
        return watched

    def begin(self, request: web.Request) -> None:
        """A connection has brought a request."""
        watched = self._all.get(request.protocol)
        if watched is not None:
            self._silent.pop(watched, None)
            self._awaited.pop(watched, None)

    def end(self, request: web.Request) -> None:
        """The request is answered: its connection is silent until the next."""
        watched = self._all.get(request.protocol)
        if watched is not None:
            self._silent[watched] = None

    def has_come(self, watched: _Watched) -> None:
        """It is connected, and has to ask for something."""
        self._silent[watched] = None
        self._wait_for_headers(watched)

    def has_sent(self, watched: _Watched) -> None:
        """Something has come from it: of the next request, where none is under way."""
        if watched in self._silent and watched not in self._awaited:
            self._wait_for_headers(watched)

    def has_gone(self, watched: _Watched) -> None:
        """It is connected no more."""
        self._all.pop(watched.handler, None)
        self._silent.pop(watched, None)
        self._awaited.pop(watched, None)

    def _wait_for_headers(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        self._awaited[watched] = loop.time()
        if self._looking is None:  # one timer for all: one each would cost every request more
            every_s = min(LOOK_EVERY_S, self.headers_within_s)
            self._looking = loop.call_later(every_s, self._look)

    def _look(self) -> None:
        self._looking = None
        loop = asyncio.get_running_loop()
        since_s = loop.time() - self.headers_within_s
        for watched in [one for one, asked_s in self._awaited.items() if asked_s <= since_s]:
            self._drop(watched)
        if self._awaited:
            every_s = min(LOOK_EVERY_S, self.headers_within_s)
            self._looking = loop.call_later(every_s, self._look)

    def _make_room(self) -> bool:
        watched = next(iter(self._silent), None)
        if watched is not None:
            self._drop(watched)
        return watched is not None

    def _drop(self, watched: _Watched) -> None:
        self._silent.pop(watched, None)
        self._awaited.pop(watched, None)
        watched.abort()

    def _tell(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_at >= TELL_EVERY_S:
            self._told_at = now_s
            log.warning("connections.full", most=self.most)


class _Watched(asyncio.Protocol):
    """aiohttp's protocol, with `Connections` told of what happens to it."""

    def __init__(self, handler: asyncio.Protocol, rules: Connections) -> None:
        self.handler = handler
        self._rules = rules
        self._transport: asyncio.Transport | None = None
        # Called as they are: each hop would cost every request.
        self.eof_received = handler.eof_received  # type: ignore[method-assign]
        self.pause_writing = handler.pause_writing  # type: ignore[method-assign]
        self.resume_writing = handler.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._rules.has_come(self)
        self.handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._rules.has_sent(self)
        self.handler.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rules.has_gone(self)
        self.handler.connection_lost(exc)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()


class _Refused(asyncio.Protocol):
    """A connection that ends as it begins."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Site(web.BaseSite):
    """Listens for a runner, and asks `connections` who may stay."""

    def __init__(
        self, runner: web.AppRunner, connections: Connections, host: str, port: int, backlog: int
    ) -> None:
        super().__init__(runner, backlog=backlog)
        self._connections = connections
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        server = self._runner.server
        assert server is not None, "the runner is set up"  # noqa: S101 - a fault of ours
        self._server = await asyncio.get_running_loop().create_server(
            lambda: self._connections.admit(server), self._host, self._port, backlog=self._backlog
        )


def most_and_backlog() -> tuple[int, int]:
    """How many connections this process has descriptors for, and how many may be accepted at once.
    It asks for more of them first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + BACKLOG + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MOST, BACKLOG
    backlog = min(BACKLOG, soft // 8)
    return max(FEWEST, min(MOST, soft - backlog - OWN_FILES)), backlog
