"""People who use the console over HTTP: each with a browser's cookies and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer
from bs4 import BeautifulSoup, Tag

from bridge.domain.roles import Role
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions, users
from bridge.store.changes import Author
from bridge.store.database import Database, Transaction
from bridge.store.users import User
from tests.web.conftest import Client

PASSWORD = "correct horse battery staple"
SETUP = Author(how="command", who="tests")
RIGHT = {"name": "Robin", "password": PASSWORD}
Fields = Mapping[str, str] | list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: a status, where it sends one, and the page."""

    status: int
    location: str
    text: str
    headers: Mapping[str, str]

    @property
    def page(self) -> BeautifulSoup:
        return BeautifulSoup(self.text, "html.parser")

    def see(self, testid: str) -> list[str]:
        """The texts of everything with this test id."""
        found = self.page.select(f'[data-testid="{testid}"]')
        return [" ".join(one.get_text(" ").split()) for one in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a browser. `user` is None for who is not signed in."""

    client: Client
    user: User | None = None

    async def get(self, path: str, **headers: str) -> Answer:
        async with self.client.get(path, headers=headers, allow_redirects=False) as response:
            return await _answer(response)

    async def post(
        self,
        path: str,
        fields: Fields | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form as this site's own page would, with the token that its pages carry."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields or ())
        given = await self.form_token() if token is None else token
        own = {"Origin": origin_of(self.client), "Sec-Fetch-Site": "same-origin"}
        async with self.client.post(
            path,
            data=[("form_token", given), *pairs],
            headers=own if headers is None else headers,
            allow_redirects=False,
        ) as response:
            return await _answer(response)

    async def form_token(self) -> str:
        answer = await self.get("/admin/me" if self.user else "/admin/sign-in")
        field = answer.page.select_one('input[name="form_token"]')
        assert isinstance(field, Tag), answer.text
        return str(field["value"])


def origin_of(client: Client) -> str:
    return str(client.make_url("/").origin())


def cookie_of(client: Client, name: str) -> str | None:
    return next((one.value for one in client.session.cookie_jar if one.key == name), None)


async def make_user(
    database: Database, name: str, role: Role, password_hash: str | None = "set"
) -> User:
    """A user; without a hash that anything fits, unless one is given."""

    def make(tx: Transaction) -> User:
        user = users.add(tx, name, role, SETUP)
        if password_hash is not None:
            users.set_password(tx, user.id, password_hash, SETUP)
        return users.get(tx, user.id)

    return await database.write(make)


async def signed_in(
    database: Database, server: TestServer, client: Client, role: Role, *, name: str = ""
) -> Person:
    """A user of this role, signed in without the pains of a password."""
    user = await make_user(database, name or f"the {role}", role)
    token = new_token()
    await database.write(lambda tx: sessions.begin(tx, fingerprint(token), user.id))
    client.session.cookie_jar.update_cookies({"bridge_session": token}, server.make_url("/"))
    return Person(client=client, user=user)


async def sign_in(person: Person, fields: Mapping[str, str] = RIGHT, **more: str) -> Answer:
    return await person.post("/admin/sign-in", {**fields, **more})


async def is_in(person: Person) -> bool:
    return (await person.get("/admin/")).status == 200


async def _answer(response: ClientResponse) -> Answer:
    return Answer(
        status=response.status,
        location=response.headers.get("Location", ""),
        text=await response.text(),
        headers=response.headers.copy(),
    )
