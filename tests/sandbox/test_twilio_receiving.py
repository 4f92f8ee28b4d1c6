"""The fake Twilio's webhooks, its words and its retries (reference: carriers, 3.3, 3.4, 3.6)."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web

from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.twilio.records import count_segments
from bridge.sandbox.twilio.signature import sign
from tests.sandbox.asking import TwilioApi, ask
from tests.sandbox.receiver import Receiver

OURS = "+12025550100"
THEIRS = "+12025550123"

BASE = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


@pytest.mark.parametrize(
    ("url", "pairs", "expected"),
    [
        (BASE, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (BASE.replace(".com/", ".com:443/"), CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (
            BASE,
            [
                ("Sid", "CA123"),
                ("SidAccount", "AC123"),
                ("Digits", "5678"),
                ("Digits", "1234"),
                ("Digits", "1234"),
            ],
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ],
    ids=["published example", "with a port", "repeated names"],
)
def test_signatures_are_twilios(url: str, pairs: list[tuple[str, str]], expected: str) -> None:
    assert sign(url, pairs, "12345") == expected


def test_empty_values_are_signed_too() -> None:
    empty = "ToCountry=US FromCountry=GB ToState ToCity ToZip FromZip FromState FromCity"
    names = [part.partition("=") for part in empty.split()]
    fields = {name: value for name, _, value in names} | {
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "AccountSid": "AC" + "0" * 32,
        "From": "+447700900123",
        "To": "+15005550006",
        "Body": "Grüße & 100% = ok 😀",
    }
    fields |= dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), "SM" + "0" * 31 + "1")

    signed = sign("https://bridge.example.com/twilio/sms", fields.items(), "12345")

    assert signed == "SKAb9lf/JvtDgE02uC69fPqzDBs="


async def test_a_customers_text_arrives_signed_and_is_listed(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in?a=1#rc=2&rp=all")

    result = await twilio.customer_texts(THEIRS, OURS, "Grüße\n😀")

    (taken,) = receiver.taken
    assert result.statuses == (200,)
    assert taken.form["Body"] == "Grüße\n😀"
    assert taken.form["MessageSid"] == taken.form["SmsSid"] == result.sid
    assert taken.form["FromCity"] == ""
    wanted = sign(f"{receiver.url}/in?a=1", taken.form.items(), twilio.auth_token)
    assert taken.headers["x-twilio-signature"] == wanted
    listed = await twilio_api.get("/Messages.json", From=THEIRS)
    assert [(one["sid"], one["direction"]) for one in listed.body["messages"]] == [
        (result.sid, "inbound")
    ]


async def test_a_number_set_to_get_puts_everything_into_the_query(
    twilio: FakeTwilio, receiver: Receiver
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in", sms_method="GET")

    await twilio.customer_texts(THEIRS, OURS, "a b+c")

    (taken,) = receiver.taken
    assert (taken.method, taken.form["Body"], taken.body) == ("GET", "a b+c", b"")
    wanted = sign(receiver.url + taken.path_qs, (), twilio.auth_token)
    assert taken.headers["x-twilio-signature"] == wanted


@pytest.mark.parametrize(
    ("fragment", "status", "calls"),
    [
        ("", 500, 1),
        ("", 403, 1),
        ("#rc=2&rp=5xx", 500, 3),
        ("#rc=2&rp=4xx", 500, 1),
        ("#rc=2&rp=4xx,5xx", 404, 3),
        ("#rc=9&rp=all", 503, 6),
    ],
    ids=["no policy", "refused", "5xx", "4xx only", "both", "never more than five"],
)
async def test_retries_go_by_the_fragment(
    twilio: FakeTwilio, receiver: Receiver, fragment: str, status: int, calls: int
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in{fragment}")
    receiver.answers = [web.Response(status=status) for _ in range(9)]

    result = await twilio.customer_texts(THEIRS, OURS, "Hello")

    assert result.statuses == (status,)
    assert len(receiver.taken) == calls
    tokens = [one.headers.get("i-twilio-idempotency-token") for one in receiver.taken]
    assert tokens[0] is None
    assert len(set(tokens[1:])) == min(calls - 1, 1)
    assert len({one.form["MessageSid"] for one in receiver.taken}) == 1


async def test_an_address_nobody_listens_at_is_tried_twice(twilio: FakeTwilio) -> None:
    twilio.add_number(OURS, "http://127.0.0.1:9/in")

    result = await twilio.customer_texts(THEIRS, OURS, "Hello")

    assert result.statuses == (0,)
    assert [code for code, _ in twilio.account.alerts] == [11200]


async def test_a_slow_answer_is_given_up(twilio: FakeTwilio, receiver: Receiver) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in#rt=50")
    receiver.answers = [0.4]

    result = await twilio.customer_texts(THEIRS, OURS, "Hello")

    assert result.statuses == (0,)


async def test_copies_are_one_message(twilio: FakeTwilio, receiver: Receiver) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in")

    result = await twilio.customer_texts(THEIRS, OURS, "Hello", copies=5, concurrent=True)
    again = await twilio.redeliver(result.sid)

    assert result.statuses == (200,) * 5
    assert again.sid == result.sid
    assert {one.form["MessageSid"] for one in receiver.taken} == {result.sid}
    assert len(receiver.taken) == 6


async def test_a_lost_webhook_leaves_the_text_in_the_list(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in")
    twilio.lose_webhooks = True

    result = await twilio.customer_texts(THEIRS, OURS, "Hello")

    listed = await twilio_api.get("/Messages.json", To=OURS)
    assert receiver.taken == []
    assert [one["sid"] for one in listed.body["messages"]] == [result.sid]


@pytest.mark.parametrize(
    ("kind", "word", "replies", "blocked"),
    [
        ("long_code", "STOP", 1, True),
        ("long_code", " stop ", 1, True),
        ("long_code", "OptOut", 1, True),
        ("long_code", "STOP please", 0, False),
        ("long_code", "STOP.", 0, False),
        ("long_code", "HELP", 1, False),
        ("long_code", "INFO", 1, False),
        ("long_code", "YES", 0, False),
        ("toll_free", "STOP", 1, True),
        ("toll_free", "QUIT", 1, True),
        ("short_code", "STOP", 0, False),
        ("short_code", "HELP", 0, False),
    ],
)
async def test_words_are_answered_per_kind_of_number(
    twilio: FakeTwilio, receiver: Receiver, kind: str, word: str, replies: int, blocked: bool
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in", kind=kind)  # type: ignore[arg-type]

    await twilio.customer_texts(THEIRS, OURS, word)

    assert len(twilio.handset(THEIRS)) == replies
    assert all(text.by_carrier for text in twilio.handset(THEIRS))
    assert ((OURS, THEIRS) in twilio.account.blocked) is blocked
    assert receiver.taken[0].form["Body"] == word
    assert "OptOutType" not in receiver.taken[0].form
    assert twilio.sent == []


async def test_after_stop_sending_is_refused_until_start(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in")

    await twilio.customer_texts(THEIRS, OURS, "STOP")
    await twilio.customer_texts(THEIRS, OURS, "STOP")
    refused = await twilio_api.send(THEIRS, OURS, "Hello")
    other = await twilio_api.send("+12025550144", OURS, "Hello")
    await twilio.customer_texts(THEIRS, OURS, "yes")
    taken = await twilio_api.send(THEIRS, OURS, "Hello")
    await twilio.idle()

    assert (refused.body["code"], other.status, taken.status) == (21610, 201, 201)
    assert [text.by_carrier for text in twilio.handset(THEIRS)] == [True, True, False]


async def test_advanced_opt_out_says_what_was_done(twilio: FakeTwilio, receiver: Receiver) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in", kind="short_code", advanced_opt_out=True)

    await twilio.customer_texts(THEIRS, OURS, "Stop")
    await twilio.customer_texts(THEIRS, OURS, "Hello")

    assert receiver.taken[0].form["OptOutType"] == "STOP"
    assert receiver.taken[0].form["MessagingServiceSid"].startswith("MG")
    assert "OptOutType" not in receiver.taken[1].form


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("<Response/>", "text/xml", []),
        ("<Response><Message>Hi</Message></Response>", "application/xml", ["Hi"]),
        ("<Response><Message><Body>A</Body></Message></Response>", "text/xml", ["A"]),
        ("OK", "text/plain", ["OK"]),
        ("", "text/plain", []),
        ("<Response>", "text/xml", []),
    ],
    ids=["empty", "a message", "with a body", "plain text", "nothing", "broken"],
)
async def test_an_answer_may_send_a_text(
    twilio: FakeTwilio, receiver: Receiver, body: str, content_type: str, expected: list[str]
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in")
    receiver.answers = [web.Response(text=body, content_type=content_type)]

    await twilio.customer_texts(THEIRS, OURS, "Hello")
    await twilio.idle()

    assert [text.body for text in twilio.handset(THEIRS)] == expected
    assert [one.direction for one in twilio.sent] == ["outbound-reply"] * len(expected)


async def test_pictures_are_behind_a_redirect_that_takes_no_credentials(
    twilio: FakeTwilio,
    twilio_api: TwilioApi,
    receiver: Receiver,
    session: aiohttp.ClientSession,
) -> None:
    twilio.add_number(OURS, f"{receiver.url}/in")
    await twilio.customer_texts(THEIRS, OURS, "", media=[("image/png", b"png")])
    form = receiver.taken[0].form

    without = await ask(session, "GET", form["MediaUrl0"], {})
    redirect = await ask(session, "GET", form["MediaUrl0"], twilio_api.headers)
    stored = redirect.headers["location"]
    refused = await ask(session, "GET", stored, twilio_api.headers)
    served = await ask(session, "GET", stored, {})

    assert (form["NumMedia"], form["MediaContentType0"]) == ("1", "image/png")
    assert (without.status, redirect.status) == (401, 307)
    assert not stored.startswith(twilio.url)
    assert refused.status == 400
    assert (served.status, served.raw, served.headers["content-type"]) == (200, b"png", "image/png")


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ż" * 70, 1),
        ("ż" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("x" * 307, 3),
    ],
)
def test_segments_are_counted_as_billed(body: str, segments: int) -> None:
    assert count_segments(body) == segments


async def test_changes_are_told(twilio: FakeTwilio, receiver: Receiver) -> None:
    heard: list[str] = []
    twilio.on_change.append(lambda event: heard.append(str(event["kind"])))
    twilio.add_number(OURS, f"{receiver.url}/in")

    await twilio.customer_texts(THEIRS, OURS, "Hello")

    assert heard == ["inbound"]
