"""The console over days of use, as the demo has it: what axe says, and its charts by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpServer

from bridge.http import HttpClient
from bridge.sandbox.demo import Sandbox, playing
from bridge.sign_on import SignOn
from bridge.web.server import WebParts, create_app, runner_options
from tests.flows.conftest import free_port
from tests.sandbox.browsing import needs_browser
from tests.web.admin.browsing import SIZES, open_page, token_for
from tests.web.admin.test_looks import serious_faults

pytestmark = [needs_browser, pytest.mark.browser, pytest.mark.slow]
PAGES = (
    *("/admin/", "/admin/?range=7d", "/admin/?range=30d", "/admin/conversations"),
    *("/admin/conversations?state=undelivered", "/admin/work", "/admin/work?show=waiting"),
    *("/admin/rules", "/admin/rules/JOIN", "/admin/lists", "/admin/hours", "/admin/changes"),
    "/sandbox/console",
)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with playing(tmp_path, host="127.0.0.1", port=free_port()) as sandbox:
        yield sandbox


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_pages_that_hold_much_fit_their_window_and_can_be_used_by_all(
    demo: Sandbox, size: str, scheme: str
) -> None:
    token = await token_for(demo, "admin")
    async with open_page(demo.url, size=size, token=token, color_scheme=scheme) as page:
        for path in PAGES:
            await page.goto(demo.url + path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            wider = "document.documentElement.scrollWidth - window.innerWidth"
            assert await page.evaluate(wider) <= 0, path
            assert await serious_faults(page) == [], path
            if path.startswith("/admin/?") or path == "/admin/":
                assert await page.locator(".plot svg").count() == 3, path
                assert await page.locator(".bars rect.bar").count() > 3, path


async def test_the_time_that_charts_show_is_chosen_by_keyboard(demo: Sandbox) -> None:
    token = await token_for(demo, "viewer")
    async with open_page(demo.url, token=token) as page:
        await page.goto(f"{demo.url}/admin/")
        await page.get_by_role("link", name="24 hours").focus()
        await page.keyboard.press("Tab")
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(ring) != "none"
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="The last 7 days").wait_for()
        chosen = page.locator("#charts [aria-current]")
        assert await chosen.inner_text() == "7 days"

        await page.get_by_text("As a table").first.focus()
        await page.keyboard.press("Enter")
        table = page.get_by_role("region", name="Texts in and out, table")
        await table.wait_for()
        assert await table.locator("tbody tr").count() == 28
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.ariaLabel") == (
            "Texts in and out, table"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_door_of_an_organisation_can_be_used_by_all(
    aiohttp_server: AiohttpServer,
    make_parts: Callable[[str | None], WebParts],
    size: str,
    scheme: str,
) -> None:
    sign_on = SignOn(
        issuer="http://127.0.0.1:1",
        client_id="bridge",
        client_secret="never asked",
        newcomers_are_viewers=False,
        http=HttpClient(timeout_s=1),
    )
    parts = replace(make_parts(None), public_url="http://127.0.0.1", sign_on=sign_on)
    server = await aiohttp_server(create_app(parts), **runner_options())
    url = str(server.make_url("/").origin())

    async with open_page(url, size=size, color_scheme=scheme) as page:
        await page.goto(f"{url}/admin/sign-in")
        await page.get_by_role("link", name="Sign in with your organisation").wait_for()
        wider = "document.documentElement.scrollWidth - window.innerWidth"
        assert await page.evaluate(wider) <= 0
        assert await serious_faults(page) == []
