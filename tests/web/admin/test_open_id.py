"""Sign-on by OpenID Connect, against a provider that runs beside the console."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, CookieJar
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from bridge.http import HttpClient
from bridge.sign_on import SignOn
from bridge.store import changes, users
from bridge.store.sqlite import SqliteDatabase
from bridge.web.server import WebParts, create_app, runner_options
from tests.web.admin.conftest import with_quick_passwords
from tests.web.admin.people import SETUP, Answer, Person, is_in, make_user
from tests.web.conftest import Client

EMAIL = "robin@acme.example"
NewPerson = Callable[[], Awaitable[Person]]
pytest.importorskip("oidc_provider_mock", reason="belongs to the full check")
# The provider's libraries warn of one another's old ways, in its own thread.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def issuer() -> Iterator[str]:
    """A provider of its own, that holds to nonces."""
    provider: Any = importlib.import_module("oidc_provider_mock")
    known = [
        provider.User(sub="robin-1", claims={"email": EMAIL, "email_verified": True}),
        provider.User(sub="robin-2", claims={"email": EMAIL, "email_verified": True}),
        provider.User(sub="mallory", claims={"email": EMAIL, "email_verified": False}),
        provider.User(sub="new", claims={"email": "new@acme.example", "email_verified": True}),
    ]
    with provider.run_server_in_thread(require_nonce=True, user_claims=known) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def sign_on(issuer: str) -> AsyncIterator[SignOn]:
    http = HttpClient(timeout_s=30)
    await http.open()
    yield SignOn(
        issuer=issuer,
        client_id="bridge",
        client_secret="a secret: with / signs",
        newcomers_are_viewers=False,
        http=http,
    )
    await http.close()


@pytest.fixture
def person_at(
    aiohttp_server: AiohttpServer,
    aiohttp_client: AiohttpClient,
    make_parts: Callable[[str | None], WebParts],
) -> Callable[[SignOn], Awaitable[NewPerson]]:
    async def serve(sign_on: SignOn) -> NewPerson:
        parts = replace(make_parts(None), public_url="http://127.0.0.1", sign_on=sign_on)
        app = with_quick_passwords(create_app(parts))
        server = await aiohttp_server(app, **runner_options())

        async def make() -> Person:
            client: Client = await aiohttp_client(server, cookie_jar=CookieJar(unsafe=True))
            return Person(client=client)

        return make

    return serve


async def at_provider(address: str, sub: str) -> str:
    """Say at the provider who one is; returns the path to come back to."""
    async with (
        ClientSession() as browser,
        browser.post(address, data={"sub": sub}, allow_redirects=False) as answer,
    ):
        back = urlsplit(answer.headers["Location"])
    assert back.path == "/admin/sign-on/done"
    return f"{back.path}?{back.query}"


async def sign_on_as(person: Person, sub: str) -> Answer:
    begun = await person.get("/admin/sign-on")
    assert begun.status == 303
    return await person.get(await at_provider(begun.location, sub))


async def test_a_user_signs_on_by_a_verified_address_and_then_by_the_subject(
    database: SqliteDatabase, sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    new = await person_at(sign_on)
    user = await make_user(database, EMAIL, "manager")
    person = await new()
    door = await person.get("/admin/sign-in")
    assert 'href="/admin/sign-on"' in door.text

    answer = await sign_on_as(person, "robin-1")

    assert (answer.status, answer.location) == (303, "/admin/")
    assert await is_in(person)
    again = await new()
    assert (await sign_on_as(again, "robin-1")).status == 303
    assert await is_in(again)
    (noted, *_) = await database.read(lambda tx: changes.list_changes(tx, limit=5))
    assert (noted.what, noted.name) == ("tied to a provider", user.name)


async def test_what_is_asked_of_the_provider_is_bound_to_the_browser(
    sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    new = await person_at(sign_on)
    one, other = (
        await (await new()).get("/admin/sign-on"),
        await (await new()).get("/admin/sign-on"),
    )

    asked = [parse_qs(urlsplit(answer.location).query) for answer in (one, other)]

    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert "HttpOnly" in one.headers["Set-Cookie"]
    assert "SameSite=Lax" in one.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("sub", "words"),
    [("mallory", "vouch for an e-mail address"), ("new", "no user new@acme.example")],
)
async def test_who_is_unknown_is_refused_in_words(
    database: SqliteDatabase,
    sign_on: SignOn,
    person_at: Callable[..., Awaitable[NewPerson]],
    sub: str,
    words: str,
) -> None:
    person = await (await person_at(sign_on))()
    await make_user(database, EMAIL, "admin")

    answer = await sign_on_as(person, sub)

    assert answer.status == 403
    assert words in answer.see("fault")[0]
    assert not await is_in(person)
    assert len(await database.read(users.list_users)) == 1


async def test_newcomers_become_viewers_where_that_is_set(
    database: SqliteDatabase, sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    person = await (await person_at(replace(sign_on, newcomers_are_viewers=True)))()

    assert (await sign_on_as(person, "new")).status == 303

    (user,) = await database.read(users.list_users)
    assert (user.name, user.role) == ("new@acme.example", "viewer")


async def test_an_address_that_went_to_somebody_else_opens_nothing(
    database: SqliteDatabase, sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    new = await person_at(sign_on)
    await make_user(database, EMAIL, "admin")
    assert (await sign_on_as(await new(), "robin-1")).status == 303

    answer = await sign_on_as(await new(), "robin-2")

    assert answer.status == 403
    assert "somebody else at your provider" in answer.see("fault")[0]


async def test_a_disabled_user_stays_out(
    database: SqliteDatabase, sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    person = await (await person_at(sign_on))()
    await make_user(database, "Kim", "admin")
    user = await make_user(database, EMAIL, "viewer")
    await database.write(lambda tx: users.disable(tx, user.id, SETUP))

    assert (await sign_on_as(person, "robin-1")).status == 403
    assert not await is_in(person)


async def test_a_code_of_one_browser_is_of_no_use_in_another(
    database: SqliteDatabase, sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    new = await person_at(sign_on)
    await make_user(database, EMAIL, "admin")
    one, other = await new(), await new()
    theirs = await at_provider((await one.get("/admin/sign-on")).location, "robin-1")
    own = await at_provider((await other.get("/admin/sign-on")).location, "robin-1")
    mixed = f"{theirs.partition('?')[0]}?code={code_in(theirs)}&state={state_in(own)}"

    assert (await (await new()).get(theirs)).status == 403  # without a cookie
    refused = await other.get(mixed)  # its own state, another's code: the verifier differs

    assert refused.status == 403
    assert "does not prove who you are" in refused.see("fault")[0]
    assert not await is_in(other)


def code_in(path: str) -> str:
    return parse_qs(urlsplit(path).query)["code"][0]


def state_in(path: str) -> str:
    return parse_qs(urlsplit(path).query)["state"][0]


async def test_a_refusal_at_the_provider_is_told(
    sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    person = await (await person_at(sign_on))()
    begun = await person.get("/admin/sign-on")
    state = parse_qs(urlsplit(begun.location).query)["state"][0]

    answer = await person.get(f"/admin/sign-on/done?error=access_denied&state={state}")

    assert answer.status == 403


async def test_a_provider_that_is_away_leaves_the_passwords(
    sign_on: SignOn, person_at: Callable[..., Awaitable[NewPerson]]
) -> None:
    away = replace(sign_on, issuer="http://127.0.0.1:9")
    answer = await (await (await person_at(away))()).get("/admin/sign-on")
    assert answer.status == 503
    assert "use a password" in answer.see("fault")[0]


async def test_without_a_provider_there_is_no_such_way_in(stranger: Person) -> None:
    assert (await stranger.get("/admin/sign-on")).status == 404
    assert "/admin/sign-on" not in (await stranger.get("/admin/sign-in")).text
