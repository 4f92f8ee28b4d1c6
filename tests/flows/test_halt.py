"""The switch that keeps every text back, whatever its number."""

from __future__ import annotations

import aiohttp
import pytest

from bridge.doctor import run_doctor
from bridge.outbound import withdrawn
from bridge.sandbox.demo import Sandbox
from bridge.store import changes
from bridge.store.database import Transaction
from bridge.store.settings import export_settings, save_halt
from tests.flows.cast import customer_comments, sender
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    JONAS,
    MAYA,
    ORDERS,
    metric,
    notes,
    open_ticket,
    replies,
    sends,
    settled,
    words,
)
from tests.stores import column

pytestmark = pytest.mark.both_engines
WAITS = "all sending is halted"


async def throw(sandbox: Sandbox, *, on: bool) -> bool:
    """Throw the switch; returns whether that changed anything."""
    assert sandbox.service is not None
    return await sandbox.service.database.write(lambda tx: save_halt(tx, on=on))


async def waiting(sandbox: Sandbox) -> list[str]:
    """Why those replies wait that do."""
    return [one["reason"] for one in await replies(sandbox) if one["state"] == "queued"]


async def test_every_text_waits_and_its_agent_is_told_once(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(ACME) + sender(ORDERS))
    ticket = await open_ticket(sandbox)
    other = await open_ticket(sandbox, "And this?", customer=JONAS, sender=ORDERS)
    assert await throw(sandbox, on=True)
    assert not await throw(sandbox, on=True)

    await sandbox.zendesk.agent_replies(ticket, "<p>One</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Two</p>")
    await sandbox.zendesk.agent_replies(other, "<p>Three</p>")
    await eventually(lambda: all_wait(sandbox, 2))
    await eventually(lambda: len(notes(sandbox, ticket)) == 1 and len(notes(sandbox, other)) == 1)
    assert sends(sandbox) == []
    assert "an admin has halted all texts" in notes(sandbox, ticket)[0]
    await sandbox.twilio.customer_texts(MAYA, ACME, "Hello?")  # comes in as ever
    await eventually(lambda: "Hello?" in said(sandbox, ticket))

    assert await throw(sandbox, on=False)
    await settled(sandbox)
    assert words(sandbox) == ["One", "Two"]
    assert words(sandbox, JONAS) == ["Three"]
    assert [one["reason"] for one in await replies(sandbox)] == [None] * 3
    assert len(notes(sandbox, other)) == 1


def said(sandbox: Sandbox, ticket: int) -> list[str]:
    return customer_comments(sandbox.zendesk.tickets[ticket])


async def all_wait(sandbox: Sandbox, count: int) -> bool:
    """Whether the first reply of so many conversations knows that it waits."""
    return (await waiting(sandbox)).count(WAITS) == count


async def test_reply_made_private_while_it_waited_stays(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawn, "RECHECK_AFTER_MS", 0)
    ticket = await open_ticket(sandbox)
    await throw(sandbox, on=True)
    comment = await sandbox.zendesk.agent_replies(ticket, "<p>Not now</p>")
    await eventually(lambda: all_wait(sandbox, 1))

    comment.public = False
    await throw(sandbox, on=False)
    await settled(sandbox)

    assert words(sandbox) == []
    assert [one["state"] for one in await replies(sandbox)] == ["refused"]


async def test_halt_is_seen_everywhere_and_is_no_fault_of_readiness(sandbox: Sandbox) -> None:
    assert sandbox.settings is not None
    assert sandbox.service is not None
    await throw(sandbox, on=True)

    await eventually(lambda: shows(sandbox, 1.0))
    assert await ready(sandbox) == (200, {"status": "ready", "sending": "halted"})
    (finding,) = [one for one in await run_doctor(sandbox.settings) if one.check == "sending"]
    assert (finding.ok, "bridge sending resume" in finding.mend) == (False, True)
    database = sandbox.service.database
    logged = await database.read(
        lambda tx: changes.list_changes(tx, subject="sending", before=None, limit=9)
    )
    assert [one.what for one in logged] == ["halted"]
    assert "halt" not in await database.read(export_settings)

    await throw(sandbox, on=False)
    await eventually(lambda: shows(sandbox, 0.0))
    assert await ready(sandbox) == (200, {"status": "ready"})


async def shows(sandbox: Sandbox, value: float) -> bool:
    return await metric(sandbox, "bridge_sending_halted") == value


async def ready(sandbox: Sandbox) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession(sandbox.url) as session, session.get("/readyz") as answer:
        return answer.status, await answer.json()


async def test_halt_outlasts_a_restart(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    await throw(sandbox, on=True)
    assert sandbox.service is not None
    await sandbox.service.stop()
    await sandbox.make_service().start()

    await sandbox.zendesk.agent_replies(ticket, "<p>One</p>")
    await eventually(lambda: all_wait(sandbox, 1))
    assert sends(sandbox) == []

    await throw(sandbox, on=False)
    await settled(sandbox)
    assert words(sandbox) == ["One"]


async def test_what_is_kept_back_is_looked_at_once_and_not_time_and_again(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(ACME) + sender(ORDERS, is_paused=True))
    halted = await open_ticket(sandbox)
    paused = await open_ticket(sandbox, "And this?", customer=JONAS, sender=ORDERS)
    await sandbox.zendesk.agent_replies(paused, "<p>Two</p>")
    await eventually(lambda: looked(sandbox, 1))
    await throw(sandbox, on=True)  # of which the paused one is told as well
    await eventually(lambda: looked(sandbox, 2))
    await sandbox.zendesk.agent_replies(halted, "<p>One</p>")
    await eventually(lambda: looked(sandbox, 3))

    assert await waits_long(sandbox) == 2
    assert await looked(sandbox, 3)
    await throw(sandbox, on=False)
    await eventually(lambda: words(sandbox) == ["One"])
    await sandbox.set_up(sender(ACME) + sender(ORDERS))
    await eventually(lambda: words(sandbox, JONAS) == ["Two"])


async def waits_long(sandbox: Sandbox) -> int:
    """How many conversations' texts wait for ten minutes at least, if nothing changes."""
    assert sandbox.service is not None

    def count(tx: Transaction) -> int:
        sql = "SELECT lane FROM lanes WHERE lane LIKE 'out:%' AND lease IS NULL AND due_at > $1"
        return len(tx.all(sql, tx.now_ms() + 600_000))

    return await sandbox.service.database.read(count)


async def looked(sandbox: Sandbox, times: int) -> bool:
    """Whether it was looked so often whether a text may leave."""
    assert sandbox.service is not None
    sql = "SELECT count(*) FROM attempts WHERE kind = 'send' AND outcome = 'later'"
    return await column(sandbox.service.database, sql) == [times]
