"""What agents attach: along with the text where carrier and country can, else as links."""

from __future__ import annotations

import aiohttp
import pytest

from bridge.outbound import attachments
from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Comment
from bridge.store import files
from bridge.store.database import Transaction
from tests.flows.cast import sender
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import (
    ACME,
    MAYA,
    ORDERS,
    SEND,
    Json,
    MovingClock,
    ask,
    notes,
    open_ticket,
    replies,
    sends,
    settled,
)

pytestmark = pytest.mark.both_engines
JPEG = ("image/jpeg", b"\xff\xd8\xff\xe0 a picture")
PNG = ("image/png", b"\x89PNG\r\n\x1a\n another")
PDF = ("application/pdf", b"%PDF-1.7 a file")
ABROAD = "+447700900123"
FILES = "/attachments/*"
Type = tuple[str, bytes]


async def attach(
    sandbox: Sandbox, ticket: int, html: str, *found: tuple[str, Type], public: bool = True
) -> Comment:
    """Reply with files, each a name, its declared type and its content."""
    return await sandbox.zendesk.agent_replies(
        ticket, html, attachments=[(name, *of_it) for name, of_it in found], public=public
    )


def on_phone(sandbox: Sandbox, customer: str = MAYA) -> list[tuple[str, list[Type]]]:
    """Each text on a phone: its words and what came with it."""
    return [
        (text.body, list(text.media))
        for text in sandbox.twilio.handset(customer)
        if not text.by_carrier
    ]


def link(sandbox: Sandbox, comment: Comment, at: int = 0) -> str:
    """How a file stands in a text."""
    file = comment.attachments[at].to_json(sandbox.zendesk.url)
    return f"{file['file_name']}: {file['content_url']}"


async def trace(sandbox: Sandbox) -> Json:
    """All about the only reply."""
    (reply,) = await replies(sandbox)
    return await ask(sandbox, f"/api/v1/messages/{reply['id']}")


def went(message: Json) -> list[tuple[str, str, str | None]]:
    """Of each file of a message its name, how it went, and why so."""
    return [(one["name"], one["sent_as"], one["why"]) for one in message["media"]]


async def test_picture_goes_along_with_its_text(sandbox: Sandbox) -> None:
    sandbox.zendesk.uploads.private_attachments = True
    ticket = await open_ticket(sandbox)

    await attach(sandbox, ticket, "<p>Look</p>", ("My mug (1).jpg", JPEG), ("terms.pdf", PDF))
    await settled(sandbox)

    assert on_phone(sandbox) == [("Look", [JPEG, PDF])]
    assert notes(sandbox, ticket) == []
    assert went(await trace(sandbox)) == [
        ("My mug (1).jpg", "mms", None),
        ("terms.pdf", "mms", None),
    ]
    (sent,) = sandbox.twilio.sent
    assert [url.rpartition("/")[2] for url in sent.media_urls] == ["My-mug-1.jpg", "terms.pdf"]


async def test_credentials_are_shown_to_the_desk_and_not_to_its_storage(sandbox: Sandbox) -> None:
    sandbox.zendesk.uploads.private_attachments = True
    ticket = await open_ticket(sandbox)

    await attach(sandbox, ticket, "<p>Look</p>", ("mug.jpg", JPEG))
    await settled(sandbox)

    asked = [
        (path.split("/")[1], with_them) for path, with_them in sandbox.zendesk.uploads.downloads
    ]
    assert asked == [("attachments", True), ("file", False)]


async def test_picture_alone_is_a_text_without_words(sandbox: Sandbox) -> None:
    await attach(sandbox, await open_ticket(sandbox), "", ("mug.png", PNG))
    await settled(sandbox)

    assert on_phone(sandbox) == [("", [PNG])]
    (reply,) = await replies(sandbox)
    assert (reply["state"], len(reply["parts"])) == ("delivered", 1)


async def test_picture_comes_with_the_last_part_of_a_long_reply(sandbox: Sandbox) -> None:
    said = " ".join(f"word{number:04}" for number in range(300))

    await attach(sandbox, await open_ticket(sandbox), f"<p>{said}</p>", ("mug.jpg", JPEG))
    await settled(sandbox)

    first, last = on_phone(sandbox)
    assert (first[1], last[1]) == ([], [JPEG])
    assert f"{first[0]} {last[0]}" == said


