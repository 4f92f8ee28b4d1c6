"""The console in Chromium: a page signed in, that complains of whatever it should not meet."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bridge.domain.roles import Role
from bridge.sandbox.demo import Sandbox
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions
from bridge.store.database import Database
from tests.sandbox.browsing import CHROMIUM, CHROMIUM_FLAGS
from tests.web.admin.people import make_user

if TYPE_CHECKING:
    from playwright.async_api import Page

WAIT_MS = 10_000
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
# Says so where a text ran, and where the page's policy stopped something.
WATCH = """
window.owned = () => console.error("a text was run");
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`against the policy: ${event.violatedDirective} ${event.blockedURI}`));
"""
# A page that is refused on purpose, and a browser's advice.
EXPECTED = re.compile(r"status of (4\d\d|503)|autocomplete")


@asynccontextmanager
async def open_page(
    url: str, *, size: str = "desktop", token: str | None = None, **looks: object
) -> AsyncIterator[Page]:
    """A page at this address, signed in with a session's token where one is given."""
    playwright_api = importlib.import_module("playwright.async_api")  # absent in everyday use
    complaints: list[str] = []
    width, height = SIZES[size]
    async with playwright_api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS)
        )
        looks.setdefault("reduced_motion", "reduce")
        context = await chromium.new_context(viewport={"width": width, "height": height}, **looks)
        if token is not None:
            await context.add_cookies([{"name": "bridge_session", "value": token, "url": url}])
        await context.add_init_script(WATCH)
        page = await context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: complaints.append(line.text) if line.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(url) else complaints.append(f"asked {request.url}")
            ),
        )
        try:
            yield page
        finally:
            await chromium.close()
    strange = [one for one in complaints if not EXPECTED.search(one)]
    if strange:
        raise AssertionError("\n".join(strange))


async def sign_in_as(database: Database, role: Role) -> str:
    """A session of a new user of this role; returns its token."""
    user = await make_user(database, f"the {role}", role)
    token = new_token()
    await database.write(lambda tx: sessions.begin(tx, fingerprint(token), user.id))
    return token


async def token_for(sandbox: Sandbox, role: Role) -> str:
    """As `sign_in_as`, at a sandbox's bridge."""
    assert sandbox.service is not None
    return await sign_in_as(sandbox.service.database, role)
