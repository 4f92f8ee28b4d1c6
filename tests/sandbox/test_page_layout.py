"""The sandbox's page in windows of several sizes: what is in sight, and what scrolls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.sandbox.page import add_page
from tests.sandbox.browsing import (
    WAIT_MS,
    Browser,
    Client,
    add_conversation,
    needs_browser,
    open_browser,
)
from tests.sandbox.small_world import MAYA, SmallWorld

pytestmark = [needs_browser, pytest.mark.browser]

SIZES = {
    "desktop": (1440, 900),
    "middling": (1024, 768),
    "tablet": (768, 1024),
    "phone": (390, 844),
    "narrow": (360, 740),
}
TABS = {
    "desktop": [],
    "middling": ["bridge", "ticket"],
    "tablet": ["phone", "bridge", "ticket"],
    "phone": ["phone", "bridge", "ticket"],
    "narrow": ["phone", "bridge", "ticket"],
}


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture
async def client(world: SmallWorld) -> AsyncIterator[Client]:
    app = web.Application()
    add_page(app, world)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def browser(
    world: SmallWorld, client: Client, request: pytest.FixtureRequest
) -> AsyncIterator[Browser]:
    """A page of the size that the test names by `sized`.

    Without motion: what moves holds its hidden parts, and would hide a page that grows.
    """
    width, height = SIZES[getattr(request, "param", "desktop")]
    looks = {"viewport": {"width": width, "height": height}, "reduced_motion": "reduce"}
    async for browser in open_browser(world, client, **looks):
        yield browser


def sized(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("browser", names, indirect=True)


async def talk(browser: Browser, texts: int = 10) -> None:
    """A ticket with as many more texts of Maya's, all seen by the page."""
    await add_conversation(browser.world)
    for number in range(texts):
        body = f"Text {number}. " + "It is about the parcel that never came. " * 3
        text_id = await browser.world.add_text(MAYA, body)
        comment_id = await browser.world.add_comment(5, plain=body)
        await browser.world.add_message(
            body=body, verdict="ticket", ticket_id=5, comment_id=comment_id, carrier_id=text_id
        )
    for testid in ("bubble", "comment", "entry"):
        last = browser.page.get_by_test_id(testid).filter(has_text=f"Text {texts - 1}.")
        await last.wait_for(state="attached", timeout=WAIT_MS)


async def is_at_end(browser: Browser, testid: str) -> None:
    """Wait until the newest line of this log is in sight."""
    await browser.page.wait_for_function(
        """(testid) => {
          const log = document.querySelector(`[data-testid=${testid}]`);
          const left = log.scrollHeight - log.scrollTop - log.clientHeight;
          return log.scrollHeight > log.clientHeight && log.clientHeight > 0 && left < 2;
        }""",
        arg=testid,
        timeout=WAIT_MS,
    )


@pytest.mark.parametrize(("browser", "tabs"), TABS.items(), ids=list(TABS), indirect=["browser"])
async def test_the_page_never_grows_beyond_its_window(browser: Browser, tabs: list[str]) -> None:
    await talk(browser)

    for tab in tabs or [""]:
        if tab:
            await browser.page.locator(f"[data-tab={tab}]").click()
        too_much = await browser.page.evaluate(
            """[document.documentElement.scrollHeight - innerHeight,
                document.documentElement.scrollWidth - innerWidth]"""
        )
        assert too_much == [0, 0], tab


@sized("narrow")
async def test_a_narrow_page_shows_one_side_at_a_time(browser: Browser) -> None:
    page = browser.page
    await add_conversation(browser.world)

    for tab, shown in (("phone", "phone-input"), ("bridge", "tries"), ("ticket", "editor")):
        await page.locator(f"[data-tab={tab}]").click()
        visible = [
            name
            for name in ("phone-input", "tries", "editor")
            if await page.get_by_test_id(name).is_visible()
        ]
        assert visible == [shown]
        assert await pressed_tabs(browser) == [tab]


