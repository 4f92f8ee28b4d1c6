"""Fetch a file from an address that somebody else named, without being led anywhere else by it.

Every address on the way is asked for leave, resolved once, and connected to as it was resolved; no
redirect takes credentials along. OWASP's rules against server-side request forgery.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.errors import BridgeError

MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
IPV4_INSIDE = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a gateway


class FetchFailed(BridgeError):
    """The file can't be had. `words` are for an agent; `again` tells whether it may be later."""

    def __init__(self, words: str, *, again: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.again = again


class Source(Protocol):
    """Where files may come from."""

    @property
    def is_near(self) -> bool:
        """Whether they may be on this machine."""
        ...

    def allows(self, url: str) -> bool:
        """Whether this address may be asked."""
        ...

    def headers(self, url: str) -> Sequence[Mapping[str, str]]:
        """What to ask with, in turn while the answer is 401; credentials only where they belong."""
        ...


class Fetcher:
    """Fetches whole files, a few at once. `timeout_s` is for one file, redirects included;
    `owner` is whom they are had from, in words."""

    def __init__(
        self,
        *,
        timeout_s: float,
        most_bytes: int,
        at_once: int = 4,
        owner: str = "the carrier",
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._owner = owner
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._gate = asyncio.Semaphore(at_once)
        self._resolver = resolver

    async def fetch(self, source: Source, url: str) -> bytes:
        """The bytes of a file. Raises FetchFailed."""
        async with self._gate:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._fetch(source, url)
            except TimeoutError as error:
                raise FetchFailed("it did not come in time", again=True) from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise FetchFailed("the connection failed", again=True) from error

    async def _fetch(self, source: Source, url: str) -> bytes:
        resolver = CheckedResolver(self._resolver, is_near=source.is_near)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver, use_dns_cache=False, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
        ) as session:
            for _ in range(MOST_REDIRECTS + 1):
                found = await self._step(session, source, url)
                if isinstance(found, bytes):
                    return found
                url = urljoin(url, found)
        raise FetchFailed("it is handed on from address to address")

    async def _step(self, session: aiohttp.ClientSession, source: Source, url: str) -> bytes | str:
        """The file, or the address that it is handed on to."""
        if not source.allows(url):
            raise FetchFailed(f"its address is none of {self._owner}'s")
        _check_literal(url, is_near=source.is_near)
        for headers in source.headers(url):
            async with session.get(
                URL(url, encoded=True),
                headers={"accept-encoding": "identity", **headers},
                allow_redirects=False,
            ) as response:
                if response.status == 401:
                    continue
                if response.status in REDIRECTS:
                    return response.headers.get("location", "")
                return await self._read(response)
        raise FetchFailed(f"{self._owner} does not give it out (HTTP 401)")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        status = response.status
        if status != 200:
            again = status == 429 or status >= 500
            raise FetchFailed(f"{self._owner} does not give it out (HTTP {status})", again=again)
        content = bytearray()
        if (response.content_length or 0) <= self._most_bytes:
            async for chunk in response.content.iter_chunked(65536):
                content += chunk
                if len(content) > self._most_bytes:
                    break
            else:
                return bytes(content)
        response.close()
        raise FetchFailed(f"it is larger than {self._most_bytes // 1_000_000} MB")


class CheckedResolver(AbstractResolver):
    """Resolves a name, and refuses where any of its addresses is not a public one."""

    def __init__(self, inner: AbstractResolver | None, *, is_near: bool) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()
        self._is_near = is_near

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses, which are what is connected to. Raises FetchFailed."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            _check(each["host"], is_near=self._is_near)
        return found

    async def close(self) -> None:
        """Close nothing: the inner one may serve others."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None or ip in IPV4_INSIDE:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _check_literal(url: str, *, is_near: bool) -> None:
    """An address written as such never comes to the resolver."""
    host = URL(url, encoded=True).host or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    _check(host, is_near=is_near)


def _check(address: str, *, is_near: bool) -> None:
    is_loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    if not (is_public(address) or (is_near and is_loopback)):
        raise FetchFailed("its address leads into a private network")
