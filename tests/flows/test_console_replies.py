"""A reply written in the console: once on the ticket, once on the phone, by the usual way."""

from __future__ import annotations

import pytest

from bridge.ids import new_id
from bridge.sandbox.demo import Sandbox
from bridge.store import failed, inbox
from bridge.ticketing.notes import put_reply
from tests.flows.cast import ACME, MAYA, on_phone, only_ticket, settle, text
from tests.flows.conftest import eventually

pytestmark = pytest.mark.both_engines


async def say(sandbox: Sandbox, words: str) -> None:
    service = sandbox.service
    assert service is not None
    (line,) = await service.database.read(lambda tx: inbox.by_customer(tx, MAYA))
    await service.database.write(
        lambda tx: put_reply(tx, conversation_id=line.id, text=words, once=new_id())
    )
    service.wake()
    await settle(sandbox)


def public_words(sandbox: Sandbox) -> list[str]:
    return [one.body for one in only_ticket(sandbox).comments if one.public]


def texts_to_maya(sandbox: Sandbox) -> list[str]:
    return [body for _, body, by_carrier in on_phone(sandbox, MAYA) if not by_carrier]


async def test_a_reply_is_a_public_comment_and_one_text(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")

    await say(sandbox, "It is at the depot.\n<b>Tomorrow</b> it comes.")

    words = "It is at the depot.\n<b>Tomorrow</b> it comes."
    assert public_words(sandbox) == ["Where is my parcel?", words]
    assert texts_to_maya(sandbox) == [words]


async def test_replies_keep_their_order_beside_an_agents(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")

    for words in ("one", "two", "three"):
        await say(sandbox, words)

    assert texts_to_maya(sandbox) == ["one", "two", "three"]


async def test_a_reply_whose_answer_got_lost_stands_once_and_is_texted_once(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    sandbox.zendesk.faults.lose_answer("PUT", "/api/v2/tickets/*", times=1)

    await say(sandbox, "At the depot.")

    assert public_words(sandbox) == ["Where is my parcel?", "At the depot."]
    assert texts_to_maya(sandbox) == ["At the depot."]


async def test_a_reply_on_a_closed_ticket_is_failed_work_and_no_text(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "Where is my parcel?")
    only_ticket(sandbox).status = "closed"
    service = sandbox.service
    assert service is not None

    await say(sandbox, "At the depot.")

    async def has_failed() -> bool:
        found = await service.database.read(lambda tx: failed.list_failed(tx, before=None, limit=2))
        return [one.kind for one in found] == ["note"] and "closed" in str(found[0].reason)

    await eventually(has_failed)
    assert public_words(sandbox) == ["Where is my parcel?"]
    assert texts_to_maya(sandbox) == []
