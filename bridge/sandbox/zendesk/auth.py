"""Who asks: OAuth client credentials and API tokens, scopes and roles."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import ZendeskRefusal, forbidden

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.records import Json, User
    from bridge.sandbox.zendesk.state import Account

SHORTEST_LIFE, LONGEST_LIFE, DEFAULT_LIFE = 300, 172_800, 1_800
RESOURCES = {
    "tickets",
    "users",
    "organizations",
    "auditlogs",
    "hc",
    "apps",
    "triggers",
    "automations",
    "targets",
    "webhooks",
}
SCOPES = {"read", "write", "impersonate"} | {
    f"{resource}:{what}" for resource in RESOURCES for what in ("read", "write")
}
# The first part of a path under /api/v2 and the resource whose narrow scope opens it. Audits,
# search and incremental exports are left out: only the global `read` opens them.
_NARROW = {
    "tickets": "tickets",
    "deleted_tickets": "tickets",
    "uploads": "tickets",
    "comment_redactions": "tickets",
    "users": "users",
    "user_fields": "users",
    "triggers": "triggers",
    "trigger_categories": "triggers",
    "automations": "automations",
    "webhooks": "webhooks",
    "organizations": "organizations",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking, and what the token allows (None: everything)."""

    user: User
    scopes: frozenset[str] | None

    def require(self, request: web.Request) -> None:
        """Check the scope of a call. Raises ZendeskRefusal 403."""
        if self.scopes is None:
            return
        what = "read" if request.method in {"GET", "HEAD"} else "write"
        parts = request.path.removeprefix("/api/v2/").replace(".json", "").split("/")
        narrow = None if parts[-1] == "audits" else _NARROW.get(parts[0])
        if what in self.scopes or (narrow and f"{narrow}:{what}" in self.scopes):
            return
        if parts[0] == "webhooks":
            raise ZendeskRefusal(403, None)
        raise forbidden(f"You are missing the following required scopes: {what}")

    def require_admin(self) -> None:
        """Check that an admin asks. Raises ZendeskRefusal 403."""
        if self.user.role != "admin":
            raise forbidden("You do not have access to this page.")


CALLER = web.RequestKey("caller", Caller)


@dataclass(slots=True, kw_only=True)
class Token:
    """An access token that was issued."""

    expires_ms: int
    scopes: frozenset[str]


class Auth:
    """The account's credentials. Change the attributes to play a rotation or a lock-out."""

    def __init__(
        self,
        account: Account,
        *,
        client_id: str,
        client_secret: str,
        email: str,
        api_token: str,
    ) -> None:
        self.account = account
        self.client_id = client_id
        self.client_secret = client_secret
        self.email = email
        self.api_token = api_token
        self.api_tokens_enabled = True
        self.allowed_scopes: frozenset[str] | None = None  # an admin may restrict a client
        self.tokens: dict[str, Token] = {}
        self.tokens_issued = 0

    def revoke_tokens(self) -> None:
        """Make every access token invalid at once."""
        self.tokens.clear()

    async def issue(self, request: web.Request) -> web.Response:
        """POST /oauth/tokens, grant client_credentials."""
        given = await _read_grant(request)
        if given.get("grant_type") != "client_credentials":
            raise _oauth_error(400, "unsupported_grant_type", "The grant type is not supported.")
        secret = str(given.get("client_secret", ""))
        if given.get("client_id") != self.client_id or not hmac.compare_digest(
            secret.encode(), self.client_secret.encode()
        ):
            raise _oauth_error(401, "invalid_client", "Client authentication failed.")
        scopes = frozenset(str(given.get("scope", "read write")).split())
        unknown = scopes - SCOPES
        if unknown or (self.allowed_scopes is not None and scopes - self.allowed_scopes):
            raise _oauth_error(400, "invalid_scope", "The requested scope is invalid.")
        life = given.get("expires_in", DEFAULT_LIFE)
        if not isinstance(life, int) or not SHORTEST_LIFE <= life <= LONGEST_LIFE:
            raise _oauth_error(400, "invalid_request", "expires_in must be 300 to 172800.")
        token = secrets.token_hex(32)
        self.tokens[token] = Token(expires_ms=self.account.now_ms() + life * 1000, scopes=scopes)
        self.tokens_issued += 1
        return web.json_response(
            {
                "access_token": token,
                "token_type": "bearer",
                "scope": " ".join(sorted(scopes)),
                "expires_in": life,
            }
        )

    def identify(self, request: web.Request) -> Caller:
        """Find out who asks. Raises ZendeskRefusal 401."""
        kind, _, proof = request.headers.get("Authorization", "").partition(" ")
        user = self.account.users[self.account.api_user_id]
        if kind.lower() == "bearer":
            return Caller(user=user, scopes=self._scopes_of(proof))
        if kind.lower() == "basic" and self.api_tokens_enabled and self._is_token(proof):
            return Caller(user=user, scopes=None)
        raise ZendeskRefusal(
            401,
            {"error": "Couldn't authenticate you"},
            {"WWW-Authenticate": 'Basic realm="Zendesk"'},
        )

    def _scopes_of(self, proof: str) -> frozenset[str]:
        token = self.tokens.get(proof)
        if token is None or token.expires_ms <= self.account.now_ms():
            raise _oauth_error(
                401,
                "invalid_token",
                "The access token provided is expired, revoked, malformed or invalid for other "
                "reasons.",
            )
        return token.scopes

    def _is_token(self, proof: str) -> bool:
        try:
            user, _, secret = base64.b64decode(proof, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return user.lower() == f"{self.email}/token".lower() and hmac.compare_digest(
            secret.encode(), self.api_token.encode()
        )


async def _read_grant(request: web.Request) -> Json:
    if request.content_type == "application/json":
        try:
            given = await request.json()
        except ValueError:
            given = None
    elif request.content_type == "application/x-www-form-urlencoded":
        given = dict(await request.post())
        if str(given.get("expires_in", "")).isdigit():
            given["expires_in"] = int(str(given["expires_in"]))
    else:
        given = None
    if not isinstance(given, dict):
        raise _oauth_error(400, "invalid_request", "The request is malformed.")
    return given


def _oauth_error(status: int, error: str, description: str) -> ZendeskRefusal:
    return ZendeskRefusal(status, {"error": error, "error_description": description})
