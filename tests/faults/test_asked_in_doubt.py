"""A sweep that asks what became of a text dies or fails at any step: the answer counts once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store import sweeps
from tests.faults.mortal import FAULTS, At, Fault, How
from tests.faults.stage import Stage, open_stage
from tests.flows import conftest as flows
from tests.flows.cast import ACME, MAYA, notes, only_ticket
from tests.flows.conftest import NewStore
from tests.flows.outbound import MovingClock, looked_for

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests
pytestmark = [pytest.mark.slow]

MINUTE_MS = 60_000
MOST_STEPS = 30  # commits, or calls, of a sweep and the note that follows: fewer


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def stage(tmp_path: Path, new_store: NewStore, clock: MovingClock) -> AsyncIterator[Stage]:
    opened = await open_stage(tmp_path, new_store(tmp_path), clock=clock)
    await opened.live()
    await opened.text(MAYA, ACME, "hello")
    await opened.settle()
    opened.sandbox.twilio.lose_callbacks = True
    opened.sandbox.twilio.deliveries[MAYA] = "undelivered:30003"
    yield opened
    await opened.close()


@pytest.mark.parametrize(("at", "how"), FAULTS)
async def test_what_became_of_a_text_is_told_once_whatever_goes_wrong_while_it_is_asked(
    stage: Stage, clock: MovingClock, at: At, how: How
) -> None:
    for number in range(1, MOST_STEPS):
        await stage.reply(1, f"reply {number}", customer=MAYA, sender=ACME)
        await stage.settle()
        clock.ahead_ms += 16 * MINUTE_MS

        fault = Fault(at=at, how=how, number=number)
        await stage.act(lambda tx: sweeps.plan_now(tx, "twilio"))
        stage.bridge.arm(fault)
        await stage.settle()
        stage.bridge.arm(None)
        clock.ahead_ms += 61 * MINUTE_MS  # where the answer was lost it is asked again by then
        await stage.rest()

        assert len(notes(only_ticket(stage.sandbox))) == number
        if fault.happened_at is None:
            assert len(looked_for(stage.sandbox)) >= number
            return
    pytest.fail("there was always one more step")
