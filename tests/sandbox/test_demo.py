"""`bridge demo` as a newcomer meets it: the command, the page, both sides, nothing pretended."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.sandbox.brand import VIEWER
from tests.flows.conftest import free_port
from tests.sandbox.browsing import CHROMIUM, CHROMIUM_FLAGS, needs_browser

if TYPE_CHECKING:
    from playwright.async_api import Page

WAIT_MS = 30_000
pytestmark = [needs_browser, pytest.mark.browser]


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Where the command says that the sandbox is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "demo"),
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONUNBUFFERED": "1",
            "BRIDGE_PORT": str(free_port()),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    yield next(word for word in said.split() if word.startswith("http://"))
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 0


@pytest.fixture
async def page(address: str) -> AsyncIterator[Page]:
    """The page in Chromium."""
    playwright_api = importlib.import_module("playwright.async_api")  # absent in everyday use
    async with playwright_api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS)
        )
        page = await chromium.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(address)
        yield page
        await chromium.close()


async def test_text_becomes_ticket_and_reply_becomes_text_on_the_page(page: Page) -> None:
    await page.get_by_test_id("phone-input").fill("Where is my parcel?")
    await page.get_by_test_id("phone-send").click()
    await sees(page, "comment", "Where is my parcel?")

    await page.get_by_test_id("editor").fill("With your neighbour at number 14.")
    await page.get_by_test_id("submit-reply").click()

    await sees(page, "bubble", "With your neighbour at number 14.")
    await sees(page, "entry", "Delivered to the phone")


async def test_texts_of_an_outage_arrive_in_order_when_it_ends(page: Page) -> None:
    await page.get_by_test_id("try-outage").click()
    await page.get_by_test_id("outage").wait_for(timeout=WAIT_MS)
    for text in ("first", "second"):
        await page.get_by_test_id("phone-input").fill(text)
        await page.get_by_test_id("phone-send").click()
        await sees(page, "bubble", text)
    assert await page.get_by_test_id("comment").count() == 0

    await page.get_by_test_id("try-outage").click()
    await sees(page, "comment", "second")

    said = await page.get_by_test_id("comment").all_inner_texts()
    assert [word for text in said for word in ("first", "second") if word in text] == [
        "first",
        "second",
    ]


async def test_a_customers_picture_is_seen_on_the_phone_and_on_the_ticket(page: Page) -> None:
    await page.get_by_test_id("try-picture").click()

    for side in ("bubble", "comment"):
        picture = page.get_by_test_id(side).locator("img.picture")
        await picture.wait_for(timeout=WAIT_MS)
        await page.wait_for_function(
            "img => img.naturalWidth > 0", arg=await picture.element_handle()
        )


async def test_the_console_opens_with_a_role_to_play(page: Page) -> None:
    await page.get_by_test_id("console").click()
    await page.get_by_test_id("play-viewer").click()
    await page.get_by_role("heading", name="Overview").wait_for(timeout=WAIT_MS)
    assert await page.get_by_test_id("me").inner_text() == VIEWER
    await page.get_by_test_id("chart-texts").wait_for(timeout=WAIT_MS)

    await page.get_by_role("link", name="Play another role").click()
    await page.locator("[data-testid=play-manager]:enabled").wait_for(timeout=WAIT_MS)
    await page.get_by_test_id("play-manager").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Conversations").click(timeout=WAIT_MS)
    await page.get_by_test_id("conversation").first.click()
    await page.get_by_label("Your reply").fill("A word from the manager.")
    await page.get_by_role("button", name="Reply").click()
    await sees(page, "bubble", "A word from the manager.")

    await page.get_by_role("link", name="Phone and ticket").click()
    await page.get_by_test_id("tickets").get_by_role("button").click(timeout=WAIT_MS)
    await sees(page, "comment", "A word from the manager.")


async def sees(page: Page, testid: str, text: str) -> None:
    """Wait until something with this test id holds this text."""
    await page.get_by_test_id(testid).filter(has_text=text).first.wait_for(timeout=WAIT_MS)
