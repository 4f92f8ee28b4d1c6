"""Twilio's own SDK finds in the fake what it finds in Twilio, and believes its signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bridge.sandbox.twilio import FakeTwilio
from tests.sandbox.receiver import Receiver

rest = pytest.importorskip("twilio.rest", reason="the package twilio is not installed")
validator = pytest.importorskip("twilio.request_validator")
exceptions = pytest.importorskip("twilio.base.exceptions")

OURS = "+12025550100"
THEIRS = "+12025550123"
Client = Any  # the SDK ships no types


@pytest.fixture
def client(twilio: FakeTwilio) -> Iterator[Client]:
    client = rest.Client(twilio.account_sid, twilio.auth_token)
    client.api.base_url = twilio.url
    twilio.add_number(OURS, "")
    yield client
    client.http_client.session.close()


async def test_a_text_is_sent_and_read(client: Client, twilio: FakeTwilio) -> None:
    made = await asyncio.to_thread(client.messages.create, to=THEIRS, from_=OURS, body="Grüße 😀")
    await twilio.idle()
    read = await asyncio.to_thread(client.messages(made.sid).fetch)

    assert (made.status, read.status) == ("queued", "delivered")
    assert (read.body, read.to, read.from_, read.direction) == (
        "Grüße 😀",
        THEIRS,
        OURS,
        "outbound-api",
    )
    assert isinstance(read.date_sent, datetime)
    assert abs(datetime.now(UTC) - read.date_sent) < timedelta(seconds=30)
    assert twilio.handset(THEIRS)[0].body == "Grüße 😀"


@pytest.mark.parametrize(
    ("to", "body", "code"),
    [("nobody", "x", 21211), (THEIRS, "x" * 1601, 21617), ("+12025550177", "x", 21610)],
)
async def test_a_refusal_is_read_with_its_code(
    client: Client, twilio: FakeTwilio, to: str, body: str, code: int
) -> None:
    twilio.account.blocked.add((OURS, "+12025550177"))

    with pytest.raises(exceptions.TwilioRestException) as refused:
        await asyncio.to_thread(client.messages.create, to=to, from_=OURS, body=body)

    assert (refused.value.status, refused.value.code) == (400, code)


async def test_the_list_is_read_over_all_its_pages(client: Client, twilio: FakeTwilio) -> None:
    for number in range(7):
        twilio.account.accept(to=THEIRS, sender=OURS, body=str(number))
    twilio.account.accept(to="+12025550144", sender=OURS, body="another")

    found = await asyncio.to_thread(client.messages.list, to=THEIRS, from_=OURS, page_size=3)

    assert [one.body for one in found] == list("6543210")


async def test_the_list_is_read_by_day(client: Client, twilio: FakeTwilio) -> None:
    await asyncio.to_thread(client.messages.create, to=THEIRS, from_=OURS, body="x")
    await twilio.idle()
    today: date = datetime.now(UTC).date()

    def count(**days: date) -> int:
        return len(client.messages.list(to=THEIRS, **days))

    assert await asyncio.to_thread(count, date_sent_after=today - timedelta(days=1)) == 1
    assert await asyncio.to_thread(count, date_sent_before=today - timedelta(days=2)) == 0
    assert await asyncio.to_thread(count, date_sent_after=today + timedelta(days=1)) == 0


async def test_a_text_is_redacted_and_deleted(client: Client, twilio: FakeTwilio) -> None:
    made = await asyncio.to_thread(client.messages.create, to=THEIRS, from_=OURS, body="x")
    await twilio.idle()

    redacted = await asyncio.to_thread(client.messages(made.sid).update, body="")
    gone = await asyncio.to_thread(client.messages(made.sid).delete)

    assert (redacted.body, gone) == ("", True)


async def test_a_numbers_webhook_is_set(client: Client, twilio: FakeTwilio) -> None:
    (number,) = await asyncio.to_thread(client.incoming_phone_numbers.list, phone_number=OURS)

    await asyncio.to_thread(
        client.incoming_phone_numbers(number.sid).update,
        sms_url="https://bridge.example.org/in#rc=5",
        sms_method="GET",
    )

    assert twilio.account.numbers[OURS].sms_url == "https://bridge.example.org/in#rc=5"
    assert twilio.account.numbers[OURS].sms_method == "GET"


async def test_short_codes_and_the_account_are_read(client: Client, twilio: FakeTwilio) -> None:
    twilio.add_number("50500", kind="short_code")

    codes = await asyncio.to_thread(client.api.v2010.account.short_codes.list)
    account = await asyncio.to_thread(client.api.v2010.accounts(twilio.account_sid).fetch)

    assert [one.short_code for one in codes] == ["50500"]
    assert account.status == "active"


async def test_media_is_listed(client: Client, twilio: FakeTwilio) -> None:
    result = await twilio.customer_texts(THEIRS, OURS, "", media=[("image/png", b"png")])

    (media,) = await asyncio.to_thread(client.messages(result.sid).media.list)

    assert (media.content_type, media.parent_sid) == ("image/png", result.sid)


async def test_wrong_credentials_are_told_apart(twilio: FakeTwilio) -> None:
    client = rest.Client(twilio.account_sid, "wrong")
    client.api.base_url = twilio.url

    with pytest.raises(exceptions.TwilioRestException) as refused:
        await asyncio.to_thread(client.messages.create, to=THEIRS, from_=OURS, body="x")
    client.http_client.session.close()

    assert (refused.value.status, refused.value.code) == (401, 20003)


@pytest.mark.parametrize("body", ["Hello", "", "Grüße & 100% = ok 😀\n+1", "مرحبا"])
async def test_its_validator_believes_our_webhooks(
    client: Client, twilio: FakeTwilio, receiver: Receiver, body: str
) -> None:
    checks = validator.RequestValidator(twilio.auth_token)
    twilio.add_number(OURS, f"{receiver.url}/in?a=b#rc=3")

    await twilio.customer_texts(THEIRS, OURS, body)
    callback = f"{receiver.url}/status?ref=1"
    twilio.account.accept(to=THEIRS, sender=OURS, body="x", status_callback=callback)
    twilio.report(twilio.messages[-1].sid, "sent")
    await twilio.idle()

    assert [one.path_qs for one in receiver.taken] == ["/in?a=b", "/status?ref=1"]
    for taken in receiver.taken:
        signature = taken.headers["x-twilio-signature"]
        url = receiver.url + taken.path_qs
        assert checks.validate(url, dict(taken.form), signature)
        assert not checks.validate(url, {**taken.form, "To": "+1"}, signature)


async def test_its_validator_believes_a_webhook_by_get(
    client: Client, twilio: FakeTwilio, receiver: Receiver
) -> None:
    checks = validator.RequestValidator(twilio.auth_token)
    twilio.add_number(OURS, f"{receiver.url}/in", sms_method="GET")

    await twilio.customer_texts(THEIRS, OURS, "a b")

    (taken,) = receiver.taken
    assert checks.validate(receiver.url + taken.path_qs, {}, taken.headers["x-twilio-signature"])
