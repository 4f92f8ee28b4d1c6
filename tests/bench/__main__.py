"""Runs the measurements and prints them: medians over rounds, ratios within one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from bridge import logs
from bridge.carriers.registry import answered_words
from bridge.clock import SystemClock
from bridge.domain.settings_file import parse
from bridge.sandbox.demo import Sandbox
from bridge.store.settings import import_settings
from bridge.store.sqlite import SqliteDatabase
from tests.bench.backlog import measure_backlog
from tests.bench.load import ACCOUNT, SENDER, TOKEN, Measured, run_load, webhooks
from tests.flows.conftest import eventually, free_port

ROUNDS = 5
TEXTS = 3_000  # a round
CONNECTIONS = (16, 64)
TRIES = 40  # of each latency
LIMITS = ("BRIDGE_ZENDESK_UPDATES_PER_MINUTE", "BRIDGE_ZENDESK_UPDATES_PER_TICKET")
MAYA = "+12025550123"
SETTINGS = f'[[senders]]\nnumber = "{SENDER}"\ncarrier = "twilio"\ncountry = "US"\n'


async def main() -> None:
    """Measure, print."""
    logs.configure("json", "error")
    await measure_latency()
    with tempfile.TemporaryDirectory() as folder:
        await measure_accepting(Path(folder))
    await measure_backlog()


async def measure_latency() -> None:
    """Idle: from a webhook sent to the call to the far side begun, seen from outside."""
    to_desk, to_carrier = [], []
    with tempfile.TemporaryDirectory() as folder:
        # Texted to one ticket in a minute: more than its limit, which is not what is measured.
        off = dict.fromkeys(LIMITS, "0")
        sandbox = Sandbox(folder=Path(folder), port=free_port(), changes=off)
        await sandbox.start()
        try:
            await sandbox.twilio.customer_texts(MAYA, SENDER, "first")
            await eventually(lambda: sandbox.zendesk.tickets)
            ticket = next(iter(sandbox.zendesk.tickets.values()))
            for number in range(TRIES):
                await asyncio.sleep(0.05)  # idle is what is measured
                seen = len(sandbox.zendesk.faults.requests)
                began = time.monotonic()
                await sandbox.twilio.customer_texts(MAYA, SENDER, f"text {number}")
                await eventually(lambda s=seen: len(sandbox.zendesk.faults.requests) > s)
                to_desk.append(sandbox.zendesk.faults.requests[seen].at - began)
                await eventually(lambda n=number: len(ticket.comments) >= 2 + 2 * n)
                await asyncio.sleep(0.05)
                sent = len(sandbox.twilio.faults.requests)
                began = time.monotonic()
                await sandbox.zendesk.agent_replies(ticket.id, f"<p>reply {number}</p>")
                await eventually(lambda s=sent: len(sandbox.twilio.faults.requests) > s)
                to_carrier.append(sandbox.twilio.faults.requests[sent].at - began)
        finally:
            await sandbox.stop()
    say("idle: webhook sent -> call to Zendesk begun", to_desk)
    say("idle: hint sent -> call to the carrier begun (one Zendesk read in it)", to_carrier)


async def measure_accepting(folder: Path) -> None:
    """Texts accepted per second, durable and judged, against the bare handler."""
    busy_desk, desk_url = await start_busy_desk()
    bare_port, bridge_port = free_port(), free_port()
    await set_up(folder)
    environment = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "BRIDGE_PORT": str(bridge_port),
        "BRIDGE_SECRET_KEY": "0123456789abcdef" * 2,
        "BRIDGE_ZENDESK_URL": desk_url,
        "BRIDGE_ZENDESK_EMAIL": "bench@acme.example",
        "BRIDGE_ZENDESK_API_TOKEN": "token",
        "BRIDGE_TWILIO_ACCOUNT_SID": ACCOUNT,
        "BRIDGE_TWILIO_AUTH_TOKEN": TOKEN,
        "BRIDGE_LOG_LEVEL": "info",
    }
    async with (
        running("-m", "tests.bench.bare", str(bare_port), port=bare_port),
        running("-m", "bridge", "serve", port=bridge_port, environment=environment),
    ):
        first = 0
        for connections in CONNECTIONS:
            rounds: list[tuple[Measured, Measured]] = []
            for _ in range(ROUNDS):
                first += TEXTS
                pair = []
                for port in (bare_port, bridge_port):
                    requests = list(webhooks(f"http://127.0.0.1:{port}", TEXTS, first=first))
                    pair.append(await run_load(port, requests, connections=connections))
                rounds.append((pair[0], pair[1]))
            say_pairs(connections, rounds)
    await busy_desk.cleanup()


def say(what: str, seconds: list[float]) -> None:
    """Print one latency."""
    ordered = sorted(seconds)
    print(
        f"{what}: median {statistics.median(ordered) * 1000:.1f} ms, "
        f"p90 {ordered[int(len(ordered) * 0.9)] * 1000:.1f} ms (n={len(ordered)})"
    )


def say_pairs(connections: int, rounds: list[tuple[Measured, Measured]]) -> None:
    """Print the accept path against its yardstick: medians of the rounds' ratios."""
    rates = [bridge.per_second / bare.per_second for bare, bridge in rounds]
    tails = [bridge.p99 / bare.p99 for bare, bridge in rounds]
    print(
        f"accept, {connections} connections: "
        f"{statistics.median(rates):.2f} x bare "
        f"(min {min(rates):.2f}, max {max(rates):.2f}), "
        f"{statistics.median(b.per_second for _, b in rounds):.0f}/s of "
        f"{statistics.median(a.per_second for a, _ in rounds):.0f}/s; "
        f"p99 {statistics.median(tails):.1f} x bare"
    )


async def start_busy_desk() -> tuple[web.AppRunner, str]:
    """A desk that asks everybody to wait, so that accepting alone is measured."""

    async def wait(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "600"})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", wait)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def set_up(folder: Path) -> None:
    """Make the database with one sender."""
    database = SqliteDatabase(str(folder / "bench.db"), SystemClock())
    await database.open()
    words = answered_words()
    file = parse(SETTINGS, words)
    await database.write(lambda tx: import_settings(tx, file, words, prune=False))
    await database.close()


@contextlib.asynccontextmanager
async def running(
    *arguments: str, port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """A process of ours that listens on `port`, ended at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, **(environment or {})},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: _listens(port), within_s=20)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        async with aiohttp.ClientSession() as session:
            await session.get(f"http://127.0.0.1:{port}/healthz")
    except aiohttp.ClientError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(main())
