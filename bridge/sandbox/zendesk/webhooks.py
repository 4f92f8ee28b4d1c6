"""The webhooks API: create, change, secrets, the test call, the history of invocations."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from bridge.sandbox.zendesk.answers import ZendeskRefusal, not_found, page, read_json
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.deliveries import TEST_SECRET, Attempt, Deliveries, Invocation
from bridge.sandbox.zendesk.records import Json, iso

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.state import Account

CONDITIONAL = "conditional_ticket_events"
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
FORMATS = {"json", "xml", "form_encoded"}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Webhooks:
    """The handlers, and the table (`account.resources["webhooks"]` holds the rest)."""

    def __init__(self, account: Account, deliveries: Deliveries) -> None:
        self.account = account
        self.deliveries = deliveries
        self.table: dict[str, Json] = {}

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        one = "webhooks/{id:[0-9A-Z]+}"
        return [
            ("GET", "webhooks", self.list_webhooks),
            ("POST", "webhooks", self.create),
            ("POST", "webhooks/test", self.test),
            ("GET", one, self.show),
            ("PUT", one, self.replace),
            ("PATCH", one, self.replace),
            ("DELETE", one, self.delete),
            ("GET", f"{one}/signing_secret", self.show_secret),
            ("POST", f"{one}/signing_secret", self.renew_secret),
            ("GET", f"{one}/invocations", self.list_invocations),
            ("GET", one + "/invocations/{invocation}/attempts", self.list_attempts),
        ]

    async def list_webhooks(self, request: web.Request) -> web.Response:
        """GET the webhooks, by a part of the name."""
        part = request.query.get("filter[name_contains]", "").lower()
        status = request.query.get("filter[status]")
        found = [
            one
            for one in self.table.values()
            if part in one["name"].lower() and status in {None, one["status"]}
        ]
        return web.json_response(page(request, "webhooks", found, shown, lambda one: one["_key"]))

    async def create(self, request: web.Request) -> web.Response:
        """POST a webhook."""
        request[CALLER].require_admin()
        given = await _read(request)
        for name in ("name", "endpoint", "http_method", "request_format", "status"):
            if name not in given:
                raise refuse("MissingParameter", f"{name} is required")
        _check(given)
        now = iso(self.account.now_ms())
        key = self.account.new_id()
        webhook = {
            "id": _ulid(),
            "name": given["name"],
            "description": given.get("description", ""),
            "status": given["status"],
            "endpoint": given["endpoint"],
            "http_method": given["http_method"],
            "request_format": given["request_format"],
            "subscriptions": given.get("subscriptions", []),
            "created_at": now,
            "created_by": str(request[CALLER].user.id),
            "updated_at": now,
            "updated_by": str(request[CALLER].user.id),
            "_authentication": given.get("authentication"),
            "_secret": secrets.token_urlsafe(30),
            "_key": key,
        }
        self.table[webhook["id"]] = webhook
        self.account.wrote("webhook", "api", fields=(webhook["name"],))
        return web.json_response({"webhook": shown(webhook)}, status=201)

    async def show(self, request: web.Request) -> web.Response:
        """GET a webhook; secrets are not in it."""
        return web.json_response({"webhook": shown(self._webhook(request))})

    async def replace(self, request: web.Request) -> web.Response:
        """PUT or PATCH a webhook; the kind of subscription stays what it was."""
        request[CALLER].require_admin()
        webhook, given = self._webhook(request), await _read(request)
        merged = {**shown(webhook), **given}
        _check(merged)
        if _is_conditional(merged["subscriptions"]) != _is_conditional(webhook["subscriptions"]):
            raise refuse("InvalidSubscription", "The kind of subscription can't be changed")
        for name in ("name", "description", "status", "endpoint", "http_method", "request_format"):
            webhook[name] = merged[name]
        webhook["subscriptions"] = merged["subscriptions"]
        if "authentication" in given:
            webhook["_authentication"] = given["authentication"]
        webhook["updated_at"] = iso(self.account.now_ms())
        self.account.wrote("webhook", "api", fields=(webhook["name"],))
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a webhook that no trigger or automation uses any more."""
        request[CALLER].require_admin()
        webhook = self._webhook(request)
        if self._is_used(webhook["id"]):
            raise refuse(
                "WebhookInUse", "The webhook is connected to a trigger or automation: disconnect it"
            )
        del self.table[webhook["id"]]
        self.account.wrote("delete_webhook", "api", fields=(webhook["name"],))
        return web.Response(status=204)

    async def show_secret(self, request: web.Request) -> web.Response:
        """GET the secret that calls are signed with."""
        request[CALLER].require_admin()
        return _secret_response(self._webhook(request)["_secret"], 200)

    async def renew_secret(self, request: web.Request) -> web.Response:
        """POST: a new secret; the old one is void at once."""
        request[CALLER].require_admin()
        webhook = self._webhook(request)
        webhook["_secret"] = secrets.token_urlsafe(30)
        return _secret_response(webhook["_secret"], 201)

    async def test(self, request: web.Request) -> web.Response:
        """POST: call an existing webhook (?webhook_id=), or one not made yet."""
        request[CALLER].require_admin()
        given = (await read_json(request)).get("request", {})
        wanted = request.query.get("webhook_id")
        if wanted is not None and wanted not in self.table:
            raise not_found()
        known = self.table[wanted] if wanted is not None else {"id": "", "_secret": TEST_SECRET}
        webhook = {"http_method": "POST", **known, **given}
        payload = str(given.get("payload", '{"test":true}'))
        attempt = await self.deliveries.test(webhook, payload.encode())
        answer = {
            "status": attempt.status,
            "headers": [{"key": key, "value": value} for key, value in attempt.headers.items()],
            "payload": attempt.answer,
        }
        return web.json_response({"response": answer})

    async def list_invocations(self, request: web.Request) -> web.Response:
        """GET what was sent to a webhook."""
        webhook = self._webhook(request)

        def write(one: Invocation) -> Json:
            return {
                "id": one.id,
                "status": one.status,
                "status_code": one.attempts[-1].status if one.attempts else None,
                "latest_completed_at": iso(one.attempts[-1].at_ms) if one.attempts else None,
            }

        found = [one for one in self.deliveries.invocations if one.webhook_id == webhook["id"]]
        numbered = {one.id: position for position, one in enumerate(found)}
        return web.json_response(
            page(request, "invocations", found, write, lambda one: numbered[one.id])
        )

    async def list_attempts(self, request: web.Request) -> web.Response:
        """GET the calls of one invocation: exactly what was sent and answered."""
        wanted = request.match_info["invocation"].removesuffix(".json")
        for invocation in self.deliveries.invocations:
            if invocation.id == wanted:
                attempts = [_attempt_json(invocation, one) for one in invocation.attempts]
                return web.json_response({"attempts": attempts})
        raise not_found()

    def active_for(self, event_type: str) -> list[Json]:
        """The active webhooks that subscribe to an event type."""
        return [
            one
            for one in self.table.values()
            if one["status"] == "active" and event_type in one["subscriptions"]
        ]

    def _is_used(self, webhook_id: str) -> bool:
        return any(
            action["field"] == "notification_webhook" and action["value"][0] == webhook_id
            for table in ("triggers", "automations")
            for rule in self.account.resources[table].values()
            for action in rule["actions"]
        )

    def _webhook(self, request: web.Request) -> Json:
        webhook = self.table.get(request.match_info["id"])
        if webhook is None:
            raise not_found()
        return webhook


