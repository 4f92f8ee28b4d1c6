"""A bounded load of signed Twilio webhooks over kept-alive connections, and what it measured."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

TOKEN = "bench-token"
ACCOUNT = "AC" + "0" * 32
SENDER = "+12025550100"
PATH = "/carriers/twilio/inbound"
CUSTOMERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one round gave. Times in milliseconds."""

    per_second: float
    p50: float
    p99: float


def webhooks(base_url: str, count: int, *, first: int) -> Iterator[bytes]:
    """Whole HTTP requests: unique messages from many customers, signed as Twilio signs."""
    host = base_url.removeprefix("http://")
    for number in range(first, first + count):
        fields = {
            "ToCountry": "US",
            "ToState": "DC",
            "SmsMessageSid": f"SM{number:032x}",
            "NumMedia": "0",
            "ToCity": "",
            "FromZip": "",
            "SmsSid": f"SM{number:032x}",
            "FromState": "DC",
            "SmsStatus": "received",
            "FromCity": "WASHINGTON",
            "Body": f"My order {number} is late, where is it?",
            "FromCountry": "US",
            "To": SENDER,
            "ToZip": "",
            "NumSegments": "1",
            "MessageSid": f"SM{number:032x}",
            "AccountSid": ACCOUNT,
            "From": f"+1312555{number % CUSTOMERS:04d}",
            "ApiVersion": "2010-04-01",
        }
        signed = base_url + PATH + "".join(key + fields[key] for key in sorted(fields))
        digest = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
        body = urlencode(fields).encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\n"
            f"X-Twilio-Signature: {base64.b64encode(digest).decode()}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


async def run_load(port: int, requests: Sequence[bytes], *, connections: int) -> Measured:
    """Send all requests over so many connections, each waiting for its answer."""
    waiting = iter(requests)
    took: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            status = await reader.readline()
            if b" 200 " not in status:
                raise RuntimeError(f"answered {status!r}")
            await _skip_rest(reader)
            took.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one())
    seconds = time.perf_counter() - began
    took.sort()
    return Measured(
        per_second=len(took) / seconds,
        p50=statistics.median(took) * 1000,
        p99=took[int(len(took) * 0.99)] * 1000,
    )


async def _skip_rest(reader: asyncio.StreamReader) -> None:
    length = 0
    while (line := await reader.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
