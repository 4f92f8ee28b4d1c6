"""`bridge serve` on a disk that loses power, is full, or fails: no promise is broken."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Literal, get_args

import aiohttp
import pytest

from bridge.sandbox.demo import Sandbox
from tests.faults.conftest import OnDisk, cut_the_power
from tests.faults.disk import Disk
from tests.flows.cast import ACME, MAYA, ask, customer_comments, messages, tickets
from tests.flows.conftest import eventually
from tests.flows.outbound import metric
from tests.flows.serving import Process

Unwritable = Literal["is-full", "write-fails"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
CUSTOMERS = [f"+1202555{number:04}" for number in range(130, 136)]


async def status_of(sandbox: Sandbox, path: str) -> int:
    async with aiohttp.ClientSession(sandbox.url) as session, session.get(path) as response:
        return response.status


async def text(sandbox: Sandbox, body: str, *, customer: str = MAYA) -> tuple[int, ...]:
    """Let a customer text; returns what the bridge answered to each try of the carrier's."""
    return tuple((await sandbox.twilio.customer_texts(customer, ACME, body)).statuses)


async def all_written(sandbox: Sandbox, count: int) -> None:
    async def are_done() -> bool:
        shown = await messages(sandbox)
        return len(shown) == count and all(one["state"] == "done" for one in shown)

    await eventually(are_done, within_s=60)


def on_tickets(sandbox: Sandbox) -> list[str]:
    """Every customer's comment on every ticket, sorted."""
    return sorted(body for ticket in tickets(sandbox) for body in customer_comments(ticket))


async def test_after_power_cuts_every_acknowledged_text_stands_once(
    serve_on_disk: OnDisk, disk: Disk
) -> None:
    sandbox, process = await serve_on_disk()
    promised: list[str] = []
    tried: list[str] = []

    async def talk(customer: str, turn: int) -> None:
        for number in range(40):
            body = f"{customer[-3:]} {turn} {number}"
            tried.append(body)
            if (await text(sandbox, body, customer=customer))[-1:] == (200,):
                promised.append(body)

    for turn, enough in enumerate((7, 30, 61)):
        talks = [asyncio.create_task(talk(customer, turn)) for customer in CUSTOMERS]
        await eventually(lambda enough=enough: len(promised) >= enough, within_s=60)
        await process.kill()
        for one in talks:
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await sandbox.zendesk.idle()
        cut_the_power(disk)
        await process.start()

    async def is_all_there() -> bool:
        shown = await messages(sandbox)
        bodies = {one["body"] for one in shown}
        return set(promised) <= bodies and all(one["state"] == "done" for one in shown)

    await eventually(is_all_there, within_s=60)
    found = on_tickets(sandbox)
    assert len(found) == len(set(found))
    assert set(promised) <= set(found) <= set(tried)
    assert await process.terminate(within_s=25) == 0
    connection = sqlite3.connect(disk.folder / "sandbox.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


async def test_a_flush_that_fails_ends_the_process_and_the_retry_makes_one_message(
    serve_on_disk: OnDisk, disk: Disk
) -> None:
    sandbox, process = await serve_on_disk()
    assert await text(sandbox, "before") == (200,)
    await all_written(sandbox, 1)

    with disk.in_trouble("flush-fails"):
        unpromised = asyncio.create_task(text(sandbox, "broken"))
        assert await process.ended() == 74
        assert 200 not in await unpromised
    assert "database.flush_failed" in process.log_path.read_text()

    cut_the_power(disk)
    await process.start()
    assert await text(sandbox, "after") == (200,)
    # What Twilio did with "broken" after its tries were used up: the sweep finds it in the list.
    await all_written(sandbox, 3)
    assert on_tickets(sandbox) == ["after", "before", "broken"]


async def test_a_flush_that_fails_while_the_log_is_folded_ends_the_process(
    serve_on_disk: OnDisk, disk: Disk
) -> None:
    sandbox, process = await serve_on_disk()
    with disk.in_trouble("fold-fails"):
        bodies = [f"text {number}" for number in range(300)]

        async def talk() -> None:
            for body in bodies:
                await text(sandbox, body)

        talking = asyncio.create_task(talk())
        assert await process.ended() == 74
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


@pytest.mark.parametrize("trouble", get_args(Unwritable))
async def test_while_nothing_can_be_written_webhooks_are_refused_and_the_rest_goes_on(
    serve_on_disk: OnDisk, disk: Disk, trouble: Unwritable
) -> None:
    sandbox, process = await serve_on_disk()
    assert await text(sandbox, "before") == (200,)
    await all_written(sandbox, 1)

    with disk.in_trouble(trouble):
        await _refuses_what_it_cannot_keep(sandbox, process)

    await _comes_back(sandbox, process)


async def _refuses_what_it_cannot_keep(sandbox: Sandbox, process: Process) -> None:
    statuses = await text(sandbox, "meanwhile")
    assert statuses
    assert set(statuses) == {503}
    assert await _asked_to_come_again(sandbox)
    assert await status_of(sandbox, "/readyz") == 503
    assert await status_of(sandbox, "/healthz") == 200
    assert [one["body"] for one in await messages(sandbox)] == ["before"]
    assert (await ask(sandbox, "failed"))["failed"] == []
    refused = 'bridge_webhooks_refused_total{reason="not_durable",source="twilio"}'
    assert await metric(sandbox, refused) >= 1
    assert process.is_running


async def _asked_to_come_again(sandbox: Sandbox) -> bool:
    asked = {"sender": ACME, "customer": MAYA, "body": "no", "kind": "conversation", "send": True}
    headers = {"Authorization": f"Bearer {sandbox.api_token}"}
    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as session,
        session.post("/api/v1/messages", json=asked) as response,
    ):
        return response.status == 503 and int(response.headers["Retry-After"]) > 0


async def _comes_back(sandbox: Sandbox, process: Process) -> None:
    await eventually(lambda: _is(sandbox, "/readyz", 200), within_s=60)
    assert await text(sandbox, "after") == (200,)
    await all_written(sandbox, 3)
    assert on_tickets(sandbox) == ["after", "before", "meanwhile"]
    assert process.is_running


async def _is(sandbox: Sandbox, path: str, status: int) -> bool:
    return await status_of(sandbox, path) == status
