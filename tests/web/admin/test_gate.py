"""Who gets in where: every route of the table by every role, and forms that are not ours."""

from __future__ import annotations

import re

import pytest

from bridge.domain.roles import ROLES, Role, allows
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin import ROUTES
from bridge.web.admin.routes import Route
from tests.web.admin.conftest import NewClient
from tests.web.admin.people import Answer, Person, origin_of, signed_in
from tests.web.conftest import Server

GUARDED = [route for route in ROUTES if route.needs != "anyone"]
POSTS = [route for route in GUARDED if route.method == "POST"]
GETS = [route for route in GUARDED if route.method == "GET"]


def path_of(route: Route) -> str:
    """An address of this route, of a thing that isn't there."""
    return re.sub(r"\{\w+(:[^}]*)?\}", "7", route.path)


async def ask(person: Person, route: Route) -> Answer:
    if route.method == "GET":
        return await person.get(path_of(route))
    return await person.post(path_of(route))


async def everything(database: SqliteDatabase) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the database."""

    def read(tx: Transaction) -> dict[str, list[tuple[object, ...]]]:
        names = tx.all("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            str(one["name"]): [
                tuple(row.values()) if isinstance(row, dict) else tuple(row)
                for row in tx.all(f"SELECT * FROM {one['name']}")
            ]
            for one in names
        }

    return await database.read(read)


def test_every_address_of_the_console_has_a_rule(console: Server) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in console.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/admin")
    }

    assert served == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len(served)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_it_may_have_and_nothing_else(
    database: SqliteDatabase, console: Server, new_client: NewClient, role: Role
) -> None:
    client = await new_client()
    for route in GUARDED:
        assert route.needs != "anyone"
        person = await signed_in(database, console, client, role, name=route.method + route.path)
        before = await everything(database)

        answer = await ask(person, route)

        if allows(role, route.needs):
            assert answer.status not in {401, 403, 500}, route
            assert not answer.location.startswith("/admin/sign-in?next"), route
        else:
            assert answer.status == 403, route
            assert await everything(database) == before, route


async def test_a_stranger_gets_nothing(stranger: Person, database: SqliteDatabase) -> None:
    before = await everything(database)

    for route in GUARDED:
        answer = await ask(stranger, route)

        assert answer.status == (303 if route.method == "GET" else 401), route
        assert answer.location.startswith("/admin/sign-in?next=") is (route.method == "GET")

    assert await everything(database) == before


async def test_looking_changes_nothing(admin: Person, database: SqliteDatabase) -> None:
    before = await everything(database)

    for route in GETS:
        await admin.get(path_of(route))

        assert await everything(database) == before, route


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
async def test_a_form_of_another_site_changes_nothing(
    admin: Person, database: SqliteDatabase, headers: dict[str, str]
) -> None:
    token = await admin.form_token()
    before = await everything(database)

    for route in POSTS:
        answer = await admin.post(path_of(route), token=token, headers=headers)
        assert answer.status == 403, route

    assert await everything(database) == before


async def test_a_form_without_the_token_of_this_session_changes_nothing(
    admin: Person, manager: Person, database: SqliteDatabase
) -> None:
    somebody_elses = await manager.form_token()
    before = await everything(database)

    for route in POSTS:
        for token in ("", "0" * 64, somebody_elses):
            answer = await admin.post(path_of(route), token=token)
            assert answer.status == 403, route
            assert "load it anew" in answer.text

    assert await everything(database) == before


@pytest.mark.parametrize("own", ["Origin", "Sec-Fetch-Site"])
async def test_one_of_the_two_headers_is_enough(admin: Person, own: str) -> None:
    value = origin_of(admin.client) if own == "Origin" else "same-origin"

    answer = await admin.post("/admin/me/sign-out", headers={own: value})

    assert answer.status == 303


async def test_a_form_that_is_no_form_is_refused(admin: Person) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    async with admin.client.post("/admin/users", data=b"{}", headers=headers) as response:
        assert response.status == 415


async def test_a_form_with_thousands_of_fields_is_refused(admin: Person) -> None:
    fields = [(f"field{number}", "") for number in range(3000)]

    assert (await admin.post("/admin/users", fields)).status == 400


@pytest.mark.parametrize("path", ["/admin/", "/admin/sign-in", "/admin/nowhere", "/admin/users"])
async def test_pages_load_and_frame_nothing_of_others(admin: Person, path: str) -> None:
    answer = await admin.get(path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_an_address_that_is_not_there_gets_a_page_that_says_so(admin: Person) -> None:
    answer = await admin.get("/admin/nowhere")

    assert answer.status == 404
    assert "Not here" in answer.text


async def test_a_wrong_method_is_refused(admin: Person) -> None:
    assert (await admin.post("/admin/")).status == 405


async def test_a_page_that_asks_by_itself_is_sent_to_sign_in(stranger: Person) -> None:
    answer = await stranger.get("/admin/overview/now", **{"HX-Request": "true"})

    assert answer.status == 401
    assert answer.headers["HX-Redirect"] == "/admin/sign-in"


async def test_files_are_served_to_all_and_for_good_under_their_version(stranger: Person) -> None:
    page = (await stranger.get("/admin/sign-in")).page
    sheets = [str(one["href"]) for one in page.select('link[rel="stylesheet"]')]

    assert sheets
    for sheet in sheets:
        answer = await stranger.get(sheet)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css")
        assert "immutable" in answer.headers["Cache-Control"]
        stale = await stranger.get(sheet.partition("?")[0])
        assert stale.headers["Cache-Control"] == "no-cache"
