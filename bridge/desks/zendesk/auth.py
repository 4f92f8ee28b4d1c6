"""Who the bridge is to Zendesk: OAuth client credentials, or an API token while those last."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Protocol

from bridge.clock import Clock
from bridge.desks.zendesk.answers import (
    FAR_SIDE,
    Problem,
    credentials_refused,
    failure,
    parsed,
    read_problem,
)
from bridge.desks.zendesk.records import Record
from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, TryLater
from bridge.http import Answer, CallFailed, HttpClient

SCOPE = "read write"
WANTED_LIFE_S = 7200  # Zendesk allows 300 to 172,800; its default is half an hour
ASSUMED_LIFE_S = 1800  # where the answer does not say
RENEW_BEFORE_S = 60.0


class Credentials(Protocol):
    """What `ZendeskApi` asks for the Authorization header."""

    async def authorization(self) -> str:
        """The header's value. Raises TryLater, CredentialsRefused."""
        ...

    async def renewed(self, refused: str) -> str:
        """Another value after `refused` met a 401. Raises TryLater, CredentialsRefused."""
        ...


class ApiToken:
    """E-mail address and API token by Basic authentication. Ends on 30 April 2027."""

    def __init__(self, *, email: str, api_token: str) -> None:
        pair = f"{email}/token:{api_token}".encode()
        self._header = "Basic " + base64.b64encode(pair).decode("ascii")

    def __repr__(self) -> str:
        """Without secrets."""
        return "ApiToken()"

    async def authorization(self) -> str:
        """The same value for ever."""
        return self._header

    async def renewed(self, refused: str) -> str:
        """Nothing to renew: raises CredentialsRefused."""
        del refused
        raise credentials_refused(401, Problem())


class OAuthClient:
    """OAuth client credentials: an access token, kept until shortly before its end.

    `base_url` is the account's address without a slash at the end.
    """

    def __init__(
        self,
        *,
        base_url: str,
        client_id: str,
        client_secret: str,
        http: HttpClient,
        clock: Clock,
        scope: str = SCOPE,
    ) -> None:
        self._url = base_url.rstrip("/") + "/oauth/tokens"
        self._client_id = client_id
        self._client_secret = client_secret
        self._http = http
        self._clock = clock
        self._scope = scope
        self._header = ""
        self._renew_at_ms = 0
        self._ends_at_ms = 0
        self._lock = asyncio.Lock()
        self._failures = 0
        self._failure: FarSideError | None = None

    def __repr__(self) -> str:
        """Without secrets."""
        return "OAuthClient()"

    async def authorization(self) -> str:
        """The token in hand, or a new one when its end is near."""
        if self._clock.now_ms() < self._renew_at_ms:
            return self._header
        try:
            return await self.renewed(self._header)
        except TryLater:
            if self._clock.now_ms() < self._ends_at_ms:
                return self._header
            raise

    async def renewed(self, refused: str) -> str:
        """A token other than `refused`; of many callers at once only one asks Zendesk."""
        before = self._failures
        async with self._lock:
            if self._header != refused:
                return self._header
            if self._failures != before and self._failure is not None:
                # Somebody asked while we waited, and failed; a queue of callers each waiting
                # for its own time-out would hold everything up for minutes.
                raise self._failure
            try:
                self._keep(await self._ask())
            except FarSideError as error:
                self._failure = error
                self._failures += 1
                raise
            return self._header

    async def _ask(self) -> Record:
        wanted = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": self._scope,
            "expires_in": WANTED_LIFE_S,
        }
        try:
            answer = await self._http.call(
                "POST",
                self._url,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                body=json.dumps(wanted).encode(),
            )
        except CallFailed as error:
            words = f"no access token from Zendesk: {error.words}"
            raise TryLater(FAR_SIDE, words, whole_account=True) from error
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        # Asking for a token changes nothing that matters, so it counts as a read.
        return parsed(answer, write=False, expect=None)

    def _refusal(self, answer: Answer) -> FarSideError:
        problem = read_problem(answer)
        if problem.code == "invalid_scope":
            words = f'the OAuth client may not ask for the scope "{self._scope}": allow it'
            return CredentialsRefused(FAR_SIDE, words, code=problem.code)
        outcome = failure(answer, write=False, now_ms=self._clock.now_ms())
        if isinstance(outcome, TryLater | OutcomeUnknown):
            return TryLater(FAR_SIDE, outcome.words, pause_s=outcome.pause_s, whole_account=True)
        words = (
            "Zendesk does not know this OAuth client: check BRIDGE_ZENDESK_CLIENT_ID and "
            "BRIDGE_ZENDESK_CLIENT_SECRET"
        )
        return CredentialsRefused(FAR_SIDE, words, code=problem.code or str(answer.status))

    def _keep(self, granted: Record) -> None:
        token = granted.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or " " in token:
            words = "Zendesk's answer holds no access token"
            raise TryLater(FAR_SIDE, words, whole_account=True)
        life = granted.get("expires_in")
        life_s = float(life) if isinstance(life, int | float) and life > 0 else ASSUMED_LIFE_S
        now_ms = self._clock.now_ms()
        self._header = f"Bearer {token}"
        self._ends_at_ms = now_ms + int(life_s * 1000)
        # A fifth of short lives, so that a token of two minutes is not renewed at every call.
        self._renew_at_ms = self._ends_at_ms - int(min(RENEW_BEFORE_S, life_s / 5) * 1000)
