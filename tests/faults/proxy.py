"""A TCP proxy on loopback that breaks calls: one fault a request, by a seeded program.

It reads HTTP only as far as to know where a request or an answer ends. What it forwards are the
very bytes that came.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "delay",  # the request waits, and lands even where the caller has left
    "slow_answer",  # the answer waits
    "drop",  # accepted, then closed: nothing is forwarded
    "black_hole",  # nothing is forwarded, nothing is said
    "half_open",  # applied, and nothing is said
    "cut_request",  # a part of the request is forwarded, then both sides are reset
    "lose_answer",  # applied, then reset
    "cut_answer",  # applied, and a part of the answer comes before the end
    "drip_request",  # the request arrives in small pieces
    "drip",  # the answer comes in small pieces
    "repeat",  # the same bytes once more on another connection; only the first answer is told
]
KINDS: tuple[Kind, ...] = get_args(Kind)
PIECES = 20
LONGEST_HANG_S = 30.0
NO_BODY = re.compile(rb"HTTP/1\.1 (1\d\d|204|304) ")
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked", re.IGNORECASE | re.MULTILINE)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is unsent is dropped, and a RST leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request: for how long, and after which share of the bytes."""

    kind: Kind
    seconds: float = 0.0
    share: float = 0.5


Program = Callable[[bytes], Fault | None]  # of a request's head and body


@dataclass(slots=True, kw_only=True)
class RandomFaults:
    """A program that breaks this share of all requests; the same seed makes the same faults.

    `weights` say how often each kind comes; those that repeat are for calls that may be repeated.
    """

    seed: int
    share: float
    weights: Mapping[Kind, float]
    longest_s: float
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def __call__(self, _request: bytes) -> Fault | None:
        drawn, share = self._chance.random(), self._chance.uniform(0.05, 0.95)
        seconds = self._chance.uniform(0.0, self.longest_s)
        (kind,) = self._chance.choices(list(self.weights), list(self.weights.values()))
        return Fault(kind=kind, seconds=seconds, share=share) if drawn < self.share else None


class FaultProxy:
    """Listens on loopback and forwards to one of `upstreams` (ports, tried in random order)."""

    def __init__(self, seed: int = 0) -> None:
        self.upstreams: Sequence[int] = ()
        self.program: Program | None = None
        self.injected: Counter[str] = Counter()
        self.port = 0
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and listen no more."""
        if self._server is not None:
            self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            while (request := await read_message(reader)) is not None:
                fault = self.program(request) if self.program is not None else None
                call = Call(request, fault, reader, writer, self._connect)
                if fault is not None:
                    self.injected[fault.kind] += 1
                if not await (carry(call) if fault is None else BREAK[fault.kind](call)):
                    break
        except (OSError, EOFError):
            reset(writer)
        except asyncio.CancelledError:
            reset(writer)  # stop() has asked for it; streams log a task that ends so
        finally:
            writer.close()
            self._calls.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ports = self._chance.sample(self.upstreams, len(self.upstreams))
        for port in ports:
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        raise ConnectionRefusedError


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way."""

    request: bytes
    fault: Fault | None
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

    @property
    def seconds(self) -> float:
        """How long the fault lasts."""
        return self.fault.seconds if self.fault is not None else 0.0

    def cut(self, message: bytes) -> bytes:
        """The first bytes of a message, never all of them."""
        share = self.fault.share if self.fault is not None else 1.0
        return message[: min(len(message) - 1, max(1, int(len(message) * share)))]

    async def forward(self, *, pieces: int = 1) -> bytes:
        """Have the request applied. Returns the whole answer; raises OSError or EOFError."""
        reader, writer = await self.connect()
        try:
            await drip(writer, self.request, pieces=pieces, seconds=self.seconds)
            answer = await read_message(reader)
        finally:
            writer.close()
        if answer is None:
            raise EOFError
        return answer

    async def answer(self, answer: bytes, *, pieces: int = 1) -> bool:
        """Tell the caller. Returns whether the connection may be used again."""
        await drip(self.writer, answer, pieces=pieces, seconds=self.seconds)
        return b"\nconnection: close" not in answer.partition(b"\r\n\r\n")[0].lower()

    async def say_nothing(self) -> bool:
        """Wait until the caller has had enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_HANG_S):
                while await self.reader.read(1 << 16):
                    pass
        return False

    def end(self) -> bool:
        """Reset the caller's connection."""
        reset(self.writer)
        return False


async def carry(call: Call) -> bool:
    """Forward and answer: no fault."""
    return await call.answer(await call.forward())


async def _delay(call: Call) -> bool:
    await asyncio.sleep(call.seconds)
    return await carry(call)


async def _slow_answer(call: Call) -> bool:
    answer = await call.forward()
    await asyncio.sleep(call.seconds)
    return await call.answer(answer)


async def _drop(call: Call) -> bool:
    return False


async def _black_hole(call: Call) -> bool:
    return await call.say_nothing()


async def _half_open(call: Call) -> bool:
    await call.forward()
    return await call.say_nothing()


async def _cut_request(call: Call) -> bool:
    _, writer = await call.connect()
    await drip(writer, call.cut(call.request))
    reset(writer)
    return call.end()


async def _lose_answer(call: Call) -> bool:
    await call.forward()
    return call.end()


async def _cut_answer(call: Call) -> bool:
    await drip(call.writer, call.cut(await call.forward()))
    return False


async def _drip_request(call: Call) -> bool:
    return await call.answer(await call.forward(pieces=PIECES))


async def _drip(call: Call) -> bool:
    return await call.answer(await call.forward(), pieces=PIECES)


async def _repeat(call: Call) -> bool:
    first, *_ = await asyncio.gather(call.forward(), call.forward(), return_exceptions=True)
    if isinstance(first, BaseException):
        raise first
    return await call.answer(first)


BREAK: Mapping[Kind, Callable[[Call], Awaitable[bool]]] = {
    "delay": _delay,
    "slow_answer": _slow_answer,
    "drop": _drop,
    "black_hole": _black_hole,
    "half_open": _half_open,
    "cut_request": _cut_request,
    "lose_answer": _lose_answer,
    "cut_answer": _cut_answer,
    "drip_request": _drip_request,
    "drip": _drip,
    "repeat": _repeat,
}


async def drip(
    writer: asyncio.StreamWriter, message: bytes, *, pieces: int = 1, seconds: float = 0.0
) -> None:
    """Write a message in so many pieces, which take so many seconds in all."""
    size = -(-len(message) // pieces)
    for start in range(0, len(message), size):
        if start:
            await asyncio.sleep(seconds / pieces)
        writer.write(message[start : start + size])
        await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a RST."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def read_message(reader: asyncio.StreamReader) -> bytes | None:
    """One request or answer, byte by byte as it came; None where none begins.

    Raises EOFError where it ends too early.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    length = _LENGTH.search(head)
    if _CHUNKED.search(head):
        return head + await _read_chunks(reader)
    if length is not None:
        return head + await reader.readexactly(int(length[1]))
    if head.startswith(b"HTTP/") and not NO_BODY.match(head):
        return head + await reader.read()
    return head


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        found += line + await reader.readexactly(size + 2)
        if size == 0:
            return bytes(found)
