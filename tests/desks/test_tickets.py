from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.desks.contract import (
    CommentDraft,
    CommentId,
    Desk,
    RequesterSuspended,
    Ticket,
    TicketChanged,
    TicketClosed,
    TicketDraft,
    TicketFull,
    TicketGone,
    TicketId,
    UserId,
    Written,
)
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.errors import BridgeError, OutcomeUnknown, Refused, TryLater
from tests.desks.scripted import NOW, ScriptedZendesk

CREATE = "POST /api/v2/tickets"
UPDATE = "PUT /api/v2/tickets/42"
READ = "GET /api/v2/tickets/42"
CUSTOMER = UserId(900001)
FIRST = CommentDraft(body="Hi 👋\nline two", mark="in-1", public=True, author_id=CUSTOMER)
DRAFT = TicketDraft(
    key="in-1",
    subject="SMS from Ann",
    requester_id=CUSTOMER,
    first=FIRST,
    tags=("sms", "sms_bridge", "New York", "sms"),
    number="+12025550100",
)
TICKET = Ticket(id=TicketId(42), status="pending", requester_id=CUSTOMER, stamp=NOW)
CLOSED = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {
        "status": [
            {"description": "Status: closed prevents ticket update", "error": "ClosedTicket"}
        ]
    },
}
SUSPENDED = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {
        "requester": [{"description": "Requester: Ann is suspended.", "error": "UserSuspended"}]
    },
}
GONE = {"error": "RecordNotFound", "description": "Not found"}


def record(**changes: object) -> dict[str, object]:
    return {
        "id": 42,
        "status": "open",
        "requester_id": 900001,
        "updated_at": NOW,
        "created_at": NOW,
        "tags": ["sms"],
        "external_id": "in-1",
        "followup_ids": [],
        **changes,
    }


def written(**changes: object) -> dict[str, object]:
    events = [
        {"id": 7003, "type": "Create", "field_name": "status", "value": "new"},
        {"id": 7002, "type": "Comment", "author_id": 900001, "public": True, "body": "..."},
    ]
    return {"ticket": record(**changes), "audit": {"id": 7001, "ticket_id": 42, "events": events}}


def test_the_zendesk_desk_is_a_desk(desk: ZendeskDesk) -> None:
    as_desk: Desk = desk

    assert as_desk.name == "zendesk"


def test_a_ticket_is_prepared_as_zendesk_wants_it(desk: ZendeskDesk) -> None:
    assert json.loads(desk.prepare_ticket(DRAFT)) == {
        "ticket": {
            "subject": "SMS from Ann",
            "requester_id": 900001,
            "submitter_id": 900001,
            "external_id": "in-1",
            "comment": {"body": "Hi 👋\nline two", "public": True, "author_id": 900001},
            "tags": ["sms", "sms_bridge", "new_york"],
            "metadata": {"sms_bridge": "in-1"},
            "custom_fields": [{"id": 3600001, "value": "+12025550100"}],
        }
    }


def test_a_follow_up_names_its_source_and_where_it_belongs(desk: ZendeskDesk) -> None:
    draft = TicketDraft(
        key="k",
        subject="s",
        requester_id=CUSTOMER,
        first=FIRST,
        follow_up_of=TicketId(41),
        brand_id=1,
        group_id=2,
        ticket_form_id=3,
    )

    ticket = json.loads(desk.prepare_ticket(draft))["ticket"]

    assert ticket["via_followup_source_id"] == 41
    assert (ticket["brand_id"], ticket["group_id"], ticket["ticket_form_id"]) == (1, 2, 3)
    assert ticket["tags"] == []


def test_a_ticket_of_the_bridges_own_has_no_author(desk: ZendeskDesk) -> None:
    note = CommentDraft(body="n", mark="m", public=False)
    draft = TicketDraft(key="k", subject="s", requester_id=CUSTOMER, first=note)

    ticket = json.loads(desk.prepare_ticket(draft))["ticket"]

    assert ticket["comment"] == {"body": "n", "public": False}
    assert "submitter_id" not in ticket


def test_without_a_field_the_number_is_left_out(api: ZendeskApi) -> None:
    desk = ZendeskDesk(api=api, number_field=lambda: None)

    assert "custom_fields" not in json.loads(desk.prepare_ticket(DRAFT))["ticket"]


