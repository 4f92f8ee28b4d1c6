"""Who may stay connected: aiohttp knows no bound on connections, and lets one that asks for nothing
stay as long as one between two requests."""

from __future__ import annotations

import asyncio
import resource
from typing import Final

import structlog
from aiohttp import web

log = structlog.get_logger()
FIRST_WITHIN_S: Final = 10.0  # the headers of a connection's first request
MOST: Final = 4_096
OWN_FILES: Final = 400  # descriptors for the store, the far sides and what is fetched
FEWEST: Final = 64
TELL_EVERY_S: Final = 60.0


class Connections:
    """All connections of one listening socket."""

    def __init__(self, most: int = MOST, first_within_s: float = FIRST_WITHIN_S) -> None:
        self.most = most
        self.first_within_s = first_within_s
        # Those that have asked for nothing yet, the oldest first.
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}
        self._coming = 0  # admitted, and not among aiohttp's yet
        self._told_at = -TELL_EVERY_S

    def admit(self, server: web.Server) -> asyncio.Protocol:
        """The protocol of a connection that has just come. Where there are too many, the one goes
        that has been silent the longest; where none is silent, this one."""
        loop = asyncio.get_running_loop()
        if len(server.connections) + self._coming >= self.most and not self._make_room():
            self._tell(loop.time())
            return _Refused()
        self._coming += 1
        loop.call_soon(self._has_come)
        handler = server()
        self._silent[handler] = loop.call_later(self.first_within_s, self._close, handler)
        return handler

    def has_asked(self, request: web.Request) -> None:
        """Its connection has brought a request."""
        timer = self._silent.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()

    def _tell(self, now_s: float) -> None:
        if now_s - self._told_at >= TELL_EVERY_S:
            self._told_at = now_s
            log.warning("connections.full", most=self.most)

    def _has_come(self) -> None:
        self._coming -= 1

    def _make_room(self) -> bool:
        for handler in list(self._silent):
            is_there = handler.transport is not None
            self._close(handler)
            if is_there:
                return True
        return False

    def _close(self, handler: web.RequestHandler) -> None:
        timer = self._silent.pop(handler)
        timer.cancel()
        handler.force_close()


class _Refused(asyncio.Protocol):
    """A connection that ends as it begins."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Site(web.BaseSite):
    """Listens for a runner, and asks `connections` who may stay."""

    def __init__(
        self, runner: web.AppRunner, connections: Connections, host: str, port: int
    ) -> None:
        super().__init__(runner, backlog=1024)
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
            lambda: self._connections.admit(server), self._host, self._port, backlog=1024
        )


def most_connections() -> int:
    """How many connections this process has descriptors for, which it asks for more of first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST if soft == resource.RLIM_INFINITY else max(FEWEST, min(MOST, soft - OWN_FILES))
