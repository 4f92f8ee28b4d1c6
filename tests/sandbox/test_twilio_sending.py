"""The fake Twilio takes and refuses texts as Twilio does (reference: carriers, 3.1, 3.2, 3.5)."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from bridge.sandbox.twilio import FakeTwilio
from tests.sandbox.asking import TwilioApi, ask, basic
from tests.sandbox.moving_clock import START_MS, MovingClock
from tests.sandbox.receiver import Receiver

OURS = "+12025550100"
THEIRS = "+12025550123"


@pytest.fixture(autouse=True)
def number(twilio: FakeTwilio) -> None:
    twilio.add_number(OURS)


async def test_a_text_is_taken_queued_and_delivered(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    reply = await twilio_api.send(THEIRS, OURS, "Hello")
    await twilio.idle()

    assert reply.status == 201
    assert reply.body["status"] == "queued"
    assert reply.body["date_sent"] is None
    assert reply.body["num_segments"] == "1"
    assert reply.body["direction"] == "outbound-api"
    sent = parsedate_to_datetime(reply.body["date_created"])
    assert sent.timestamp() * 1000 == START_MS
    assert [text.body for text in twilio.handset(THEIRS)] == ["Hello"]
    assert [(one.sid, one.customer) for one in twilio.sent] == [(reply.body["sid"], THEIRS)]
    shown = await twilio_api.get(f"/Messages/{reply.body['sid']}.json")
    assert shown.body["status"] == "delivered"
    assert shown.body["date_sent"] is not None


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": OURS, "Body": "x"}, 21604),
        ({"To": THEIRS, "Body": "x"}, 21603),
        ({"To": THEIRS, "From": OURS}, 21602),
        ({"To": "12025550123", "From": OURS, "Body": "x"}, 21211),
        ({"To": "+15005550001", "From": OURS, "Body": "x"}, 21211),
        ({"To": THEIRS, "From": "+12025550199", "Body": "x"}, 21606),
        ({"To": OURS, "From": OURS, "Body": "x"}, 21266),
        ({"To": THEIRS, "From": OURS, "Body": "x" * 1601}, 21617),
        ({"To": "+12025550188", "From": OURS, "Body": "x"}, 21614),
        ({"To": "+12025550177", "From": OURS, "Body": "x"}, 21610),
        ({"To": THEIRS, "From": OURS, "Body": "x", "StatusCallback": "http://a_b/x"}, 21609),
        ({"To": THEIRS, "From": OURS, "Body": "x", "MediaUrl": "ftp://x"}, 21620),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_a_text_that_twilio_would_refuse_is_refused(
    twilio: FakeTwilio, twilio_api: TwilioApi, form: dict[str, str], code: int
) -> None:
    twilio.account.landlines.add("+12025550188")
    twilio.account.blocked.add((OURS, "+12025550177"))

    reply = await twilio_api.post("/Messages.json", **form)

    assert (reply.status, reply.body["code"], reply.body["status"]) == (400, code, 400)
    assert reply.body["more_info"].endswith(str(code))
    assert twilio.sent == []


@pytest.mark.parametrize(
    "headers",
    [{}, basic("AC" + "0" * 32, "wrong"), {"Authorization": "Bearer x"}, basic("SK1", "x")],
    ids=["none", "wrong token", "another kind", "unknown key"],
)
async def test_wrong_credentials_are_refused(
    twilio: FakeTwilio, twilio_api: TwilioApi, headers: dict[str, str]
) -> None:
    twilio_api.headers = headers

    reply = await twilio_api.send(THEIRS, OURS, "Hello")

    assert (reply.status, reply.body["code"]) == (401, 20003)
    assert twilio.sent == []


async def test_an_api_key_opens_the_account(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.rest.api_keys["SKkey"] = "secret"
    twilio_api.headers = basic("SKkey", "secret")

    assert (await twilio_api.send(THEIRS, OURS, "Hello")).status == 201


async def test_json_is_not_read(
    twilio: FakeTwilio, twilio_api: TwilioApi, session: aiohttp.ClientSession
) -> None:
    url = f"{twilio.url}/2010-04-01/Accounts/{twilio.account_sid}/Messages.json"
    body = {"To": THEIRS, "From": OURS, "Body": "Hello"}

    reply = await ask(session, "POST", url, twilio_api.headers, json=body)

    assert (reply.status, reply.body["code"]) == (400, 21604)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Nothing.json", 404),
        ("/Messages/SM" + "0" * 32 + ".json", 404),
        ("/2010-04-01/Accounts/AC" + "1" * 32 + "/Messages.json", 404),
    ],
    ids=["unknown address", "unknown message", "another account"],
)
async def test_what_is_not_there_is_404(twilio_api: TwilioApi, path: str, status: int) -> None:
    reply = await twilio_api.get(path)

    assert (reply.status, reply.body["code"]) == (status, 20404)


async def test_a_wrong_method_is_405(twilio_api: TwilioApi) -> None:
    reply = await twilio_api.delete("/Messages.json")

    assert (reply.status, reply.body["code"]) == (405, 20004)


async def test_too_many_at_once_is_429_and_nothing_is_sent(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    twilio.rest.concurrency_limit = 1
    hold = twilio.faults.hold_before("POST", "*/Messages.json")
    # The gate stands before the account, so the first one is let in before the others come.
    first = asyncio.create_task(twilio_api.send(THEIRS, OURS, "1"))
    await hold.wait_arrived()
    twilio.rest.concurrency_limit = 0

    second = await twilio_api.send(THEIRS, OURS, "2")
    twilio.rest.concurrency_limit = None
    hold.open()

    assert (second.status, second.body["code"]) == (429, 20429)
    assert (await first).status == 201
    assert [one.body for one in twilio.sent] == ["1"]


@pytest.mark.parametrize(
    ("outcome", "states", "error"),
    [
        ("delivered", ["sent", "delivered"], None),
        ("undelivered:30003", ["sent", "undelivered"], "30003"),
        ("failed:30006", ["failed"], "30006"),
        ("silent", ["sent"], None),
    ],
)
async def test_callbacks_tell_each_state_but_the_first(
    twilio: FakeTwilio,
    twilio_api: TwilioApi,
    receiver: Receiver,
    outcome: str,
    states: list[str],
    error: str | None,
) -> None:
    twilio.deliveries[THEIRS] = outcome

    reply = await twilio_api.send(
        THEIRS, OURS, "Hello", StatusCallback=f"{receiver.url}/status?ref=7"
    )
    await twilio.idle()

    assert [one.form["MessageStatus"] for one in receiver.taken] == states
    assert {one.form["MessageSid"] for one in receiver.taken} == {reply.body["sid"]}
    assert {one.path_qs for one in receiver.taken} == {"/status?ref=7"}
    assert receiver.taken[-1].form.get("ErrorCode") == error
    assert len(twilio.handset(THEIRS)) == (outcome in {"delivered", "silent"})


async def test_callbacks_held_back_come_in_any_order(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    twilio.hold_callbacks()
    await twilio_api.send(THEIRS, OURS, "Hello", StatusCallback=f"{receiver.url}/status")
    await twilio.idle()
    assert receiver.taken == []

    statuses = await twilio.release_callbacks([1, 0], copies=2)

    assert [one.form["MessageStatus"] for one in receiver.taken] == [
        "delivered",
        "delivered",
        "sent",
        "sent",
    ]
    assert statuses == [200] * 4


async def test_texts_to_one_phone_keep_their_order(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    twilio.delay_s = 0.01
    receiver.answers = [0.2]  # a slow application holds up no text

    for number in range(5):
        await twilio_api.send(THEIRS, OURS, str(number), StatusCallback=f"{receiver.url}/{number}")
    await twilio.idle()

    assert [text.body for text in twilio.handset(THEIRS)] == list("01234")


async def test_the_list_filters_by_pair_and_day(
    twilio: FakeTwilio, twilio_api: TwilioApi, clock: MovingClock
) -> None:
    await twilio_api.send(THEIRS, OURS, "first day")
    await twilio.idle()
    clock.advance(86_400)
    await twilio_api.send(THEIRS, OURS, "second day")
    await twilio_api.send("+12025550144", OURS, "another")
    await twilio.idle()
    twilio.delay_s = 60
    await twilio_api.send(THEIRS, OURS, "still queued")

    async def bodies(**query: str) -> list[str]:
        reply = await twilio_api.get("/Messages.json", **query)
        return [one["body"] for one in reply.body["messages"]]

    assert await bodies(To=THEIRS) == ["still queued", "second day", "first day"]
    assert await bodies(To=THEIRS, DateSent="2026-01-02") == ["first day"]
    assert await bodies(To=THEIRS, **{"DateSent>": "2026-01-03"}) == ["second day"]
    assert await bodies(To=THEIRS, **{"DateSent<": "2026-01-02"}) == ["first day"]
    assert await bodies(From=THEIRS) == []


async def test_the_list_has_pages_that_stay_right_when_texts_are_added(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    for number in range(5):
        await twilio_api.send(THEIRS, OURS, str(number))

    first = await twilio_api.get("/Messages.json", PageSize="2")
    await twilio_api.send(THEIRS, OURS, "new")
    second = await twilio_api.get(first.body["next_page_uri"])
    third = await twilio_api.get(second.body["next_page_uri"])

    pages = [[one["body"] for one in page.body["messages"]] for page in (first, second, third)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    assert third.body["next_page_uri"] is None


async def test_the_list_may_lag(
    twilio: FakeTwilio, twilio_api: TwilioApi, clock: MovingClock
) -> None:
    twilio.account.list_lag_s = 5
    await twilio_api.send(THEIRS, OURS, "Hello")
    before = await twilio_api.get("/Messages.json")
    clock.advance(5)
    after = await twilio_api.get("/Messages.json")

    assert (len(before.body["messages"]), len(after.body["messages"])) == (0, 1)


async def test_a_text_is_redacted_and_deleted_once_it_is_done(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    twilio.delay_s = 0.05
    sid = (await twilio_api.send(THEIRS, OURS, "secret")).body["sid"]
    too_early = await twilio_api.post(f"/Messages/{sid}.json", Body="")
    await twilio.idle()

    redacted = await twilio_api.post(f"/Messages/{sid}.json", Body="")
    other = await twilio_api.post(f"/Messages/{sid}.json", Body="new words")
    gone = await twilio_api.delete(f"/Messages/{sid}.json")

    assert (too_early.status, too_early.body["code"]) == (409, 20009)
    assert redacted.body["body"] == ""
    assert other.status == 400
    assert gone.status == 204
    assert (await twilio_api.get(f"/Messages/{sid}.json")).status == 404


async def test_pictures_are_fetched_when_a_text_is_sent(
    twilio: FakeTwilio, twilio_api: TwilioApi, receiver: Receiver
) -> None:
    await twilio_api.send(THEIRS, OURS, "Look", MediaUrl=f"{receiver.url}/cat.png")
    await twilio.idle()

    assert [one.method for one in receiver.taken] == ["HEAD", "GET"]
    assert len(twilio.handset(THEIRS)[0].media) == 1


async def test_a_picture_that_is_not_there_fails_the_text(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    sid = (await twilio_api.send(THEIRS, OURS, "Look", MediaUrl="http://127.0.0.1:9/x")).body["sid"]
    await twilio.idle()

    assert (twilio.message(sid).status, twilio.message(sid).error_code) == ("failed", 11200)
    assert twilio.handset(THEIRS) == []


async def test_numbers_are_found_and_their_webhook_set(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    found = await twilio_api.get("/IncomingPhoneNumbers.json", PhoneNumber=OURS)
    sid = found.body["incoming_phone_numbers"][0]["sid"]

    changed = await twilio_api.post(
        f"/IncomingPhoneNumbers/{sid}.json", SmsUrl="https://b.example/in#rc=5", SmsMethod="POST"
    )
    faulty = await twilio_api.post(f"/IncomingPhoneNumbers/{sid}.json", SmsUrl="nonsense")

    assert changed.body["sms_url"] == "https://b.example/in#rc=5"
    assert twilio.account.numbers[OURS].sms_url == "https://b.example/in#rc=5"
    assert (faulty.status, faulty.body["code"]) == (400, 21502)


async def test_a_number_is_bought_once(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    form = {"PhoneNumber": "+12025550111", "SmsUrl": "https://b.example/in"}

    bought = await twilio_api.post("/IncomingPhoneNumbers.json", **form)
    twice = await twilio_api.post("/IncomingPhoneNumbers.json", **form)
    nonsense = await twilio_api.post("/IncomingPhoneNumbers.json", PhoneNumber="12")

    assert (bought.status, twice.body["code"], nonsense.body["code"]) == (201, 21422, 21421)
    assert twilio.account.numbers["+12025550111"].sms_url == "https://b.example/in"


async def test_short_codes_stand_in_a_list_of_their_own(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    twilio.add_number("50500", kind="short_code")

    phones = await twilio_api.get("/IncomingPhoneNumbers.json")
    codes = await twilio_api.get("/SMS/ShortCodes.json", ShortCode="50500")

    assert [one["phone_number"] for one in phones.body["incoming_phone_numbers"]] == [OURS]
    assert [one["short_code"] for one in codes.body["short_codes"]] == ["50500"]


async def test_the_account_tells_its_state(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    shown = await twilio_api.get(f"/2010-04-01/Accounts/{twilio.account_sid}.json")

    assert (shown.status, shown.body["status"], shown.body["sid"]) == (
        200,
        "active",
        twilio.account_sid,
    )
