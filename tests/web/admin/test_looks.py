"""The console's pages as they look: on a desk and on a phone, in light and dark; what axe says."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from bridge.domain.settings_file import parse
from bridge.store import contacts, settings
from bridge.store.sqlite import SqliteDatabase
from bridge.web.admin.rule_form import CARRIERS
from tests.sandbox.browsing import needs_browser
from tests.store.rows import CUSTOMER, SENDER
from tests.web.admin.browsing import SIZES, open_page, sign_in_as
from tests.web.admin.hostile import TEXTS
from tests.web.admin.stock import REPLY, TALK, TEXT, WORK, stock
from tests.web.conftest import Server

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [needs_browser, pytest.mark.browser, pytest.mark.slow]

SETTINGS = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
name = "Acme"
tags = ["us"]

[[senders]]
number = "+18005550199"
carrier = "twilio"
kind = "toll_free"

[[lists]]
name = "vip"

[[keywords]]
words = ["JOIN", "VIP", "ENTRATEASUBITONELCLUBDELLEOFFERTESPECIALI"]
lists = ["vip"]
reply = "Welcome. Reply STOP to end."

[[keywords]]
words = ["JOIN"]
match = "any_word"
ticket = true

[[hours]]
name = "office"
zone = "America/New_York"
open = ["Mon-Fri 09:00-17:00"]
holidays = ["12-25"]

[[auto_replies]]
name = "usual"
greeting = "Hello! Reply STOP to end."
out_of_hours = "Nobody is here now."

[[keywords]]
words = ["JOIN NOW"]
match = "any_word"
hours = "office"
set_fields = { size = "L", colour = "ENTRATEASUBITONELCLUBDELLEOFFERTESPECIALI" }
set_tags = ["summer"]
reply = "“Welcome” … 🎉 Reply STOP to end. ENTRATEASUBITONELCLUBDELLEOFFERTESPECIALI"

[[templates]]
name = "Solved"
text = "Hello {{ contact.first_name }}, your ticket {{ ticket.id }} is solved. “{{ sender.name }}”"
"""
PAGES = (
    *("/admin/", "/admin/conversations", "/admin/conversations?q=parcel", "/admin/contacts"),
    *(f"/admin/conversations/{TALK}", f"/admin/messages/{TEXT}", f"/admin/messages/{REPLY}"),
    *(f"/admin/contacts/%2B{CUSTOMER[1:]}", "/admin/work", "/admin/work?show=waiting"),
    *(f"/admin/work/{WORK}", "/admin/rules", "/admin/rules/new", "/admin/rules/JOIN"),
    *("/admin/lists", "/admin/lists/members?name=vip", "/admin/senders", "/admin/senders/new"),
    *(f"/admin/senders/%2B{SENDER[1:]}", "/admin/users", "/admin/me", "/admin/changes"),
    *(
        "/admin/hours",
        "/admin/hours/office",
        "/admin/auto-replies/usual",
        "/admin/auto-replies/new",
    ),
    *("/admin/rules/JOIN%20NOW%20(any_word,%20in%20office)", "/admin/contacts?undecided"),
    *("/admin/templates", "/admin/templates/new", "/admin/templates/Solved"),
    *("/admin/settings", "/admin/nowhere"),
)
HOSTILE = (
    *(f"/admin/conversations/{TALK}", f"/admin/messages/{TEXT}", f"/admin/messages/{REPLY}"),
    *(f"/admin/contacts/%2B{CUSTOMER[1:]}", f"/admin/work/{WORK}", "/admin/conversations"),
    *("/admin/", "/admin/contacts", "/admin/work", "/admin/changes"),
)


async def fill(database: SqliteDatabase, words: str = "Where is my parcel?") -> str:
    await stock(database, words)
    await database.write(lambda tx: contacts.note_wish(tx, CUSTOMER, TEXT))
    file = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False))
    return await sign_in_as(database, "admin")


async def serious_faults(page: Page) -> list[str]:
    axe_module = importlib.import_module("axe_playwright_python.async_playwright")
    result = await axe_module.Axe().run(page)
    return [
        f"{one['id']}: {node['html']}"
        for one in result.response["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_every_page_fits_its_window_and_can_be_used_by_all(
    database: SqliteDatabase, console: Server, size: str, scheme: str
) -> None:
    token = await fill(database)
    url = str(console.make_url("/").origin())

    async with open_page(url, size=size, token=token, color_scheme=scheme) as page:
        for path in PAGES:
            await page.goto(url + path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            wider = "document.documentElement.scrollWidth - window.innerWidth"
            assert await page.evaluate(wider) <= 0, path
            assert await serious_faults(page) == [], path


@pytest.mark.parametrize("size", SIZES)
async def test_the_door_fits_its_window_and_can_be_used_by_all(
    database: SqliteDatabase, console: Server, size: str
) -> None:
    url = str(console.make_url("/").origin())

    async with open_page(url, size=size) as page:
        await page.goto(f"{url}/admin/sign-in")
        assert await serious_faults(page) == []


@pytest.mark.parametrize("texts", [TEXTS[begin::4] for begin in range(4)], ids=range(4))
async def test_no_text_runs_loads_or_sends_anything_in_a_browser(
    database: SqliteDatabase, console: Server, texts: tuple[str, ...]
) -> None:
    token = ""
    for number, words in enumerate(texts):
        await stock(database, words, customer=f"+1202555{1000 + number}", tail=f"x{number}")
    token = await fill(database)
    url = str(console.make_url("/").origin())

    async with open_page(url, token=token) as page:
        for number in range(len(texts)):
            for path in (f"conversations/{TALK}x{number}", f"messages/{REPLY}x{number}"):
                await page.goto(f"{url}/admin/{path}")
                assert await page.get_by_role("navigation", name="Console").count() == 1
        for path in HOSTILE:
            await page.goto(url + path)
        for words in texts:
            await page.goto(f"{url}/admin/rules/new")
            await page.get_by_label("Text to try").fill(words.replace("\r\n", " "))
            await page.get_by_test_id("verdict").wait_for()


async def test_a_text_that_would_run_is_noticed(console: Server) -> None:
    url = str(console.make_url("/").origin())

    async def plant() -> None:
        async with open_page(url) as page:
            await page.goto(f"{url}/admin/sign-in")
            # The browser says so in words of its own as well, sometimes first.
            async with page.expect_console_message(lambda one: "against the" in one.text):
                await page.evaluate(
                    "document.body.insertAdjacentHTML('beforeend', '<b onclick=owned()></b>')"
                )

    with pytest.raises(AssertionError, match="against the policy"):
        await plant()
