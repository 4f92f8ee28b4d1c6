"""The users API: search, read, create, upsert, change, identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import (
    ZendeskRefusal,
    id_list,
    integer,
    invalid,
    not_found,
    page,
    read_wrapped,
    warn_unknown,
)
from bridge.sandbox.zendesk.auth import CALLER
from bridge.sandbox.zendesk.search import find_users

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.limits import Limits
    from bridge.sandbox.zendesk.people import People
    from bridge.sandbox.zendesk.records import Identity, Json, User
    from bridge.sandbox.zendesk.state import Account

KNOWN = {
    "alias",
    "custom_role_id",
    "default_group_id",
    "details",
    "email",
    "external_id",
    "id",
    "identities",
    "locale",
    "locale_id",
    "moderator",
    "name",
    "notes",
    "only_private_comments",
    "organization",
    "organization_id",
    "phone",
    "photo",
    "remote_photo_url",
    "restricted_agent",
    "role",
    "shared_phone_number",
    "signature",
    "skip_verify_email",
    "suspended",
    "tags",
    "ticket_restriction",
    "time_zone",
    "user_fields",
    "verified",
}
IDENTITY_TYPES = {
    "email",
    "twitter",
    "facebook",
    "google",
    "phone_number",
    "agent_forwarding",
    "any_channel",
    "foreign",
    "sdk",
    "messaging",
}


class Users:
    """The handlers of /api/v2/users."""

    def __init__(self, account: Account, people: People, limits: Limits) -> None:
        self.account = account
        self.people = people
        self.limits = limits

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        one, identity = r"users/{id:\d+}", r"users/{id:\d+}/identities"
        return [
            ("GET", "users", self.list_users),
            ("POST", "users", self.create),
            ("POST", "users/create_or_update", self.create_or_update),
            ("GET", "users/search", self.search),
            ("GET", "users/show_many", self.show_many),
            ("GET", "users/me", self.me),
            ("GET", one, self.show),
            ("PUT", one, self.update),
            ("DELETE", one, self.delete),
            ("PUT", f"{one}/merge", self.merge),
            ("GET", identity, self.list_identities),
            ("POST", identity, self.add_identity),
            ("GET", identity + r"/{identity:\d+}", self.show_identity),
            ("PUT", identity + r"/{identity:\d+}", self.update_identity),
            ("PUT", identity + r"/{identity:\d+}/make_primary", self.make_primary),
            ("PUT", identity + r"/{identity:\d+}/verify", self.verify),
            ("DELETE", identity + r"/{identity:\d+}", self.remove_identity),
        ]

    async def list_users(self, request: web.Request) -> web.Response:
        """GET users, by role and external id."""
        query = request.query
        roles = set(query.getall("role[]", [])) | ({query["role"]} if "role" in query else set())
        found = [
            user
            for user in self.account.users.values()
            if user.active
            and (not roles or user.role in roles)
            and query.get("external_id", user.external_id) == user.external_id
        ]
        return self._page(request, found)

    async def search(self, request: web.Request) -> web.Response:
        """GET users by query or external id, as far as the index has got."""
        query = request.query
        if "external_id" in query:
            # An exact look-up, not the index: it does not lag.
            user = self.people.by_external_id(query["external_id"])
            return self._page(request, [] if user is None else [user])
        if not query.get("query", "").strip():
            raise ZendeskRefusal(
                400, {"error": "InvalidValue", "description": "query or external_id is required"}
            )
        return self._page(request, find_users(self.account, query["query"]))

    async def show_many(self, request: web.Request) -> web.Response:
        """GET several users by ids or external ids; those that are not there are left out."""
        query = request.query
        if "external_ids" in query:
            found = [self.people.by_external_id(one) for one in query["external_ids"].split(",")]
        else:
            found = [self.account.users.get(key) for key in id_list(query.get("ids", ""))]
        return self._page(request, [user for user in found if user is not None])

    async def me(self, request: web.Request) -> web.Response:
        """GET the user whose credentials these are."""
        return self._user_response(request[CALLER].user)

    async def show(self, request: web.Request) -> web.Response:
        """GET a user; a deleted one is there, inactive."""
        return self._user_response(self._user(request))

    async def create(self, request: web.Request) -> web.Response:
        """POST a user."""
        given = await read_wrapped(request, "user")
        user = self.people.create(given)
        return self._user_response(user, 201, warn_unknown(given, KNOWN, "user"))

    async def create_or_update(self, request: web.Request) -> web.Response:
        """POST: update the one that is there, else create."""
        self.limits.count_user_write()
        given = await read_wrapped(request, "user")
        user, is_new = self.people.upsert(given)
        headers = warn_unknown(given, KNOWN, "user")
        return self._user_response(user, 201 if is_new else 200, headers)

    async def update(self, request: web.Request) -> web.Response:
        """PUT a user."""
        self.limits.count_user_write()
        user, given = self._active(request), await read_wrapped(request, "user")
        self.people.update(user, given)
        return self._user_response(user, 200, warn_unknown(given, KNOWN, "user"))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a user softly."""
        user = self._active(request)
        has_open = any(
            ticket.requester_id == user.id and ticket.status != "closed" and not ticket.deleted
            for ticket in self.account.tickets.values()
        )
        if has_open:
            raise invalid("base", f"User: {user.name} has tickets that are not closed")
        self.people.delete(user)
        return self._user_response(user)

    async def merge(self, request: web.Request) -> web.Response:
        """PUT: this end user becomes part of another."""
        loser, given = self._active(request), await read_wrapped(request, "user")
        winner = self.account.user(integer(given.get("id"), "user.id"))
        if loser.is_staff or winner.is_staff or loser is winner:
            raise invalid("base", "User: can't be merged")
        self.people.merge(loser, winner)
        return self._user_response(winner)

    async def list_identities(self, request: web.Request) -> web.Response:
        """GET what identifies a user."""
        user = self._user(request)

        def write(identity: Identity) -> Json:
            return identity.to_json(user.id, self.account.url)

        return web.json_response(
            page(request, "identities", user.identities, write, lambda one: one.id)
        )

    async def add_identity(self, request: web.Request) -> web.Response:
        """POST one more identity."""
        user, given = self._active(request), await read_wrapped(request, "identity")
        kind, value = str(given.get("type")), str(given.get("value") or "")
        if kind not in IDENTITY_TYPES or not value:
            raise invalid("type", "Type: is not valid")
        if kind == "email":
            self.people.update(user, {"email": value, **_flags(given)})
        else:
            self._check_free(kind, value)
            identity = self.account.new_identity(kind, value, primary=False, verified=True)
            user.identities.append(identity)
            if kind == "phone_number" and user.phone is None:
                user.phone, user.shared_phone = value, False
            user.updated_ms = self.account.now_ms()
            self.account.wrote("user", "api", user_id=user.id, fields=(kind,))
        return self._identity_response(user, self._last(user, value), 201)

    async def show_identity(self, request: web.Request) -> web.Response:
        """GET one identity."""
        return self._identity_response(*self._identity(request))

    async def update_identity(self, request: web.Request) -> web.Response:
        """PUT an identity's value or its verification."""
        user, identity = self._identity(request)
        given = await read_wrapped(request, "identity")
        if "value" in given:
            self._rename(user, identity, str(given["value"]))
        identity.verified = bool(given.get("verified", identity.verified))
        identity.updated_ms = user.updated_ms = self.account.now_ms()
        return self._identity_response(user, identity)

    def _rename(self, user: User, identity: Identity, value: str) -> None:
        if identity.type == "email" and identity.primary:
            user.email = value
        if identity.type == "phone_number" and user.phone == identity.value:
            user.phone = value
        identity.value = value

    async def make_primary(self, request: web.Request) -> web.Response:
        """PUT: this e-mail address is the one that counts."""
        user, chosen = self._identity(request)
        for identity in user.identities:
            if identity.type == chosen.type:
                identity.primary = identity is chosen
        if chosen.type == "email":
            user.email = chosen.value
        user.updated_ms = self.account.now_ms()
        return await self.list_identities(request)

    async def verify(self, request: web.Request) -> web.Response:
        """PUT: this identity is verified."""
        user, identity = self._identity(request)
        identity.verified = user.verified = True
        return self._identity_response(user, identity)

    async def remove_identity(self, request: web.Request) -> web.Response:
        """DELETE an identity."""
        user, gone = self._identity(request)
        user.identities.remove(gone)
        if gone.type == "phone_number" and user.phone == gone.value:
            user.phone = user.shared_phone = None
        if gone.type == "email" and user.email == gone.value:
            user.email = next((one.value for one in user.identities if one.type == "email"), None)
        return web.Response(status=204)

    def _check_free(self, kind: str, value: str) -> None:
        for user in self.account.users.values():
            if any(one.type == kind and one.value == value for one in user.identities):
                raise invalid("value", f"Value: {value} is already being used by another user")

    def _user(self, request: web.Request) -> User:
        return self.account.user(int(request.match_info["id"]))

    def _active(self, request: web.Request) -> User:
        user = self._user(request)
        if not user.active:
            raise not_found()
        return user

    def _identity(self, request: web.Request) -> tuple[User, Identity]:
        user = self._user(request)
        for identity in user.identities:
            if identity.id == int(request.match_info["identity"]):
                return user, identity
        raise not_found()

    def _last(self, user: User, value: str) -> Identity:
        return next(one for one in reversed(user.identities) if one.value == value)

    def _identity_response(self, user: User, identity: Identity, status: int = 200) -> web.Response:
        written = identity.to_json(user.id, self.account.url)
        return web.json_response({"identity": written}, status=status)

    def _user_response(
        self, user: User, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        written = {"user": self.account.user_json(user)}
        return web.json_response(written, status=status, headers=headers)

    def _page(self, request: web.Request, found: list[User]) -> web.Response:
        write = self.account.user_json
        return web.json_response(page(request, "users", found, write, lambda user: user.id))


def _flags(given: Json) -> Json:
    return {key: given[key] for key in ("verified", "skip_verify_email") if key in given}
