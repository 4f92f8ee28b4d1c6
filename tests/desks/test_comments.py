from __future__ import annotations

import pytest

from bridge.clock import from_rfc3339
from bridge.desks.contract import Attachment, Comment, CommentId, TicketGone, TicketId, UserId
from bridge.desks.zendesk.comments import read_comment
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.errors import TryLater
from tests.desks.scripted import ScriptedZendesk

READ = "GET /api/v2/tickets/42"
COMMENTS = f"{READ}/comments"
AUDITS = f"{READ}/audits"
Record = dict[str, object]
USERS = [
    {"id": 55, "role": "agent"},
    {"id": 56, "role": "admin"},
    {"id": 900001, "role": "end-user"},
]


def at(second: int) -> str:
    return f"2026-01-02T03:04:{second:02}Z"


def comment(comment_id: int, second: int = 5, /, **changes: object) -> dict[str, object]:
    return {
        "id": comment_id,
        "type": "Comment",
        "author_id": 55,
        "public": True,
        "body": "hi",
        "html_body": "<p>hi</p>",
        "plain_body": "hi",
        "attachments": [],
        "created_at": at(second),
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "metadata": {"system": {}, "custom": {}, "flags": []},
        **changes,
    }


def page(
    comments: list[dict[str, object]], cursor: str | None = None, **changes: object
) -> dict[str, object]:
    return {
        "comments": comments,
        "users": USERS,
        "meta": {"has_more": cursor is not None, "after_cursor": cursor},
        **changes,
    }


def test_a_comment_is_read_whole() -> None:
    record = comment(
        7,
        metadata={"custom": {"sms_bridge": "in-1"}, "flags": [4, 11]},
        via={"channel": "api"},
        attachments=[
            {
                "file_name": "a.png",
                "content_url": "https://acme.zendesk.com/attachments/a",
                "content_type": "image/png",
                "size": 12,
                "malware_scan_result": "malware_found",
                "malware_access_override": True,  # opens it to agents, and makes it no better
            },
            {"file_name": "old.png", "content_url": "https://x/", "size": 1, "deleted": True},
            {"file_name": "nowhere.png", "content_url": None},
        ],
    )

    assert read_comment(record, {55: "agent"}) == Comment(
        id=CommentId(7),
        author_id=UserId(55),
        author_is_staff=True,
        public=True,
        type="Comment",
        html_body="<p>hi</p>",
        plain_body="hi",
        created_at_ms=from_rfc3339(at(5)),
        via="api",
        flags=frozenset({4, 11}),
        mark="in-1",
        attachments=(
            Attachment(
                name="a.png",
                url="https://acme.zendesk.com/attachments/a",
                content_type="image/png",
                size=12,
                malware=True,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("role", "staff"),
    [("agent", True), ("admin", True), ("end-user", False), (None, False), ("", False)],
)
def test_staff_are_agents_and_admins(role: str | None, staff: bool) -> None:
    roles = {} if role is None else {55: role}

    assert read_comment(comment(7), roles).author_is_staff is staff


@pytest.mark.parametrize(
    ("changes", "via"),
    [
        pytest.param({"via": {"channel": "rule"}}, "rule", id="rule"),
        pytest.param({"via": {"channel": "merge"}}, "merge", id="merge"),
        pytest.param(
            {"via": {"channel": "web", "source": {"rel": "merge"}}}, "merge", id="merge by hand"
        ),
        pytest.param({"via": {"channel": 29}}, "29", id="number"),
        pytest.param({"via": None}, "", id="nothing"),
    ],
)
def test_a_comment_tells_how_it_came(changes: dict[str, object], via: str) -> None:
    assert read_comment(comment(7) | changes, {}).via == via


@pytest.mark.parametrize("public", [None, "true", 1, False])
def test_only_what_is_clearly_public_is_public(public: object) -> None:
    assert read_comment(comment(7, public=public), {}).public is False


@pytest.mark.parametrize(
    "metadata", [{}, {"custom": None}, {"custom": []}, {"custom": {"sms_bridge": 5}}, None]
)
def test_a_comment_without_our_mark_has_none(metadata: object) -> None:
    assert read_comment(comment(7, metadata=metadata), {}).mark is None


def test_missing_bodies_are_empty_texts() -> None:
    record = comment(7, html_body=None, plain_body=None, body=None, attachments=None)

    got = read_comment(record, {})

    assert (got.html_body, got.plain_body, got.attachments) == ("", "", ())


async def test_comments_since_a_moment_come_oldest_first(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(4, 40), comment(3, 30), comment(2, 20)]))

    got = await desk.comments_since(TicketId(42), from_rfc3339(at(30)))

    assert [each.id for each in got] == [3, 4]
    assert zendesk.asked[0].query == {
        "sort": "-created_at",
        "include": "users",
        "page[size]": "50",
    }


