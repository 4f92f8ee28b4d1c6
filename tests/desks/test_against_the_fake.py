"""Our client against the sandbox's Zendesk, which was written by the documentation alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.desks.contract import (
    CommentDraft,
    DeskUser,
    RequesterSuspended,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketFull,
    TicketGone,
    TicketId,
    Written,
)
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import OAuthClient
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.errors import OutcomeUnknown, Refused, TryLater
from bridge.http import HttpClient
from bridge.sandbox.zendesk.server import FakeZendesk
from tests.desks.scripted import HandClock
from tests.desks.typed import TYPED

NUMBER = "+12025550123"
KEY = f"sms:{NUMBER}"


@pytest.fixture
async def fake(clock: HandClock) -> AsyncIterator[FakeZendesk]:
    server = FakeZendesk(client_id="sms", client_secret="s3cret", clock=clock)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def fake_desk(fake: FakeZendesk, http: HttpClient, clock: HandClock) -> ZendeskDesk:
    credentials = OAuthClient(
        base_url=fake.url, client_id="sms", client_secret="s3cret", http=http, clock=clock
    )
    api = ZendeskApi(base_url=fake.url, credentials=credentials, http=http, clock=clock)
    return ZendeskDesk(api=api, number_field=lambda: None)


@pytest.fixture
async def ann(fake_desk: ZendeskDesk) -> DeskUser:
    return await fake_desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)


def draft(ann: DeskUser, key: str = "in-1") -> TicketDraft:
    first = CommentDraft(body="Hi 👋\n<b>*x*</b>", mark=key, public=True, author_id=ann.id)
    return TicketDraft(
        key=key, subject="SMS", requester_id=ann.id, first=first, tags=("sms", "sms_bridge")
    )


async def opened(desk: ZendeskDesk, ann: DeskUser, key: str = "in-1") -> Ticket:
    body = desk.prepare_ticket(draft(ann, key))
    return await desk.ticket((await desk.create_ticket(key, body)).ticket_id)


def text(ann: DeskUser, mark: str = "in-2", *, reopen: bool = False) -> CommentDraft:
    return CommentDraft(body="more", mark=mark, public=True, author_id=ann.id, reopen=reopen)


async def test_a_ticket_is_made_once_however_often_it_is_asked_for(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    body = fake_desk.prepare_ticket(draft(ann))

    first = await fake_desk.create_ticket("in-1", body)
    second = await fake_desk.create_ticket("in-1", body)

    assert first == second
    assert first.requester_id == ann.id
    assert [ticket.id for ticket in await fake_desk.find_tickets("in-1")] == [first.ticket_id]
    comment = fake.comments(first.ticket_id)[0]
    assert (comment.id, comment.author_id) == (first.comment_id, ann.id)
    assert comment.plain_body == "Hi 👋\n<b>*x*</b>"


async def test_another_body_under_the_same_key_is_refused(
    fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    await opened(fake_desk, ann)
    other = fake_desk.prepare_ticket(replace(draft(ann), subject="other"))

    with pytest.raises(Refused) as caught:
        await fake_desk.create_ticket("in-1", other)

    assert caught.value.code == "IdempotentRequestError"


async def test_a_comment_reopens_a_solved_ticket_and_is_known_by_its_mark(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    await fake.agent_replies(ticket.id, "<p>Hello <b>Ann</b></p>", status="solved")

    solved = await fake_desk.ticket(ticket.id)
    written = await fake_desk.add_comment(solved, text(ann, reopen=True))

    assert (solved.status, (await fake_desk.ticket(ticket.id)).status) == ("solved", "open")
    comments = await fake_desk.comments_since(ticket.id, 0)
    assert [(each.mark, each.author_is_staff) for each in comments] == [
        ("in-1", False),
        (None, True),
        ("in-2", False),
    ]
    assert comments[-1].id == written.comment_id


async def test_long_threads_are_read_page_by_page(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    ticket = await opened(fake_desk, ann)
    for turn in range(120):
        clock.forward(1)
        await fake.agent_replies(ticket.id, f"<p>{turn}</p>")
    path = f"/api/v2/tickets/{ticket.id}/comments"

    everything = await fake_desk.comments_since(ticket.id, 0)
    pages_of_everything = len(fake.faults.seen("GET", path))
    newest = await fake_desk.comments_since(ticket.id, clock.now_ms() - 3_000)

    assert [each.plain_body for each in everything[1:]] == [str(turn) for turn in range(120)]
    assert pages_of_everything == 3
    assert [each.plain_body for each in newest] == ["116", "117", "118", "119"]
    assert len(fake.faults.seen("GET", path)) == 5


async def test_a_comment_whose_answer_is_lost_can_be_found_by_its_mark(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    fake.faults.lose_answer("PUT", f"/api/v2/tickets/{ticket.id}")

    with pytest.raises(OutcomeUnknown):
        await fake_desk.add_comment(ticket, text(ann))

    found = [each.mark for each in await fake_desk.comments_since(ticket.id, 0)]
    assert found == ["in-1", "in-2"]


@pytest.mark.parametrize("fault", ["drop", "truncate", "html"])
async def test_a_comment_without_a_usable_answer_is_unknown(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, fault: str
) -> None:
    ticket = await opened(fake_desk, ann)
    getattr(fake.faults, fault)("PUT", f"/api/v2/tickets/{ticket.id}")

    with pytest.raises(OutcomeUnknown):
        await fake_desk.add_comment(ticket, text(ann))


async def test_a_ticket_that_changed_in_the_meantime_must_be_read_again(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    ticket = await opened(fake_desk, ann)
    clock.forward(2)
    await fake.set_status(ticket.id, "pending")

    with pytest.raises(TicketChanged):
        await fake_desk.add_comment(ticket, text(ann))

    await fake_desk.add_comment(await fake_desk.ticket(ticket.id), text(ann))


async def test_a_closed_ticket_is_followed_up(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    await fake.set_status(ticket.id, "solved")
    await fake.set_status(ticket.id, "closed")
    closed = await fake_desk.ticket(ticket.id)

    with pytest.raises(TicketClosed):
        await fake_desk.add_comment(closed, text(ann))
    follow_up = replace(draft(ann, "in-2"), follow_up_of=closed.id)
    new = await fake_desk.create_ticket("in-2", fake_desk.prepare_ticket(follow_up))

    assert (await fake_desk.ticket(ticket.id)).followup_ids == (new.ticket_id,)


async def test_a_deleted_ticket_is_gone(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    await fake.delete(ticket.id)

    with pytest.raises(TicketGone):
        await fake_desk.ticket(ticket.id)
    with pytest.raises(TicketGone):
        await fake_desk.add_comment(ticket, text(ann))
    with pytest.raises(TicketGone):
        await fake_desk.comments_since(ticket.id, 0)
    with pytest.raises(TicketGone):
        await fake_desk.add_tags(ticket.id, ["x"])
    assert list(await fake_desk.find_tickets("in-1")) == []


@pytest.mark.parametrize("channel", ["merge", "web"])
async def test_a_merged_ticket_leads_to_its_target(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, channel: str
) -> None:
    fake.account.merge_channel = channel
    source, target = await opened(fake_desk, ann), await opened(fake_desk, ann, "in-2")
    await fake.merge(source.id, target.id)

    assert await fake_desk.merge_target(source.id) == target.id
    assert await fake_desk.merge_target(target.id) is None


@pytest.mark.parametrize("has_audits", [True, False], ids=["audits", "no audits"])
async def test_a_merge_without_any_sign_leads_to_its_target(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, has_audits: bool
) -> None:
    account = fake.account
    account.merge_channel, account.merge_says_so = "web", False
    account.sorts_newest_first = account.side_loads_users = False
    if not has_audits:
        fake.faults.refuse("GET", "/api/v2/tickets/*/audits", 404, times=None)
    source, target = await opened(fake_desk, ann), await opened(fake_desk, ann, "in-2")
    await fake.merge(source.id, target.id)

    assert fake.comments(source.id)[-1].public is False
    assert await fake_desk.merge_target(source.id) == target.id


async def test_comments_are_found_where_the_wish_for_an_order_is_ignored(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    fake.account.sorts_newest_first = fake.account.side_loads_users = False
    ticket = await opened(fake_desk, ann)
    for turn in range(120):
        clock.forward(1)
        await fake.agent_replies(ticket.id, f"<p>{turn}</p>")

    newest = await fake_desk.comments_since(ticket.id, clock.now_ms() - 3_000)

    assert [each.plain_body for each in newest] == ["116", "117", "118", "119"]
    assert all(each.author_is_staff for each in newest)


async def test_a_suspended_requester_is_told_from_other_refusals(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    fake.suspend(fake.users[ann.id])

    with pytest.raises(RequesterSuspended):
        await fake_desk.create_ticket("in-1", fake_desk.prepare_ticket(draft(ann)))


async def test_a_full_ticket_is_told_from_other_refusals(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    fake.account.most_comments = 1

    with pytest.raises(TicketFull):
        await fake_desk.add_comment(ticket, text(ann))


async def test_the_limit_of_a_ticket_stops_that_ticket_alone(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)
    fake.limits.updates_per_ticket = 1
    await fake_desk.add_comment(ticket, text(ann))

    with pytest.raises(TryLater) as caught:
        await fake_desk.add_comment(await fake_desk.ticket(ticket.id), text(ann, "in-3"))

    assert not caught.value.whole_account
    assert caught.value.pause_s == 600


async def test_tags_are_added_to_those_that_are_there(
    fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)

    await fake_desk.add_tags(ticket.id, ["sms_failed", "sms"])

    assert (await fake_desk.ticket(ticket.id)).tags == {"sms", "sms_bridge", "sms_failed"}


async def test_a_token_is_renewed_when_it_ends_and_when_it_is_revoked(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser, clock: HandClock
) -> None:
    clock.forward(7_200)
    await fake_desk.user(ann.id)
    fake.auth.revoke_tokens()
    await fake_desk.user(ann.id)

    assert len(fake.faults.seen("POST", "/oauth/tokens")) == 3


@pytest.mark.parametrize("phone", TYPED)
async def test_a_customer_is_found_however_the_number_is_written(
    fake: FakeZendesk, fake_desk: ZendeskDesk, phone: str
) -> None:
    known = fake.add_user(name="Bob", phone=phone, role="end-user")
    fake.add_user(name="Eve", phone="+442025550123", role="end-user")

    assert [user.id for user in await fake_desk.users_by_phone(NUMBER)] == [known.id]


async def test_all_who_have_a_number_in_one_spelling_or_another_are_found(
    fake: FakeZendesk, fake_desk: ZendeskDesk
) -> None:
    known = [fake.add_user(name=f"Bob {phone}", phone=phone).id for phone in TYPED]

    assert sorted(user.id for user in await fake_desk.users_by_phone(NUMBER)) == known


async def test_a_user_is_made_once_and_found_by_every_key(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    again = await fake_desk.make_user(external_id=KEY.upper(), name="Other", phone=NUMBER)
    bob = fake.add_user(name="Bob", email="bob@example.org", role="end-user")

    by_key, by_id = await fake_desk.user_for_key(KEY), await fake_desk.user(ann.id)
    by_email = await fake_desk.user_by_email("BOB@example.org")

    assert (again.id, again.name) == (ann.id, "Ann")
    assert by_key == by_id == ann
    assert by_email is not None
    assert by_email.id == bob.id
    assert fake.emails_sent == []


async def test_a_merged_user_is_gone(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    winner = fake.add_user(name="Ann B.", email="annb@example.org", role="end-user")
    fake.people.merge(fake.users[ann.id], winner)

    assert await fake_desk.user(ann.id) is None


async def test_an_unknown_ticket_is_gone(fake_desk: ZendeskDesk, ann: DeskUser) -> None:
    with pytest.raises(TicketGone):
        await fake_desk.ticket(TicketId(99_999))


async def test_a_note_is_written_by_the_bridge_itself(
    fake: FakeZendesk, fake_desk: ZendeskDesk, ann: DeskUser
) -> None:
    ticket = await opened(fake_desk, ann)

    written: Written = await fake_desk.add_comment(
        ticket, CommentDraft(body="Not delivered", mark="n-1", public=False)
    )

    note = fake.comments(ticket.id)[-1]
    assert (note.id, note.public, note.author_id) == (
        written.comment_id,
        False,
        fake.api_user.id,
    )
