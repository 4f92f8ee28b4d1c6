"""A far side behind TLS: certificates of an authority of the test's own, changed while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import trustme


class TlsFront:
    """Takes TLS on a port of its own and hands the bytes on to a plain port on loopback."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.requests = 0  # connections over which anything came

    def present(self, certificate: trustme.LeafCert) -> None:
        """Show this certificate from the next connection on."""
        certificate.configure_cert(self._context)

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        inner_writer: asyncio.StreamWriter | None = None
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._to)
            forth = asyncio.create_task(self._pass_on(reader, inner_writer))
            back = asyncio.create_task(_copy(inner_reader, writer))
            await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            for each in (forth, back):
                each.cancel()
            await asyncio.gather(forth, back, return_exceptions=True)
        finally:
            self._tasks.discard(task)
            for each_writer in (writer, inner_writer):
                if each_writer is not None:
                    each_writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        if first:
            self.requests += 1
            writer.write(first)
            await _copy(reader, writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()


def expired(authority: trustme.CA) -> trustme.LeafCert:
    """A certificate that was good until yesterday."""
    now = datetime.now(UTC)
    return authority.issue_cert(
        "localhost", not_before=now - timedelta(days=90), not_after=now - timedelta(days=1)
    )


@asynccontextmanager
async def deaf_port() -> AsyncIterator[int]:
    """A port that takes connections and says nothing, as a handshake that stalls."""
    done = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.transport.abort()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        done.set()
        server.close()
