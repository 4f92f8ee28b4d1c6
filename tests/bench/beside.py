"""Texts accepted on one PostgreSQL: by one process, and by two that share it.

python -m tests.bench.beside
"""

from __future__ import annotations

import asyncio
import statistics
import time

from bridge import logs
from bridge.carriers.registry import answered_words
from bridge.domain.settings_file import parse
from bridge.store.postgres import PostgresDatabase
from bridge.store.settings import import_settings
from tests import postgres
from tests.bench.__main__ import SETTINGS, running, start_busy_desk
from tests.bench.load import ACCOUNT, TOKEN, run_load, webhooks
from tests.flows.conftest import free_port

ROUNDS = 5
TEXTS = 2_000  # a round
CONNECTIONS = 32


async def main() -> None:
    """Measure, print."""
    logs.configure("json", "error")
    url = postgres.start_server({})
    await set_up(url)
    desk, desk_url = await start_busy_desk()
    ports = (free_port(), free_port())
    environments = [
        {
            "BRIDGE_DATABASE_URL": url,
            "BRIDGE_PORT": str(port),
            "BRIDGE_SECRET_KEY": "0123456789abcdef" * 2,
            "BRIDGE_ZENDESK_URL": desk_url,
            "BRIDGE_ZENDESK_EMAIL": "bench@acme.example",
            "BRIDGE_ZENDESK_API_TOKEN": "token",
            "BRIDGE_TWILIO_ACCOUNT_SID": ACCOUNT,
            "BRIDGE_TWILIO_AUTH_TOKEN": TOKEN,
        }
        for port in ports
    ]
    serve = ("-m", "bridge", "serve")
    async with (
        running(*serve, port=ports[0], environment=environments[0]),
        running(*serve, port=ports[1], environment=environments[1]),
    ):
        rounds = []
        for number in range(ROUNDS):
            first = 2 * number * TEXTS
            one = await rate(ports[:1], first=first)
            rounds.append((one, await rate(ports, first=first + TEXTS)))
    await desk.cleanup()
    print(
        f"accept on PostgreSQL, {CONNECTIONS} connections: "
        f"one process {statistics.median(one for one, _ in rounds):.0f}/s, "
        f"two {statistics.median(two for _, two in rounds):.0f}/s, "
        f"ratio {statistics.median(two / one for one, two in rounds):.2f} "
        f"(min {min(two / one for one, two in rounds):.2f})"
    )


async def rate(ports: tuple[int, ...], *, first: int) -> float:
    """Texts a second over these processes together."""
    share = TEXTS // len(ports)
    loads = [
        list(webhooks(f"http://127.0.0.1:{port}", share, first=first + number * share))
        for number, port in enumerate(ports)
    ]
    began = time.perf_counter()
    await asyncio.gather(
        *(
            run_load(port, load, connections=CONNECTIONS // len(ports))
            for port, load in zip(ports, loads, strict=True)
        )
    )
    return TEXTS / (time.perf_counter() - began)


async def set_up(url: str) -> None:
    """Make the tables, with one sender."""
    database = PostgresDatabase(url)
    await database.open()
    words = answered_words()
    file = parse(SETTINGS, words)
    await database.write(lambda tx: import_settings(tx, file, words, prune=False))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
