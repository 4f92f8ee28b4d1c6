"""Reading Twilio's list of texts to us, for those whose webhook never came."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.carriers import twilio_list
from bridge.carriers.contract import Media
from bridge.carriers.twilio import TwilioCarrier
from bridge.errors import CredentialsRefused, Refused, TryLater
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted
from tests.carriers.test_twilio_send import ACCOUNT, carrier

ACME, MAYA = "+12025550100", "+12025550123"
SINCE_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


@pytest.fixture
def twilio(far_side: Scripted, http: HttpClient) -> TwilioCarrier:
    return carrier(far_side, http, ["token-1"])


def listed(sid: str, second: int, **changes: object) -> dict[str, object]:
    return {
        "sid": sid,
        "body": f"text {sid}",
        "direction": "inbound",
        "from": MAYA,
        "to": ACME,
        "status": "received",
        "num_media": "0",
        "date_created": f"Fri, 02 Jan 2026 03:04:{second:02d} +0000",
        "date_sent": f"Fri, 02 Jan 2026 03:04:{second:02d} +0000",
        "error_code": None,
    } | changes


async def ids(twilio: TwilioCarrier, *, since_ms: int = SINCE_MS) -> list[str]:
    found = await twilio.list_inbound(since_ms=since_ms, senders=[ACME])
    return [text.carrier_id for text in found]


async def test_texts_since_come_oldest_first_and_no_page_too_many_is_asked_for(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(
        200,
        {"messages": [listed("SM4", 9), listed("SM3", 9)], "next_page_uri": f"{PATH}?Page=1"},
    )
    far_side.say(
        200,
        {"messages": [listed("SM2", 5), listed("SM1", 4)], "next_page_uri": f"{PATH}?Page=2"},
    )

    assert await ids(twilio) == ["SM2", "SM3", "SM4"]

    query = parse_qs(urlsplit(far_side.asked[0].path).query)
    assert query["To"] == [ACME]
    assert query["DateSent>"] == ["2026-01-02"]
    assert "From" not in query
    assert len(far_side.asked) == 2


async def test_what_is_no_text_to_us_is_left_out(twilio: TwilioCarrier, far_side: Scripted) -> None:
    page = [
        listed("SM5", 9, direction="outbound-api"),
        listed("SM4", 9, to="+12025550101"),
        listed("", 9),
        "nonsense",
        listed("SM2", 9, date_created="yesterday", date_sent=None),
        listed("SM1", 9),
    ]
    far_side.say(200, {"messages": page, "next_page_uri": None})

    assert await ids(twilio) == ["SM1"]


async def test_pictures_have_the_addresses_that_a_webhook_would_name(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(200, {"messages": [listed("MM1", 9, num_media="1")], "next_page_uri": None})
    far_side.say(200, {"media_list": [{"sid": "ME1", "content_type": "image/png"}]})

    (text,) = await twilio.list_inbound(since_ms=SINCE_MS, senders=[ACME])

    url = f"{far_side.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME1"
    assert text.media == (Media(url=url, content_type="image/png"),)
    assert (text.sender, text.customer, text.sent_at_ms) == (ACME, MAYA, SINCE_MS + 4_000)


async def test_pictures_that_were_deleted_take_no_words_with_them(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(200, {"messages": [listed("MM1", 9, num_media="1")], "next_page_uri": None})
    far_side.say(410, {"code": 20410})

    (text,) = await twilio.list_inbound(since_ms=SINCE_MS, senders=[ACME])

    assert (text.body, text.media) == ("text MM1", ())


async def test_text_that_was_held_back_is_known_by_its_code(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(
        200,
        {"messages": [listed("SM2", 9, error_code=30039), listed("SM1", 8)], "next_page_uri": None},
    )

    found = await twilio.list_inbound(since_ms=SINCE_MS, senders=[ACME])

    assert [(text.carrier_id, text.withheld) for text in found] == [("SM1", False), ("SM2", True)]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"messages": "none"}, TryLater),
        (429, {"code": 20429}, TryLater),
        (503, b"<html>", TryLater),
        (401, {"code": 20003}, CredentialsRefused),
        (400, {"code": 21211}, Refused),
    ],
    ids=["nonsense", "too many", "away", "credentials", "refused"],
)
async def test_a_list_that_could_not_be_read_is_never_an_empty_one(
    twilio: TwilioCarrier, far_side: Scripted, status: int, body: object, error: type[Exception]
) -> None:
    far_side.say(status, body)
    far_side.say(status, body)

    with pytest.raises(error):
        await ids(twilio)


async def test_a_list_without_an_end_is_given_up(
    twilio: TwilioCarrier, far_side: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_list, "MOST_PAGES", 3)
    for page in range(3):
        far_side.say(
            200, {"messages": [listed(f"SM{page}", 9)], "next_page_uri": f"{PATH}?Page={page}"}
        )

    with pytest.raises(Refused, match="no end"):
        await ids(twilio)
