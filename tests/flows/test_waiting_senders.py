"""A text to a number that is no sender yet: kept, shown as waiting, worked off once it is one."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ORDERS,
    VIP,
    a_list,
    contact,
    customer_comments,
    keyword,
    messages,
    on_phone,
    only_ticket,
    sender,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start, eventually

ROOT = Path(__file__).parents[2]


async def _import(sandbox: Sandbox, folder: Path, settings: str, *options: str) -> str:
    """Run `bridge import` as an operator does, in a process of its own. Returns what it said."""
    file = folder / "settings.toml"
    file.write_text(settings, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "import", *options, str(file)),
        env={"PYTHONPATH": str(ROOT), **sandbox._environment},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_text_to_a_number_that_is_no_sender_waits(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(ACME))

    answer = await sandbox.twilio.customer_texts(MAYA, ORDERS, "my order?")
    await settle(sandbox)

    assert answer.statuses == (200,)
    (message,) = await messages(sandbox)
    assert (message["verdict"], message["state"]) == ("no_sender", "waiting")
    assert (message["sender"], message["body"]) == (ORDERS, "my order?")
    assert tickets(sandbox) == []
    assert len(await messages(sandbox, state="waiting")) == 1


async def test_waiting_texts_are_worked_off_in_order_after_import_by_the_command(
    start_sandbox: Start, tmp_path: Path
) -> None:
    sandbox = await start_sandbox(sender(ACME))
    bodies = [f"text {number}" for number in range(5)]
    await text(sandbox, MAYA, ORDERS, *bodies)
    assert tickets(sandbox) == []

    said = await _import(sandbox, tmp_path, sender(ORDERS, tags=["orders"]))
    imported_at = time.monotonic()
    await eventually(lambda: tickets(sandbox) and len(only_ticket(sandbox).comments) == 5)

    assert time.monotonic() - imported_at < 2
    await settle(sandbox)
    assert ORDERS in said
    assert customer_comments(only_ticket(sandbox)) == bodies
    assert "orders" in only_ticket(sandbox).tags
    shown = await messages(sandbox)
    assert {(one["verdict"], one["state"]) for one in shown} == {("ticket", "done")}


async def test_text_right_after_the_import_comes_after_those_that_waited(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(sender(ACME))
    await text(sandbox, MAYA, ORDERS, "one", "two")

    await sandbox.set_up(sender(ORDERS))
    await text(sandbox, MAYA, ORDERS, "three")

    assert customer_comments(only_ticket(sandbox)) == ["one", "two", "three"]


async def test_words_that_waited_are_judged_as_any_others(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(ACME))
    await text(sandbox, MAYA, VIP, "JOIN", "my order?", "STOP")
    await text(sandbox, JONAS, VIP, "hello")

    await sandbox.set_up(sender(VIP) + a_list("vip") + keyword("JOIN", lists=["vip"]))
    await eventually(lambda: len(tickets(sandbox)) == 2)
    await settle(sandbox)

    verdicts = [one["verdict"] for one in await messages(sandbox, customer=MAYA)]
    assert verdicts == ["keyword", "ticket", "opt_out"]
    assert (await contact(sandbox, MAYA))["opted_out_at"] is not None
    assert len(on_phone(sandbox, MAYA)) == 1


async def test_import_of_another_sender_leaves_them_waiting(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(ACME))
    await text(sandbox, MAYA, ORDERS, "my order?")

    await sandbox.set_up(sender(VIP))
    await text(sandbox, MAYA, VIP, "hello")  # the new settings are in force

    assert customer_comments(only_ticket(sandbox)) == ["hello"]
    assert [one["state"] for one in await messages(sandbox)] == ["waiting", "done"]


async def test_waiting_text_that_comes_twice_waits_once(start_sandbox: Start) -> None:
    sandbox = await start_sandbox(sender(ACME))
    await sandbox.twilio.customer_texts(MAYA, ORDERS, "my order?", copies=3)

    await sandbox.set_up(sender(ORDERS))
    await sandbox.twilio.redeliver(sandbox.twilio.messages[0].sid, copies=2)
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["my order?"]


async def test_removed_sender_makes_texts_wait_and_keeps_the_ticket(
    start_sandbox: Start, tmp_path: Path
) -> None:
    sandbox = await start_sandbox(sender(ACME) + sender(ORDERS))
    await text(sandbox, MAYA, ORDERS, "before")
    await _import(sandbox, tmp_path, sender(ACME), "--prune")

    await text(sandbox, MAYA, ORDERS, "between")
    assert customer_comments(only_ticket(sandbox)) == ["before"]
    await sandbox.set_up(sender(ORDERS))
    await eventually(lambda: len(only_ticket(sandbox).comments) == 2)

    assert customer_comments(only_ticket(sandbox)) == ["before", "between"]
