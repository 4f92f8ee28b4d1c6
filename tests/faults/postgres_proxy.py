"""Stands in front of PostgreSQL and cuts a connection exactly around a COMMIT, or all of them.

It reads the protocol as far as it needs to (PostgreSQL documentation, "Message Formats"): after
the first message, which has no kind, each is one byte of kind, four of length, and its content.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

Cut = Literal["before", "after"]  # the server sees no COMMIT; or its answer to it gets lost
COMMIT = b"COMMIT\0"
LONGEST = 1 << 20


@dataclass(slots=True, eq=False)
class _Link:
    """One connection: what was said of interest on it so far."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    marked: bool = False
    commits: set[bytes] = field(default_factory=set)  # names of prepared COMMITs

    def is_commit(self, kind: bytes, content: bytes) -> bool:
        """Whether this message has the server commit."""
        if kind == b"Q":
            return content == COMMIT
        name, _, rest = content.partition(b"\0")
        if kind == b"P":
            (self.commits.add if rest.startswith(COMMIT) else self.commits.discard)(name)
        return kind == b"B" and rest.partition(b"\0")[0] in self.commits

    def close(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(slots=True)
class PostgresProxy:
    """`url` leads through it. `cuts` counts the connections that were cut around a COMMIT."""

    url: str
    _target: str
    cuts: int = 0
    refused: int = 0
    _is_down: bool = False
    _armed: tuple[bytes, Cut] | None = None
    serving: set[asyncio.Task[None]] = field(default_factory=set)
    _links: set[_Link] = field(default_factory=set)

    def cut_commit_of(self, words: str, how: Cut) -> None:
        """Cut the next transaction in which these words are written, at its COMMIT."""
        self._armed = (words.encode(), how)

    def down(self) -> None:
        """Cut every connection and refuse new ones."""
        self._is_down = True
        for link in list(self._links):
            link.close()

    def up(self) -> None:
        """Let connections through again."""
        self._is_down = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        if self._is_down:
            self.refused += 1
            writer.transport.abort()
            return
        from_server, to_server = await asyncio.open_unix_connection(self._target, limit=LONGEST)
        link = _Link(client=writer, server=to_server)
        self._links.add(link)
        ways = (
            asyncio.create_task(self._ask(reader, to_server, link)),
            asyncio.create_task(self._answer(from_server, writer, link)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._links.discard(link)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            head = await reader.readexactly(4)
            writer.write(head + await reader.readexactly(struct.unpack("!I", head)[0] - 4))
            while True:
                kind, head, content = await _message(reader)
                if self._armed is not None and self._armed[0] in content:
                    link.marked = True
                if link.is_commit(kind, content) and self._is_cut(link, "before"):
                    return
                writer.write(kind + head + content)
                await writer.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                kind, head, content = await _message(reader)
                if kind == b"C" and content == COMMIT and self._is_cut(link, "after"):
                    return
                writer.write(kind + head + content)
                await writer.drain()

    def _is_cut(self, link: _Link, how: Cut) -> bool:
        if not link.marked or self._armed is None or self._armed[1] != how:
            return False
        self._armed = None
        self.cuts += 1
        return True


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes, bytes]:
    kind = await reader.readexactly(1)
    head = await reader.readexactly(4)
    return kind, head, await reader.readexactly(struct.unpack("!I", head)[0] - 4)


@asynccontextmanager
async def proxied(url: str, folder: Path) -> AsyncIterator[PostgresProxy]:
    """A proxy in front of the server at `url`, which listens on a socket in `host`'s folder."""
    (host,) = parse_qs(urlsplit(url).query)["host"]
    proxy = PostgresProxy(
        url=url.replace(quote(host, safe=""), quote(str(folder), safe="")),
        _target=f"{host}/.s.PGSQL.5432",
    )
    server = await asyncio.start_unix_server(
        proxy.serve, str(folder / ".s.PGSQL.5432"), limit=LONGEST
    )
    try:
        yield proxy
    finally:
        server.close()
        proxy.down()
        await asyncio.gather(*proxy.serving, return_exceptions=True)
        await server.wait_closed()
