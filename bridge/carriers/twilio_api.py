"""Calls to Twilio's REST API, and what its answers mean. Source: Twilio's OpenAPI description."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from bridge.carriers.errors import as_object
from bridge.carriers.twilio_errors import TABLE
from bridge.errors import FarSideError
from bridge.http import Answer, CallFailed, HttpClient

# Twilio repeats a webhook only where the address asks for it, in its fragment: five times,
# after whatever fault ("Webhooks: connection overrides").
RETRIES = "rc=5&rp=all"
NAME = "twilio"

Pairs = Iterable[tuple[str, str]]


class TwilioApi:
    """One account's part of the API. `auth_tokens` may be two while one is rotated."""

    def __init__(
        self, *, account_sid: str, auth_tokens: Sequence[str], api_url: str, http: HttpClient
    ) -> None:
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._api_url = api_url.rstrip("/")
        self._http = http
        self._logins = [
            "Basic " + b64encode(f"{account_sid}:{token}".encode()).decode()
            for token in auth_tokens
        ]

    def address(self, resource: str) -> str:
        """The whole address of a resource of the account."""
        return f"{self._api_url}{self._account}{resource}"

    @property
    def logins(self) -> Sequence[str]:
        """The Authorization headers there are, the one that worked last in front."""
        return tuple(self._logins)

    async def post(self, resource: str, form: Pairs) -> Answer:
        """Post a form to a resource of the account ("/Messages.json"). Raises CallFailed."""
        return await self._call("POST", f"{self._account}{resource}", urlencode(list(form)))

    async def get(self, resource: str, query: Pairs = ()) -> Answer:
        """Read a resource of the account. Raises CallFailed."""
        asked = urlencode(list(query))
        return await self._call("GET", f"{self._account}{resource}{'?' if asked else ''}{asked}")

    async def follow(self, uri: str) -> Answer:
        """Read another page by the path that Twilio gave. Raises CallFailed."""
        if not uri.startswith(f"{self._account}/"):
            raise CallFailed("Twilio named a next page outside the account", sent=False)
        return await self._call("GET", uri)

    async def read(
        self, resource: str, query: Pairs = (), *, page: str | None = None
    ) -> Mapping[str, object]:
        """Read a resource, or the `page` of it that Twilio named.

        Raises TryLater, Refused or CredentialsRefused.
        """
        try:
            answer = await (self.get(resource, query) if page is None else self.follow(page))
        except CallFailed as failed:
            raise TABLE.no_answer(failed, sending=False) from failed
        if answer.status != 200:
            raise failure(answer, sending=False)
        return as_object(answer)

    async def _call(self, method: str, path: str, form: str | None = None) -> Answer:
        headers = {"authorization": self._logins[0], "accept": "application/json"}
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        body = None if form is None else form.encode()
        url = f"{self._api_url}{path}"
        answer = await self._http.call(method, url, headers=headers, body=body)
        for login in self._logins[1:]:
            if answer.status != 401:
                break
            # Refused before anything was done, so the same call may be made with the other token.
            headers["authorization"] = login
            answer = await self._http.call(method, url, headers=headers, body=body)
        if answer.status != 401:
            good = headers["authorization"]
            self._logins = [good, *(login for login in self._logins if login != good)]
        return answer


def seconds_of(written: object) -> float | None:
    """A time as mail headers write it (RFC 2822), in seconds since 1970; None where it is not."""
    try:
        moment = parsedate_to_datetime(str(written))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def failure(answer: Answer, *, sending: bool) -> FarSideError:
    """What an answer that is not a success means. For a read nothing is ever unknown."""
    code = as_object(answer).get("code")
    return TABLE.failure(answer, str(code) if isinstance(code, int | str) else "", sending=sending)
