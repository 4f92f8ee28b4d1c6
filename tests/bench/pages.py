"""Times every page of the console on a seeded file, and says by which indexes it is answered.

Each line: what the page weighs, how long it took (half of the times, the longest), and how long a
core worked for it (browser's side included): on a machine with other work only that tells.

python -m tests.bench.pages FILE [--plans]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from aiohttp import ClientSession, CookieJar, web

from bridge.clock import SystemClock
from bridge.metrics import Metrics
from bridge.secrets import fingerprint, new_token
from bridge.store import sessions, users
from bridge.store.changes import Author
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.web.parts import WebParts
from bridge.web.server import create_app, create_runner
from tests.store.test_query_plans import Explaining

T = TypeVar("T")
ROUNDS: Final = 9
PAGES: Final = (
    *("", "?range=7d", "?range=30d", "overview/now", "conversations", "conversations?q=303205"),
    *("conversations?q=%2B13032050000", "conversations?q=May", "conversations?q=parcel"),
    *("conversations?q=nosuchwordanywhere", "conversations?state=failed"),
    *("conversations?verdict=keyword", "conversations?sender=%2B12025550100"),
    *("conversations/c500", "messages/m500001", "contacts", "contacts?q=May"),
    *("contacts?q=%2B1303205", "contacts/%2B13032000500", "work", "work?show=waiting"),
    *("work/w-1", "rules", "rules/new", "lists", "lists/members?name=vip", "senders"),
    *("senders/%2B12025550100", "settings", "users", "me", "changes"),
)


class Watched(SqliteDatabase):
    """A store that keeps the plan of each query it is asked to read."""

    watching: set[str] | None = None

    async def read(self, transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Read, explaining each query first where that is wanted."""
        if self.watching is None:
            return await super().read(transaction)

        def explain(tx: Transaction) -> T:
            explaining = Explaining(tx)
            result = transaction(explaining)
            plans.extend(explaining.plans)
            return result

        plans: list[str] = []
        result = await super().read(explain)
        self.watching.update(" ".join(one.partition("<-")[0].split()) for one in plans)
        return result


def main() -> None:
    """Time the pages over the file that the command line names."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("file", type=Path)
    ask.add_argument("--plans", action="store_true", help="the plan of every query too")
    asked = ask.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(measure(asked.file, with_plans=asked.plans))


async def measure(file: Path, *, with_plans: bool) -> None:
    """Serve the console from the file on a free port, and ask for each page some times."""
    database = Watched(str(file), SystemClock())
    await database.open()
    token = await database.write(_enter)
    runner = create_runner(create_app(_parts(database)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/admin/"
    try:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            browser.cookie_jar.update_cookies({"bridge_session": token})
            for page in PAGES:
                await _time(browser, url, page, database, with_plans=with_plans)
    finally:
        await runner.cleanup()
        await database.close()


async def _time(
    browser: ClientSession, url: str, page: str, database: Watched, *, with_plans: bool
) -> None:
    plans: set[str] = set()
    database.watching = plans
    status, size, _ = await _ask(browser, url + page)
    database.watching = None
    times, works = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        times.append((await _ask(browser, url + page))[2])
        works.append((time.process_time() - began) * 1000)
    whole = sorted(one for one in plans if one.startswith("SCAN"))
    p50, most, work = statistics.median(times), max(times), statistics.median(works)
    told = f"{p50:9.1f} ms{most:9.1f} ms{work:9.1f} ms"
    print(f"{page or '(overview)':40}{status:5}{size / 1024:7.0f} kB{told}")
    for plan in sorted(plans) if with_plans else whole:
        print(f"      {plan}")


async def _ask(browser: ClientSession, url: str) -> tuple[int, int, float]:
    began = time.perf_counter()
    async with browser.get(url, allow_redirects=False) as answer:
        body = await answer.read()
    return answer.status, len(body), (time.perf_counter() - began) * 1000


def _enter(tx: Transaction) -> str:
    token = new_token()
    name = f"bench {token[:8]}"
    user = users.add(tx, name, "admin", Author(how="command", who="bench"))
    sessions.begin(tx, fingerprint(token), user.id)
    return token


async def _nothing(*_: object) -> Any:  # noqa: ANN401 - nothing but pages is asked for
    return None


def _parts(database: SqliteDatabase) -> WebParts:
    idle: Callable[..., Awaitable[Any]] = _nothing
    return WebParts(
        database=database,
        carriers={},
        public_url="http://127.0.0.1",
        api_token=None,
        clock=SystemClock(),
        metrics=Metrics(),
        take_text=idle,
        take_report=idle,
        take_hint=idle,
        webhook_secrets=tuple,
        note_forgery=lambda _source, _reason: None,
        queue_message=idle,
        wake=lambda: None,
        ready=idle,
    )


if __name__ == "__main__":
    main()
