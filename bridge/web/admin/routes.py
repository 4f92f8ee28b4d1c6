"""What a page of the console is: an address, who may have it, and what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from bridge.domain.roles import Role

PREFIX = "/admin/"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Needs = Literal["anyone"] | Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address. GET only shows; whatever changes something is a POST.

    `needs` is the least role that may have it. `quiet`: it is asked for by a page that refreshes
    itself, and says nothing about somebody sitting there, so it prolongs no session.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    needs: Needs
    quiet: bool = False


def get(path: str, handler: Handler, *, needs: Needs, quiet: bool = False) -> Route:
    """A page that is looked at."""
    return Route(method="GET", path=PREFIX + path, handler=handler, needs=needs, quiet=quiet)


def post(path: str, handler: Handler, *, needs: Needs) -> Route:
    """A form that changes something, or asks with more than fits into an address."""
    return Route(method="POST", path=PREFIX + path, handler=handler, needs=needs)
