"""A request as plain values: its body under limits of size and time, its address as signed."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from bridge.carriers.contract import WebhookRequest
from bridge.errors import BadRequest, Forged

LARGEST_BODY = 1024 * 1024  # bytes
BODY_WITHIN_S = 10.0  # aiohttp itself waits for ever

# What decides whom we believe. Two of one of these is an attempt to have one part of the chain
# check the first and another use the second.
_DECISIVE = ("signature", "authorization", "timestamp", "token")


async def read_body(request: web.Request) -> bytes:
    """The whole body, decoded from nothing.

    Raises HTTPUnsupportedMediaType (a Content-Encoding), HTTPRequestEntityTooLarge,
    HTTPRequestTimeout or BadRequest (cut short, or wrongly framed).
    """
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise web.HTTPUnsupportedMediaType
    if (request.content_length or 0) > LARGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST_BODY)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (web.RequestPayloadError, ConnectionError) as error:  # the latter: who sent it has gone
        raise BadRequest("body", "a complete body, framed as its headers say") from error


async def read_webhook(request: web.Request, public_url: str) -> WebhookRequest:
    """The request as carriers and desks see it. Raises what `read_body` does, and Forged."""
    target = origin_form(request.raw_path)
    headers = _one_of_each(request.headers)
    return WebhookRequest(
        method=request.method,
        url=public_url.rstrip("/") + target,
        seen_url=f"{_claimed_scheme(request, headers)}://{request.host}{target}",
        headers=headers,
        body=await read_body(request),
    )


def origin_form(target: str) -> str:
    """Path and query of a request target, byte for byte as sent.

    A proxy may send the absolute form (RFC 9112, section 3.2.2); its scheme and host are the
    sender's claim and are dropped.
    """
    scheme, found, rest = target.partition("://")
    if target.startswith("/") or not found or not scheme.isalpha():
        return target
    path_at = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    path = rest[path_at:]
    return path if path.startswith("/") else f"/{path}"


def _claimed_scheme(request: web.Request, headers: dict[str, str]) -> str:
    # Only ever shown to the operator: no decision hangs on what a proxy or a forger wrote here.
    forwarded = headers.get("x-forwarded-proto", "")
    return forwarded if forwarded in {"http", "https"} else request.scheme


def _one_of_each(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Headers under lower-case names. Raises Forged where a decisive one is repeated."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in found:
            if any(word in lower for word in _DECISIVE):
                raise Forged(f"the header {lower} stands in the request more than once")
            value = f"{found[lower]}, {value}"  # noqa: PLW2901 - RFC 9110, section 5.3
        found[lower] = value
    return found
