"""The yardstick for work at Zendesk: aiohttp's client alone, with so many calls at once.

python -m tests.bench.client PORT CALLS AT_ONCE new|known: prints seconds. A text on a `new` ticket
is one call, on a `known` one two (it is read first).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import aiohttp

from tests.bench.load import body_of

HEADERS = {"accept": "application/json", "content-type": "application/json", "authorization": "x"}


async def main(port: int, texts: int, at_once: int, kind: str) -> None:
    """Make the calls, print how long they took."""
    waiting = iter(range(texts))
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as session:
        began = time.perf_counter()
        await asyncio.gather(*(write_all(session, waiting, kind) for _ in range(at_once)))
        print(time.perf_counter() - began)


async def write_all(session: aiohttp.ClientSession, waiting: Iterator[int], kind: str) -> None:
    """Write texts one after the other, as long as there are any."""
    for number in waiting:
        if kind == "known":
            path = f"/api/v2/tickets/{number + 1}"
            await call(session, "GET", path, None)
            await call(session, "PUT", path, ticket(number))
        else:
            await call(session, "POST", "/api/v2/tickets", ticket(number))


async def call(session: aiohttp.ClientSession, method: str, path: str, body: bytes | None) -> None:
    """One call, its answer read to the end."""
    async with session.request(method, path, data=body, headers=HEADERS) as answer:
        json.loads(await answer.read())


def ticket(number: int) -> bytes:
    """A body of the size that the bridge's have."""
    content = {
        "subject": "Text from +1 303-200-0000 to +1 202-555-0100",
        "external_id": f"{number:032x}",
        "comment": {"body": body_of(number), "public": True, "author_id": number + 1},
        "tags": ["sms", "sms_bridge"],
        "metadata": {"mark": f"{number:032x}"},
        "submitter_id": number + 1,
        "requester_id": number + 1,
    }
    return json.dumps({"ticket": content}).encode()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
