"""The fake far sides, running, and plain clients for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import TwilioApi, ZendeskApi
from tests.sandbox.moving_clock import MovingClock
from tests.sandbox.receiver import Receiver


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        session._retry_connection = False
        yield session


@pytest.fixture
async def twilio(clock: MovingClock) -> AsyncIterator[FakeTwilio]:
    fake = FakeTwilio(clock=clock)
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def twilio_api(twilio: FakeTwilio, session: aiohttp.ClientSession) -> TwilioApi:
    return TwilioApi(twilio, session)


@pytest.fixture
async def zendesk(clock: MovingClock) -> AsyncIterator[FakeZendesk]:
    fake = FakeZendesk(clock=clock)
    fake.deliveries.pause_scale = 0.01
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def zendesk_api(zendesk: FakeZendesk, session: aiohttp.ClientSession) -> ZendeskApi:
    return ZendeskApi(zendesk, session)
