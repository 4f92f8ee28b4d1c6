"""Sending through Twilio: what goes out, and what each way of answering means."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from twilio.http.response import Response
from twilio.rest import Client

from bridge.carriers.contract import Accepted, OutgoingText
from bridge.carriers.twilio import TwilioCarrier
from bridge.carriers.twilio_errors import ERRORS, TABLE
from bridge.clock import SystemClock
from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, Refused, TryLater
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted

ACCOUNT = "AC" + "0" * 32
TEXT = OutgoingText(
    ref="out-1",
    sender="+12025550100",
    customer="+12025550123",
    body="Grüße & 100% = ok 😀\nYours + more",
    status_url="https://bridge.example/carriers/twilio/status?ref=out-1",
)
SENT = {
    "sid": "SM" + "c" * 32,
    "status": "queued",
    "num_segments": "2",
    "error_code": None,
    "error_message": None,
}


@pytest.fixture
def twilio(far_side: Scripted, http: HttpClient) -> TwilioCarrier:
    return carrier(far_side, http, ["token-1"])


def carrier(far_side: Scripted, http: HttpClient, tokens: Sequence[str]) -> TwilioCarrier:
    return TwilioCarrier(
        account_sid=ACCOUNT,
        auth_tokens=tokens,
        api_url=far_side.url,
        public_url="https://bridge.example",
        http=http,
        clock=SystemClock(),
    )


def basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"{ACCOUNT}:{token}".encode()).decode()


class Recorder:
    """Stands where their SDK has its HTTP client, and keeps what it would send."""

    def __init__(self) -> None:
        self.url = ""
        self.pairs: list[tuple[str, str]] = []

    def request(self, _method: str, url: str, *_: object, **given: object) -> object:
        data = given.get("data") or {}
        assert isinstance(data, dict)
        self.url = url
        for name, value in data.items():
            values = value if isinstance(value, list) else [value]
            self.pairs += [(name, str(one)) for one in values]
        return Response(201, '{"sid": "SM1"}')


async def test_an_accepted_text_is_known_by_its_sid(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(201, SENT)

    accepted = await twilio.send(TEXT)

    assert accepted == Accepted(carrier_id="SM" + "c" * 32, state="queued", segments=2)
    assert far_side.asked[0].headers["authorization"] == basic("token-1")


@pytest.mark.parametrize(
    "media",
    [(), ("https://bridge.example/m/1?s=a%20b", "https://bridge.example/m/2")],
    ids=["text", "pictures"],
)
async def test_we_send_what_their_sdk_sends(
    twilio: TwilioCarrier, far_side: Scripted, media: tuple[str, ...]
) -> None:
    far_side.say(201, SENT)
    text = OutgoingText(
        ref=TEXT.ref,
        sender=TEXT.sender,
        customer=TEXT.customer,
        body=TEXT.body,
        status_url=TEXT.status_url,
        media_urls=media,
    )
    recorder = Recorder()
    sdk = Client(ACCOUNT, "token-1", http_client=recorder)
    sdk.messages.create(
        to=text.customer,
        from_=text.sender,
        body=text.body,
        status_callback=f"{text.status_url}#rc=5&rp=all",
        **({"media_url": list(media)} if media else {}),
    )

    await twilio.send(text)

    asked = far_side.asked[0]
    assert asked.method == "POST"
    assert asked.path == urlsplit(recorder.url).path
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert sorted(parse_qsl(asked.body.decode(), strict_parsing=True)) == sorted(recorder.pairs)


async def test_a_short_code_is_written_without_its_country(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(201, SENT)

    await twilio.send(
        OutgoingText(
            ref="1",
            sender="US:50500",
            customer="+12025550123",
            body="",
            status_url="x",
            media_urls=("m",),
        )
    )

    assert parse_qs(far_side.asked[0].body.decode()) == {
        "From": ["50500"],
        "To": ["+12025550123"],
        "StatusCallback": ["x#rc=5&rp=all"],  # or a report that is not taken would be lost
        "MediaUrl": ["m"],
    }


async def test_a_text_that_failed_at_once_is_told_with_its_reason(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(201, SENT | {"status": "failed", "error_code": 30007, "num_segments": "0"})

    accepted = await twilio.send(TEXT)

    assert (accepted.state, accepted.error, accepted.segments) == ("failed", "30007", None)
    assert accepted.reason == TABLE.explain("30007")


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        pytest.param(400, {"code": 21610, "message": "+1202"}, Refused, "21610", id="opted-out"),
        pytest.param(400, {"code": 21211}, Refused, "21211", id="bad-number"),
        pytest.param(400, {"code": "21614"}, Refused, "21614", id="code-as-text"),
        pytest.param(403, {"code": 21408}, Refused, "21408", id="403-for-this-text-only"),
        pytest.param(400, {"code": 29999}, Refused, "29999", id="code-of-tomorrow"),
        pytest.param(400, b"<html>", Refused, "HTTP 400", id="somebody-elses-400"),
        pytest.param(400, [1], Refused, "HTTP 400", id="json-without-a-code"),
        pytest.param(401, {"code": 20003}, CredentialsRefused, "20003", id="wrong-token"),
        pytest.param(401, b"", CredentialsRefused, "401", id="401-without-words"),
        pytest.param(403, {"code": 20006}, CredentialsRefused, "20006", id="403"),
        pytest.param(404, {"code": 20404}, CredentialsRefused, "20404", id="no-such-account"),
        pytest.param(400, {"code": 30002}, CredentialsRefused, "30002", id="suspended"),
        pytest.param(429, {"code": 20429}, TryLater, None, id="429"),
        pytest.param(429, b"", TryLater, None, id="429-without-words"),
        pytest.param(400, {"code": 21611}, TryLater, None, id="queue-full"),
        pytest.param(500, {"code": 20500}, OutcomeUnknown, None, id="500"),
        pytest.param(503, b"<html>", OutcomeUnknown, None, id="503"),
        pytest.param(302, b"", OutcomeUnknown, None, id="redirect"),
        pytest.param(408, b"", OutcomeUnknown, None, id="408"),
        pytest.param(200, b"<html>", OutcomeUnknown, None, id="nonsense"),
        pytest.param(201, {"status": "queued"}, OutcomeUnknown, None, id="no-sid"),
        pytest.param(201, {"sid": 7}, OutcomeUnknown, None, id="sid-is-a-number"),
        pytest.param(204, b"", OutcomeUnknown, None, id="empty"),
    ],
)
async def test_an_answer_means(
    twilio: TwilioCarrier,
    far_side: Scripted,
    *,
    status: int,
    body: object,
    kind: type[FarSideError],
    code: str | None,
) -> None:
    far_side.say(status, body)

    with pytest.raises(FarSideError) as ended:
        await twilio.send(TEXT)

    assert type(ended.value) is kind
    assert not isinstance(ended.value, Refused) or ended.value.code == code
    assert len(far_side.asked) == 1
    assert "+1202" not in ended.value.words
    assert ended.value.words.endswith(".")


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [("7", 7.0), ("0.5", 0.5), ("-3", None), ("soon", None), ("nan", None), ("1e9", 3600.0)],
)
async def test_the_pause_that_twilio_asks_for_is_kept(
    twilio: TwilioCarrier, far_side: Scripted, header: str, pause_s: float | None
) -> None:
    far_side.say(429, {"code": 20429}, Retry_After=header)

    with pytest.raises(TryLater) as ended:
        await twilio.send(TEXT)

    assert ended.value.pause_s == pause_s
    assert not ended.value.whole_account


async def test_a_cut_after_sending_leaves_the_outcome_unknown(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.hang_up()

    with pytest.raises(OutcomeUnknown):
        await twilio.send(TEXT)

    assert len(far_side.asked) == 1


async def test_no_connection_is_a_try_later(http: HttpClient) -> None:
    nobody = Scripted(url="http://127.0.0.1:1")

    with pytest.raises(TryLater):
        await carrier(nobody, http, ["token"]).send(TEXT)


async def test_the_other_token_is_tried_and_then_kept(far_side: Scripted, http: HttpClient) -> None:
    twilio = carrier(far_side, http, ["token-1", "token-2"])
    far_side.say(401, {"code": 20003})
    far_side.say(201, SENT)
    far_side.say(201, SENT)

    await twilio.send(TEXT)
    await twilio.send(TEXT)

    assert [asked.headers["authorization"] for asked in far_side.asked] == [
        basic("token-1"),
        basic("token-2"),
        basic("token-2"),
    ]
    assert far_side.asked[0].body == far_side.asked[1].body


async def test_two_wrong_tokens_are_refused_credentials(
    far_side: Scripted, http: HttpClient
) -> None:
    far_side.say(401, {"code": 20003})
    far_side.say(401, {"code": 20003})

    with pytest.raises(CredentialsRefused):
        await carrier(far_side, http, ["token-1", "token-2"]).send(TEXT)


def test_opt_outs_and_landlines_are_told_apart(twilio: TwilioCarrier) -> None:
    assert [code for code in ERRORS if twilio.errors.is_opted_out(code)] == ["21610"]
    assert [code for code in ERRORS if twilio.errors.is_landline(code)] == [
        "21614",
        "21635",
        "30006",
    ]
    assert not twilio.errors.is_opted_out("HTTP 400")


@pytest.mark.parametrize("code", [*ERRORS, "12345", "", "HTTP 400"])
def test_every_code_ends_in_what_to_do(code: str) -> None:
    words = TABLE.explain(code)

    assert words.endswith(".")
    assert words[0].isupper()
    assert ". " in words or ";" in words or ":" in words


def test_a_code_that_nobody_knows_is_not_repeated() -> None:
    assert TABLE.trouble_of("99999") == "permanent"
