"""Pictures and files of customers: attached to the text's comment, and never in its way."""

from __future__ import annotations

import pytest

from bridge.inbound import files
from bridge.sandbox.demo import Sandbox
from tests.flows.cast import (
    ACME,
    MAYA,
    customer_comments,
    messages,
    notes,
    only_ticket,
    our_comments,
    settle,
)
from tests.flows.conftest import eventually

pytestmark = pytest.mark.both_engines
JPEG = ("image/jpeg", b"\xff\xd8\xff\xe0 a picture")
PDF = ("application/pdf", b"%PDF-1.7 a file")
MEDIA = "*/Media/*"


def attached(sandbox: Sandbox) -> list[list[tuple[str, bytes]]]:
    """What is attached to each of our comments, as type and content."""
    return [
        [(file.content_type, file.content) for file in comment.attachments]
        for comment in our_comments(only_ticket(sandbox))
    ]


@pytest.fixture(autouse=True)
def any_time_will_do(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds pass quickly on a busy machine: only who is slow on purpose meets their end."""
    if "slow" not in request.node.name:
        monkeypatch.setattr(files, "IN_TIME_S", 60.0)


async def test_pictures_are_attached_to_the_comment(sandbox: Sandbox) -> None:
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG, PDF])
    await settle(sandbox)

    ticket = only_ticket(sandbox)
    (message,) = await messages(sandbox)
    stem = message["id"][:12]
    assert attached(sandbox) == [[JPEG, PDF]]
    assert customer_comments(ticket) == [
        f"Look\n\n[image/jpeg] {stem}-1.jpg\n[application/pdf] {stem}-2.pdf"
    ]
    assert notes(ticket) == []


async def test_a_slow_picture_does_not_hold_up_its_text(sandbox: Sandbox) -> None:
    hold = sandbox.twilio.faults.hold_before("GET", MEDIA, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG])
    await sandbox.twilio.customer_texts(MAYA, ACME, "Well?")

    await eventually(lambda: sandbox.zendesk.tickets and len(only_ticket(sandbox).comments) == 2)
    (message, _) = await messages(sandbox)
    url = message["media"][0]["url"]
    assert customer_comments(only_ticket(sandbox)) == [f"Look\n\n[image/jpeg] {url}", "Well?"]

    hold.open()
    await settle(sandbox)
    assert attached(sandbox) == [[], [], [JPEG]]
    (note,) = notes(only_ticket(sandbox))
    assert note.endswith(f"[image/jpeg] {message['id'][:12]}-1.jpg")


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        pytest.param(404, JPEG, "(HTTP 404)", id="gone"),
        pytest.param(None, ("image/png", b"<svg onload=x>"), "no picture", id="markup"),
        pytest.param(None, ("image/png", b""), "it is empty", id="empty"),
    ],
)
async def test_what_cant_be_had_is_named_once_with_its_reason(
    sandbox: Sandbox, status: int | None, content: tuple[str, bytes], why: str
) -> None:
    if status is not None:
        sandbox.twilio.faults.refuse("GET", MEDIA, status=status, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [content])
    await settle(sandbox)

    ticket = only_ticket(sandbox)
    (message,) = await messages(sandbox)
    (note,) = notes(ticket)
    assert message["media"][0]["url"] in note
    assert why in note
    assert attached(sandbox) == [[], []]


async def test_a_picture_that_fails_for_a_while_comes_later(sandbox: Sandbox) -> None:
    sandbox.twilio.faults.refuse("GET", MEDIA, status=503, times=3)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG])
    await settle(sandbox)

    assert attached(sandbox) == [[], [JPEG]]


async def test_a_text_stands_where_the_desk_takes_no_files(sandbox: Sandbox) -> None:
    sandbox.zendesk.faults.refuse("POST", "/api/v2/uploads", status=422, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG])
    await settle(sandbox)

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket)[0].startswith("Look\n\n[image/jpeg] http")
    (note,) = notes(ticket)
    assert "Zendesk does not take it" in note


async def test_a_text_stands_where_its_files_have_expired(sandbox: Sandbox) -> None:
    sandbox.zendesk.account.upload_life_s = -1
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG])
    await settle(sandbox)

    ticket = only_ticket(sandbox)
    assert customer_comments(ticket)[0].startswith("Look\n\n[image/jpeg] http")
    (note,) = notes(ticket)
    assert "Zendesk did not take what was attached" in note


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_lost_answer_gives_one_comment_with_its_picture(
    sandbox: Sandbox, method: str
) -> None:
    if method == "PUT":
        await sandbox.twilio.customer_texts(MAYA, ACME, "Hello")
        await settle(sandbox)
    sandbox.zendesk.faults.lose_answer(method, "/api/v2/tickets*")
    await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [JPEG])
    await settle(sandbox)

    assert [files for files in attached(sandbox) if files] == [[JPEG]]
    assert notes(only_ticket(sandbox)) == []
