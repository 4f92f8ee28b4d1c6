"""The past that `bridge demo` begins with: whole, believable, and left alone by what runs then."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import aiohttp
import pytest

from bridge.domain.roles import Role
from bridge.sandbox.brand import ACME, LONDON, ORDERS, UNKNOWN, USERS, VIP
from bridge.sandbox.demo import Sandbox, playing
from bridge.sandbox.plot import DAYS, HOUR_MS, Fate, plot
from bridge.store import changes, failed, sweeps, tallies
from bridge.store.database import Database, Row, Transaction
from bridge.store.settings import load_documents
from tests.flows.conftest import eventually, free_port

FICTIONAL = re.compile(r"\+1202555010\d|\+120255501\d\d|\+447700900\d{3}|\+18005550199|US:50500")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with playing(tmp_path, host="127.0.0.1", port=free_port()) as sandbox:
        yield sandbox


def store(demo: Sandbox) -> Database:
    assert demo.service is not None
    return demo.service.database


async def rows(demo: Sandbox, sql: str, *values: str | int) -> list[Row]:
    return list(await store(demo).read(lambda tx: tx.all(sql, *values)))


async def kinds(demo: Sandbox, sql: str) -> set[str]:
    return {str(row["found"]) for row in await rows(demo, sql)}


@pytest.mark.parametrize("half_hours", range(0, 48, 3))
def test_at_every_time_of_day_there_is_a_past_with_all_its_troubles(half_hours: int) -> None:
    now_ms = 1_767_571_200_000 + half_hours * HOUR_MS // 2

    told = plot(now_ms, random.Random(4))

    assert {turn.fate for turn in told} == set(get_args(Fate))
    assert [turn.at_ms for turn in told] == sorted(turn.at_ms for turn in told)
    assert told[-1].at_ms < now_ms
    assert told[0].at_ms > now_ms - (DAYS + 1) * 24 * HOUR_MS
    assert {turn.sender for turn in told} == {ACME, ORDERS, VIP, LONDON, UNKNOWN}
    assert sum(turn.at_ms > now_ms - 24 * HOUR_MS for turn in told) > 30


async def test_the_past_holds_something_of_everything(demo: Sandbox) -> None:
    assert await kinds(demo, "SELECT DISTINCT verdict AS found FROM messages") >= {
        *("ticket", "keyword", "opt_out", "opt_in", "no_sender"),
    }
    assert await kinds(demo, "SELECT DISTINCT state AS found FROM messages") >= {
        *("done", "failed", "waiting", "delivered", "undelivered", "refused"),
    }
    assert await kinds(demo, "SELECT DISTINCT action AS found FROM consent") >= {
        *("opt_out", "opt_in", "subscribe", "asked_to_confirm"),
    }
    assert len(await rows(demo, "SELECT 1 FROM contacts WHERE stop_wish IS NOT NULL")) == 1
    assert await kinds(demo, "SELECT DISTINCT state AS found FROM work WHERE kind <> 'sweep'") == {
        *("waiting", "failed"),
    }
    statuses = {ticket.status for ticket in demo.zendesk.tickets.values()}
    assert statuses >= {"new", "open", "pending", "solved"}
    documents = await store(demo).read(load_documents)
    assert (len(documents.keywords), len(documents.hours), len(documents.templates)) == (5, 1, 2)


async def test_nobody_can_be_called_by_mistake(demo: Sandbox) -> None:
    numbers = await kinds(demo, "SELECT customer AS found FROM messages")
    numbers |= await kinds(demo, "SELECT sender AS found FROM messages")
    numbers |= await kinds(demo, "SELECT address AS found FROM contacts")
    assert len(numbers) > 60
    assert [one for one in numbers if not FICTIONAL.fullmatch(one)] == []


async def test_somebody_wrote_at_night_and_was_told_that_nobody_is_there(demo: Sandbox) -> None:
    answers = await rows(
        demo, "SELECT * FROM messages WHERE kind = 'auto' AND body LIKE 'The shop is closed%'"
    )
    assert answers != []
    assert {(row["sender"], row["state"]) for row in answers} == {(LONDON, "delivered")}


async def test_each_text_of_the_past_stands_in_its_comment(demo: Sandbox) -> None:
    texts = await rows(
        demo, "SELECT * FROM messages WHERE direction = 'inbound' AND ticket_id IS NOT NULL"
    )
    replies = await rows(demo, "SELECT * FROM messages WHERE kind = 'reply'")
    comments = {
        comment.id: comment
        for ticket in demo.zendesk.tickets.values()
        for comment in ticket.comments
    }

    assert len(texts) > 100
    assert [row["body"] for row in texts] == [comments[row["comment_id"]].body for row in texts]
    assert len({row["comment_id"] for row in [*texts, *replies]}) == len(texts) + len(replies)
    by_customers = {
        comment.id
        for comment in comments.values()
        if comment.public and not demo.zendesk.users[comment.author_id].is_staff
    }
    assert by_customers == {row["comment_id"] for row in texts}


async def test_the_past_lies_in_the_past_and_its_hours_are_counted(demo: Sandbox) -> None:
    def look(tx: Transaction) -> tuple[int, int, list[Row]]:
        found, missing = tallies.since(tx, 0)
        late = tx.all("SELECT id FROM messages WHERE updated_at > $1", tx.now_ms())
        return len(found), missing, list(late)

    hours, missing, late = await store(demo).read(look)
    assert (missing, late) == (0, [])
    assert hours > 7 * 24


async def test_the_log_of_changes_says_who_changed_what(demo: Sandbox) -> None:
    log = await store(demo).read(lambda tx: changes.list_changes(tx, limit=100))
    assert {one.who for one in log} >= {"operator", *(name for _, name in USERS[:2])}


async def test_what_is_past_is_not_done_again(demo: Sandbox) -> None:
    before = await rows(demo, "SELECT id, state, updated_at FROM messages ORDER BY seq")
    comments = sum(len(ticket.comments) for ticket in demo.zendesk.tickets.values())

    async def have_swept() -> bool:
        ages = await store(demo).read(sweeps.ages)
        return set(ages) == {"zendesk", "twilio"}

    await eventually(have_swept)
    waiting = "SELECT id FROM work WHERE state = 'waiting' AND kind NOT IN ('sweep', 'text')"

    async def is_idle() -> bool:
        return await rows(demo, waiting) == []

    await eventually(is_idle)

    assert await rows(demo, "SELECT id, state, updated_at FROM messages ORDER BY seq") == before
    assert demo.twilio.messages == []
    after = sum(len(ticket.comments) for ticket in demo.zendesk.tickets.values())
    assert after == comments


async def test_a_failed_send_of_the_past_can_be_tried_again(demo: Sandbox) -> None:
    work = await store(demo).read(lambda tx: failed.list_failed(tx, before=None, limit=9))
    sends = [one for one in work if one.kind == "send"]
    assert len(sends) == 1
    await store(demo).write(lambda tx: failed.retry(tx, sends[0].ref))

    await eventually(lambda: [one for one in demo.twilio.messages if one.status == "delivered"])

    (sent,) = demo.twilio.messages
    assert sent.body == "Yes, it waits for you at the counter until 6 pm."


async def enter(session: aiohttp.ClientSession, role: str, **headers: str) -> int:
    async with session.post("/sandbox/console", json={"role": role}, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(("role", "name"), USERS)
async def test_a_role_is_played_by_its_holder(demo: Sandbox, role: Role, name: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(demo.url, cookie_jar=jar) as session:
        assert await enter(session, role) == 200

        async with session.get("/admin/") as answer:
            page = await answer.text()

        assert name in page
        assert f'<span class="faint">{role}</span>' in page
        assert "/sandbox/console" in page
        async with session.get("/admin/users") as answer:
            assert answer.status == (200 if role == "admin" else 403)


async def test_a_role_is_given_to_no_other_page_and_none_that_is_not_there(demo: Sandbox) -> None:
    async with aiohttp.ClientSession(demo.url) as session:
        assert await enter(session, "owner") == 400
        assert await enter(session, "admin", **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert await enter(session, "admin", Origin="https://elsewhere.example") == 403
        assert list(session.cookie_jar) == []


async def test_a_user_who_was_disabled_is_played_no_more(demo: Sandbox) -> None:
    await store(demo).write(
        lambda tx: tx.run("UPDATE users SET disabled_at = 1 WHERE role = 'viewer'")
    )
    async with aiohttp.ClientSession(demo.url) as session:
        assert await enter(session, "viewer") == 400


async def test_the_page_with_the_phone_begins_with_nothing(demo: Sandbox) -> None:
    async with (
        aiohttp.ClientSession(demo.url) as session,
        session.get("/sandbox/state") as answer,
    ):
        state = await answer.json()

    assert (state["texts"], state["tickets"], state["messages"]) == ([], [], [])


async def test_a_service_of_its_own_has_no_roles_to_choose(tmp_path: Path) -> None:
    sandbox = Sandbox(folder=tmp_path, port=free_port())
    await sandbox.start()
    try:
        async with aiohttp.ClientSession(sandbox.url) as session:
            assert await enter(session, "admin") == 404
            async with session.get("/admin/sign-in") as answer:
                assert "sandbox" not in await answer.text()
    finally:
        await sandbox.stop()
