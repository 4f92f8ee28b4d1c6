"""Signing in: links, passwords, sessions, and how long each of them holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from bridge.invitations import first_link, link_for
from bridge.secrets import fingerprint
from bridge.store import sessions, users
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.console import Passwords
from bridge.web.admin.sign_in import TRIES_BY_ADDRESS, TRIES_BY_NAME
from bridge.web.server import WebParts, create_app, runner_options
from tests.stores import column
from tests.web.admin.conftest import HASHED, Enter
from tests.web.admin.people import (
    PASSWORD,
    RIGHT,
    SETUP,
    Person,
    cookie_of,
    is_in,
    make_user,
    sign_in,
)
from tests.web.conftest import Client, Server

NewCookies = Callable[[TestServer], Awaitable[list[str]]]
WRONG = {"name": "Robin", "password": "not the right one"}


async def new_link(database: SqliteDatabase, user_id: str | None) -> str:
    link = await database.write(lambda tx: link_for(tx, "http://127.0.0.1", user_id))
    return link.removeprefix("http://127.0.0.1")


async def test_the_first_link_makes_the_admin_and_signs_in(
    stranger: Person, database: SqliteDatabase
) -> None:
    link = await database.write(lambda tx: first_link(tx, "https://sms.example.com/"))
    assert link is not None
    assert link.startswith("https://sms.example.com/admin/welcome/")
    path = link.removeprefix("https://sms.example.com")
    assert (await stranger.get(path)).status == 200

    fields = {"name": " Robin  Park ", "password": PASSWORD, "again": PASSWORD}
    answer = await stranger.post(path, fields, token=await token_on(stranger, path))

    assert (answer.status, answer.location) == (303, "/admin/")
    assert await is_in(stranger)
    (user,) = await database.read(users.list_users)
    assert (user.name, user.role) == ("Robin Park", "admin")
    assert (await stranger.get(path)).status == 404


async def token_on(person: Person, path: str) -> str:
    field = (await person.get(path)).page.select_one('input[name="form_token"]')
    assert field is not None
    return str(field["value"])


async def test_every_first_link_ends_with_the_first_user(
    stranger: Person, database: SqliteDatabase
) -> None:
    path = await new_link(database, None)
    token = await token_on(stranger, path)
    await make_user(database, "Robin", "admin")

    answer = await stranger.post(
        path, {"name": "Mallory", "password": PASSWORD, "again": PASSWORD}, token=token
    )

    assert answer.status == 404
    assert [one.name for one in await database.read(users.list_users)] == ["Robin"]
    assert await database.write(lambda tx: first_link(tx, "http://x")) is None


async def test_a_users_link_sets_the_password_once(
    stranger: Person, enter: Enter, database: SqliteDatabase
) -> None:
    user = await make_user(database, "Sam", "viewer", None)
    path = await new_link(database, user.id)
    other = await new_link(database, user.id)
    token = await token_on(stranger, path)

    answer = await stranger.post(path, {"password": PASSWORD, "again": PASSWORD}, token=token)

    assert answer.status == 303
    assert await is_in(stranger)
    for spent in (path, other):
        assert (await stranger.get(spent)).status == 404
    somebody = await enter(None)
    assert (await sign_in(somebody, {"name": "SAM", "password": PASSWORD})).status == 303


@pytest.mark.parametrize(
    ("password", "again", "fault"),
    [
        ("short", "short", "15 characters"),
        ("a" * 30, "a" * 30, "over and over"),
        (PASSWORD, PASSWORD + "!", "not the same"),
        ("x" * 300, "x" * 300, "at most 256"),
        ("", "", "15 characters"),
    ],
)
async def test_a_weak_password_is_refused_with_the_reason(
    stranger: Person, database: SqliteDatabase, password: str, again: str, fault: str
) -> None:
    path = await new_link(database, None)
    token = await token_on(stranger, path)

    answer = await stranger.post(
        path, {"name": "Robin", "password": password, "again": again}, token=token
    )

    assert answer.status == 422
    assert fault in answer.text
    assert not await database.read(users.are_there_any)
    assert (await stranger.get(path)).status == 200


async def test_the_right_password_opens_and_leads_on(stranger: Person, robin: users.User) -> None:
    answer = await sign_in(stranger, next="/admin/changes?subject=user")

    assert (answer.status, answer.location) == (303, "/admin/changes?subject=user")
    assert (await stranger.get("/admin/changes")).status == 200


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example/", "//elsewhere.example", "/admin//x", "/\\x", "/", "javascript:1"],
)
async def test_signing_in_leads_nowhere_else(
    stranger: Person, robin: users.User, target: str
) -> None:
    assert (await sign_in(stranger, next=target)).location == "/admin/"


@pytest.mark.parametrize(
    "fields",
    [
        WRONG,
        {"name": "Nobody", "password": PASSWORD},
        {"name": "New", "password": PASSWORD},
        {"name": "Gone", "password": PASSWORD},
        {"name": "Robin", "password": ""},
        {"name": "", "password": PASSWORD},
        {"name": "Robin", "password": PASSWORD * 100},
    ],
    ids=lambda fields: f"{fields['name']}-{len(fields['password'])}",
)
async def test_what_does_not_fit_gets_one_answer(
    stranger: Person, robin: users.User, database: SqliteDatabase, fields: dict[str, str]
) -> None:
    await make_user(database, "New", "viewer", None)
    gone = await make_user(database, "Gone", "viewer", HASHED)
    await make_user(database, "Boss", "admin")
    await database.write(lambda tx: users.disable(tx, gone.id, SETUP))

    answer = await sign_in(stranger, fields)

    assert answer.status == 401
    assert answer.see("fault") == ["This name and password don't belong together."]
    assert cookie_of(stranger.client, "bridge_session") is None
    assert not await is_in(stranger)


@pytest.mark.parametrize("name", ["Robin", "Nobody"])
async def test_a_name_has_so_many_tries_whether_it_exists_or_not(
    stranger: Person, robin: users.User, name: str
) -> None:
    token = await stranger.form_token()
    for _ in range(TRIES_BY_NAME):
        answer = await stranger.post(
            "/admin/sign-in", {"name": name, "password": "no"}, token=token
        )
        assert answer.status == 401

    answer = await stranger.post("/admin/sign-in", {**RIGHT, "name": name}, token=token)

    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.see("fault") == [
        "There were too many tries. Wait a quarter of an hour, then try again."
    ]
    other = {"name": "Another", "password": "no"}
    assert (await stranger.post("/admin/sign-in", other, token=token)).status == 401


async def test_spaces_in_a_name_give_it_no_tries_of_their_own(
    stranger: Person, database: SqliteDatabase
) -> None:
    await make_user(database, "Robin Park", "admin")
    token = await stranger.form_token()
    for number in range(TRIES_BY_NAME):
        name = "Robin" + " " * (1 + number) + "Park"
        await stranger.post("/admin/sign-in", {"name": name, "password": "no"}, token=token)

    fields = {"name": "Robin\tPark", "password": PASSWORD}
    assert (await stranger.post("/admin/sign-in", fields, token=token)).status == 429


async def test_a_link_for_another_user_stands_in_the_log_of_changes(
    admin: Person, database: SqliteDatabase
) -> None:
    user = await make_user(database, "Sam", "viewer", None)

    await admin.post(f"/admin/users/{user.id}/link", {}, token=await admin.form_token())

    rows = await column(database, "SELECT what FROM changes WHERE name = 'Sam' ORDER BY id")
    assert rows[-1] == "made a link for"


async def test_an_address_has_so_many_tries_over_all_names(
    stranger: Person, robin: users.User, database: SqliteDatabase
) -> None:
    address = fingerprint("address 203.0.113.9")
    for _ in range(TRIES_BY_ADDRESS):
        await database.write(lambda tx: sessions.may_try(tx, {address: TRIES_BY_ADDRESS}))
    token = await stranger.form_token()
    own = {"Sec-Fetch-Site": "same-origin"}

    for seen, expected in (("198.51.100.1, 203.0.113.9", 429), ("198.51.100.1", 303)):
        answer = await stranger.post(
            "/admin/sign-in", RIGHT, token=token, headers={**own, "X-Forwarded-For": seen}
        )
        assert answer.status == expected


async def test_the_right_password_gives_all_tries_back(
    stranger: Person, robin: users.User, enter: Enter
) -> None:
    for _ in range(2):
        for _ in range(TRIES_BY_NAME - 1):
            assert (await sign_in(stranger, WRONG)).status == 401
        somebody = await enter(None)
        assert (await sign_in(somebody)).status == 303


async def test_weak_hashes_are_made_stronger_at_the_next_sign_in(
    stranger: Person, database: SqliteDatabase
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=2).hash(PASSWORD)
    robin = await make_user(database, "Robin", "viewer", weak)

    await sign_in(stranger)

    user = await database.read(lambda tx: users.get(tx, robin.id))
    assert str(user.password).startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_a_password_is_kept_as_argon2_asks_today() -> None:
    assert (await Passwords().hash(PASSWORD)).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.fixture
async def secure(
    aiohttp_server: AiohttpServer, make_parts: Callable[[str | None], WebParts]
) -> TestServer:
    """A bridge that is reached under https."""
    return await aiohttp_server(create_app(make_parts(None)), **runner_options())


@pytest.mark.parametrize("server_is", ["plain", "secure"])
async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    console: Server, secure: TestServer, new_cookies: NewCookies, server_is: str
) -> None:
    secured = server_is == "secure"

    (cookie,) = await new_cookies(secure if secured else console)

    name, *attributes = (part.strip() for part in cookie.split(";"))
    assert name.startswith("__Host-bridge_form=" if secured else "bridge_form=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert ("Secure" in attributes) is secured
    assert not any(one.startswith("Domain") for one in attributes)


@pytest.fixture
def new_cookies(aiohttp_client: AiohttpClient) -> NewCookies:
    async def look(server: TestServer) -> list[str]:
        client: Client = await aiohttp_client(server)
        async with client.get("/admin/sign-in") as response:
            return list(response.headers.getall("Set-Cookie"))

    return look


class Counting(PasswordHasher):
    """Counts what it is asked to check."""

    checked = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.checked += 1
        return super().verify(hash, password)


async def test_who_does_not_exist_costs_the_same_check_as_who_does() -> None:
    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(counting)

    assert await passwords.fits(PASSWORD, HASHED)
    assert not await passwords.fits("wrong", HASHED)
    assert counting.checked == 2
    assert not await passwords.fits(PASSWORD, None)
    assert counting.checked == 3
