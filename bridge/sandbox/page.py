"""The sandbox's page: a phone on one side, an agent's ticket on the other, and what lies between.

It shows and asks; what happens, happens in the fake far sides and the real bridge, behind `World`.
The whole state is small (a few conversations), so every event carries all of it: a browser that
missed one, or comes back after a pause, is right again with the next.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal, Protocol, TypedDict, cast

from aiohttp import ClientConnectionResetError, hdrs, web
from aiohttp_sse import sse_response

from bridge.errors import BadRequest
from bridge.web import problems
from bridge.web.requests import read_body

STATIC = Path(__file__).parent / "static"
PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
LARGEST_BODY = 128 * 1024  # bytes of one request
LONGEST_TEXT = 1600  # characters: what the carrier hands on of one text
LONGEST_REPLY = 64 * 1024  # characters of HTML: Zendesk's limit of a comment
MOST_COPIES = 20

# Nothing from elsewhere, nothing inline: a text can't run, load or frame anything.
CONTENT_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Outcome = Literal["delivered", "undelivered", "failed"]
Status = Literal["new", "open", "pending", "hold", "solved", "closed"]
OUTCOMES = ("delivered", "undelivered", "failed")
STATUSES = ("open", "pending", "hold", "solved", "closed")


class SenderView(TypedDict):
    """A number of the brand. `kind`: long_code, toll_free or short_code."""

    number: str
    name: str
    kind: str


class CustomerView(TypedDict):
    """Somebody with a phone. `next_delivery` is what their next text from us will meet."""

    number: str
    name: str
    about: str
    next_delivery: str


class TextView(TypedDict):
    """One text as the phone network knows it. `at` is RFC 3339.

    `state`: queued, sent, delivered or failed; for the customer's own texts, delivered means
    that the bridge has acknowledged the webhook. `copies`: how often that webhook was delivered.
    `pictures` are ids that `World.picture` knows.
    """

    id: str
    customer: str
    sender: str
    from_customer: bool
    body: str
    media: list[str]
    pictures: list[str]
    state: str
    reason: str | None
    copies: int
    at: str


class CommentView(TypedDict):
    """A comment as Zendesk shows it. `role`: customer, agent or bridge. `attachments` are the names
    of its files, `pictures` the ids of those that `World.picture` knows."""

    id: int
    public: bool
    author: str
    role: str
    html: str
    plain: str
    attachments: list[str]
    pictures: list[str]
    at: str


class TicketView(TypedDict):
    """A ticket as Zendesk shows it, its comments oldest first."""

    id: int
    subject: str
    status: str
    requester: str
    phone: str
    tags: list[str]
    follow_up_of: int | None
    comments: list[CommentView]
    created_at: str
    updated_at: str


class State(TypedDict):
    """All that the page shows. `messages` are as the bridge's API gives them, oldest first.

    An inbound one and an automatic answer also have `why`, `rule`, `cause_id` and `attempts` of
    their trace (GET /api/v1/messages/ID).
    """

    senders: list[SenderView]
    customers: list[CustomerView]
    texts: list[TextView]
    tickets: list[TicketView]
    messages: list[dict[str, Any]]
    zendesk_down: bool


class World(Protocol):
    """The two fake far sides and the bridge between them, as the page needs them.

    Methods raise BadRequest for what does not exist; none waits for the bridge to finish.
    """

    async def state(self) -> State:
        """All there is to show, now."""
        ...

    def subscribe(self) -> AsyncGenerator[State]:
        """The state at once, after each change, and now and then; the page closes it.

        Only by writing to it does a server learn that a browser has left.
        """
        ...

    async def text(
        self, *, customer: str, sender: str, body: str, copies: int, with_picture: bool
    ) -> str:
        """Text the brand, with the sandbox's own picture or without; the webhook is delivered
        `copies` times. Returns the text's id."""
        ...

    def picture(self, picture_id: str) -> tuple[str, bytes] | None:
        """A picture on a phone or a ticket: its type and content, None where there is none."""
        ...

    async def reply(self, *, ticket_id: int, html: str, public: bool) -> int:
        """Write an agent's comment. Returns its id."""
        ...

    async def set_status(self, *, ticket_id: int, status: Status) -> None:
        """Change a ticket's status as an agent would (closed: as Zendesk's automation would)."""
        ...

    async def merge(self, *, ticket_id: int, into: int) -> None:
        """Merge a ticket into another, as an agent would."""
        ...

    async def zendesk_down(self, *, down: bool) -> None:
        """Let Zendesk answer 503 to everything, or bring it back."""
        ...

    async def next_delivery(self, *, customer: str, outcome: Outcome) -> None:
        """Say what becomes of the next text to this customer."""
        ...


WORLD = web.AppKey("world", World)
STREAMS: web.AppKey[set[asyncio.Task[Any]]] = web.AppKey("streams")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_page(app: web.Application, world: World) -> None:
    """Mount the page at / and its API under /sandbox/."""
    app[WORLD] = world
    app[STREAMS] = set()
    app.on_shutdown.append(_end_streams)
    app.router.add_get("/", _show)
    app.router.add_get("/sandbox/state", _tell)
    app.router.add_get("/sandbox/events", _stream)
    app.router.add_post("/sandbox/texts", guarded(_text))
    app.router.add_post("/sandbox/replies", guarded(_reply))
    app.router.add_post(r"/sandbox/tickets/{id:\d{1,18}}/status", guarded(_set_status))
    app.router.add_post(r"/sandbox/tickets/{id:\d{1,18}}/merge", guarded(_merge))
    app.router.add_post("/sandbox/zendesk", guarded(_set_zendesk))
    app.router.add_post("/sandbox/deliveries", guarded(_set_delivery))
    app.router.add_get(r"/sandbox/pictures/{id:\w{1,64}}", _picture)
    app.router.add_get(r"/sandbox/static/{name:[a-z_]+\.(?:js|css|svg)}", _file)