async def test_reading_goes_on_until_a_page_reaches_back_far_enough(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(4, 40), comment(3, 30)], "c1"))
    zendesk.on(COMMENTS, page([comment(2, 20), comment(1, 10)], "c2"))
    zendesk.on(COMMENTS, page([comment(0, 5)], "c3"))

    got = await desk.comments_since(TicketId(42), from_rfc3339(at(15)))

    assert [each.id for each in got] == [2, 3, 4]
    assert [asked.query.get("page[after]") for asked in zendesk.asked] == [None, "c1", "c2"]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([[1, 2], [3, 4], [5, 6]], id="oldest first"),
        pytest.param([[1], [2], [3], [4], [5], [6]], id="oldest first, pages of one"),
        pytest.param([[6, 4], [5, 3], [2, 1]], id="nearly newest first"),
        pytest.param([[1, 2], [6, 5], [4, 3]], id="no order at all"),
    ],
)
async def test_comments_are_found_in_whatever_order_they_are_listed(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, pages: list[list[int]]
) -> None:
    for place, ids in enumerate(pages):
        cursor = None if place == len(pages) - 1 else f"c{place}"
        zendesk.on(COMMENTS, page([comment(each, 10 * each - 5) for each in ids], cursor))

    got = await desk.comments_since(TicketId(42), from_rfc3339(at(30)))

    assert [each.id for each in got] == [4, 5, 6]


async def test_comments_of_one_second_come_in_the_order_of_their_ids(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(8, 30), comment(9, 30), comment(7, 30)]))

    got = await desk.comments_since(TicketId(42), from_rfc3339(at(30)))

    assert [each.id for each in got] == [7, 8, 9]


async def test_all_comments_are_read_where_none_is_older(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(2, 20)], "c1"))
    zendesk.on(COMMENTS, page([comment(1, 10)]))

    assert [each.id for each in await desk.comments_since(TicketId(42), 0)] == [1, 2]


async def test_comments_of_the_system_and_of_deleted_users_are_nobodys(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    comments = [comment(2, 20, author_id=-1), comment(1, 10, author_id=57)]
    zendesk.on(COMMENTS, page(comments, users=["Ann (deleted)", {"id": None}, {"id": 57}]))

    got = await desk.comments_since(TicketId(42), 0)

    assert [(each.author_id, each.author_is_staff) for each in got] == [(57, False), (-1, False)]


async def test_authors_that_are_not_side_loaded_are_asked_for(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(1, 10, author_id=57)], users=[]))
    zendesk.on("GET /api/v2/users/57", {"user": {"id": 57, "role": "agent", "active": True}})

    got = await desk.comments_since(TicketId(42), 0)

    assert [each.author_is_staff for each in got] == [True]


async def test_comments_of_a_deleted_ticket(zendesk: ScriptedZendesk, desk: ZendeskDesk) -> None:
    zendesk.on(COMMENTS, {"error": "RecordNotFound"}, status=404)

    with pytest.raises(TicketGone):
        await desk.comments_since(TicketId(42), 0)


