"""The sandbox's page in a browser: what is done to it, and what it shows."""

from __future__ import annotations

import re
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
from tests.sandbox.small_world import ACME, MAYA, SmallWorld

pytestmark = [needs_browser, pytest.mark.browser]


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
async def browser(world: SmallWorld, client: Client) -> AsyncIterator[Browser]:
    async for browser in open_browser(world, client, viewport={"width": 1440, "height": 900}):
        yield browser


async def test_a_text_typed_on_the_phone_is_sent_and_shown(browser: Browser) -> None:
    await browser.page.get_by_test_id("phone-input").fill("Hello <b>there</b> 👩🏽‍🚀")
    await browser.page.keyboard.press("Enter")

    await browser.see("bubble", "Hello <b>there</b> 👩🏽‍🚀")
    (call,) = await browser.called("text")
    assert call == {
        "customer": MAYA,
        "sender": ACME,
        "body": "Hello <b>there</b> 👩🏽‍🚀",
        "copies": 1,
    }
    assert await browser.page.get_by_test_id("phone-input").input_value() == ""


async def test_customer_and_number_are_chosen_by_keyboard(browser: Browser) -> None:
    page = browser.page
    await page.get_by_test_id(f"customer-{MAYA}").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowLeft")
    await page.get_by_test_id("phone-input").fill("JOIN")
    await page.keyboard.press("Enter")

    (call,) = await browser.called("text")
    assert (call["customer"], call["sender"]) == ("+13125550142", "50500")


async def test_a_new_ticket_comes_to_the_front_by_itself(browser: Browser) -> None:
    assert await browser.page.get_by_text("No ticket yet").is_visible()

    await add_conversation(browser.world)

    await browser.see("ticket-subject", "SMS from Maya")
    await browser.see("comment", "Where is my parcel?")
    await browser.see("ticket-status", "open")
    await browser.see("entry", "Opened ticket #5")
    await browser.see("news", "New comment on ticket 5: Where is my parcel?")


async def test_nothing_in_a_comment_runs_or_loads(browser: Browser) -> None:
    ticket_id = await add_conversation(browser.world)
    hostile = (
        "<p>fine <b>bold</b></p><script>window.taken = 1</script>"
        '<img src="/x" onerror="window.taken = 1"><svg onload="window.taken = 1"></svg>'
        '<a href="javascript:window.taken=1">press</a> <a href="https://acme.example/">go</a>'
        '<div style="position:fixed" onclick="window.taken=1" id="tickets">styled</div>'
        '<iframe srcdoc="<script>parent.taken=1</script>"></iframe><form><input name="x"></form>'
    )

    await browser.world.add_comment(ticket_id, html=hostile, role="agent")
    await browser.see("comment", "fine bold")

    text = browser.page.locator(".comment-text").last
    assert await text.evaluate("node => node.querySelectorAll('*').length") == 4
    assert await text.locator("a").evaluate_all("all => all.map((one) => one.href)") == [
        "https://acme.example/"
    ]
    assert await text.locator("[style],[onclick],[id]").count() == 0
    assert await browser.page.evaluate("window.taken") is None


async def test_a_formatted_reply_is_sent_as_html(browser: Browser) -> None:
    page = browser.page
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    await page.get_by_test_id("editor").click()
    await page.keyboard.type("We found ")
    await page.get_by_test_id("tool-bold").click()
    await page.keyboard.type("it")
    await page.get_by_test_id("tool-bold").click()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("tool-list").click()
    await page.keyboard.type("at 14 <Main> Street")
    await page.keyboard.press("Control+Enter")

    (call,) = await browser.called("reply")
    assert call["ticket_id"] == 5
    assert call["public"] is True
    assert "We found&nbsp;<b>it</b>" in call["html"] or "We found <b>it</b>" in call["html"]
    assert "<ul><li>at 14 &lt;Main&gt; Street</li></ul>" in call["html"]
    assert "style" not in call["html"]
    await page.wait_for_function("() => !document.getElementById('editor').textContent")


@pytest.mark.parametrize("selected", [True, False], ids=["on words", "on nothing"])
async def test_a_link_is_made(browser: Browser, selected: bool) -> None:
    page = browser.page
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")
    await page.get_by_test_id("editor").click()
    await page.keyboard.type("track")
    if selected:
        await page.keyboard.press("Control+a")

    await page.get_by_test_id("tool-link").click()
    await page.get_by_test_id("link-address").fill("https://acme.example/t")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("submit-reply").click()

    (call,) = await browser.called("reply")
    words = "track" if selected else "https://acme.example/t"
    assert re.search(rf'<a href="https://acme\.example/t"[^>]*>{words}</a>', call["html"])


