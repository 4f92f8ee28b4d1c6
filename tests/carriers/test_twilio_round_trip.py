"""The carrier against the sandbox's Twilio: texts in, texts out, reports, the look afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bridge.carriers.contract import DeliveryReport, InboundText, OutgoingText, WebhookRequest
from bridge.carriers.twilio import TwilioCarrier
from bridge.clock import SystemClock
from bridge.errors import Forged, Refused
from bridge.http import HttpClient
from bridge.sandbox.twilio import FakeTwilio
from tests.carriers.conftest import report_in, text_in

OURS, CUSTOMER = "+12025550100", "+12025550123"


class Bridge:
    """The webhooks alone: verify, parse, keep."""

    def __init__(self) -> None:
        self.url = ""
        self.carrier: TwilioCarrier | None = None
        self.texts: list[InboundText] = []
        self.reports: asyncio.Queue[DeliveryReport] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        assert self.carrier is not None
        seen = WebhookRequest(
            method=request.method,
            url=self.url + request.raw_path,
            seen_url=f"{request.scheme}://{request.host}{request.raw_path}",
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        try:
            self.carrier.verify(seen)
        except Forged as forged:
            return web.Response(status=403, text=forged.reason)
        if request.path.endswith("/status"):
            self.reports.put_nowait(report_in(self.carrier, seen))
            answer = self.carrier.status_answer
        else:
            self.texts.append(text_in(self.carrier, seen))
            answer = self.carrier.inbound_answer
        return web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type
        )


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    ours = Bridge()
    app = web.Application()
    app.router.add_route("*", "/carriers/twilio/{what}", ours.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield ours
    await runner.cleanup()


@pytest.fixture
async def fake(bridge: Bridge, http: HttpClient) -> AsyncIterator[FakeTwilio]:
    twilio = FakeTwilio()
    await twilio.start()
    twilio.add_number(OURS, f"{bridge.url}/carriers/twilio/inbound#rc=5&rp=all")
    bridge.carrier = TwilioCarrier(
        account_sid=twilio.account_sid,
        auth_tokens=["next-token", twilio.auth_token],
        api_url=twilio.url,
        public_url=bridge.url,
        http=http,
        clock=SystemClock(),
    )
    yield twilio
    await twilio.stop()


def text(bridge: Bridge, body: str) -> OutgoingText:
    assert bridge.carrier is not None
    return OutgoingText(
        ref="out-7",
        sender=OURS,
        customer=CUSTOMER,
        body=body,
        status_url=bridge.carrier.status_url("out-7"),
    )


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_text_comes_in_with_its_picture(
    bridge: Bridge, fake: FakeTwilio, http: HttpClient, method: str
) -> None:
    fake.add_number(OURS, f"{bridge.url}/carriers/twilio/inbound", sms_method=method)

    result = await fake.customer_texts(
        CUSTOMER, OURS, "Grüße 😀\n'quoted' & so = on", media=[("image/png", b"\x89PNG")]
    )

    assert result.statuses == (200,)
    received = bridge.texts[0]
    assert received.body == "Grüße 😀\n'quoted' & so = on"
    assert (received.carrier_id, received.customer, received.sender) == (result.sid, CUSTOMER, OURS)
    picture = received.media[0].url
    carrier = bridge.carrier
    assert carrier is not None
    assert carrier.media.allows(picture)
    answers = [
        await http.call("GET", picture, headers=headers)
        for headers in carrier.media.headers(picture)
    ]
    assert [answer.status for answer in answers] == [401, 307]
    assert carrier.media.allows(answers[1].headers["location"])


async def test_a_wrong_signing_token_is_named(bridge: Bridge, fake: FakeTwilio) -> None:
    fake.signing_token = "nobodys"

    result = await fake.customer_texts(CUSTOMER, OURS, "hello")

    assert result.statuses[-1] == 403
    assert result.bodies[-1] == "token"
    assert bridge.texts == []


async def test_a_text_goes_out_is_reported_and_found(bridge: Bridge, fake: FakeTwilio) -> None:
    carrier = bridge.carrier
    assert carrier is not None
    started_ms = SystemClock().now_ms()

    accepted = await carrier.send(text(bridge, "On its way 😀"))

    states = []
    while "delivered" not in states:
        report = await asyncio.wait_for(bridge.reports.get(), 30)
        assert (report.carrier_id, report.ref) == (accepted.carrier_id, "out-7")
        states.append(report.state)
    assert [received.body for received in fake.handset(CUSTOMER)] == ["On its way 😀"]
    found = await carrier.find_sent(text(bridge, "On its way 😀"), since_ms=started_ms)
    assert [one.carrier_id for one in found] == [accepted.carrier_id]
    assert await carrier.find_sent(text(bridge, "Something else"), since_ms=started_ms) == []


async def test_an_opted_out_customer_is_told_apart(bridge: Bridge, fake: FakeTwilio) -> None:
    carrier = bridge.carrier
    assert carrier is not None
    await fake.customer_texts(CUSTOMER, OURS, "STOP")

    with pytest.raises(Refused) as refused:
        await carrier.send(text(bridge, "Still there?"))

    assert carrier.errors.is_opted_out(refused.value.code)


async def test_doctor_finds_nothing_wrong(bridge: Bridge, fake: FakeTwilio) -> None:
    carrier = bridge.carrier
    assert carrier is not None

    findings = await carrier.check(senders=[OURS], public_url=bridge.url)

    assert len(findings) >= 2
    assert [finding for finding in findings if not finding.ok] == []
