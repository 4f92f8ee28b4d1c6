"""What surrounds every handler: an id, headers, a log line, and errors turned into answers."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.errors import BadRequest, Forged, NotDurable
from bridge.ids import new_id
from bridge.metrics import RefusalReason
from bridge.web import problems
from bridge.web.parts import CONNECTIONS, PARTS, REQUEST_ID

log = structlog.get_logger()

# Of no use to a machine that calls us, and a wall should a browser be led here. A page of ours
# sets its own Content-Security-Policy.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
YEAR_S = 365 * 24 * 3600
QUIET_ROUTES = ("/healthz", "/readyz", "/metrics")
DEEPEST_FRAMES = 6
REFUSALS: dict[int, RefusalReason] = {
    400: "malformed",
    403: "signature",
    405: "method",
    413: "too_large",
    503: "not_durable",
}


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id that every log line carries, and log how it ended.

    The line names the route, never the path or query: those hold numbers. A webhook that was taken
    has said so already, and a line costs a tenth of taking it.
    """
    request_id = new_id()
    request[REQUEST_ID] = request_id
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(correlation_id=request_id)
    began = time.perf_counter()
    connections = request.app[CONNECTIONS]
    connections.begin(request)
    try:
        response = await handler(request)
    finally:
        connections.end(request)
    took_s = time.perf_counter() - began
    route = route_of(request)
    source = webhook_source(request)
    if source is not None:
        _count(request, source, response.status, took_s)
    is_told = source is not None and response.status < 300
    if route not in QUIET_ROUTES and not is_told:
        log.info(
            "request",
            method=request.method,
            route=route,
            status=response.status,
            took_ms=round(took_s * 1000),
        )
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into problem details."""
    try:
        return await handler(request)
    except BadRequest as error:
        log.info("refused", field=error.field[:64])
        return problems.bad_request(error)
    except Forged as error:
        return _refuse_forged(request, error)
    except NotDurable as error:
        log.warning("not_durable", why=str(error))
        return problems.unavailable("nothing can be stored just now; try again")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problems.from_http(error)
    except Exception as error:  # noqa: BLE001 - the edge: logged and answered, never lost
        return _own_fault(request, error)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that every answer carries, unless the handler has set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.app[PARTS].public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_S}")
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    response.headers.popall("Server", None)  # aiohttp fills in names and versions otherwise
    response.headers["Server"] = "bridge"


def route_of(request: web.Request) -> str:
    """The route as registered ("/carriers/{name}/inbound"), or "unknown"."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def webhook_source(request: web.Request) -> str | None:
    """Whose webhook this is: a carrier's name, "zendesk", or None for any other request."""
    route = route_of(request)
    if route.startswith("/desks/zendesk/"):
        return "zendesk"
    name = request.match_info.get("name") if route.startswith("/carriers/") else None
    return name if name in request.app[PARTS].carriers else None


def _count(request: web.Request, source: str, status: int, took_s: float) -> None:
    metrics = request.app[PARTS].metrics
    metrics.time_webhook(source, took_s)
    if status in REFUSALS:
        metrics.count_refused(source, REFUSALS[status])


def _refuse_forged(request: web.Request, error: Forged) -> web.Response:
    source = webhook_source(request) or "unknown"
    request.app[PARTS].note_forgery(source, error.reason)
    log.warning("forged", source=source, reason=error.reason)
    return problems.forbidden()


def _own_fault(request: web.Request, error: Exception) -> web.Response:
    # The message of an arbitrary exception may quote a text or a number: only its kind and the
    # places it came through are logged.
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("fault", error=type(error).__name__, places=places)
    if webhook_source(request) is not None:
        # Our own fault must not read as "don't try again", which a 500 does to Zendesk.
        return problems.unavailable("this could not be taken; try again")
    return problems.problem(
        500, detail="an error of the bridge's own", request_id=request[REQUEST_ID]
    )
