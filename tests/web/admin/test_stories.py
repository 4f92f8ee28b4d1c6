"""Stories of the console in Chromium, over the whole bridge: on a desk and on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.invitations import first_link
from bridge.sandbox.demo import Sandbox
from bridge.secrets import fingerprint
from bridge.store import failed, sessions
from bridge.web.admin.sign_in import TRIES_BY_NAME
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    contact,
    on_phone,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import QUICK, eventually, free_port
from tests.sandbox.browsing import needs_browser
from tests.web.admin.browsing import SIZES, open_page, token_for
from tests.web.admin.people import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = [needs_browser, pytest.mark.browser, pytest.mark.slow]
REQUIRED = '{"error": "RecordInvalid", "description": "a field is required"}'
both_sizes = pytest.mark.parametrize("size", SIZES)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(folder=tmp_path, port=free_port(), changes=QUICK)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


async def follow(page: Page, link: Locator) -> None:
    """Click a link, and wait until the scripts of the page behind it run: what is done before goes
    unseen by them."""
    async with page.expect_navigation():
        await link.click()


async def open_menu(page: Page) -> None:
    button = page.locator("#menu-button")
    if await button.is_visible():
        await button.click()


@both_sizes
async def test_the_first_admin_comes_in_by_the_link_and_out_again(
    sandbox: Sandbox, size: str
) -> None:
    assert sandbox.service is not None
    link = await sandbox.service.database.write(lambda tx: first_link(tx, sandbox.url))
    assert link is not None

    async with open_page(sandbox.url, size=size) as page:
        await page.goto(link)
        await page.get_by_label("Your name").fill("Robin Park")
        await page.get_by_label("New password").fill("too short")
        await page.get_by_label("The same again").fill("too short")
        await page.get_by_role("button", name="Make the admin account").click()
        await page.get_by_text("must have 15 characters or more").wait_for()
        await page.get_by_label("New password").fill(PASSWORD)
        await page.get_by_label("The same again").fill(PASSWORD)
        await page.get_by_role("button", name="Make the admin account").click()
        await page.get_by_role("heading", name="Overview").wait_for()

        await open_menu(page)
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_text("You are signed out.").wait_for()
        await page.goto(link)
        await page.get_by_role("heading", name="Not here").wait_for()
        await page.goto(f"{sandbox.url}/admin/changes")
        await page.get_by_label("Name").fill("robin park")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Log of changes").wait_for()


@both_sizes
async def test_a_rule_is_made_tried_saved_and_met(sandbox: Sandbox, size: str) -> None:
    token = await token_for(sandbox, "manager")
    async with open_page(sandbox.url, size=size, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/rules/new")
        await page.get_by_label("When somebody texts").fill("JOIN2,")
        await page.get_by_test_id("chip").filter(has_text="JOIN2").wait_for()
        await page.get_by_label("vip", exact=True).first.check()
        await page.get_by_label("They get the reply").fill("Welcome to two. Reply STOP to end.")
        await page.get_by_label("Text to try").fill("join2")
        reply = page.get_by_test_id("tried-reply")
        await reply.filter(has_text="Welcome to two.").wait_for()
        await page.get_by_test_id("effects").filter(has_text="subscribes to vip").wait_for()
        preview = page.get_by_test_id("tried")
        assert "1 segment, GSM-7" in await preview.get_by_test_id("size").inner_text()
        await page.get_by_role("button", name="Save the rule").click()
        await page.get_by_test_id("notice").filter(has_text="Saved.").wait_for()

        await text(sandbox, JONAS, ACME, "Join2!")

        assert on_phone(sandbox, JONAS)[-1][1] == "Welcome to two. Reply STOP to end."
        assert tickets(sandbox) == []
        lists = (await contact(sandbox, JONAS))["lists"]
        assert [(one["list"], one["state"]) for one in lists] == [("vip", "subscribed")]
        await page.goto(f"{sandbox.url}/admin/contacts/{JONAS}")
        await page.get_by_test_id("membership").filter(has_text="vip").wait_for()


async def test_a_replay_shows_which_texts_would_have_gone_another_way(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "Hello", "HOURS")
    token = await token_for(sandbox, "manager")
    async with open_page(sandbox.url, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/rules/new?words=HOURS")
        await page.get_by_label("They get the reply").fill("9 to 5")
        await page.get_by_test_id("replay").click()
        await page.get_by_text("1 of 2 texts within 7 days").wait_for()
        found = await page.get_by_test_id("difference").inner_text()

    assert "HOURS" in found
    assert "met a keyword rule (HOURS)" in found


@both_sizes
async def test_failed_work_is_found_read_and_tried_again(sandbox: Sandbox, size: str) -> None:
    service = sandbox.service
    assert service is not None
    sandbox.zendesk.faults.refuse("POST", "/api/v2/tickets", 422, body=REQUIRED, times=1)
    await text(sandbox, MAYA, ACME, "Where is my parcel?")

    async def has_failed() -> bool:
        return bool(
            await service.database.read(lambda tx: failed.list_failed(tx, before=None, limit=1))
        )

    await eventually(has_failed)
    async with open_page(sandbox.url, size=size, token=await token_for(sandbox, "manager")) as page:
        await page.goto(f"{sandbox.url}/admin/")
        await page.get_by_role("link", name="Failed work 1").click()
        await page.get_by_test_id("failed-work").get_by_role("link").click()
        await page.get_by_test_id("attempt").first.wait_for()
        await page.get_by_text("Where is my parcel?").wait_for()
        await page.get_by_role("button", name="Try again").click()
        await page.get_by_test_id("notice").filter(has_text="It is being tried again.").wait_for()

        await settle(sandbox)
        assert len(tickets(sandbox)) == 1
        await page.goto(f"{sandbox.url}/admin/work")
        await page.get_by_text("Nothing has failed").wait_for()


@both_sizes
async def test_a_conversation_shows_new_texts_by_itself(sandbox: Sandbox, size: str) -> None:
    await text(sandbox, MAYA, ACME, "First")
    token = await token_for(sandbox, "viewer")
    async with open_page(sandbox.url, size=size, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/conversations")
        await page.get_by_test_id("conversation").click()
        await page.get_by_test_id("bubble").filter(has_text="First").wait_for()
        await text(sandbox, MAYA, ACME, "Second")
        await page.get_by_test_id("bubble").filter(has_text="Second").wait_for()


@both_sizes
async def test_a_reply_goes_to_the_ticket_and_to_the_phone(sandbox: Sandbox, size: str) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    token = await token_for(sandbox, "manager")
    async with open_page(sandbox.url, size=size, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/conversations")
        await follow(page, page.get_by_test_id("conversation"))
        await page.get_by_label("Your reply").fill("At the depot <b>now</b>.")
        await page.get_by_test_id("reply-size").filter(has_text="1 segment").wait_for()
        await page.get_by_role("button", name="Reply").click()
        reply = page.locator('[data-testid="bubble"][data-state="delivered"]')
        await reply.filter(has_text="At the depot <b>now</b>.").wait_for()

    assert [one.body for one in only_ticket(sandbox).comments if one.public][1:] == [
        "At the depot <b>now</b>."
    ]
    assert [body for _, body, _ in on_phone(sandbox, MAYA)] == ["At the depot <b>now</b>."]


@both_sizes
async def test_a_template_is_written_chosen_made_plain_and_sent(
    sandbox: Sandbox, size: str
) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    token = await token_for(sandbox, "manager")
    async with open_page(sandbox.url, size=size, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/templates")
        await follow(page, page.get_by_role("link", name="Write the first template"))
        await page.get_by_label("Name").fill("Solved")
        await page.get_by_label("Words").fill("\u201cTicket\u201d ")
        await page.get_by_label("Put in").select_option("{{ ticket.id }}")
        await page.get_by_test_id("filled").filter(has_text="\u201cTicket\u201d 35436").wait_for()
        await page.get_by_role("button", name="Save the template").click()
        await page.get_by_test_id("notice").filter(has_text="Saved.").wait_for()

        await page.goto(f"{sandbox.url}/admin/conversations")
        await follow(page, page.get_by_test_id("conversation"))
        await page.get_by_label("From a template").select_option(label="Solved")
        await page.get_by_test_id("cost").filter(has_text="costs as 1 text").wait_for()
        await page.get_by_role("button", name="Use plain characters").click()
        await page.get_by_test_id("size").filter(has_text="1 segment, GSM-7").wait_for()
        await page.get_by_role("button", name="Reply").click()
        await page.locator('[data-testid="bubble"][data-state="delivered"]').wait_for()

    ticket = only_ticket(sandbox).id
    assert [body for _, body, _ in on_phone(sandbox, MAYA)] == [f'"Ticket" {ticket}']


@both_sizes
async def test_a_wish_to_stop_is_seen_and_decided(sandbox: Sandbox, size: str) -> None:
    token = await token_for(sandbox, "admin")
    async with open_page(sandbox.url, size=size, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/senders/{ACME}")
        await page.get_by_label("A wish to stop in other words").select_option("flag")
        await page.get_by_role("button", name="Save the sender").click()
        await page.get_by_test_id("notice").filter(has_text="Saved.").wait_for()
        await text(sandbox, MAYA, ACME, "please no more texts")
        assert (await contact(sandbox, MAYA))["opted_out_at"] is None

        await page.goto(f"{sandbox.url}/admin/")
        await page.get_by_test_id("wishes").get_by_role("link", name="Look").click()
        await page.get_by_test_id("contact").click()
        await page.get_by_test_id("wish").filter(has_text="please no more texts").wait_for()
        await page.get_by_role("button", name="Opt out").click()
        await page.get_by_test_id("standing").filter(has_text="opted out").wait_for()

    shown = await contact(sandbox, MAYA)
    assert shown["opted_out_at"] is not None
    assert "please no more texts" in shown["consent"][0]["words"]


async def test_a_rule_with_hours_is_tried_at_a_time(sandbox: Sandbox) -> None:
    hours = {"name": "office", "zone": "Europe/Berlin", "open": "Mon-Fri 09:00-17:00"}
    token = await token_for(sandbox, "manager")
    async with open_page(sandbox.url, token=token) as page:
        await page.goto(f"{sandbox.url}/admin/hours/new")
        for name, value in hours.items():
            await page.locator(f"#{name}").fill(value)
        await page.get_by_role("button", name="Save").click()
        await page.get_by_test_id("notice").filter(has_text="Saved.").wait_for()
        await page.goto(f"{sandbox.url}/admin/rules/new?words=LUNCH")
        await page.get_by_label("In which hours").select_option("office")
        await page.get_by_label("They get the reply").fill("At noon.")
        for at, verdict in (("2026-03-02T12:00", "Met a keyword"), ("2026-03-01T12:00", "Made a")):
            await page.get_by_label("At", exact=True).fill(at)
            await page.get_by_test_id("verdict").filter(has_text=verdict).wait_for()


async def test_a_viewer_changes_nothing_by_page(sandbox: Sandbox) -> None:
    token = await token_for(sandbox, "viewer")
    async with open_page(sandbox.url, token=token) as page:
        for path in ("rules", "rules/JOIN", "lists", "senders", "work", "settings", "templates"):
            await page.goto(f"{sandbox.url}/admin/{path}")
            sending = page.locator('main form[method="post"] button:enabled')
            assert await sending.count() == 0, path
        await page.goto(f"{sandbox.url}/admin/users")
        await page.get_by_role("heading", name="Not for you").wait_for()


async def test_the_menu_goes_by_keyboard(sandbox: Sandbox) -> None:
    token = await token_for(sandbox, "viewer")
    async with open_page(sandbox.url, size="phone", token=token) as page:
        await page.goto(f"{sandbox.url}/admin/")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the page"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="Contacts").wait_for()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name="Contacts").wait_for(state="hidden")
        assert await page.evaluate("document.activeElement.id") == "menu-button"


@both_sizes
async def test_wrong_passwords_are_slowed(sandbox: Sandbox, size: str) -> None:
    assert sandbox.service is not None
    tried = {fingerprint("name robin"): TRIES_BY_NAME}
    for _ in range(TRIES_BY_NAME - 1):
        await sandbox.service.database.write(lambda tx: sessions.may_try(tx, tried))
    told = []
    async with open_page(sandbox.url, size=size) as page:
        await page.goto(f"{sandbox.url}/admin/")
        for _ in range(2):
            await page.get_by_label("Name").fill("Robin")
            await page.get_by_label("Password").fill("not the right one")
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            told.append(await page.get_by_test_id("fault").inner_text())

    assert "don't belong together" in told[0]
    assert "Wait a quarter of an hour" in told[1]
