"""A carrier's API on loopback that takes every text in its own way, for every kit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from bridge.carriers.contract import WebhookRequest
from bridge.sandbox.demo import Sandbox
from tests.carriers.kits.kit import Hook, Kit, Maker


@dataclass(slots=True)
class FarCarrier:
    """What it was asked, and how it answers: `next_answers` once each, then as usual.

    "hang_up" reads a request and cuts the connection.
    """

    kit: Kit
    url: str = ""
    asked: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    next_answers: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((dict(request.headers), await request.read()))
        case = self.next_answers.pop(0) if self.next_answers else "accepted"
        if case == "hang_up":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        told = self.kit.answers[case]
        if isinstance(told.body, bytes):
            return web.Response(status=told.status, body=told.body, content_type="text/html")
        return web.json_response(told.body, status=told.status)

    def sends_of(self, words: str) -> int:
        """How many requests carried these words."""
        return sum(words.encode() in body for _, body in self.asked)


@asynccontextmanager
async def far_carrier(kit: Kit) -> AsyncIterator[FarCarrier]:
    """A carrier of this kit on a port of its own."""
    far = FarCarrier(kit=kit)
    app = web.Application()
    app.router.add_post(kit.send_path, far.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    far.url = f"http://{host}:{port}"
    try:
        yield far
    finally:
        await runner.cleanup()


async def deliver(request: WebhookRequest) -> int:
    """Hand a webhook to the bridge as it was signed. Returns the status."""
    async with (
        aiohttp.ClientSession(skip_auto_headers=("Content-Type",)) as session,
        session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body or None,
            headers=request.headers,
        ) as response,
    ):
        return response.status


async def hook(sandbox: Sandbox, make: Maker, what: Hook) -> int:
    """Make a webhook for this sandbox and hand it in."""
    return await deliver(make(what))


async def at_once(*requests: WebhookRequest) -> list[int]:
    """Hand several in at the same time."""
    return list(await asyncio.gather(*(deliver(one) for one in requests)))
