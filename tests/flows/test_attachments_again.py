"""Texts with files that are tried again, when the carrier's addresses have ended long ago."""

from __future__ import annotations

import pytest

from bridge.outbound import attachments
from bridge.sandbox.demo import Sandbox
from bridge.store import failed, files
from bridge.store.database import Transaction
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    SEND,
    SENDER,
    MovingClock,
    ask,
    notes,
    open_ticket,
    replies,
    sends,
    settled,
)
from tests.flows.test_attachments import JPEG, attach, fetch, no_file_is_left, on_phone

pytestmark = pytest.mark.both_engines
HELD = SENDER + 'on_uncertain = "hold"\n'
LATER_MS = attachments.LIFE_MS + 60_000


async def one_in_doubt(sandbox: Sandbox) -> tuple[int, str]:
    """A reply with a picture that has failed. Returns its ticket, and its work's name."""
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.refuse(*SEND, status=500, times=1)
    await attach(sandbox, ticket, "<p>Look</p>", ("mug.jpg", JPEG))
    await settled(sandbox)
    (reply,) = await replies(sandbox)
    assert (reply["state"], on_phone(sandbox)) == ("uncertain", [])
    (work,) = (await ask(sandbox, "/api/v1/failed"))["failed"]
    return ticket, work["id"]


async def drop_ended(sandbox: Sandbox) -> int:
    assert sandbox.service is not None
    return await sandbox.service.database.write(files.drop_ended)


async def retry(sandbox: Sandbox, ref: str) -> None:
    assert sandbox.service is not None
    await sandbox.service.database.write(lambda tx: failed.retry(tx, ref))
    await settled(sandbox)


async def test_text_that_is_tried_again_hours_later_has_its_picture(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(HELD, clock=clock)
    _, ref = await one_in_doubt(sandbox)

    clock.ahead_ms = LATER_MS
    assert await drop_ended(sandbox) == 0
    await retry(sandbox, ref)

    assert on_phone(sandbox) == [("Look", [JPEG])]
    clock.ahead_ms += attachments.LIFE_MS + 60_000  # it has been sent: nobody needs it any more
    await eventually(lambda: no_file_is_left(sandbox))


async def test_address_that_is_about_to_end_is_made_anew_for_a_second_try(
    start_sandbox: Start,
) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(HELD, clock=clock)
    _, ref = await one_in_doubt(sandbox)

    clock.ahead_ms = attachments.LIFE_MS - 60_000
    await retry(sandbox, ref)
    clock.ahead_ms += attachments.LIFE_MS - 60_000

    (address,) = sandbox.twilio.sent[-1].media_urls
    assert await fetch(address) == (200, JPEG[1])


async def test_picture_of_a_failed_text_is_not_kept_for_ever(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(HELD, clock=clock)
    await one_in_doubt(sandbox)

    clock.ahead_ms = LATER_MS + files.KEPT_MS - 120_000
    assert await drop_ended(sandbox) == 0
    clock.ahead_ms = LATER_MS + files.KEPT_MS
    await eventually(lambda: no_file_is_left(sandbox))


async def test_without_its_picture_a_text_is_not_sent_and_the_agent_is_told(
    start_sandbox: Start,
) -> None:
    sandbox = await start_sandbox(HELD)
    ticket, ref = await one_in_doubt(sandbox)
    before = len(sends(sandbox))

    def lose(tx: Transaction) -> None:
        tx.run("DELETE FROM files")

    assert sandbox.service is not None
    await sandbox.service.database.write(lose)
    await retry(sandbox, ref)

    assert (len(sends(sandbox)), on_phone(sandbox)) == (before, [])
    (reply,) = await replies(sandbox)
    assert (reply["state"], reply["body"]) == ("refused", "Look")
    assert "mug.jpg" in notes(sandbox, ticket)[-1]
