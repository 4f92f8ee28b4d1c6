"""Hostile texts are text on every page: no element, attribute or address comes of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup

from bridge.store import users
from bridge.store.changes import Author
from bridge.store.sqlite import SqliteDatabase
from tests.web.admin.hostile import TEXTS
from tests.web.admin.people import Person
from tests.web.admin.stock import REPLY, TALK, TEXT, WORK, stock

LISTS = (
    "/admin/",
    "/admin/overview/now",
    "/admin/conversations",
    "/admin/conversations?q=o",
    "/admin/conversations?state=failed",
    "/admin/contacts",
    "/admin/work",
    "/admin/users",
    "/admin/changes",
)
NEVER = ("iframe", "object", "embed", "base", "style", "video", "math", "template", "marquee")
OWN_HREFS = ("/admin/", "#", "?", "https://acme.zendesk.com/")


def customer_of(number: int) -> str:
    return f"+1202555{1000 + number}"


def strange(page: BeautifulSoup) -> Iterator[str]:
    """Everything on a page that none of our templates has put there."""
    for one in page.find_all():
        if one.name in NEVER:
            yield one.name
        if one.name == "script" and (one.get_text() or not str(one["src"]).startswith("/admin/")):
            yield f"script {one}"
        for name, value in one.attrs.items():
            if name.startswith("on") or name in {"style", "srcdoc", "autofocus", "formaction"}:
                yield f"{one.name} {name}"
            if name in {"href", "src", "action"} or name.startswith("hx-get"):
                target = str(value)
                if one.name == "meta" or not target.startswith(OWN_HREFS):
                    yield f"{one.name} {name}={target}"
    for meta in page.select("meta[http-equiv]"):
        yield str(meta)


@pytest.mark.parametrize("texts", [TEXTS[begin::4] for begin in range(4)], ids=range(4))
async def test_whatever_a_text_holds_a_page_has_nothing_but_our_own_markup(
    admin: Person, database: SqliteDatabase, texts: tuple[str, ...]
) -> None:
    by = Author(how="console", who="<script>owned()</script>")
    for number, text in enumerate(texts):
        await stock(database, text, customer=customer_of(number), tail=f"x{number}")
        if text.isprintable():
            name = f"{number} {text}"[:80]
            await database.write(lambda tx, n=name: users.add(tx, n, "viewer", by))  # type: ignore[misc]
    pages = [*LISTS]
    for number in range(len(texts)):
        tail = f"x{number}"
        pages += [f"/admin/conversations/{TALK}{tail}", f"/admin/work/{WORK}{tail}"]
        pages += [f"/admin/messages/{TEXT}{tail}", f"/admin/messages/{REPLY}{tail}"]
        pages += [f"/admin/contacts/%2B{customer_of(number)[1:]}"]

    for path in pages:
        answer = await admin.get(path)
        assert answer.status == 200, path
        assert list(strange(answer.page)) == [], path


async def test_a_text_is_shown_as_it_is(viewer: Person, database: SqliteDatabase) -> None:
    for number, text in enumerate(TEXTS):
        await stock(database, text, customer=customer_of(number), tail=f"x{number}")

    for number, text in enumerate(TEXTS):
        page = (await viewer.get(f"/admin/conversations/{TALK}x{number}")).page
        shown = [one.get_text() for one in page.select(".bubble")]
        expected = text.replace("\r\n", "\n")
        assert [one.replace("\r\n", "\n") for one in shown] == [expected, expected]


async def test_what_was_typed_comes_back_as_text(admin: Person) -> None:
    for text in TEXTS:
        answer = await admin.post("/admin/users", {"name": text * 9, "role": "viewer"})
        assert answer.status == 422
        assert list(strange(answer.page)) == []


def test_planted_markup_is_seen() -> None:
    for planted in ("<img src=x>", "<p onclick=x>", "<script>1</script>", "<a href=//x>", "<base>"):
        assert list(strange(BeautifulSoup(planted, "html.parser")))
