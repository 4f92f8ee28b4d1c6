"""The sandbox's page: its API without a browser, and the page itself in Chromium."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientPayloadError, ClientTimeout, StreamReader, web
from aiohttp.test_utils import TestClient, TestServer

from bridge.sandbox.page import STATIC, State, add_page
from tests.sandbox.small_world import ACME, MAYA, SmallWorld

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


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


@pytest.fixture
async def client(world: SmallWorld) -> AsyncIterator[Client]:
    app = web.Application()
    add_page(app, world)
    async with TestClient(TestServer(app)) as client:
        yield client


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


@pytest.fixture
async def browser(world: SmallWorld, client: Client) -> AsyncIterator[Browser]:
    async for browser in open_browser(world, client, viewport={"width": 1440, "height": 900}):
        yield browser


@pytest.fixture
async def narrow(world: SmallWorld, client: Client) -> AsyncIterator[Browser]:
    async for browser in open_browser(world, client, viewport={"width": 360, "height": 740}):
        yield browser


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


# ---- the API, without a browser


TEXT = {"customer": MAYA, "sender": ACME, "body": "Hi", "copies": 1}


async def test_a_text_is_handed_to_the_world(client: Client, world: SmallWorld) -> None:
    response = await client.post("/sandbox/texts", json=TEXT)

    assert response.status == 200
    assert world.calls == [("text", TEXT)]


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        ("texts", {**TEXT, "body": ""}, "body"),
        ("texts", {**TEXT, "body": " \n"}, "body"),
        ("texts", {**TEXT, "body": "x" * 1601}, "body"),
        ("texts", {**TEXT, "body": 5}, "body"),
        ("texts", {**TEXT, "copies": 0}, "copies"),
        ("texts", {**TEXT, "copies": True}, "copies"),
        ("texts", {**TEXT, "copies": 21}, "copies"),
        ("texts", {**TEXT, "customer": "+12025550999"}, "customer"),
        ("texts", {"customer": MAYA, "body": "Hi"}, "sender"),
        ("replies", {"ticket_id": "5", "html": "Hi", "public": True}, "ticket_id"),
        ("replies", {"ticket_id": 5, "html": "Hi", "public": "yes"}, "public"),
        ("replies", {"ticket_id": 5, "html": "x" * 65537, "public": True}, "html"),
        ("tickets/5/status", {"status": "new"}, "status"),
        ("tickets/5/status", {"status": ["open"]}, "status"),
        ("tickets/99/status", {"status": "open"}, "ticket_id"),
        ("tickets/5/merge", {"into": 0}, "into"),
        ("zendesk", {"down": 1}, "down"),
        ("deliveries", {"customer": MAYA, "outcome": "lost"}, "outcome"),
        ("deliveries", [], "body"),
        ("deliveries", {"customer": "x" * 200_000}, "body"),
    ],
)
async def test_bad_input_is_refused_naming_the_field(
    client: Client, path: str, fields: object, named: str
) -> None:
    response = await client.post(f"/sandbox/{path}", json=fields)

    assert response.status == 400
    assert (await response.json(content_type=None))["field"] == named


async def test_what_is_not_json_is_refused(client: Client) -> None:
    broken = await client.post(
        "/sandbox/texts", data=b"{", headers={"Content-Type": "application/json"}
    )
    form = await client.post("/sandbox/texts", data={"body": "Hi"})

    assert (broken.status, form.status) == (400, 400)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://{host}"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_only_the_page_itself_may_act(
    client: Client, world: SmallWorld, headers: dict[str, str], status: int
) -> None:
    host = f"{client.host}:{client.port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}

    response = await client.post("/sandbox/zendesk", json={"down": True}, headers=sent)

    assert response.status == status
    assert bool(world.calls) is (status == 200)


@pytest.mark.parametrize("path", ["/", "/sandbox/state", "/sandbox/static/sandbox.js"])
async def test_every_answer_forbids_foreign_and_inline_content(client: Client, path: str) -> None:
    response = await client.get(path)

    policy = response.headers["Content-Security-Policy"]
    assert response.status == 200
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["../page.py", "%2e%2e/page.py", "index.html", "nothing.js"])
async def test_no_other_file_is_served(client: Client, name: str) -> None:
    response = await client.get(f"/sandbox/static/{name}")

    assert response.status == 404


def test_the_page_names_nothing_from_elsewhere() -> None:
    foreign = re.compile(r"""(?:src|href|url|import)\s*[=(]?\s*["'(]?(?:https?:)?//""")
    inline = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=\"")

    for file in sorted(STATIC.iterdir()):
        source = file.read_text(encoding="utf-8")
        assert not foreign.search(source), file.name
        assert file.suffix != ".html" or not inline.search(source), file.name
        assert "innerHTML =" not in source, file.name


async def test_events_carry_the_state_and_then_its_changes(
    client: Client, world: SmallWorld
) -> None:
    async with client.get("/sandbox/events", timeout=ClientTimeout(total=5)) as stream:
        first = await read_state(stream.content)
        await world.add_text(MAYA, "Hi")
        second = await read_state(stream.content)

    assert first["texts"] == []
    assert [one["body"] for one in second["texts"]] == ["Hi"]