async def test_an_internal_note_is_not_public(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    await browser.page.get_by_text("Internal note").first.click()
    await browser.page.get_by_test_id("editor").fill("Ask the warehouse")
    await browser.page.get_by_test_id("submit-reply").click()

    (call,) = await browser.called("reply")
    assert call["public"] is False
    await browser.see("comment", "Internal note")


async def test_a_refused_reply_stays_in_the_composer(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")
    browser.world.refuse_next("the ticket was deleted a moment ago")

    await browser.page.get_by_test_id("editor").fill("Long thought out")
    await browser.page.get_by_test_id("submit-reply").click()

    await browser.see("toast", "the ticket was deleted a moment ago")
    await browser.see("editor", "Long thought out")


async def test_a_ticket_is_solved_reopened_and_closed(browser: Browser) -> None:
    page = browser.page
    await add_conversation(browser.world)
    for status in ("solved", "open", "closed"):
        await page.get_by_test_id(f"status-{status}").click()
        await browser.see("ticket-status", status)

    assert await page.get_by_test_id("editor").is_hidden()
    assert await page.get_by_text("closed for good").is_visible()


async def test_a_ticket_is_merged_into_another_of_the_same_customer(browser: Browser) -> None:
    await browser.world.add_ticket(4, "Closed", status="closed")
    await browser.world.add_ticket(3, "Of somebody else", phone="+16175550111", status="open")
    await browser.world.add_ticket(2, "Earlier", status="open")
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    merge = browser.page.get_by_test_id("merge")
    assert await merge.locator("option:not([disabled])").all_text_contents() == ["into #2"]
    await merge.select_option("2")

    assert await browser.called("merge") == [{"ticket_id": 5, "into": 2}]


async def test_delivery_is_shown_on_both_sides(browser: Browser) -> None:
    world = browser.world
    ticket_id = await add_conversation(world)
    comment_id = await world.add_comment(ticket_id, html="<p>Sorry!</p>", role="agent")
    await world.add_text(
        MAYA, "Sorry!", from_customer=False, state="failed", reason="The phone is off"
    )

    await world.add_message(
        direction="outbound",
        body="Sorry!",
        state="undelivered",
        reason="the phone is off",
        ticket_id=ticket_id,
        comment_id=comment_id,
        parts=[{"state": "undelivered"}, {"state": "undelivered"}],
        segments=3,
    )

    await browser.see("bubble", "The phone is off")
    await browser.see("comment-sending", "Not delivered by text from (202) 555-0100, in 2 texts")
    await browser.see("entry", "Reply read from ticket #5")
    await browser.see("entry", "Handed to the carrier: 2 texts, 3 segments")
    await browser.see("entry", "Not delivered: the phone is off")


async def test_a_zendesk_that_is_down_is_said_and_can_be_brought_back(browser: Browser) -> None:
    await browser.page.get_by_test_id("try-outage").click()
    await browser.see("outage", "Zendesk is down")
    await browser.world.add_message(body="Hello?", verdict="ticket", state="working")

    await browser.see("outage", "1 text is kept")
    await browser.see("entry", "Zendesk is down: kept")
    await browser.page.get_by_test_id("try-outage").click()

    await browser.page.get_by_test_id("outage").wait_for(state="hidden", timeout=WAIT_MS)
    assert [call["down"] for call in await browser.called("zendesk_down", 2)] == [True, False]


@pytest.mark.parametrize(
    ("name", "bodies", "copies"),
    [
        ("join", ["JOIN"], 1),
        ("stop", ["STOP"], 1),
        ("copies", ["Did you get this more than once?"], 5),
        ("burst", ["Are you there?", "It is about the blue one", "Not the red one, sorry"], 1),
    ],
)
async def test_each_thing_to_try_does_it_and_says_what_to_watch(
    browser: Browser, name: str, bodies: list[str], copies: int
) -> None:
    watch = browser.page.get_by_test_id("watch")
    before = await watch.text_content()

    await browser.page.get_by_test_id(f"try-{name}").click()

    calls = await browser.called("text", len(bodies))
    assert [call["body"] for call in calls] == bodies
    assert {call["copies"] for call in calls} == {copies}
    assert await watch.text_content() != before


async def test_the_long_reply_has_five_thousand_characters_and_an_end(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    await browser.page.get_by_test_id("try-long").click()
    await browser.page.get_by_test_id("submit-reply").click()

    (call,) = await browser.called("reply")
    letter = re.sub(r"<[^>]+>", "", call["html"])
    assert len(letter) == 5000
    assert letter.endswith("Robin from Acme.")


async def test_a_failing_delivery_is_asked_for_the_chosen_customer(browser: Browser) -> None:
    await browser.page.get_by_test_id("try-undelivered").click()

    assert await browser.called("next_delivery") == [{"customer": MAYA, "outcome": "undelivered"}]
    pressed = browser.page.locator("[data-testid=try-undelivered][aria-pressed=true]")
    await pressed.wait_for(timeout=WAIT_MS)


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        ({"verdict": "ticket", "rule": "HELP"}, "auto", "The standard answer to HELP"),
        ({"verdict": "opt_in", "rule": "START"}, "auto", "The standard answer to START"),
        ({"verdict": "keyword", "rule": "JOIN"}, "auto", "The keyword rule’s reply"),
        ({"verdict": "opt_out", "rule": "STOP"}, "opt_out_answer", "Confirms the opt-out"),
    ],
    ids=["help", "start", "rule", "stop"],
)
async def test_an_automatic_text_says_why_it_was_sent(
    browser: Browser, cause: dict[str, str], kind: str, words: str
) -> None:
    await browser.world.add_message(id="cause", body=cause["rule"], sender=ACME, **cause)
    await browser.world.add_message(
        direction="outbound", body="Hello", state="delivered", kind=kind, cause_id="cause"
    )

    await browser.see("entry", words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_barrier_is_found_by_axe(world: SmallWorld, client: Client, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.async_playwright")
    looks = {"color_scheme": scheme, "viewport": {"width": 1440, "height": 900}}
    async for browser in open_browser(world, client, reduced_motion="reduce", **looks):
        await add_conversation(world)
        await world.add_comment(5, plain="The phone is off", role="bridge", public=False)
        await world.add_message(body="Hm", verdict="ticket", state="working")
        await world.add_text(MAYA, "Lost", from_customer=False, state="failed", reason="off")
        await browser.page.get_by_test_id("try-outage").click()
        await browser.see("entry", "Hm")
        await browser.see("outage", "Zendesk is down")

        found = await axe.Axe().run(browser.page)

        assert [
            (one["id"], [node["html"] for node in one["nodes"]])
            for one in found.response["violations"]
        ] == []
