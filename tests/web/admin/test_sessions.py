"""Sessions: when they begin, and all the ways in which they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import CookieJar
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer

from bridge.secrets import fingerprint
from bridge.store import users
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.sign_in import TRIES_BY_NAME
from bridge.web.server import WebParts, create_app, runner_options
from tests.desks.scripted import HandClock
from tests.web.admin.conftest import HASHED, Enter, with_quick_passwords
from tests.web.admin.people import PASSWORD, Answer, Person, cookie_of, is_in, make_user, sign_in
from tests.web.conftest import Client


async def test_a_session_is_new_with_every_sign_in(
    stranger: Person, robin: users.User, database: SqliteDatabase
) -> None:
    stranger.client.session.cookie_jar.update_cookies(
        {"bridge_session": "planted"}, stranger.client.make_url("/")
    )
    await sign_in(stranger)
    first = cookie_of(stranger.client, "bridge_session")
    await sign_in(replace(stranger, user=robin))
    second = cookie_of(stranger.client, "bridge_session")

    assert first not in {None, "planted", second}
    assert second is not None
    assert len(second) >= 43  # 256 bits
    kept = await database.read(lambda tx: tx.all("SELECT token FROM sessions"))
    assert [row["token"] for row in kept] == [fingerprint(second)]


async def test_signing_out_ends_the_session_itself(
    stranger: Person, robin: users.User, enter: Enter
) -> None:
    await sign_in(stranger)
    token = cookie_of(stranger.client, "bridge_session")
    await replace(stranger, user=robin).post("/admin/sign-out")
    thief = await enter(None)
    thief.client.session.cookie_jar.update_cookies(
        {"bridge_session": str(token)}, thief.client.make_url("/")
    )

    assert not await is_in(stranger)
    assert not await is_in(thief)


async def test_disabling_a_user_ends_their_sessions_at_once(admin: Person, viewer: Person) -> None:
    assert await is_in(viewer)
    assert viewer.user is not None

    await admin.post(f"/admin/users/{viewer.user.id}/disable")

    assert not await is_in(viewer)


async def test_a_new_role_counts_at_once(admin: Person, viewer: Person) -> None:
    assert viewer.user is not None
    assert (await viewer.get("/admin/users")).status == 403

    await admin.post(f"/admin/users/{viewer.user.id}/role", {"role": "admin"})

    assert (await viewer.get("/admin/users")).status == 200


async def guess(me: Person, old: str) -> Answer:
    fields = {"old": old, "password": "another horse battery", "again": "another horse battery"}
    return await me.post("/admin/me/password", fields)


async def test_the_old_password_is_guessed_at_so_often_and_no_more(
    stranger: Person, robin: users.User, enter: Enter
) -> None:
    await sign_in(stranger)
    me = replace(stranger, user=robin)
    for _ in range(TRIES_BY_NAME):
        assert (await guess(me, "no")).status == 422

    right = await guess(me, PASSWORD)

    assert right.status == 429
    assert int(right.headers["Retry-After"]) > 0
    assert "too many tries" in right.text
    assert (await sign_in(await enter(None))).status == 429  # the same tries, by either way


async def test_the_right_old_password_gives_the_tries_back(
    stranger: Person, robin: users.User
) -> None:
    await sign_in(stranger)
    me = replace(stranger, user=robin)
    for _ in range(2):
        for _ in range(TRIES_BY_NAME - 1):
            assert (await guess(me, "no")).status == 422
        weak = {"old": PASSWORD, "password": "short", "again": "short"}
        answer = await me.post("/admin/me/password", weak)

        assert answer.status == 422
        assert "is not your password" not in answer.text


async def test_a_new_password_ends_the_other_sessions(
    enter: Enter, robin: users.User, database: SqliteDatabase
) -> None:
    here, there = await enter(None), await enter(None)
    await sign_in(here)
    await sign_in(there)
    me = replace(here, user=robin)
    new = "another battery of horses"

    wrong = await me.post("/admin/me/password", {"old": "no", "password": new, "again": new})
    right = await me.post("/admin/me/password", {"old": PASSWORD, "password": new, "again": new})

    assert (wrong.status, right.status) == (422, 303)
    assert await is_in(here)
    assert not await is_in(there)
    assert (await sign_in(there, {"name": "Robin", "password": new})).status == 303


async def test_signing_out_everywhere_else_keeps_this_browser_in(
    enter: Enter, robin: users.User
) -> None:
    here, there = await enter(None), await enter(None)
    await sign_in(here)
    await sign_in(there)

    await replace(here, user=robin).post("/admin/me/sign-out")

    assert await is_in(here)
    assert not await is_in(there)


Moving = tuple[Person, HandClock]


@pytest.fixture
async def moving(
    tmp_path_factory: pytest.TempPathFactory,
    aiohttp_server: AiohttpServer,
    aiohttp_client: AiohttpClient,
    make_parts: Callable[[str | None], WebParts],
) -> Moving:
    """Robin, signed in, at a bridge whose clock the test moves."""
    clock = HandClock()
    store = SqliteDatabase(str(tmp_path_factory.mktemp("moving") / "bridge.db"), clock)
    await store.open()
    user = await make_user(store, "Robin", "manager", HASHED)
    parts = replace(make_parts(None), public_url="http://127.0.0.1", database=store, clock=clock)
    app = with_quick_passwords(create_app(parts))

    async def close(_app: object) -> None:
        await store.close()

    app.on_cleanup.append(close)
    server = await aiohttp_server(app, **runner_options())
    client: Client = await aiohttp_client(server, cookie_jar=CookieJar(unsafe=True))
    await sign_in(Person(client=client))
    return Person(client=client, user=user), clock


async def test_a_session_ends_an_hour_after_the_last_page(moving: Moving) -> None:
    person, clock = moving
    for _ in range(3):
        clock.forward(59 * 60)
        assert await is_in(person)

    clock.forward(60 * 60)

    assert not await is_in(person)


async def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(moving: Moving) -> None:
    person, clock = moving
    clock.forward(40 * 60)
    assert (await person.get("/admin/overview/now")).status == 200
    clock.forward(21 * 60)

    assert (await person.get("/admin/overview/now")).status == 303


async def test_a_session_ends_half_a_day_after_the_sign_in(moving: Moving) -> None:
    person, clock = moving
    for _ in range(24 - 1):
        clock.forward(30 * 60)
        assert await is_in(person)

    clock.forward(30 * 60)

    assert not await is_in(person)