@pytest.mark.parametrize(
    ("settings", "customer", "number", "file", "why"),
    [
        pytest.param({"files": "links"}, MAYA, ACME, JPEG, "without files here", id="switched off"),
        pytest.param({}, ABROAD, ACME, JPEG, "that country", id="another country"),
        pytest.param({}, MAYA, ACME, ("image/png", b"MZ a program"), "of a kind", id="no picture"),
        pytest.param({}, MAYA, ACME, ("image/svg+xml", b"<svg/>"), "of a kind", id="markup"),
        pytest.param({}, MAYA, ACME, (*JPEG[:1], JPEG[1] * 400_000), "larger", id="too large"),
        pytest.param({}, MAYA, ORDERS, ("a/b", JPEG[1] * 45_000), "larger", id="toll-free"),
        pytest.param({}, MAYA, ACME, ("a/b", PDF[1] * 45_000), "larger", id="no picture, large"),
    ],
)
async def test_what_cant_go_along_goes_as_a_link(
    start_sandbox: Start,
    settings: dict[str, object],
    customer: str,
    number: str,
    file: Type,
    why: str,
) -> None:
    sandbox = await start_sandbox(sender(number, **settings))
    ticket = await open_ticket(sandbox, customer=customer, sender=number)

    comment = await attach(sandbox, ticket, "<p>Here</p>", ("file", file))
    await settled(sandbox)

    assert on_phone(sandbox, customer) == [(f"Here\n{link(sandbox, comment)}", [])]
    ((_, how, reason),) = went(await trace(sandbox))
    assert how == "link"
    assert why in str(reason)


async def test_files_beyond_what_one_text_takes_go_as_links(sandbox: Sandbox) -> None:
    many = [(f"{number}.png", PNG) for number in range(12)]

    comment = await attach(sandbox, await open_ticket(sandbox), "<p>All</p>", *many)
    await settled(sandbox)

    links = [link(sandbox, comment, at) for at in (10, 11)]
    assert on_phone(sandbox) == [("\n".join(["All", *links]), [PNG] * 10)]


async def test_long_links_make_a_further_part_and_the_file_stays_with_the_last(
    sandbox: Sandbox,
) -> None:
    said = "x" * 1590
    comment = await attach(
        sandbox,
        await open_ticket(sandbox),
        f"<p>{said}</p>",
        ("mug.jpg", JPEG),
        ("a.exe", ("image/png", b"MZ")),
    )
    await settled(sandbox)

    assert on_phone(sandbox) == [(said, []), (link(sandbox, comment, 1), [JPEG])]
    (reply,) = await replies(sandbox)
    assert reply["body"] == f"{said}\n{link(sandbox, comment, 1)}"
    assert reply["segments"] == sum(part["segments"] for part in reply["parts"])