def test_preparing_twice_gives_the_same_bytes(desk: ZendeskDesk) -> None:
    assert desk.prepare_ticket(DRAFT) == desk.prepare_ticket(DRAFT)


async def test_exactly_the_prepared_bytes_are_sent_under_the_key(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(CREATE, written(status="new"), status=201)
    body = desk.prepare_ticket(DRAFT)

    got = await desk.create_ticket("in-1", body)

    assert got == Written(
        ticket_id=TicketId(42),
        requester_id=CUSTOMER,
        comment_id=CommentId(7002),
        status="new",
    )
    assert zendesk.asked[0].body == body
    assert zendesk.asked[0].headers["idempotency-key"] == "in-1"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(422, SUSPENDED, RequesterSuspended, id="suspended"),
        pytest.param(422, {"error": "RecordInvalid"}, Refused, id="invalid"),
        pytest.param(400, {"error": "IdempotentRequestError"}, Refused, id="another body"),
        pytest.param(409, {"error": "Conflict"}, TryLater, id="first still running"),
        pytest.param(500, None, OutcomeUnknown, id="500"),
        pytest.param(201, {"ticket": {"id": "x"}}, OutcomeUnknown, id="nonsense"),
        pytest.param(429, None, TryLater, id="limit"),
    ],
)
async def test_a_creation_that_is_not_done_says_what_it_means(
    zendesk: ScriptedZendesk,
    desk: ZendeskDesk,
    status: int,
    body: object,
    kind: type[BridgeError],
) -> None:
    zendesk.on(CREATE, body, status=status)

    with pytest.raises(kind):
        await desk.create_ticket("in-1", desk.prepare_ticket(DRAFT))


async def test_a_suspended_requesters_name_stays_out_of_the_message(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(CREATE, SUSPENDED, status=422)

    with pytest.raises(RequesterSuspended) as caught:
        await desk.create_ticket("in-1", desk.prepare_ticket(DRAFT))

    assert "Ann" not in str(caught.value)


async def test_a_ticket_is_read(zendesk: ScriptedZendesk, desk: ZendeskDesk) -> None:
    zendesk.on(READ, {"ticket": record(status="hold", followup_ids=[43])})

    assert await desk.ticket(TicketId(42)) == Ticket(
        id=TicketId(42),
        status="hold",
        requester_id=CUSTOMER,
        stamp=NOW,
        tags=frozenset({"sms"}),
        external_id="in-1",
        followup_ids=(TicketId(43),),
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(404, GONE, TicketGone, id="404"),
        pytest.param(200, {"ticket": record(status="deleted")}, TicketGone, id="deleted"),
        pytest.param(404, b"<html>no such help desk</html>", TryLater, id="no account"),
        pytest.param(200, {"ticket": record(status="odd")}, TryLater, id="status unknown"),
        pytest.param(200, {"ticket": record(updated_at=None)}, TryLater, id="no stamp"),
        pytest.param(200, b"<html>log in</html>", TryLater, id="log-in page"),
    ],
)
async def test_a_ticket_that_cannot_be_read(
    zendesk: ScriptedZendesk,
    desk: ZendeskDesk,
    status: int,
    body: object,
    kind: type[BridgeError],
) -> None:
    zendesk.on(READ, body, status=status)

    with pytest.raises(kind):
        await desk.ticket(TicketId(42))


