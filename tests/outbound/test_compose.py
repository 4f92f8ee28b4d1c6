"""What is to be said becomes a message, its parts and the work to send them."""

from __future__ import annotations

import pytest

from bridge.desks.contract import Comment, CommentId, UserId
from bridge.outbound.compose import put_text, text_of
from bridge.store import conversations, parts
from bridge.store.database import Database, Transaction
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import rows


def comment(html: str, *, plain: str = "") -> Comment:
    return Comment(
        id=CommentId(1),
        author_id=UserId(2),
        author_is_staff=True,
        public=True,
        type="Comment",
        html_body=html,
        plain_body=plain,
        created_at_ms=0,
        via="web",
    )


def test_links_stand_below_the_words() -> None:
    links = ["a.png: https://acme.zendesk.com/a", "b.png: https://acme.zendesk.com/b"]

    assert text_of(comment("<p>See here.</p>"), keep_signature=True, links=links) == (
        "See here.\na.png: https://acme.zendesk.com/a\nb.png: https://acme.zendesk.com/b"
    )


def test_a_comment_of_files_alone_is_a_text_of_links() -> None:
    assert text_of(comment(""), keep_signature=True, links=["a.png: there"]) == "a.png: there"


@pytest.mark.parametrize("html", ["", "<p> </p>", "<div><br></div>"])
def test_a_comment_that_says_nothing_is_no_text(html: str) -> None:
    assert text_of(comment(html), keep_signature=True) == ""


async def test_a_long_text_is_one_message_in_parts_with_one_piece_of_work(
    database: Database,
) -> None:
    body = "one two three four five six"

    def put(tx: Transaction) -> str:
        return put_text(
            tx,
            kind="reply",
            conversation=conversations.open_for(tx, SENDER, CUSTOMER),
            carrier="twilio",
            longest=10,
            body=body,
            ticket_id=7,
            comment_id=8,
        )

    message_id = await database.write(put)

    made = await database.read(lambda tx: parts.of_message(tx, message_id))
    assert [part.body for part in made] == ["one two", "three four", "five six"]
    assert [part.position for part in made] == [0, 1, 2]
    (message,) = await rows(database, "SELECT * FROM messages")
    assert (message["body"], message["segments"], message["state"]) == (body, 3, "queued")
    assert (message["ticket_id"], message["comment_id"]) == (7, 8)
    (work,) = await rows(database, "SELECT * FROM work")
    assert (work["lane"], work["account"], work["kind"], work["message_id"]) == (
        f"out:{message['conversation_id']}",
        "twilio",
        "send",
        message_id,
    )


@pytest.mark.parametrize(
    ("plain", "body", "segments"),
    [(True, 'It\'s "fine"...' + "x" * 100, 1), (False, "It’s “fine”…" + "x" * 100, 2)],
)
async def test_characters_are_made_plain_where_the_sender_says_so(
    database: Database, *, plain: bool, body: str, segments: int
) -> None:
    def put(tx: Transaction) -> str:
        return put_text(
            tx,
            kind="reply",
            conversation=conversations.open_for(tx, SENDER, CUSTOMER),
            carrier="twilio",
            longest=1600,
            body="It’s “fine”…" + "x" * 100,
            plain=plain,
        )

    message_id = await database.write(put)

    (part,) = await database.read(lambda tx: parts.of_message(tx, message_id))
    assert (part.body, part.segments) == (body, segments)
    assert [row["body"] for row in await rows(database, "SELECT body FROM messages")] == [body]
