"""A bounded load of signed Twilio webhooks over kept-alive connections, and what it measured.

The requests are made beforehand and sent over bare sockets by one loop over epoll, so that the
sender costs a fraction of what any HTTP server does; `ceiling.py` measures what it can do at most.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

TOKEN: Final = "bench-token"
ACCOUNT: Final = "AC" + "0" * 32
SENDER: Final = "+12025550100"
PUBLIC_URL: Final = "https://sms.example.com"
PATH: Final = "/carriers/twilio/inbound"
CUSTOMERS: Final = 10_000
LONGEST_SILENCE_S: Final = 60.0


class LoadFailed(Exception):
    """A server answered otherwise than with a success, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one round gave. Times in milliseconds; `cpu_us` of the server's processor a text."""

    per_second: float
    p50: float
    p99: float
    cpu_us: float = 0.0


@dataclass(slots=True)
class _Connection:
    """One kept-alive connection with a request under way."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def close(self) -> None:
        self.socket.close()

    def is_answered(self) -> bool:
        """Read what has come. Raises LoadFailed."""
        came = self.socket.recv(65536)
        self.received += came
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not came or (separator and head[9:10] != b"2"):
            raise LoadFailed(f"answered {self.received[:300]!r}")
        return bool(separator) and len(body) >= _length(head)


def number_of(customer: int) -> str:
    """The phone of a customer by number, the same as in a seeded database."""
    return f"+1303{2_000_000 + customer}"


def body_of(number: int) -> str:
    """What the text with this number says; far sides know it by that."""
    return f"My order {number} is late, where is it?"


def fields_of(number: int, customer: int) -> dict[str, str]:
    """The form that Twilio sends, with an id that is this number's alone and, like Twilio's own,
    follows no order: each goes to another page of an index."""
    carrier_id = f"SM{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()}"
    return {
        "ToCountry": "US",
        "ToState": "DC",
        "SmsMessageSid": carrier_id,
        "NumMedia": "0",
        "ToCity": "",
        "FromZip": "",
        "SmsSid": carrier_id,
        "FromState": "DC",
        "SmsStatus": "received",
        "FromCity": "WASHINGTON",
        "Body": body_of(number),
        "FromCountry": "US",
        "To": SENDER,
        "ToZip": "",
        "NumSegments": "1",
        "MessageSid": carrier_id,
        "AccountSid": ACCOUNT,
        "From": number_of(customer),
        "ApiVersion": "2010-04-01",
    }


def webhooks(
    count: int, *, first: int, customers: int = CUSTOMERS, first_customer: int = 0, step: int = 1
) -> Iterator[bytes]:
    """Whole HTTP requests: unique messages from so many customers, signed as Twilio signs."""
    for number in range(first, first + count):
        yield webhook(number, first_customer + number % customers * step)


def webhook(number: int, customer: int, path: str = PATH) -> bytes:
    """One of them."""
    fields = fields_of(number, customer)
    signed = PUBLIC_URL + path + "".join(key + fields[key] for key in sorted(fields))
    digest = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    body = urlencode(fields).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: sms.example.com\r\n"
        f"X-Twilio-Signature: {base64.b64encode(digest).decode()}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run_load(
    ports: int | Sequence[int], requests: Sequence[bytes], *, connections: int
) -> Measured:
    """Send all requests over so many connections, each waiting for its answer before the next.

    Several ports get their share of the connections. Raises LoadFailed.
    """
    each = [ports] if isinstance(ports, int) else ports
    waiting = iter(requests)
    took: list[float] = []
    opened = {}
    with select.epoll() as poll:
        for number in range(min(connections, len(requests))):
            one = _connect(each[number % len(each)])
            opened[one.socket.fileno()] = one
            poll.register(one.socket, select.EPOLLIN)
        began = time.perf_counter()
        for one in opened.values():
            one.send(next(waiting))
        busy = len(opened)
        while busy:
            ready = poll.poll(LONGEST_SILENCE_S)
            if not ready:
                raise LoadFailed(f"no answer for {LONGEST_SILENCE_S:g} s")
            for file, _ in ready:
                one = opened[file]
                if not one.is_answered():
                    continue
                took.append(time.perf_counter() - one.sent_at)
                request = next(waiting, None)
                if request is None:
                    busy -= 1
                else:
                    one.send(request)
        seconds = time.perf_counter() - began
        for one in opened.values():
            one.close()
    return measured(took, seconds)


def run_until(
    end: Callable[[], object],
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    after_s: float,
) -> list[int]:
    """Send until `end` is called, which kills the server; returns which were acknowledged."""
    waiting = iter(enumerate(requests))
    acknowledged: list[int] = []

    def send() -> None:
        with suppress(OSError, LoadFailed), closing(_connect(port)) as one:
            for number, request in waiting:
                one.send(request)
                while not one.is_answered():
                    pass
                acknowledged.append(number)

    with ThreadPoolExecutor(connections) as threads:
        for _ in range(connections):
            threads.submit(send)
        time.sleep(after_s)
        end()
    return acknowledged


def measured(took: list[float], seconds: float) -> Measured:
    """What so many answers in so many seconds come to."""
    took.sort()
    return Measured(
        per_second=len(took) / seconds,
        p50=statistics.median(took) * 1000,
        p99=took[int(len(took) * 0.99)] * 1000,
    )


def _connect(port: int) -> _Connection:
    connection = socket.create_connection(("127.0.0.1", port), LONGEST_SILENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _Connection(connection)


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"content-length:")
    if start < 0:
        return 0
    end = lower.find(b"\r\n", start)
    return int(lower[start + 15 : end if end > 0 else len(lower)])
