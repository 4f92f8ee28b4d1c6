"""Faults of a far side, on order: refusals, delays, lost answers, nonsense.

One `Faults` stands in front of each fake server. A rule says what to do with the next n requests
that match; everything else passes. Every request is noted with the status it got.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

Drop = Literal["before", "after", "reset before", "reset after"]
LOST = 0  # the status noted for a request whose answer never left


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request as it came in. `at` is monotonic seconds; `status` is LOST for a lost answer,
    `connection` is the port that it came from."""

    method: str
    path: str
    query: str
    at: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None  # what a refusal asked for
    call: tuple[str, ...] = ()  # the same for the same call again
    connection: int = 0


@dataclass(slots=True, kw_only=True)
class Hold:
    """A gate: requests that match wait at it. `arrived` counts them; `open()` lets them through."""

    arrived: int = 0
    _gate: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Let everybody through, now and from now on."""
        self._gate.set()

    async def wait_arrived(self) -> None:
        """Wait until the first request stands at the gate."""
        await self._came.wait()

    async def pass_through(self) -> None:
        """Wait for the gate to open."""
        self.arrived += 1
        self._came.set()
        await self._gate.wait()


@dataclass(slots=True, kw_only=True)
class Rule:
    """What to do with matching requests. `times` None means for good."""

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    status: int | None = None
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    hold_before: Hold | None = None
    hold_after: Hold | None = None
    drop: Drop | None = None
    truncate: bool = False
    replace_body: str | None = None
    drip_s: float | None = None
    used: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether this rule still has something to do with such a request."""
        if self.times is not None and self.used >= self.times:
            return False
        return fnmatchcase(method, self.method.upper()) and fnmatchcase(path, self.path)


