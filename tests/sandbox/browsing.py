"""The sandbox's page in Chromium, on a world that tests can tell what to show."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.sandbox.small_world import MAYA, SmallWorld

if TYPE_CHECKING:
    from playwright.async_api import Page

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 5000
Client = TestClient[web.Request, web.Application]


def why_no_browser() -> str:
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if CHROMIUM.exists() else f"no browser at {CHROMIUM}"


needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser() or "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A page of the sandbox in Chromium, and the world behind it."""

    page: Page
    world: SmallWorld

    async def see(self, testid: str, text: str) -> None:
        """Wait until something with this test id holds this text."""
        found = self.page.get_by_test_id(testid).filter(has_text=text).first
        await found.wait_for(timeout=WAIT_MS)

    async def called(self, name: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait until the page has asked the world for this so often; what it asked with."""
        for _ in range(WAIT_MS // 20):
            found = [fields for called, fields in self.world.calls if called == name]
            if len(found) >= times:
                return found
            await self.page.wait_for_timeout(20)
        raise AssertionError(f"{name} was not called {times} times: {self.world.calls}")


async def open_browser(
    world: SmallWorld, client: Client, **looks: object
) -> AsyncIterator[Browser]:
    playwright_api = importlib.import_module("playwright.async_api")  # absent in everyday use
    complaints: list[str] = []
    async with playwright_api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS)
        )
        page = await chromium.new_page(**looks)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text))
        page.on("requestfailed", lambda request: complaints.append(f"no answer: {request.url}"))
        await page.goto(str(client.make_url("/")))
        await page.get_by_test_id(f"customer-{MAYA}").wait_for(state="attached", timeout=WAIT_MS)
        yield Browser(page=page, world=world)
        await page.close()
        await chromium.close()
    # Leaving; a refusal on purpose; hostile markup that the browser, too, would have stopped.
    expected = re.compile(r"/sandbox/events|status of 400|Content Security Policy")
    assert [one for one in complaints if not expected.search(one)] == []


async def add_conversation(world: SmallWorld) -> int:
    """A ticket with one text of Maya's, linked; returns its number."""
    await world.add_ticket(5, "SMS from Maya", status="open")
    text_id = await world.add_text(MAYA, "Where is my parcel?")
    comment_id = await world.add_comment(5, plain="Where is my parcel?")
    await world.add_message(
        body="Where is my parcel?",
        verdict="ticket",
        ticket_id=5,
        comment_id=comment_id,
        carrier_id=text_id,
    )
    return 5