async def test_files_of_a_private_note_are_neither_fetched_nor_sent(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await attach(sandbox, ticket, "<p>Between us</p>", ("secret.jpg", JPEG), public=False)
    await attach(sandbox, ticket, "<p>Hello</p>")
    await settled(sandbox)

    assert on_phone(sandbox) == [("Hello", [])]
    assert sandbox.zendesk.uploads.downloads == []


async def test_malware_never_goes_and_the_agent_is_told(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    comment = await attach(sandbox, ticket, "<p>Here</p>", ("mug.jpg", JPEG), ("evil.png", PNG))
    comment.attachments[1].malware = "malware_found"
    comment.attachments[1].override = True  # an admin lets agents open it all the same
    await settled(sandbox)

    assert on_phone(sandbox) == [("Here", [JPEG])]
    (note,) = notes(sandbox, ticket)
    assert "evil.png" in note
    assert "mug.jpg" not in note
    assert len(sandbox.zendesk.uploads.downloads) == 2


async def test_file_that_is_still_looked_through_is_waited_for(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    comment = await attach(sandbox, ticket, "<p>Here</p>", ("mug.jpg", JPEG))
    comment.attachments[0].malware = "not_scanned"
    await eventually(lambda: has_tried(sandbox))
    assert sends(sandbox) == []
    assert sandbox.zendesk.uploads.downloads == []

    comment.attachments[0].malware = "malware_not_found"
    await settled(sandbox)
    assert on_phone(sandbox) == [("Here", [JPEG])]


@pytest.mark.parametrize("said", ["Here", ""])
async def test_malware_that_is_found_late_never_goes(sandbox: Sandbox, said: str) -> None:
    ticket = await open_ticket(sandbox)

    comment = await attach(sandbox, ticket, f"<p>{said}</p>", ("evil.jpg", JPEG))
    comment.attachments[0].malware = "not_scanned"
    await eventually(lambda: has_tried(sandbox))
    comment.attachments[0].malware = "malware_found"
    await settled(sandbox)

    assert on_phone(sandbox) == ([("Here", [])] if said else [])
    (note,) = notes(sandbox, ticket)
    assert "evil.jpg" in note
    assert sandbox.zendesk.uploads.downloads == []
    assert went(await trace(sandbox)) == [("evil.jpg", "nothing", "Zendesk found malware in it")]


async def test_file_that_nobody_looks_through_goes_as_a_link(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "PATIENCE_MS", 100)
    ticket = await open_ticket(sandbox)

    comment = await attach(sandbox, ticket, "<p>Here</p>", ("mug.jpg", JPEG))
    comment.attachments[0].malware = "failed_to_scan"
    await settled(sandbox)

    assert on_phone(sandbox) == [(f"Here\n{link(sandbox, comment)}", [])]
    assert sandbox.zendesk.uploads.downloads == []


async def test_file_that_fails_for_a_while_goes_along_later_and_in_order(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.faults.refuse("GET", FILES, status=503, times=2)

    await attach(sandbox, ticket, "<p>First</p>", ("mug.jpg", JPEG))
    await attach(sandbox, ticket, "<p>Second</p>")
    await settled(sandbox)

    assert on_phone(sandbox) == [("First", [JPEG]), ("Second", [])]


@pytest.mark.parametrize("status", [404, 503])
async def test_file_that_cant_be_had_goes_as_a_link(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(attachments, "PATIENCE_MS", 100)
    sandbox.zendesk.faults.refuse("GET", FILES, status=status, times=None)

    comment = await attach(sandbox, await open_ticket(sandbox), "", ("mug.jpg", JPEG))
    await settled(sandbox)

    assert on_phone(sandbox) == [(link(sandbox, comment), [])]
    assert went(await trace(sandbox)) == [
        ("mug.jpg", "link", f"Zendesk does not give it out (HTTP {status})")
    ]


async def test_lost_answer_makes_one_text_with_its_picture(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.twilio.faults.lose_answer(*SEND)

    await attach(sandbox, ticket, "<p>Look</p>", ("mug.jpg", JPEG))
    await settled(sandbox)

    assert on_phone(sandbox) == [("Look", [JPEG])]
    assert len(sandbox.twilio.sent) == 1


async def test_agent_is_told_where_the_carrier_could_not_fetch_the_picture(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    hold = sandbox.twilio.faults.hold_before(*SEND)

    await attach(sandbox, ticket, "<p>Look</p>", ("mug.jpg", JPEG))
    await hold.wait_arrived()
    assert sandbox.service is not None
    await sandbox.service.database.write(lambda tx: tx.run("DELETE FROM files"))
    hold.open()
    await settled(sandbox)

    assert on_phone(sandbox) == []
    (note,) = notes(sandbox, ticket)
    assert "11200" in note


async def test_reply_made_private_while_its_file_was_fetched_is_not_sent(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    sandbox.zendesk.faults.refuse("GET", FILES, status=503, times=1)
    hold = sandbox.zendesk.faults.hold_before("GET", FILES)

    comment = await attach(sandbox, ticket, "<p>Oh no</p>", ("secret.jpg", JPEG))
    await eventually(lambda: sandbox.zendesk.faults.seen("GET", FILES))
    comment.public = False
    hold.open()
    await settled(sandbox)

    assert on_phone(sandbox) == []
    assert sends(sandbox) == []


async def test_address_ends_and_the_file_with_it(start_sandbox: Start) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock)
    await attach(sandbox, await open_ticket(sandbox), "<p>Look</p>", ("mug.jpg", JPEG))
    await settled(sandbox)
    (address,) = sandbox.twilio.sent[0].media_urls

    assert await fetch(address) == (200, JPEG[1])
    clock.ahead_ms = attachments.LIFE_MS - 60_000
    assert await fetch(address) == (200, JPEG[1])
    clock.ahead_ms = attachments.LIFE_MS + 60_000
    assert (await fetch(address))[0] == 410
    await eventually(lambda: no_file_is_left(sandbox))


async def fetch(address: str) -> tuple[int, bytes]:
    """What the carrier is answered: the status, and the content."""
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        return response.status, await response.read()


async def no_file_is_left(sandbox: Sandbox) -> bool:
    """Whether no file is kept."""

    def count(tx: Transaction) -> int:
        row = tx.first(f"SELECT count(*) AS n FROM (SELECT {files.COLUMNS} FROM files) AS f")
        return -1 if row is None else int(row["n"])

    assert sandbox.service is not None
    return await sandbox.service.database.read(count) == 0


async def has_tried(sandbox: Sandbox) -> bool:
    """Whether the reply has been tried, in vain."""
    found = await replies(sandbox)
    if not found:
        return False
    attempts = (await ask(sandbox, f"/api/v1/messages/{found[0]['id']}"))["attempts"]
    return any(one["kind"] == "send" and one["outcome"] == "later" for one in attempts)
