"""Looking on Twilio's list for a text whose sending ended without an answer."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.carriers.twilio import TwilioCarrier
from bridge.errors import CredentialsRefused, FarSideError, Refused, TryLater
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted
from tests.carriers.test_twilio_send import ACCOUNT, TEXT, carrier

SINCE_MS = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z


@pytest.fixture
def twilio(far_side: Scripted, http: HttpClient) -> TwilioCarrier:
    return carrier(far_side, http, ["token-1"])


def listed(sid: str, second: int, minute: int = 4, **changes: object) -> dict[str, object]:
    return {
        "sid": sid,
        "body": TEXT.body,
        "direction": "outbound-api",
        "to": TEXT.customer,
        "from": TEXT.sender,
        "status": "sent",
        "num_segments": "2",
        "date_created": f"Fri, 02 Jan 2026 03:{minute:02d}:{second:02d} +0000",
        "date_sent": None,
        "error_code": None,
    } | changes


async def test_sent_texts_are_found_oldest_first(twilio: TwilioCarrier, far_side: Scripted) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    far_side.say(
        200,
        {
            "messages": [
                listed("SM9", 9),
                listed("SM8", 8, direction="inbound"),
                listed("SM7", 7, body="another"),
                listed("SM6", 6, body=f"{TEXT.body} \r\n".replace("\n", "\r\n")),
            ],
            "next_page_uri": f"{path}?Page=1&PageToken=PASM6",
        },
    )
    far_side.say(
        200,
        {
            "messages": [
                listed("SM5", 5, direction="outbound-reply"),
                listed("SM4", 5, minute=3),
                listed("SM3", 4, minute=3),
                listed("SM2", 5, to="+12025550124"),
                listed("SM1", 5, date_created="yesterday"),
                "nonsense",
            ],
            "next_page_uri": None,
        },
    )

    found = await twilio.find_sent(TEXT, since_ms=SINCE_MS)

    assert [accepted.carrier_id for accepted in found] == ["SM4", "SM5", "SM6", "SM9"]
    assert found[0].state == "sent"
    first = urlsplit(far_side.asked[0].path)
    assert first.path == path
    assert parse_qs(first.query) == {
        "To": [TEXT.customer],
        "From": [TEXT.sender],
        "PageSize": ["200"],
    }
    assert far_side.asked[1].path == f"{path}?Page=1&PageToken=PASM6"


async def test_nothing_like_it_on_the_list(twilio: TwilioCarrier, far_side: Scripted) -> None:
    far_side.say(200, {"messages": [listed("SM1", 1, minute=3)], "next_page_uri": None})

    assert await twilio.find_sent(TEXT, since_ms=SINCE_MS) == []


@pytest.mark.parametrize(("minute", "second", "found"), [(3, 4, []), (3, 5, ["SM1"])])
async def test_a_clock_that_is_a_minute_behind_hides_no_text(
    twilio: TwilioCarrier, far_side: Scripted, minute: int, second: int, found: list[str]
) -> None:
    far_side.say(200, {"messages": [listed("SM1", second, minute)], "next_page_uri": None})

    got = await twilio.find_sent(TEXT, since_ms=SINCE_MS)

    assert [accepted.carrier_id for accepted in got] == found


async def test_a_list_without_end_is_not_taken_for_an_absence(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?Page=1"
    for _ in range(6):
        far_side.say(200, {"messages": [listed("SM1", 1, minute=3)], "next_page_uri": path})

    with pytest.raises(TryLater):
        await twilio.find_sent(TEXT, since_ms=SINCE_MS)

    assert len(far_side.asked) == 5


async def test_a_next_page_elsewhere_is_not_followed(
    twilio: TwilioCarrier, far_side: Scripted
) -> None:
    far_side.say(200, {"messages": [], "next_page_uri": "@evil.example/"})

    with pytest.raises(TryLater):
        await twilio.find_sent(TEXT, since_ms=SINCE_MS)

    assert len(far_side.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(500, b"", TryLater, id="500"),
        pytest.param(429, b"", TryLater, id="429"),
        pytest.param(200, b"<html>", TryLater, id="nonsense"),
        pytest.param(200, {"messages": None}, TryLater, id="no-list"),
        pytest.param(401, {"code": 20003}, CredentialsRefused, id="401"),
        pytest.param(400, {"code": 20001}, Refused, id="400"),
    ],
)
async def test_a_look_that_failed_is_never_an_absence(
    twilio: TwilioCarrier, far_side: Scripted, status: int, body: object, kind: type[FarSideError]
) -> None:
    far_side.say(status, body)

    with pytest.raises(FarSideError) as ended:
        await twilio.find_sent(TEXT, since_ms=SINCE_MS)

    assert type(ended.value) is kind


async def test_a_cut_look_is_a_try_later(twilio: TwilioCarrier, far_side: Scripted) -> None:
    far_side.hang_up()

    with pytest.raises(TryLater):
        await twilio.find_sent(TEXT, since_ms=SINCE_MS)