async def test_a_comment_that_cannot_be_understood_is_not_skipped(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(COMMENTS, page([comment(2, 20), comment(1, 10, created_at="yesterday")]))

    with pytest.raises(TryLater, match="created_at"):
        await desk.comments_since(TicketId(42), 0)


def ticket(status: str = "closed", *tags: str) -> dict[str, object]:
    return {
        "ticket": {
            "id": 42,
            "status": status,
            "requester_id": 900001,
            "updated_at": at(59),
            "tags": list(tags),
        }
    }


ENGLISH = 'This request was closed and merged into request #77 "Order #9".'


@pytest.mark.parametrize(
    ("comments", "target"),
    [
        pytest.param([comment(3, plain_body=ENGLISH, via={"channel": "merge"})], 77, id="merge"),
        pytest.param(
            [comment(3, plain_body="Zusammengeführt mit Anfrage #77.", via={"channel": "merge"})],
            77,
            id="German",
        ),
        pytest.param([comment(3, plain_body=ENGLISH)], 77, id="newest, written by an agent"),
        pytest.param(
            [comment(3, plain_body="my order #9 please", author_id=900001)], None, id="a customer's"
        ),
        pytest.param(
            [comment(3), comment(2, plain_body="see #9"), comment(1, author_id=900001)],
            None,
            id="an older agent's",
        ),
        pytest.param(
            [
                comment(3, author_id=900001, plain_body="#9"),
                comment(2, plain_body=ENGLISH, via={"channel": "web", "source": {"rel": "merge"}}),
            ],
            77,
            id="merge before it",
        ),
        pytest.param([comment(3, plain_body="#42", via={"channel": "merge"})], None, id="itself"),
        pytest.param([], None, id="no comments"),
    ],
)
async def test_the_target_of_a_merge_is_found_in_its_comment(
    zendesk: ScriptedZendesk,
    desk: ZendeskDesk,
    comments: list[dict[str, object]],
    target: int | None,
) -> None:
    zendesk.on(READ, ticket("closed", "sms", "closed_by_merge"))
    zendesk.on(AUDITS, {"audits": []})
    zendesk.on(COMMENTS, page(comments))

    assert await desk.merge_target(TicketId(42)) == target


async def test_a_private_merge_comment_without_any_sign_is_known_by_its_authors_role(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(READ, ticket("closed", "closed_by_merge"))
    zendesk.on(AUDITS, {"error": "InvalidEndpoint"}, status=404)
    told = comment(3, plain_body=ENGLISH, public=False, via={"channel": "api"})
    zendesk.on(COMMENTS, page([comment(2, author_id=900001), told], users=[]))
    zendesk.on("GET /api/v2/users/55", {"user": {"id": 55, "role": "agent", "active": True}})

    assert await desk.merge_target(TicketId(42)) == 77


def audit(audit_id: int, text: str, *changes: dict[str, object], via: str = "web") -> Record:
    told = {"id": audit_id + 100, "type": "Comment", "author_id": 55, "body": text}
    return {
        "id": audit_id,
        "created_at": at(audit_id),
        "author_id": 55,
        "via": {"channel": via},
        "events": [told, *changes],
    }


def tagging(before: object, after: object) -> dict[str, object]:
    return {"type": "Change", "field_name": "tags", "previous_value": before, "value": after}


MERGING = tagging(["sms"], ["closed_by_merge", "sms"])


@pytest.mark.parametrize(
    "audits",
    [
        pytest.param([audit(1, "see #9"), audit(2, ENGLISH, MERGING)], id="tagged"),
        pytest.param(
            [audit(2, ENGLISH, tagging("sms", "sms closed_by_merge")), audit(1, "#9")],
            id="tags as words",
        ),
        pytest.param(
            [audit(2, ENGLISH, via="merge"), audit(1, "#9 was merged into this", via="merge")],
            id="via alone, of two merges the last",
        ),
        pytest.param(
            [
                audit(1, "#9 was merged into this", via="merge"),
                audit(2, ENGLISH, MERGING),
                audit(3, "see #8", tagging(["closed_by_merge"], ["closed_by_merge", "vip"])),
            ],
            id="oldest first, tagged again since",
        ),
    ],
)
async def test_the_target_of_a_merge_is_found_in_its_audit(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, audits: list[Record]
) -> None:
    zendesk.on(READ, ticket("closed", "sms", "closed_by_merge"))
    zendesk.on(AUDITS, {"audits": audits, "meta": {"has_more": False}})

    assert await desk.merge_target(TicketId(42)) == 77


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": "InvalidEndpoint"}),
        (403, {"error": "Forbidden", "description": "missing the following required scopes: read"}),
        (200, {"audits": [audit(1, "closed, no number here", MERGING)]}),
    ],
    ids=["404", "scope missing", "no number"],
)
async def test_where_no_audit_tells_the_comments_do(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int, body: object
) -> None:
    zendesk.on(READ, ticket("closed", "closed_by_merge"))
    zendesk.on(AUDITS, body, status=status)
    zendesk.on(COMMENTS, page([comment(3, plain_body=ENGLISH, via={"channel": "merge"})]))

    assert await desk.merge_target(TicketId(42)) == 77


@pytest.mark.parametrize("read", [ticket("closed", "sms"), ticket("open", "closed_by_merge")])
async def test_a_ticket_that_was_simply_closed_has_no_target(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, read: dict[str, object]
) -> None:
    zendesk.on(READ, read)

    assert await desk.merge_target(TicketId(42)) is None