async def pressed_tabs(browser: Browser) -> list[str]:
    """The tabs in sight that say they are chosen."""
    tabs = browser.page.locator("[data-tab][aria-pressed=true]")
    return [
        str(await tab.get_attribute("data-tab"))
        for tab in await tabs.all()
        if await tab.is_visible()
    ]


@sized("middling")
async def test_at_middling_width_the_tab_of_what_is_in_sight_is_pressed(browser: Browser) -> None:
    assert await pressed_tabs(browser) == ["ticket"]

    await browser.page.locator("[data-tab=bridge]").click()

    assert await pressed_tabs(browser) == ["bridge"]
    assert await browser.page.get_by_test_id("phone-input").is_visible()


async def test_tabs_follow_the_width_of_the_window(browser: Browser) -> None:
    for width, expected in ((1440, []), (1024, ["ticket"]), (390, ["phone"])):
        await browser.page.set_viewport_size({"width": width, "height": 800})
        await browser.page.wait_for_function(f"() => innerWidth === {width}")
        await browser.page.evaluate("new Promise(requestAnimationFrame)")
        assert await pressed_tabs(browser) == expected


@sized("narrow")
async def test_a_hidden_side_says_that_it_has_news(browser: Browser) -> None:
    await add_conversation(browser.world)
    tab = browser.page.locator("[data-tab=ticket].news")
    await tab.wait_for(timeout=WAIT_MS)

    await browser.page.locator("[data-tab=ticket]").click()

    assert await tab.count() == 0


@sized("middling")
async def test_a_side_in_sight_has_no_news_to_tell(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("comment", "Where is my parcel?")

    assert await browser.page.locator("[data-tab].news").count() == 0


@sized("phone")
async def test_the_chosen_ticket_is_in_sight_in_the_strip(browser: Browser) -> None:
    await add_conversation(browser.world)
    for ticket_id in range(20, 28):
        await browser.world.add_ticket(ticket_id, "Of somebody else", phone="+16175550111")
    row = browser.page.get_by_test_id("ticket-5")
    await browser.page.get_by_test_id("ticket-27").wait_for(state="attached", timeout=WAIT_MS)

    await browser.page.locator("[data-tab=ticket]").click()

    assert await row.get_attribute("aria-current") == "true"
    await browser.page.wait_for_function(
        """(row) => {
          const { left, right } = row.getBoundingClientRect();
          return left >= 0 && right <= innerWidth;
        }""",
        arg=await row.element_handle(),
        timeout=WAIT_MS,
    )


async def test_the_newest_stays_in_sight_when_the_outage_is_announced(browser: Browser) -> None:
    await talk(browser)
    for testid in ("bubbles", "comments"):
        await is_at_end(browser, testid)

    await browser.world.zendesk_down(down=True)
    await browser.see("outage", "Zendesk is down")

    for testid in ("bubbles", "comments"):
        await is_at_end(browser, testid)


async def test_who_reads_further_up_stays_there(browser: Browser) -> None:
    await talk(browser)
    await is_at_end(browser, "comments")
    comments = browser.page.get_by_test_id("comments")
    await comments.hover()
    await browser.page.mouse.wheel(0, -5000)
    await browser.page.wait_for_function(
        "() => document.getElementById('comments').scrollTop === 0", timeout=WAIT_MS
    )

    await browser.world.zendesk_down(down=True)
    await browser.see("outage", "Zendesk is down")
    await browser.world.add_comment(5, plain="One more")
    await browser.see("comment", "One more")

    assert await comments.evaluate("log => log.scrollTop") == 0


@sized("narrow")
async def test_what_came_out_of_sight_is_at_its_end_when_it_is_shown(browser: Browser) -> None:
    await talk(browser)

    await browser.page.locator("[data-tab=ticket]").click()

    await is_at_end(browser, "comments")


@sized("tablet")
async def test_the_phone_is_no_wider_than_a_phone(browser: Browser) -> None:
    box = await browser.page.locator(".phone").bounding_box()

    assert box is not None
    assert box["width"] <= 420
