"""Zendesk and Twilio as a bench needs them: right answers, at once or after a delay, and counts.

It speaks HTTP over bare asyncio, so that it costs the machine little; the sandbox's far sides know
far more and are for tests. The text of a customer is known by its number (`load.body_of`).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.bench.load import SENDER, body_of, number_of

ORDER = re.compile(rb"My order (\d+) is late")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
KEY = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
REQUESTER = re.compile(rb'"requester_id":(\d+)')
PLAIN_USER = 1_000
STAMP = "2026-01-01T00:00:00Z"
REASONS = {200: "OK", 201: "Created", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(slots=True)
class World:
    """What the two know, and how they answer."""

    delay: float = 0.0  # seconds
    status: float = 200  # 503: away; 429: everybody is to wait
    listed: float = 0  # texts on the carrier's list, numbered from 0
    calls: Counter[str] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    first: dict[int, float] = field(default_factory=dict)
    requesters: dict[int, int] = field(default_factory=dict)
    keys: dict[bytes, int] = field(default_factory=dict)
    made: int = 10_000_000

    def answer(
        self, method: str, target: str, body: bytes, key: bytes | None
    ) -> tuple[int, object, float]:
        """Status, JSON and delay of an answer; a creation's `key` makes its repeat harmless."""
        if target.startswith("/bench/"):
            return 200, self._control(target), 0.0
        if target == "/readyz":
            return 200, None, 0.0
        path = urlsplit(target).path.removesuffix(".json")
        name = f"{method} {re.sub(r'[0-9]+', '*', path.removeprefix('/api/v2'))}"
        self.calls[name] += 1
        if self.status != 200:
            return int(self.status), {"error": "TooManyRequests"}, self.delay
        if key is not None and key in self.keys:
            ticket = {"ticket": self._ticket(self.keys[key]), "audit": self._audit()}
            return 201, ticket, self.delay
        if method in {"POST", "PUT"}:
            self._note(body)
        if key is not None:
            self.keys[key] = self.made + 1
        return (*self._found(method, path, body), self.delay)

    def _note(self, body: bytes) -> None:
        now = time.monotonic()
        for found in ORDER.findall(body):
            number = int(found)
            self.times[number] += 1
            self.first.setdefault(number, now)

    def _found(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        self.made += 1
        if path == "/api/v2/tickets" and method == "POST":
            found = REQUESTER.search(body)
            self.requesters[self.made] = int(found[1]) if found else PLAIN_USER
            return 201, {"ticket": self._ticket(self.made), "audit": self._audit()}
        if path.startswith("/api/v2/tickets/"):
            ticket = self._ticket(int(path.rpartition("/")[2]))
            return 200, {"ticket": ticket, "audit": self._audit()}
        if path == "/api/v2/users/create_or_update":
            return 201, {"user": {"id": self.made, "name": "Customer", "active": True}}
        if path == "/api/v2/incremental/tickets/cursor":
            return 200, {"tickets": [], "after_cursor": "c", "end_of_stream": True}
        if path.endswith("/Messages"):
            return 200, {"messages": self._list(), "next_page_uri": None}
        return 200, {"users": [], "tickets": [], "results": [], "comments": []}

    def _ticket(self, ticket_id: int) -> dict[str, Any]:
        return {
            "id": ticket_id,
            "status": "open",
            "requester_id": self.requesters.get(ticket_id, ticket_id),
            "updated_at": STAMP,
            "tags": ["sms", "sms_bridge"],
        }

    def _audit(self) -> dict[str, Any]:
        return {"events": [{"type": "Comment", "id": self.made}]}

    def _list(self) -> list[dict[str, str]]:
        sent_at = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(time.time() - 30))
        return [
            {
                "sid": f"SM{number:032x}",
                "direction": "inbound",
                "to": SENDER,
                "from": number_of(number),
                "body": body_of(number),
                "num_media": "0",
                "date_created": sent_at,
                "date_sent": sent_at,
            }
            for number in range(int(self.listed))
        ]

    def _control(self, target: str) -> object:
        asked = urlsplit(target)
        for key, value in parse_qsl(asked.query):
            setattr(self, key, float(value))
        if asked.path == "/bench/calls":
            return self.calls
        if asked.path == "/bench/texts":
            return {number: (times, self.first[number]) for number, times in self.times.items()}
        return None


class Connection(asyncio.Protocol):
    """One connection; its requests come one after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = LENGTH.search(head)
        if length and len(body) < int(length[1]):
            return
        self._received = b""
        method, target, _ = head.partition(b"\r\n")[0].decode().split(" ")
        key = KEY.search(head)
        status, content, delay = self._world.answer(method, target, body, key and key[1])
        answer = _whole(status, content)
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def _whole(status: int, content: object) -> bytes:
    body = b"" if content is None else json.dumps(content).encode()
    wait = "Retry-After: 600\r\n" if status == 429 else ""
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Answer')}\r\nContent-Type: application/json\r\n"
        f"{wait}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    world = World()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(world), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