class Faults:
    """The rules of one far side, and the log of every request it got."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.rules: list[Rule] = []
        self._down: Rule | None = None

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; rules are asked in the order they were added."""
        self.rules.append(rule)
        return rule

    def refuse(
        self,
        method: str,
        path: str,
        status: int,
        *,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> Rule:
        """Answer with this status without applying anything."""
        return self.add(
            Rule(
                method=method,
                path=path,
                times=times,
                status=status,
                body=body,
                headers=headers or {},
            )
        )

    def delay(
        self,
        method: str,
        path: str,
        *,
        before_s: float = 0.0,
        after_s: float = 0.0,
        times: int | None = 1,
    ) -> Rule:
        """Wait before applying, after applying, or both."""
        return self.add(
            Rule(
                method=method,
                path=path,
                times=times,
                delay_before_s=before_s,
                delay_after_s=after_s,
            )
        )

    def hold_before(self, method: str, path: str, *, times: int | None = 1) -> Hold:
        """Stop matching requests before they are applied, until the gate is opened."""
        hold = Hold()
        self.add(Rule(method=method, path=path, times=times, hold_before=hold))
        return hold

    def hold_after(self, method: str, path: str, *, times: int | None = 1) -> Hold:
        """Apply matching requests, and keep their answers until the gate is opened."""
        hold = Hold()
        self.add(Rule(method=method, path=path, times=times, hold_after=hold))
        return hold

    def lose_answer(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Apply, then cut the connection: the caller can't know."""
        return self.add(Rule(method=method, path=path, times=times, drop="after"))

    def drop(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Read the request and cut the connection without applying it."""
        return self.add(Rule(method=method, path=path, times=times, drop="before"))

    def reset(self, method: str, path: str, *, applied: bool, times: int | None = 1) -> Rule:
        """End the connection with a reset (RST), before the request is applied or after it."""
        drop: Drop = "reset after" if applied else "reset before"
        return self.add(Rule(method=method, path=path, times=times, drop=drop))

    def drip(self, method: str, path: str, *, pause_s: float, times: int | None = 1) -> Rule:
        """Apply, and send the answer byte by byte with pauses."""
        return self.add(Rule(method=method, path=path, times=times, drip_s=pause_s))

    def answer(self, method: str, path: str, body: str, *, times: int | None = 1) -> Rule:
        """Apply, and say something else than what was done."""
        return self.add(Rule(method=method, path=path, times=times, replace_body=body))

    def truncate(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Apply, and send half of the answer."""
        return self.add(Rule(method=method, path=path, times=times, truncate=True))

    def html(self, method: str, path: str, *, apply: bool = False, times: int | None = 1) -> Rule:
        """Answer 200 with a page of HTML, as a proxy or a log-in wall does."""
        page = "<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"
        rule = Rule(method=method, path=path, times=times, content_type="text/html")
        if apply:
            rule.replace_body = page
        else:
            rule.status, rule.body = 200, page
        return self.add(rule)

    def down(self, is_down: bool = True, *, retry_after_s: int | None = None) -> None:  # noqa: FBT001, FBT002 - reads as `down(True)`
        """Answer everything with 503, or stop doing so."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self._down = (
            Rule(times=None, status=503, body="Service Unavailable", headers=headers)
            if is_down
            else None
        )
        if self._down:
            self._down.content_type = "text/plain"

    def clear(self) -> None:
        """Forget every rule; the log stays. Gates are opened."""
        for rule in self.rules:
            for hold in (rule.hold_before, rule.hold_after):
                if hold is not None:
                    hold.open()
        self.rules.clear()
        self._down = None

    def seen(self, method: str = "*", path: str = "*") -> list[Seen]:
        """The requests that match, oldest first."""
        return [
            one
            for one in self.requests
            if fnmatchcase(one.method, method.upper()) and fnmatchcase(one.path, path)
        ]

    def early_repeats(self) -> list[Seen]:
        """Calls that came again before the time that their refusal had asked for."""
        not_before: dict[tuple[str, ...], float] = {}
        early = []
        for one in self.requests:
            if one.at < not_before.get(one.call, 0.0):
                early.append(one)
            if one.retry_after_s is not None:
                not_before[one.call] = one.at + one.retry_after_s
        return early

    def middleware(self) -> Middleware:
        """Return the aiohttp middleware; it goes outermost."""

        @web.middleware
        async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
            seen = Seen(
                method=request.method,
                path=request.path,
                query=request.query_string,
                at=time.monotonic(),
                headers=dict(request.headers),
                call=await _call_of(request),
                connection=_port_of(request),
            )
            self.requests.append(seen)
            rule = self._rule_for(request)
            if rule is None:
                response = await _answer(request, handler)
            else:
                rule.used += 1
                response = await _misbehave(rule, request, handler)
            seen.status = LOST if _is_cut(request) else response.status
            asked = response.headers.get("Retry-After", "")
            seen.retry_after_s = float(asked) if asked.isdecimal() else None
            return response

        return faulty

    def _rule_for(self, request: web.Request) -> Rule | None:
        if self._down is not None:
            return self._down
        for rule in self.rules:
            if rule.matches(request.method, request.path):
                return rule
        return None


async def _call_of(request: web.Request) -> tuple[str, ...]:
    # An update of a ticket is the same call whatever it says: the limit is the ticket's.
    content = await request.read() if request.method == "POST" else b""
    return request.method, request.path_qs, hashlib.sha256(content).hexdigest()


async def _misbehave(rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse:
    await request.read()  # the caller shall have sent everything, whatever happens next
    await asyncio.sleep(rule.delay_before_s)
    if rule.hold_before is not None:
        await rule.hold_before.pass_through()
    if rule.status is not None:
        await asyncio.sleep(rule.delay_after_s)
        return web.Response(
            status=rule.status,
            text=rule.body,
            content_type=rule.content_type,
            headers=dict(rule.headers),
        )
    if rule.drop in ("before", "reset before"):
        return _cut(request, reset=rule.drop == "reset before")
    response = await _answer(request, handler)
    if rule.hold_after is not None:
        await rule.hold_after.pass_through()
    await asyncio.sleep(rule.delay_after_s)
    if rule.drop is not None:
        return _cut(request, reset=rule.drop == "reset after")
    if rule.truncate:
        return await _send_half(request, response)
    if rule.drip_s is not None:
        return await _drip(request, response, rule.drip_s)
    if rule.replace_body is not None:
        return web.Response(text=rule.replace_body, content_type=rule.content_type)
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return refusal


def _cut(request: web.Request, *, reset: bool = False) -> web.Response:
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        if reset and connection is not None:
            # Closed without lingering, a socket ends with a reset instead of a goodbye.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def _port_of(request: web.Request) -> int:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return int(peer[1]) if peer else 0


def _is_cut(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _drip(
    request: web.Request, whole: web.StreamResponse, pause_s: float
) -> web.StreamResponse:
    content = _content(whole)
    slow = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    slow.content_length = len(content)
    await slow.prepare(request)
    for byte in content:
        if _is_cut(request):
            break
        await slow.write(bytes([byte]))
        await asyncio.sleep(pause_s)
    return slow


def _content(whole: web.StreamResponse) -> bytes:
    body = whole.body if isinstance(whole, web.Response) else b""
    return body if isinstance(body, bytes) and body else b"{}"


async def _send_half(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    content = _content(whole)
    half = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    half.content_length = len(content)
    await half.prepare(request)
    await half.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
