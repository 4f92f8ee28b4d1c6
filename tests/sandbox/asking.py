"""Plain HTTP clients for the fakes: what was asked, what came back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.zendesk import FakeZendesk

Option = Any  # what aiohttp's request takes: data, json, params


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer. Header names are lower-case; `body` is None where there is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any
    raw: bytes


def basic(user: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    headers: Mapping[str, str],
    **options: Option,
) -> Reply:
    async with session.request(
        method, url, headers=headers, allow_redirects=False, **options
    ) as response:
        raw = await response.read()
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        lower = {key.lower(): value for key, value in response.headers.items()}
        return Reply(status=response.status, headers=lower, body=body, raw=raw)


class TwilioApi:
    """Asks the fake Twilio with its own credentials."""

    def __init__(self, fake: FakeTwilio, session: aiohttp.ClientSession) -> None:
        self.fake = fake
        self.session = session
        self.headers: Mapping[str, str] = basic(fake.account_sid, fake.auth_token)

    async def get(self, path: str, **query: str) -> Reply:
        return await ask(self.session, "GET", self._url(path), self.headers, params=query)

    async def post(self, path: str, **form: str) -> Reply:
        fields = {name.rstrip("_"): value for name, value in form.items()}
        return await ask(self.session, "POST", self._url(path), self.headers, data=fields)

    async def delete(self, path: str) -> Reply:
        return await ask(self.session, "DELETE", self._url(path), self.headers)

    async def send(self, to: str, sender: str, body: str, **form: str) -> Reply:
        return await self.post("/Messages.json", To=to, From=sender, Body=body, **form)

    def _url(self, path: str) -> str:
        if path.startswith("/2010-04-01"):
            return self.fake.url + path
        return f"{self.fake.url}/2010-04-01/Accounts/{self.fake.account_sid}{path}"


class ZendeskApi:
    """Asks the fake Zendesk with its API token."""

    def __init__(self, fake: FakeZendesk, session: aiohttp.ClientSession) -> None:
        self.fake = fake
        self.session = session
        self.headers: dict[str, str] = basic(f"{fake.auth.email}/token", fake.auth.api_token)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        options: dict[str, Any] = {} if body is None else {"json": body}
        return await ask(
            self.session,
            method,
            f"{self.fake.url}/api/v2/{path}",
            {**self.headers, **names},
            **options,
        )

    async def get(self, path: str) -> Reply:
        return await self.call("GET", path)

    async def make_user(self, **fields: object) -> int:
        given = {"name": "Customer", **fields}
        reply = await self.call("POST", "users", {"user": given})
        assert reply.status == 201, reply.body
        return int(reply.body["user"]["id"])

    async def make_ticket(self, requester_id: int, text: str = "Hello", **fields: object) -> int:
        given = {
            "subject": "SMS",
            "requester_id": requester_id,
            "comment": {"body": text, "public": True, "author_id": requester_id},
            **fields,
        }
        reply = await self.call("POST", "tickets", {"ticket": given})
        assert reply.status == 201, reply.body
        return int(reply.body["ticket"]["id"])

    async def comment(self, ticket_id: int, text: str, **fields: object) -> Reply:
        given = {"comment": {"body": text, "public": True}, **fields}
        return await self.call("PUT", f"tickets/{ticket_id}", {"ticket": given})