async def _show(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(STATIC / "index.html", headers=HEADERS)


async def _file(request: web.Request) -> web.StreamResponse:
    path = STATIC / request.match_info["name"]
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={**HEADERS, "Cache-Control": "no-cache"})


async def _picture(request: web.Request) -> web.StreamResponse:
    found = request.app[WORLD].picture(request.match_info["id"])
    if found is None or found[0] not in PICTURE_TYPES:
        raise web.HTTPNotFound
    return web.Response(body=found[1], content_type=found[0], headers=HEADERS)


async def _tell(request: web.Request) -> web.StreamResponse:
    return web.json_response(await request.app[WORLD].state(), headers=HEADERS)


async def _end_streams(app: web.Application) -> None:
    # Or a stop would wait for browsers that never leave by themselves.
    streams = app[STREAMS]
    for task in tuple(streams):
        task.cancel()


async def _stream(request: web.Request) -> web.StreamResponse:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a handler runs in a task
    request.app[STREAMS].add(task)
    task.add_done_callback(request.app[STREAMS].discard)
    async with (
        sse_response(request, headers=HEADERS, ping_interval=10) as response,
        aclosing(request.app[WORLD].subscribe()) as states,
    ):
        async for state in states:
            try:
                await response.send(json.dumps(state), event="state")
            except ClientConnectionResetError:
                break  # the browser has left
    return response


async def _text(request: web.Request, fields: Mapping[str, object]) -> object:
    copies = fields.get("copies", 1)
    if type(copies) is not int or not 1 <= copies <= MOST_COPIES:
        raise BadRequest("copies", f"a number from 1 to {MOST_COPIES}")
    text_id = await request.app[WORLD].text(
        customer=_words(fields, "customer", longest=32),
        sender=_words(fields, "sender", longest=32),
        body=_words(fields, "body", longest=LONGEST_TEXT),
        copies=copies,
        with_picture=_switch(fields, "with_picture") if "with_picture" in fields else False,
    )
    return {"id": text_id}


async def _reply(request: web.Request, fields: Mapping[str, object]) -> object:
    comment_id = await request.app[WORLD].reply(
        ticket_id=_ticket(fields, "ticket_id"),
        html=_words(fields, "html", longest=LONGEST_REPLY),
        public=_switch(fields, "public"),
    )
    return {"id": comment_id}


async def _set_status(request: web.Request, fields: Mapping[str, object]) -> object:
    status = cast("Status", _choice(fields, "status", STATUSES))
    await request.app[WORLD].set_status(ticket_id=int(request.match_info["id"]), status=status)
    return {}


async def _merge(request: web.Request, fields: Mapping[str, object]) -> object:
    ticket_id = int(request.match_info["id"])
    await request.app[WORLD].merge(ticket_id=ticket_id, into=_ticket(fields, "into"))
    return {}


async def _set_zendesk(request: web.Request, fields: Mapping[str, object]) -> object:
    await request.app[WORLD].zendesk_down(down=_switch(fields, "down"))
    return {}


async def _set_delivery(request: web.Request, fields: Mapping[str, object]) -> object:
    outcome = cast("Outcome", _choice(fields, "outcome", OUTCOMES))
    customer = _words(fields, "customer", longest=32)
    await request.app[WORLD].next_delivery(customer=customer, outcome=outcome)
    return {}


def guarded(
    action: Callable[[web.Request, Mapping[str, object]], Awaitable[object]],
) -> Handler:
    """Let only a page of ours, with well-formed requests, through to `action`, which gives what is
    answered as JSON, or a response of its own."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if not _is_same_origin(request):
            return problems.problem(403, detail="only the sandbox's own page may ask for this")
        try:
            result = await action(request, await _read_fields(request))
        except BadRequest as mistake:
            return problems.bad_request(mistake)
        if isinstance(result, web.Response):
            return result
        return web.json_response(result, headers=HEADERS)

    return handle


def _is_same_origin(request: web.Request) -> bool:
    """Whether the request comes from this very page, or from no page at all (curl, tests).

    Browsers send one of the two headers with every POST, so another site's page can't get by.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or origin.partition("://")[2] == request.host


async def _read_fields(request: web.Request) -> Mapping[str, object]:
    # A type that no form can send: a browser asks first before it carries it across origins.
    if request.content_type != "application/json":
        raise BadRequest("Content-Type", "application/json")
    raw = await read_body(request)
    if len(raw) > LARGEST_BODY:
        raise BadRequest("body", f"at most {LARGEST_BODY} bytes")
    try:
        fields = json.loads(raw)
    except ValueError as error:
        raise BadRequest("body", "JSON") from error
    if not isinstance(fields, dict):
        raise BadRequest("body", "a JSON object")
    return fields


def _words(fields: Mapping[str, object], name: str, *, longest: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise BadRequest(name, f"text of 1 to {longest} characters")
    return value


def _ticket(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or value < 1:
        raise BadRequest(name, "the number of a ticket")
    return value


def _switch(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool):
        raise BadRequest(name, "true or false")
    return value


def _choice(fields: Mapping[str, object], name: str, choices: tuple[str, ...]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or value not in choices:
        raise BadRequest(name, "one of " + ", ".join(choices))
    return value
