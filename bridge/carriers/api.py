"""Calls to a carrier's JSON API: logins tried in turn, every answer told as one of four ends."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from bridge.carriers.errors import ErrorTable, as_object
from bridge.errors import FarSideError
from bridge.http import Answer, CallFailed, HttpClient

CodeOf = Callable[[Mapping[str, object]], str]


class CarrierApi:
    """One account's API. `logins` are Authorization headers, two while a secret is rotated.

    `code_of` finds the carrier's own code in an answer that is not a success; `unsure` are
    statuses that leave the outcome of a send open.
    """

    def __init__(
        self,
        *,
        http: HttpClient,
        url: str,
        logins: Sequence[str],
        errors: ErrorTable,
        code_of: CodeOf,
        unsure: frozenset[int] = frozenset(),
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._logins = list(logins)
        self._errors = errors
        self._code_of = code_of
        self._unsure = unsure

    async def send(
        self,
        path: str,
        record: object,
        *,
        headers: Mapping[str, str] | None = None,
        login: str | None = None,
    ) -> Mapping[str, object]:
        """Post JSON that sends a text, and return the answer's object.

        `login` goes instead of the account's. Raises TryLater, Refused, CredentialsRefused or
        OutcomeUnknown.
        """
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        answer = await self.call("POST", path, headers=sent, body=body, sending=True, login=login)
        return as_object(answer)

    async def read(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Mapping[str, object]:
        """Read an object. Raises TryLater, Refused or CredentialsRefused."""
        asked = urlencode(list(query))
        answer = await self.call("GET", f"{path}{'?' if asked else ''}{asked}")
        return as_object(answer)

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        sending: bool = False,
        login: str | None = None,
    ) -> Answer:
        """Make a call that ends in success. Raises what `send` or `read` does."""
        try:
            answer = await self._call(
                method, f"{self._url}{path}", dict(headers or {}), body, login
            )
        except CallFailed as failed:
            raise self._errors.no_answer(failed, sending=sending) from failed
        if not 200 <= answer.status < 300:
            raise self.failure(answer, sending=sending)
        return answer

    def failure(self, answer: Answer, *, sending: bool) -> FarSideError:
        """What an answer that is not a success means."""
        code = self._code_of(as_object(answer))
        if sending and answer.status in self._unsure and code not in self._errors.codes:
            return self._errors.unknown(f"The outcome is open (HTTP {answer.status}).")
        return self._errors.failure(answer, code, sending=sending)

    async def _call(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        own_login: str | None,
    ) -> Answer:
        headers["accept"] = "application/json"
        if own_login is not None:
            headers["authorization"] = own_login
            return await self._http.call(method, url, headers=headers, body=body)
        headers["authorization"] = self._logins[0]
        answer = await self._http.call(method, url, headers=headers, body=body)
        for login in self._logins[1:]:
            if answer.status != 401:
                break
            # Refused before anything was done, so the same call may be made with the other one.
            headers["authorization"] = login
            answer = await self._http.call(method, url, headers=headers, body=body)
        if answer.status != 401:
            good = headers["authorization"]
            self._logins = [good, *(login for login in self._logins if login != good)]
        return answer


def basic(user: str, password: str) -> str:
    """An Authorization header of a user and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