async def read_state(content: StreamReader) -> State:
    data = ""
    while line := (await content.readline()).decode().strip():
        name, _, value = line.partition(": ")
        data = value if name == "data" else data
    state: State = json.loads(data)
    return state


async def test_stopping_does_not_wait_for_open_streams(world: SmallWorld) -> None:
    app = web.Application()
    add_page(app, world)
    async with (
        TestClient(TestServer(app)) as client,
        client.get("/sandbox/events") as stream,
        asyncio.timeout(5),
    ):
        await read_state(stream.content)

        await app.shutdown()

        with pytest.raises(ClientPayloadError):  # the stream is cut, the browser comes back
            await stream.content.read()


# ---- the page in a browser


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
async def test_a_new_ticket_comes_to_the_front_by_itself(browser: Browser) -> None:
    assert await browser.page.get_by_text("No ticket yet").is_visible()

    await add_conversation(browser.world)

    await browser.see("ticket-subject", "SMS from Maya")
    await browser.see("comment", "Where is my parcel?")
    await browser.see("ticket-status", "open")
    await browser.see("entry", "Opened ticket #5")
    await browser.see("news", "New comment on ticket 5: Where is my parcel?")


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
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
    await page.wait_for_function("!document.getElementById('editor').textContent")


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
async def test_an_internal_note_is_not_public(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    await browser.page.get_by_text("Internal note").first.click()
    await browser.page.get_by_test_id("editor").fill("Ask the warehouse")
    await browser.page.get_by_test_id("submit-reply").click()

    (call,) = await browser.called("reply")
    assert call["public"] is False
    await browser.see("comment", "Internal note")


@needs_browser
@pytest.mark.browser
async def test_a_refused_reply_stays_in_the_composer(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")
    browser.world.refuse_next("the ticket was deleted a moment ago")

    await browser.page.get_by_test_id("editor").fill("Long thought out")
    await browser.page.get_by_test_id("submit-reply").click()

    await browser.see("toast", "the ticket was deleted a moment ago")
    await browser.see("editor", "Long thought out")


@needs_browser
@pytest.mark.browser
async def test_a_ticket_is_solved_reopened_and_closed(browser: Browser) -> None:
    page = browser.page
    await add_conversation(browser.world)
    for status in ("solved", "open", "closed"):
        await page.get_by_test_id(f"status-{status}").click()
        await browser.see("ticket-status", status)

    assert await page.get_by_test_id("editor").is_hidden()
    assert await page.get_by_text("closed for good").is_visible()


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
async def test_a_zendesk_that_is_down_is_said_and_can_be_brought_back(browser: Browser) -> None:
    await browser.page.get_by_test_id("try-outage").click()
    await browser.see("outage", "Zendesk is down")
    await browser.world.add_message(body="Hello?", verdict="ticket", state="working")

    await browser.see("outage", "1 text is kept")
    await browser.see("entry", "Zendesk is down: kept")
    await browser.page.get_by_test_id("try-outage").click()

    await browser.page.get_by_test_id("outage").wait_for(state="hidden", timeout=WAIT_MS)
    assert [call["down"] for call in await browser.called("zendesk_down", 2)] == [True, False]


@needs_browser
@pytest.mark.browser
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


@needs_browser
@pytest.mark.browser
async def test_the_long_reply_has_five_thousand_characters(browser: Browser) -> None:
    await add_conversation(browser.world)
    await browser.see("ticket-subject", "SMS from Maya")

    await browser.page.get_by_test_id("try-long").click()
    await browser.page.get_by_test_id("submit-reply").click()

    (call,) = await browser.called("reply")
    assert len(re.sub(r"<[^>]+>", "", call["html"])) == 5000


@needs_browser
@pytest.mark.browser
async def test_a_failing_delivery_is_asked_for_the_chosen_customer(browser: Browser) -> None:
    await browser.page.get_by_test_id("try-undelivered").click()

    assert await browser.called("next_delivery") == [{"customer": MAYA, "outcome": "undelivered"}]
    pressed = browser.page.locator("[data-testid=try-undelivered][aria-pressed=true]")
    await pressed.wait_for(timeout=WAIT_MS)


@needs_browser
@pytest.mark.browser
async def test_a_narrow_page_shows_one_side_at_a_time(narrow: Browser) -> None:
    page = narrow.page
    await add_conversation(narrow.world)

    for tab, shown in (("phone", "phone-input"), ("bridge", "tries"), ("ticket", "editor")):
        await page.locator(f"[data-tab={tab}]").click()
        visible = [
            name
            for name in ("phone-input", "tries", "editor")
            if await page.get_by_test_id(name).is_visible()
        ]
        assert visible == [shown]
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


@needs_browser
@pytest.mark.browser
async def test_a_hidden_side_says_that_it_has_news(narrow: Browser) -> None:
    await add_conversation(narrow.world)
    tab = narrow.page.locator("[data-tab=ticket].news")
    await tab.wait_for(timeout=WAIT_MS)

    await narrow.page.locator("[data-tab=ticket]").click()

    assert await tab.count() == 0


@needs_browser
@pytest.mark.browser
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
