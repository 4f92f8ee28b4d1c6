"""Which tickets changed: by the export of the sandbox's Zendesk, or by its search."""

from __future__ import annotations

import pytest

from bridge.desks.contract import DeskUser, TicketId
from bridge.desks.zendesk import changes
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.errors import CredentialsRefused, TryLater
from bridge.sandbox.zendesk.server import FakeZendesk
from tests.desks.scripted import HandClock
from tests.desks.test_against_the_fake import ann, fake, fake_desk, opened

__all__ = ["ann", "fake", "fake_desk"]

EXPORT = ("GET", "/api/v2/incremental/tickets/cursor")
FORBIDDEN = '{"error": "Forbidden", "description": "You do not have access to this page."}'
MISSING = (
    '{"error": "Forbidden", "description": "You are missing the following required scopes: read"}'
)


async def make(desk: ZendeskDesk, ann: DeskUser, clock: HandClock, number: int) -> list[TicketId]:
    """So many tickets, a second apart, and a minute after them."""
    made = []
    for each in range(number):
        made.append((await opened(desk, ann, f"in-{each}")).id)
        clock.forward(1)
    clock.forward(61)
    return made


async def everything(
    desk: ZendeskDesk, since_ms: int, cursor: str | None = None
) -> tuple[list[TicketId], str]:
    found: list[TicketId] = []
    while True:
        page = await desk.changed_tickets(cursor, since_ms=since_ms)
        found += [change.ticket_id for change in page.changes]
        cursor = page.cursor
        if not page.more:
            return found, cursor


@pytest.mark.parametrize("by", ["export", "search"])
async def test_every_change_comes_page_by_page(
    fake: FakeZendesk,
    fake_desk: ZendeskDesk,
    ann: DeskUser,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    monkeypatch.setattr(changes, "EXPORT_PAGE", 2)
    monkeypatch.setattr(changes, "SEARCH_PAGE", 2)
    monkeypatch.setattr(changes, "SEARCH_PAGES", 1)
    if by == "search":
        fake.faults.refuse(*EXPORT, 403, body=FORBIDDEN, times=None)
    since_ms = clock.now_ms() - 120_000
    made = await make(fake_desk, ann, clock, 5)

    found, cursor = await everything(fake_desk, since_ms)

    assert list(dict.fromkeys(found)) == made
    clock.forward(600)
    await fake.agent_replies(made[1], "<p>Hi</p>")
    clock.forward(61)
    again, _ = await everything(fake_desk, since_ms, cursor)
    assert again[-1] == made[1]
    assert len(again) < 5


async def test_the_search_overlaps_as_its_index_lags(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    fake.faults.refuse(*EXPORT, 403, body=FORBIDDEN, times=None)
    made = await make(fake_desk, ann, clock, 2)
    _, cursor = await everything(fake_desk, clock.now_ms())

    again, _ = await everything(fake_desk, 0, cursor)

    assert again == made
    assert len(fake.faults.seen(*EXPORT)) == 2  # once more, in case the account was meant


async def test_missing_scope_is_the_accounts_trouble(
    fake: FakeZendesk, fake_desk: ZendeskDesk, clock: HandClock
) -> None:
    fake.faults.refuse(*EXPORT, 403, body=MISSING)

    with pytest.raises(CredentialsRefused, match="lacks the scope read"):
        await fake_desk.changed_tickets(None, since_ms=clock.now_ms() - 120_000)


async def test_a_cursor_that_is_no_longer_known_starts_anew(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    since_ms = clock.now_ms() - 120_000
    made = await make(fake_desk, ann, clock, 2)

    found, cursor = await everything(fake_desk, since_ms, "export:!!!")

    assert found == made
    assert cursor.startswith("export:")


async def test_limit_of_the_export_is_a_pause_for_it_alone(
    fake: FakeZendesk, fake_desk: ZendeskDesk, clock: HandClock
) -> None:
    fake.limits.exports_per_minute = 1
    since_ms = clock.now_ms() - 120_000
    await fake_desk.changed_tickets(None, since_ms=since_ms)

    with pytest.raises(TryLater) as caught:
        await fake_desk.changed_tickets(None, since_ms=since_ms)

    assert caught.value.pause_s == 60
    assert not caught.value.whole_account


async def test_tickets_are_asked_for_by_their_ids(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    began_ms = clock.now_ms() // 1000 * 1000
    first, _ = await make(fake_desk, ann, clock, 2)

    found = await fake_desk.changes_of([first, TicketId(999)])

    assert [(each.ticket_id, each.changed_at_ms, each.tagged) for each in found] == [
        (first, began_ms, True)
    ]
    assert await fake_desk.changes_of([]) == ()


async def test_little_room_in_the_pool_is_left_to_others_for_a_minute(
    fake: FakeZendesk, fake_desk: ZendeskDesk, clock: HandClock
) -> None:
    fake.limits.account_per_minute = 10
    for _ in range(8):
        await fake_desk.find_tickets("x")
    roomy = fake_desk.spare_in_s()
    await fake_desk.find_tickets("x")

    assert roomy == 0
    assert fake_desk.spare_in_s() == 60
    clock.forward(61)
    assert fake_desk.spare_in_s() == 0
