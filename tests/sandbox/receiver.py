"""A server that takes webhooks: it notes each request and answers as it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One request as it came: `url` is what the caller called, `form` the body's fields."""

    method: str
    url: str
    path_qs: str
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str]


class Receiver:
    """Answers 200 with an empty body, unless `answers` holds something else for the next ones."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answers: list[web.Response | float] = []  # a float: so many seconds of silence first
        self.url = ""
        self._came = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, count: int) -> list[Taken]:
        """Wait until so many requests have come (30 seconds at most)."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(lambda: len(self.taken) >= count)
        return self.taken

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        is_form = request.content_type == "application/x-www-form-urlencoded"
        form = {key: str(value) for key, value in (await request.post()).items()} if is_form else {}
        self.taken.append(
            Taken(
                method=request.method,
                url=str(request.url),
                path_qs=request.raw_path,
                headers={key.lower(): value for key, value in request.headers.items()},
                body=body,
                form=form or dict(request.query),
            )
        )
        async with self._came:
            self._came.notify_all()
        answer = self.answers.pop(0) if self.answers else web.Response()
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.Response()
        return answer
