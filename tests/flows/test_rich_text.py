"""What agents write with a mouse becomes what a person would text."""

from __future__ import annotations

import re

import pytest

from bridge.domain.segments import is_border, length, measure
from bridge.sandbox.demo import Sandbox
from tests.flows.conftest import Start
from tests.flows.outbound import (
    SENDER,
    Json,
    notes,
    open_ticket,
    replies,
    settled,
    words,
)

LONGEST = 1600  # UTF-16 units that the carrier takes in one go
FAMILY = "👩‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>On its <b>way</b>, <i>really</i>.</p>", "On its way, really."),
        ("<p>Dear Maya,</p><p>it is here.</p>", "Dear Maya,\n\nit is here."),
        ("<div>One<br>Two<br><br>Three</div>", "One\nTwo\n\nThree"),
        (
            "<p>Please bring:</p><ul><li>your ID</li><li>the <b>slip</b></li></ul>",
            "Please bring:\n- your ID\n- the slip",
        ),
        ("<ol><li>Open</li><li>Shut</li></ol>", "1. Open\n2. Shut"),
        (
            '<p>See <a href="https://acme.example/t/9">your order</a></p>',
            "See your order (https://acme.example/t/9)",
        ),
        (
            '<p><a href="https://acme.example/t/9">https://acme.example/t/9</a></p>',
            "https://acme.example/t/9",
        ),
        ("<p>5 &lt; 6 &amp;&nbsp;7 &gt; 6</p>", "5 < 6 & 7 > 6"),
        ("<p>مرحبا، طلبك في الطريق</p>", "مرحبا، طلبك في الطريق"),
        (f"<p>Thanks {FAMILY} 👍🏽</p>", f"Thanks {FAMILY} 👍🏽"),
        ("<style>p{color:red}</style><p>Red</p><script>x()</script>", "Red"),
        (
            "<p>Yes, it is.</p><blockquote type='cite'><p>Is it there?</p></blockquote>",
            "Yes, it is.",
        ),
        (
            "<p>Yes.</p><div class='gmail_quote'><p>On 4 May, Maya wrote:</p><p>Is it?</p></div>",
            "Yes.",
        ),
    ],
    ids=[
        *("emphasis", "paragraphs", "line_breaks", "list", "numbered_list", "link", "bare_link"),
        *("entities", "right_to_left", "emoji", "style_and_script", "cited_mail", "mail_history"),
    ],
)
async def test_rich_text_is_texted_as_a_person_would_write_it(
    sandbox: Sandbox, html: str, text: str
) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket, html)
    await settled(sandbox)

    assert words(sandbox) == [text]


async def test_signature_stays_unless_the_sender_says_otherwise(start_sandbox: Start) -> None:
    html = '<p>It is here.</p><div class="signature"><p>Ann, Acme Support</p></div>'
    with_it = await start_sandbox(SENDER)
    without_it = await start_sandbox(SENDER + "keep_signature = false\n")

    for sandbox in (with_it, without_it):
        await sandbox.zendesk.agent_replies(await open_ticket(sandbox), html)
        await settled(sandbox)

    assert words(with_it) == ["It is here.\n\nAnn, Acme Support"]
    assert words(without_it) == ["It is here."]


async def test_reply_without_words_or_files_is_no_text(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    comment = await sandbox.zendesk.agent_replies(
        ticket, "", attachments=[("evil.exe", "application/octet-stream", b"MZ")]
    )
    comment.attachments[0].malware = "malware_found"
    await sandbox.zendesk.agent_replies(ticket, "<p>Sorry, the right one follows</p>")
    await settled(sandbox)

    assert words(sandbox) == ["Sorry, the right one follows"]


async def test_long_reply_comes_in_parts_in_order_and_the_agent_sees_the_count(
    sandbox: Sandbox,
) -> None:
    ticket = await open_ticket(sandbox)
    whole = " ".join(f"word{number:04}" for number in range(556))
    assert len(whole) > 5000

    await sandbox.zendesk.agent_replies(ticket, f"<p>{whole}</p>")
    await settled(sandbox)

    texts = words(sandbox)
    assert " ".join(texts) == whole
    assert all(len(text) <= LONGEST for text in texts)
    (message,) = await replies(sandbox)
    segments = [measure(text).segments for text in texts]
    assert message["body"] == whole
    assert message["segments"] == sum(segments)
    assert [part["segments"] for part in message["parts"]] == segments
    assert _carriers_ids(message) == [sent.sid for sent in sandbox.twilio.sent]
    assert {part["state"] for part in message["parts"]} == {"delivered"}
    (note,) = notes(sandbox, ticket)
    assert re.findall(r"\d+", note) == [str(len(texts)), str(sum(segments))]


async def test_second_reply_waits_for_all_parts_of_the_first(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)

    await sandbox.zendesk.agent_replies(ticket, f"<p>{'long ' * 700}</p>")
    await sandbox.zendesk.agent_replies(ticket, "<p>Short</p>")
    await settled(sandbox)

    assert len(words(sandbox)) == 4
    assert words(sandbox)[-1] == "Short"


@pytest.mark.parametrize(
    "sign", [FAMILY, "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇩🇪", "👍🏿"], ids=["family", "tags", "flag", "skin"]
)
async def test_no_emoji_is_cut_where_a_reply_is(sandbox: Sandbox, sign: str) -> None:
    ticket = await open_ticket(sandbox)
    whole = "x" + sign * 400

    await sandbox.zendesk.agent_replies(ticket, f"<p>{whole}</p>")
    await settled(sandbox)

    texts = words(sandbox)
    assert len(texts) > 1
    assert "".join(texts) == whole
    assert all(length(text) <= LONGEST for text in texts)
    cuts = [sum(map(len, texts[:count])) for count in range(1, len(texts))]
    assert all(is_border(whole, cut) for cut in cuts)
    assert all((cut - 1) % len(sign) == 0 for cut in cuts)


async def test_part_that_fails_stops_the_parts_behind_it(sandbox: Sandbox) -> None:
    ticket = await open_ticket(sandbox)
    hold = sandbox.twilio.faults.hold_after("POST", "*/Messages.json")

    await sandbox.zendesk.agent_replies(ticket, f"<p>{'long ' * 700}</p>")
    await hold.wait_arrived()
    await sandbox.twilio.customer_texts("+12025550123", "+12025550100", "STOP")
    hold.open()
    await settled(sandbox)

    assert len(sandbox.twilio.sent) == 1
    (message,) = await replies(sandbox)
    assert [part["state"] for part in message["parts"]] == ["delivered", "refused", "refused"]
    assert message["state"] == "refused"


def _carriers_ids(message: Json) -> list[str]:
    return [part["carrier_id"] for part in message["parts"]]
