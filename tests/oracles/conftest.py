"""The fake far sides, for clients that other people wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.receiver import Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    fake = FakeTwilio()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def zendesk() -> AsyncIterator[FakeZendesk]:
    fake = FakeZendesk()
    await fake.start()
    yield fake
    await fake.stop()
