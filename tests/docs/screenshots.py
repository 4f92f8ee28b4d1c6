"""Takes the pictures in docs/ anew, from the sandbox as `bridge demo` has it.

python -m tests.docs.screenshots                the handful that the pages show
python -m tests.docs.screenshots --all FOLDER   every page of the console, wide and narrow, light
                                                and dark, to be looked at
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import structlog

from bridge.domain.roles import Role
from bridge.sandbox.brand import USERS
from bridge.sandbox.demo import Sandbox, playing
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions, users
from bridge.store.database import Transaction
from tests.flows.conftest import free_port
from tests.web.admin.browsing import SIZES, open_page

if TYPE_CHECKING:
    from playwright.async_api import Page

DOCS: Final = Path(__file__).parents[2] / "docs"
PLAIN_PAGES: Final = (
    *("", "?range=7d", "?range=30d", "conversations", "conversations?q=teapot"),
    *("conversations?state=failed", "conversations?q=nothing+like+it", "contacts", "work"),
    *("work?show=waiting", "rules", "rules/new", "rules/JOIN", "lists", "lists/members?name=vip"),
    *("senders", "senders/new", "senders/%2B447700900500", "hours", "hours/London shop"),
    *("auto-replies/London", "users", "me", "changes", "settings", "sign-in", "nowhere"),
)
FINDS: Final = {
    "conversation": "SELECT conversation_id AS found FROM messages WHERE state = 'undelivered' "
    "AND created_at > (SELECT max(created_at) - 86400000 FROM messages) ORDER BY seq DESC LIMIT 1",
    "trace": "SELECT id AS found FROM messages WHERE state = 'undelivered' ORDER BY seq DESC",
    "trace-in": "SELECT id AS found FROM messages WHERE verdict = 'keyword' ORDER BY seq DESC",
    "night": "SELECT conversation_id AS found FROM messages WHERE kind = 'auto' "
    "AND body LIKE 'The shop is closed%' ORDER BY seq DESC",
    "contact": "SELECT contact AS found FROM consent WHERE action = 'opt_in' ORDER BY id DESC",
    "work-one": "SELECT ref AS found FROM work WHERE state = 'failed' AND kind = 'send'",
}
PLACES: Final = {
    "conversation": "conversations/{}",
    "trace": "messages/{}",
    "trace-in": "messages/{}",
    "night": "conversations/{}",
    "contact": "contacts/{}",
    "work-one": "work/{}",
}


def main() -> None:
    """Take what the command line asks for."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--all", type=Path, metavar="FOLDER", help="every page, to be looked at")
    asked = ask.parse_args()
    structlog.configure(processors=[_drop])
    if asked.all is None:
        asyncio.run(take_pictures())
    else:
        asked.all.mkdir(parents=True, exist_ok=True)
        asyncio.run(take_all(asked.all))


def _drop(*_: object) -> str:
    raise structlog.DropEvent


@asynccontextmanager
async def stage() -> AsyncIterator[Sandbox]:
    """The demo, with all that its past left to do."""
    with tempfile.TemporaryDirectory() as folder:
        async with playing(Path(folder), host="127.0.0.1", port=free_port()) as sandbox:
            yield sandbox


async def take_pictures() -> None:
    """The pictures that the documentation shows."""
    async with stage() as sandbox:
        places = await places_of(sandbox)
        token = await session(sandbox, "admin")
        for name, path, size, scheme in (
            ("console-overview", "?range=7d", "desktop", "light"),
            ("console-conversation", places["night"], "desktop", "light"),
            ("console-trace", places["trace"], "phone", "dark"),
            ("console-failed", "work", "phone", "light"),
        ):
            async with open_page(sandbox.url, size=size, token=token, color_scheme=scheme) as page:
                await page.goto(f"{sandbox.url}/admin/{path}")
                if name == "console-overview":
                    await page.set_viewport_size({"width": 1280, "height": 1220})
                await page.screenshot(path=DOCS / f"{name}.png")
        async with open_page(sandbox.url, token=token) as page:
            await page.goto(f"{sandbox.url}/admin/rules/JOIN")
            await try_rule(page)
            await page.screenshot(path=DOCS / "console.png")


async def try_rule(page: Page) -> None:
    """Have the phone beside the editor say something."""
    await page.get_by_label("Text to try").fill("join!")
    await page.locator(".tried-mine").filter(has_text="join!").wait_for()


async def take_all(folder: Path) -> None:
    """Every page, in every look."""
    async with stage() as sandbox:
        places = await places_of(sandbox)
        token = await session(sandbox, "admin")
        pages = {name.replace("/", "-") or "overview": name for name in PLAIN_PAGES}
        pages |= places
        for size in SIZES:
            for scheme in ("light", "dark"):
                async with open_page(
                    sandbox.url, size=size, token=token, color_scheme=scheme
                ) as page:
                    for name, path in pages.items():
                        await page.goto(f"{sandbox.url}/admin/{path}")
                        where = folder / f"{size}-{scheme}-{name}.png"
                        await page.screenshot(path=where, full_page=True)
                async with open_page(sandbox.url, size=size, color_scheme=scheme) as page:
                    for name, path in (("roles", "/sandbox/console"), ("door", "/admin/sign-in")):
                        await page.goto(sandbox.url + path)
                        await page.screenshot(path=folder / f"{size}-{scheme}-{name}.png")


async def places_of(sandbox: Sandbox) -> Mapping[str, str]:
    """Addresses below /admin/ that hang on what the past has left."""
    assert sandbox.service is not None

    def find(tx: Transaction) -> Mapping[str, str]:
        rows = {name: tx.first(sql) for name, sql in FINDS.items()}
        return {name: str(row["found"]) for name, row in rows.items() if row is not None}

    found = await sandbox.service.database.read(find)
    return {name: PLACES[name].format(quote(one)) for name, one in found.items()}


async def session(sandbox: Sandbox, role: Role) -> str:
    """Sign in as whoever has this role; returns the session's token."""
    assert sandbox.service is not None
    database = sandbox.service.database
    token, name = new_token(), dict(USERS)[role]

    def begin(tx: Transaction) -> None:
        user = users.by_name(tx, name)
        assert user is not None
        sessions.begin(tx, fingerprint(token), user.id)

    await database.write(begin)
    return token


if __name__ == "__main__":
    main()
