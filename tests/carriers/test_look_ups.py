"""What carriers' lists tell: a lost send, a text whose webhook never came, an account."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.carriers.contract import Accepted, Carrier, OutgoingText
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted
from tests.carriers.kits.every import KITS, build
from tests.carriers.kits.kit import NOW_S

PUBLIC = "https://bridge.example"
TEXT = OutgoingText(
    ref="part-1",
    sender="+12025550100",
    customer="+12025550123",
    body="hello",
    status_url=f"{PUBLIC}/carriers/any/status?ref=part-1",
)
SINCE_MS = NOW_S * 1000
BY_NAME = {kit.name: kit for kit in KITS}


@pytest.fixture
def carrier(name: str, http: HttpClient, far_side: Scripted) -> Carrier:
    return build(BY_NAME[name], http, api_url=far_side.url)


def asked(far_side: Scripted, number: int = -1) -> dict[str, list[str]]:
    """The query of a request."""
    return parse_qs(urlsplit(far_side.asked[number].path).query)


async def found(carrier: Carrier) -> Sequence[Accepted]:
    return await carrier.find_sent(TEXT, since_ms=SINCE_MS)


@pytest.mark.parametrize("name", ["plivo"])
async def test_plivos_list_is_asked_for_the_pair_since_then(
    carrier: Carrier, far_side: Scripted
) -> None:
    listed = [
        {"message_uuid": "late", "message_time": "2026-01-02 03:05:00+00:00"},
        {
            "message_uuid": "first",
            "message_time": "2026-01-02 03:04:05+00:00",
            "message_state": "delivered",
        },
        {"message_uuid": "long ago", "message_time": "2026-01-02 02:00:00+00:00"},
        {"message_uuid": "no time"},
        "nonsense",
    ]
    far_side.say(200, {"objects": listed})

    texts = await found(carrier)

    assert [(text.carrier_id, text.state) for text in texts] == [
        ("first", "delivered"),
        ("late", "queued"),
    ]
    query = asked(far_side)
    assert (query["from_number"], query["to_number"]) == (["12025550100"], ["12025550123"])
    assert query["message_direction"] == ["outbound"]
    assert query["message_time__gte"] == ["2026-01-02 03:03:05"]


@pytest.mark.parametrize("name", ["bandwidth"])
async def test_bandwidths_list_is_asked_for_the_pair_since_then(
    carrier: Carrier, far_side: Scripted
) -> None:
    listed = [
        {
            "messageId": "m1",
            "receiveTime": "2026-01-02T03:04:05.500Z",
            "messageStatus": "DELIVERED",
        },
        {"messageId": "long ago", "receiveTime": "2026-01-01T03:04:05Z"},
    ]
    far_side.say(200, {"messages": listed})

    assert [(text.carrier_id, text.state) for text in await found(carrier)] == [("m1", "delivered")]
    query = asked(far_side)
    assert (query["sourceTn"], query["destinationTn"]) == (["+12025550100"], ["+12025550123"])
    assert "%2B12025550123" in far_side.asked[0].path


@pytest.mark.parametrize("name", ["sinch"])
async def test_sinchs_list_knows_our_reference(carrier: Carrier, far_side: Scripted) -> None:
    batches = [
        {"id": "b1", "client_reference": "part-1"},
        {"id": "b2", "client_reference": "part-2"},
        {"client_reference": "part-1"},
    ]
    far_side.say(200, {"batches": batches})

    assert [text.carrier_id for text in await found(carrier)] == ["b1"]
    assert asked(far_side)["client_reference"] == ["part-1"]


@pytest.mark.parametrize("name", ["infobip"])
async def test_infobips_log_knows_our_id(carrier: Carrier, far_side: Scripted) -> None:
    rejected = {"groupId": 5, "id": 6, "name": "REJECTED_NETWORK"}
    results = [
        {"messageId": "part-1", "status": {"groupId": 3, "id": 5, "name": "DELIVERED_TO_HANDSET"}},
        {"messageId": "other", "status": rejected},
    ]
    far_side.say(200, {"results": results})
    far_side.say(200, {"results": [{"messageId": "part-1", "status": rejected}]})
    far_side.say(200, {"results": []})

    assert [(one.carrier_id, one.state) for one in await found(carrier)] == [
        ("part-1", "delivered")
    ]
    (failed,) = await found(carrier)
    assert (failed.state, failed.error) == ("failed", "REJECTED_NETWORK")
    assert failed.reason == carrier.errors.explain("REJECTED_NETWORK")
    assert list(await found(carrier)) == []


@pytest.mark.parametrize("name", ["sinch"])
async def test_sinchs_list_brings_back_texts_page_by_page(
    carrier: Carrier, far_side: Scripted
) -> None:
    def text(number: int, **changes: object) -> dict[str, object]:
        return {
            "type": "mo_text",
            "id": f"t{number}",
            "from": "12025550123",
            "to": "12025550100",
            "body": f"text {number}",
            "received_at": f"2026-01-02T03:{4 + number // 60:02d}:{number % 60:02d}Z",
            **changes,
        }

    page = [text(number) for number in range(10, 110)]
    others = [
        text(110, to="12025550199"),
        text(111, type="mo_binary", body=5.5, to=None),
        text(112, received_at="2026-01-01T00:00:00Z"),
        text(9),
    ]
    far_side.say(200, {"inbounds": page})
    far_side.say(200, {"inbounds": others})

    since_ms = (NOW_S - 10) * 1000
    texts = await carrier.list_inbound(since_ms=since_ms, senders=["+12025550100"])

    # One that can't be read (binary, say) is left out, and so is what came before then.
    assert [text.carrier_id for text in texts] == ["t9", *(f"t{n}" for n in range(10, 110))]
    assert texts[0].sent_at_ms == (NOW_S + 4) * 1000
    assert [asked(far_side, number)["page"] for number in (0, 1)] == [["0"], ["1"]]


GOOD: dict[str, list[object]] = {
    "telnyx": [{"data": [{"webhook_url": f"{PUBLIC}/carriers/telnyx/inbound"}]}],
    "plivo": [{"account_type": "standard"}, {"number": "12025550100", "application": "/v1/App/1/"}],
    "bandwidth": [{"messages": []}],
    "sinch": [{"batches": []}],
    "infobip": [{"results": []}],
    "vonage-sms": [
        {"numbers": [{"msisdn": "12025550100", "moHttpUrl": f"{PUBLIC}/carriers/vonage/inbound"}]}
    ],
}
WRONG: dict[str, list[object]] = {
    "telnyx": [{"data": [{"webhook_url": "https://elsewhere.example"}]}],
    "plivo": [{"account_type": "standard"}, {"number": "12025550100", "application": None}],
    "vonage-sms": [
        {"numbers": [{"msisdn": "12025550100", "moHttpUrl": "https://elsewhere.example"}]}
    ],
    "vonage-messages": [{"numbers": []}],
}


@pytest.mark.parametrize("name", GOOD)
async def test_doctor_finds_an_account_in_order(
    name: str, carrier: Carrier, far_side: Scripted
) -> None:
    for answer in GOOD[name]:
        far_side.say(200, answer)

    findings = await carrier.check(senders=["+12025550100"], public_url=PUBLIC)

    assert all(finding.ok and not finding.mend for finding in findings)
    assert len(far_side.asked) == len(GOOD[name])


@pytest.mark.parametrize("name", WRONG)
async def test_doctor_says_where_texts_go_instead_and_how_to_mend_it(
    name: str, carrier: Carrier, far_side: Scripted
) -> None:
    for answer in WRONG[name]:
        far_side.say(200, answer)

    *_, last = await carrier.check(senders=["+12025550100"], public_url=PUBLIC)

    assert not last.ok
    assert f"/carriers/{carrier.name}/inbound" in last.mend
