"""`bridge serve` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.cli.conftest import run_process
from tests.flows.conftest import free_port

SETTINGS = {
    "BRIDGE_SECRET_KEY": "canary-secret-key-of-the-service",
    "BRIDGE_ZENDESK_URL": "http://127.0.0.1:1",
    "BRIDGE_ZENDESK_CLIENT_ID": "bridge-client",
    "BRIDGE_ZENDESK_CLIENT_SECRET": "canary-client-secret",
    "BRIDGE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "BRIDGE_TWILIO_AUTH_TOKEN": "canary-auth-token",
    "BRIDGE_TWILIO_API_URL": "http://127.0.0.1:1",
}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def answers(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until somebody answers there."""
    while True:
        try:
            async with session.get(url) as response:
                if response.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "ctrl-c"])
async def test_serve_answers_until_it_is_asked_to_stop(
    folder: Path, session: aiohttp.ClientSession, number: signal.Signals
) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "serve"),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BRIDGE_PORT": str(port),
            **SETTINGS,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    await asyncio.wait_for(answers(session, f"http://127.0.0.1:{port}/readyz"), 60)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 40)

    assert process.returncode == 0
    (said,) = out.decode().splitlines()
    assert f"http://127.0.0.1:{port}/admin/welcome/" in said
    assert all("event" in json.loads(line) for line in err.splitlines())
    assert b"canary" not in err
    assert b"Traceback" not in err


async def test_lines_that_a_full_disk_lost_are_counted(
    folder: Path, session: aiohttp.ClientSession
) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_shell(
        f"exec {sys.executable} -m bridge serve 2>/dev/full",
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BRIDGE_PORT": str(port),
            **SETTINGS,
        },
    )

    await asyncio.wait_for(answers(session, f"http://127.0.0.1:{port}/readyz"), 60)
    async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
        counted = dict(
            line.rsplit(" ", 1)
            for line in (await response.text()).splitlines()
            if not line.startswith("#")
        )
    process.terminate()
    await asyncio.wait_for(process.wait(), 40)

    assert float(counted["bridge_log_lines_dropped"]) >= 1


async def test_a_port_that_is_taken_is_told_in_one_line(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = await run_process("serve", env={**SETTINGS, "BRIDGE_PORT": port}, cwd=folder)

    told = [line for line in ended.err.splitlines() if line.startswith("bridge: ")]
    assert ended.code == 2
    assert len(told) == 1
    assert told[0].startswith("bridge: BRIDGE_PORT: can't listen on 127.0.0.1:")