def refuse(code: str, detail: str) -> ZendeskRefusal:
    """400 in the words of the webhooks API."""
    return ZendeskRefusal(400, {"errors": [{"code": code, "title": code, "detail": detail}]})


def shown(webhook: Json) -> Json:
    """Write a webhook without its secrets; of the authentication only its kind is told."""
    written = {key: value for key, value in webhook.items() if not key.startswith("_")}
    proof = webhook.get("_authentication")
    if proof:
        written["authentication"] = {
            "type": proof["type"],
            "add_position": proof.get("add_position", "header"),
        }
    return written


async def _read(request: web.Request) -> Json:
    given = (await read_json(request)).get("webhook")
    if not isinstance(given, dict):
        raise refuse("InvalidParameter", "webhook must be an object")
    return given


def _check(given: Json) -> None:
    parts = urlsplit(str(given["endpoint"]))
    is_loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise refuse("InvalidEndpoint", "endpoint must be an https address")
    if given["http_method"] not in METHODS or given["request_format"] not in FORMATS:
        raise refuse("InvalidParameter", "http_method or request_format is not valid")
    if given["status"] not in {"active", "inactive"} or not str(given["name"]).strip():
        raise refuse("InvalidParameter", "name or status is not valid")
    subscriptions = given.get("subscriptions", [])
    if not isinstance(subscriptions, list) or not subscriptions:
        raise refuse("InvalidSubscription", "subscriptions must name at least one")
    if CONDITIONAL in subscriptions and len(subscriptions) > 1:
        raise refuse("InvalidSubscription", f"{CONDITIONAL} can't be mixed with event types")
    is_plain = given["http_method"] == "POST" and given["request_format"] == "json"
    if not _is_conditional(subscriptions) and not is_plain:
        raise refuse("InvalidParameter", "webhooks for events must be POST and json")
    if any(one != CONDITIONAL and not one.startswith("zen:event-type:") for one in subscriptions):
        raise refuse("InvalidSubscription", "unknown event type")


def _is_conditional(subscriptions: list[str]) -> bool:
    return CONDITIONAL in subscriptions


def _secret_response(secret: str, status: int) -> web.Response:
    written = {"signing_secret": {"secret": secret, "algorithm": "SHA256"}}
    return web.json_response(written, status=status)


def _attempt_json(invocation: Invocation, attempt: Attempt) -> Json:
    return {
        "invocation_id": invocation.id,
        "status": "success" if 200 <= attempt.status < 300 else "failed",
        "occurred_at": iso(attempt.at_ms),
        "request": {"payload": invocation.body.decode(errors="replace")},
        "response": {"code": attempt.status, "payload": attempt.answer},
    }


def _ulid() -> str:
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
