"""Requests read strictly and answers written as Zendesk words them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bridge.sandbox.zendesk.records import Json

LARGEST_PAGE = 100
LAST_OFFSET = 10_000
WARN_HEADER = "X-Zendesk-API-Warn"


class ZendeskRefusal(Exception):
    """An error answer: HTTP status, JSON body (None: empty) and headers."""

    def __init__(
        self, status: int, body: Json | None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The HTTP answer."""
        if self.body is None:
            return web.Response(status=self.status, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)


def not_found() -> ZendeskRefusal:
    """404: no such record, or a deleted one."""
    return ZendeskRefusal(404, {"error": "RecordNotFound", "description": "Not found"})


def no_endpoint() -> ZendeskRefusal:
    """404: no such address."""
    return ZendeskRefusal(404, {"error": "InvalidEndpoint", "description": "Not found"})


def invalid(field: str, description: str, error: str = "InvalidValue") -> ZendeskRefusal:
    """422: a record that can't be valid."""
    return ZendeskRefusal(
        422,
        {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {field: [{"description": description, "error": error}]},
        },
    )


def bad_attribute(name: str, wanted: str) -> ZendeskRefusal:
    """400: a parameter of the wrong shape."""
    return ZendeskRefusal(
        400,
        {
            "error": {
                "title": "Invalid attribute",
                "message": f"You passed an invalid value for the {name} attribute. "
                f"Invalid parameter: {name} must be {wanted}",
            }
        },
    )


def forbidden(description: str) -> ZendeskRefusal:
    """403 with its reason."""
    return ZendeskRefusal(403, {"error": "Forbidden", "description": description})


async def read_json(request: web.Request) -> Json:
    """Read a JSON object. Raises ZendeskRefusal 415, 400."""
    if request.content_type != "application/json":
        raise ZendeskRefusal(
            415,
            {
                "error": "UnsupportedMediaType",
                "description": "Content-Type must be application/json",
            },
        )
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        raise ZendeskRefusal(
            400, {"error": "InvalidJSON", "description": "The body is not valid JSON"}
        ) from None
    if not isinstance(body, dict):
        raise bad_attribute("body", "an object")
    return body


async def read_wrapped(request: web.Request, name: str) -> Json:
    """Read a JSON object that stands under one name, as Zendesk's writes do."""
    body = await read_json(request)
    inner = body.get(name)
    if not isinstance(inner, dict):
        raise bad_attribute(name, "an object")
    return inner


def integer(value: object, name: str) -> int:
    """Read an id: Zendesk takes numbers and their decimal text."""
    if isinstance(value, bool) or not str(value).isdigit():
        raise bad_attribute(name, "an integer")
    return int(str(value))


def id_list(text: str, name: str = "ids") -> list[int]:
    """Read ids with commas between them, at most 100."""
    found = [integer(part.strip(), name) for part in text.split(",") if part.strip()]
    if len(found) > LARGEST_PAGE:
        raise ZendeskRefusal(400, {"error": "TooManyValues", "description": f"{name}: at most 100"})
    return found


def warn_unknown(given: Iterable[str], known: set[str], where: str) -> dict[str, str]:
    """The header that names the keys that were not looked at."""
    unknown = sorted(f"{where}.{key}" for key in given if key not in known)
    if not unknown:
        return {}
    return {WARN_HEADER: f"Removed restricted keys {json.dumps(unknown)} from parameters"}


def page(
    request: web.Request,
    name: str,
    items: Sequence[Any],
    write: Callable[[Any], Json],
    key: Callable[[Any], int],
    *,
    limit: int = LARGEST_PAGE,
) -> Json:
    """Cut one page out of a list, by cursor where `page[...]` is asked for, else by offset.

    `key` gives the id that a cursor remembers, so that a page stays right when items are added.
    """
    if any(part.startswith("page[") for part in request.query):
        return _cursor_page(request, name, items, write, key, limit=limit)
    return _offset_page(request, name, items, write, limit)


def _cursor_page(
    request: web.Request,
    name: str,
    items: Sequence[Any],
    write: Callable[[Any], Json],
    key: Callable[[Any], int],
    *,
    limit: int,
) -> Json:
    query = request.query
    size = number(query.get("page[size]", str(limit)), limit)
    start = 0
    if "page[after]" in query:
        start = _position(query["page[after]"], items, key) + 1
    elif "page[before]" in query:
        start = max(0, _position(query["page[before]"], items, key) - size)
    window = items[start : start + size]
    after = _cursor(key(window[-1])) if window else None
    before = _cursor(key(window[0])) if window else None
    base = str(request.url.with_query(None))
    kept = [(k, v) for k, v in query.items() if k not in {"page[after]", "page[before]"}]

    def link(part: str, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return base + "?" + "&".join(f"{k}={v}" for k, v in [*kept, (part, cursor)])

    return {
        name: [write(item) for item in window],
        "meta": {
            "has_more": start + size < len(items),
            "after_cursor": after,
            "before_cursor": before,
        },
        # Filled on the last page too (seen in recorded answers): only has_more tells.
        "links": {"next": link("page[after]", after), "prev": link("page[before]", before)},
    }


def _offset_page(
    request: web.Request,
    name: str,
    items: Sequence[Any],
    write: Callable[[Any], Json],
    limit: int,
) -> Json:
    size = number(request.query.get("per_page", str(limit)), limit)
    at = number(request.query.get("page", "1"), LAST_OFFSET)
    if at * size > LAST_OFFSET:
        raise ZendeskRefusal(
            400,
            {
                "error": "InvalidPaginationDepth",
                "description": "Limits for offset pagination were exceeded: use cursors",
            },
        )
    start = (at - 1) * size
    has_more = start + size < len(items)
    return {
        name: [write(item) for item in items[start : start + size]],
        "count": len(items),
        "next_page": str(request.url.update_query(page=at + 1)) if has_more else None,
        "previous_page": str(request.url.update_query(page=at - 1)) if at > 1 else None,
    }


def number(text: str, largest: int) -> int:
    """Read a page number or size: at least 1, and no more than `largest`."""
    if not text.isdigit() or int(text) < 1:
        raise ZendeskRefusal(
            400, {"error": "InvalidValue", "description": "page sizes are numbers from 1"}
        )
    return min(int(text), largest)


def _cursor(key: int) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def _position(cursor: str, items: Sequence[Any], key: Callable[[Any], int]) -> int:
    try:
        wanted = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        wanted = -1
    for position, item in enumerate(items):
        if key(item) == wanted:
            return position
    raise ZendeskRefusal(
        400, {"error": "InvalidValue", "description": "page[after] or page[before] is not valid"}
    )
