"""The real carrier behind the real web layer, signed by the carrier's own SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from pytest_aiohttp.plugin import AiohttpClient, AiohttpServer
from twilio.request_validator import RequestValidator
from yarl import URL

from bridge.carriers.twilio import TwilioCarrier
from bridge.clock import SystemClock
from bridge.http import HttpClient
from bridge.web.parts import WebParts
from bridge.web.server import create_app, runner_options
from tests.web.conftest import PUBLIC_URL, Client
from tests.web.far_sides import Taken

ACCOUNT = "AC" + "0" * 32
AUTH = "12345"
FIELDS = {
    "AccountSid": ACCOUNT,
    "MessageSid": "SM" + "1" * 32,
    "From": "+12025550142",
    "To": "+12025550100",
    "Body": "a+b & c=d % é 🙂\n ",
    "NumMedia": "0",
    "FromCity": "",
}
INBOUND = "/carriers/twilio/inbound"


def signature(path: str, fields: dict[str, str]) -> dict[str, str]:
    signed = RequestValidator(AUTH).compute_signature(PUBLIC_URL + path, fields)
    return {"X-Twilio-Signature": str(signed)}


@pytest.fixture
async def twilio(
    aiohttp_server: AiohttpServer,
    aiohttp_client: AiohttpClient,
    make_parts: Callable[[str | None], WebParts],
) -> AsyncIterator[Client]:
    http = HttpClient(timeout_s=1)
    carrier = TwilioCarrier(
        account_sid=ACCOUNT,
        auth_tokens=[AUTH],
        api_url="http://127.0.0.1:9",
        public_url=PUBLIC_URL,
        http=http,
        clock=SystemClock(),
    )
    parts = replace(make_parts(None), carriers={"twilio": carrier})
    yield await aiohttp_client(await aiohttp_server(create_app(parts), **runner_options()))
    await http.close()


async def test_a_posted_text_is_taken_character_for_character(twilio: Client, taken: Taken) -> None:
    response = await twilio.post(INBOUND, data=FIELDS, headers=signature(INBOUND, FIELDS))

    assert (response.status, response.content_type) == (200, "text/xml")
    assert (await response.text()).endswith("<Response/>")
    [(name, text)] = taken.texts
    assert (name, text.body, text.customer) == ("twilio", FIELDS["Body"], FIELDS["From"])


async def test_a_text_by_get_is_taken_character_for_character(twilio: Client, taken: Taken) -> None:
    path = f"{INBOUND}?{urlencode(FIELDS, quote_via=quote)}"

    response = await twilio.get(URL(path, encoded=True), headers=signature(path, {}))

    assert response.status == 200
    assert [text.body for _, text in taken.texts] == [FIELDS["Body"]]


async def test_a_report_carries_our_reference_in_its_address(twilio: Client, taken: Taken) -> None:
    path = "/carriers/twilio/status?ref=part-1"
    fields = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "2" * 32, "MessageStatus": "delivered"}

    response = await twilio.post(path, data=fields, headers=signature(path, fields))

    assert response.status == 200
    assert [(report.ref, report.state) for _, report in taken.reports] == [("part-1", "delivered")]


async def test_a_text_changed_on_its_way_is_403(twilio: Client, taken: Taken) -> None:
    headers = signature(INBOUND, FIELDS)

    response = await twilio.post(INBOUND, data={**FIELDS, "Body": "other"}, headers=headers)

    assert (response.status, taken.texts) == (403, [])
