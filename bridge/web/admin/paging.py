"""Long lists, page by page: each goes on behind the last row of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from bridge.errors import BadRequest

T = TypeVar("T")
ROWS: Final = 50
ASK_FOR: Final = ROWS + 1  # one more than is shown says whether there are more
LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """The rows of a page, and whether there are more behind them."""

    rows: Sequence[T]
    more: bool


def page_of(found: Sequence[T]) -> Page[T]:
    """The page that ASK_FOR rows make."""
    return Page(rows=found[:ROWS], more=len(found) > ROWS)


def number_mark(request: web.Request, name: str) -> int | None:
    """A whole number out of the address, None where it isn't there. Raises BadRequest."""
    given = request.query.get(name)
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 20):
        raise BadRequest(name, "a whole number")
    return min(int(given), LARGEST)


def link_to(path: str, **query: str | int | None) -> str:
    """An address with those parameters that are not empty."""
    given = {name: value for name, value in query.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path