async def test_a_missing_endpoint_is_not_a_missing_ticket(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(READ, {"error": "InvalidEndpoint"}, status=404)

    with pytest.raises(Refused) as caught:
        await desk.ticket(TicketId(42))

    assert not isinstance(caught.value, TicketGone)


async def test_tickets_with_an_external_id_come_oldest_first(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    young = record(id=44, created_at="2026-01-03T00:00:00Z")
    old = record(id=43, created_at="2026-01-01T00:00:00Z")
    zendesk.on("GET /api/v2/tickets", {"tickets": [young, record(status="deleted"), old]})

    got = await desk.find_tickets("in-1")

    assert [ticket.id for ticket in got] == [43, 44]
    assert zendesk.asked[0].query == {"external_id": "in-1"}


@pytest.mark.parametrize(("reopen", "status"), [(True, {"status": "open"}), (False, {})])
async def test_a_comment_is_added_in_one_guarded_call(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, reopen: bool, status: dict[str, str]
) -> None:
    zendesk.on(UPDATE, written())
    draft = CommentDraft(body="again", mark="in-2", public=True, author_id=CUSTOMER, reopen=reopen)

    got = await desk.add_comment(TICKET, draft)

    assert got.comment_id == 7002
    assert [asked.json for asked in zendesk.asked] == [
        {
            "ticket": {
                "comment": {"body": "again", "public": True, "author_id": 900001},
                "metadata": {"sms_bridge": "in-2"},
                "safe_update": True,
                "updated_stamp": NOW,
                **status,
            }
        }
    ]


async def test_a_note_has_no_author_and_is_private(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(UPDATE, written())

    await desk.add_comment(TICKET, CommentDraft(body="note", mark="n-1", public=False))

    assert zendesk.asked[0].json["ticket"]["comment"] == {"body": "note", "public": False}


async def test_markup_goes_out_as_the_text_it_is(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(UPDATE, written())
    body = "<b>&amp; {{ticket.id}} ![x](http://y) \u202e"

    await desk.add_comment(TICKET, CommentDraft(body=body, mark="m", public=True))

    comment: dict[str, Any] = zendesk.asked[0].json["ticket"]["comment"]
    assert comment["body"] == body
    assert "html_body" not in comment


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(409, {"error": "UpdateConflict"}, TicketChanged, id="changed"),
        pytest.param(409, {"error": "DatabaseConflict"}, TryLater, id="collision"),
        pytest.param(422, CLOSED, TicketClosed, id="closed"),
        pytest.param(
            422,
            {"details": {"base": [{"description": "Status: Closed prevents ticket update"}]}},
            TicketClosed,
            id="closed, older words",
        ),
        pytest.param(422, SUSPENDED, RequesterSuspended, id="suspended"),
        pytest.param(
            422,
            {"details": {"base": [{"description": "Ticket exceeds the limit of 5000 comments"}]}},
            TicketFull,
            id="full",
        ),
        pytest.param(404, GONE, TicketGone, id="deleted"),
        pytest.param(200, written(id=43), OutcomeUnknown, id="another ticket"),
        pytest.param(200, {"ticket": record(), "audit": None}, None, id="no audit"),
        pytest.param(502, b"<html>", OutcomeUnknown, id="502"),
    ],
)
async def test_a_comment_that_is_not_added_says_what_it_means(
    zendesk: ScriptedZendesk,
    desk: ZendeskDesk,
    status: int,
    body: object,
    kind: type[BridgeError] | None,
) -> None:
    zendesk.on(UPDATE, body, status=status)

    if kind is None:
        assert (await desk.add_comment(TICKET, FIRST)).comment_id is None
    else:
        with pytest.raises(kind):
            await desk.add_comment(TICKET, FIRST)


async def test_the_limit_of_one_ticket_does_not_stop_the_account(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    headers = {"Retry-After": "420", "X-Rate-Limit-Remaining": "611"}
    zendesk.on(UPDATE, status=429, headers=headers)

    with pytest.raises(TryLater) as caught:
        await desk.add_comment(TICKET, FIRST)

    assert (caught.value.pause_s, caught.value.whole_account) == (420.0, False)


async def test_tags_are_added_and_none_replaced(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on("PUT /api/v2/tickets/42/tags", {"tags": ["sms", "sms_failed"]})

    await desk.add_tags(TicketId(42), ["SMS failed"])
    await desk.add_tags(TicketId(42), [])

    assert [asked.json for asked in zendesk.asked] == [{"tags": ["sms_failed"]}]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(404, GONE, TicketGone), (422, CLOSED, TicketClosed), (500, None, TryLater)],
)
async def test_tags_that_are_not_added(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int, body: object, kind: type[BridgeError]
) -> None:
    zendesk.on("PUT /api/v2/tickets/42/tags", body, status=status)

    with pytest.raises(kind):
        await desk.add_tags(TicketId(42), ["x"])
