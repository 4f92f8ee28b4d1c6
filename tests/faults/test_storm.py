"""Nothing is lost, doubled or out of order while calls break and processes are killed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import NO_SKIP
from tests.faults.plan import Plan
from tests.faults.soak import SIZES
from tests.faults.storm import Storm
from tests.flows import conftest as flows
from tests.flows.conftest import NewStore

new_store = flows.new_store  # a fixture

SEED = "BRIDGE_TESTS_SEED"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def plan() -> Plan:
    """A small storm; a larger one where everything is checked. `make soak` draws its seeds."""
    size = "middle" if os.environ.get(NO_SKIP) else "small"
    seed = int(os.environ.get(SEED, "1"))
    return replace(SIZES[size], seed=seed)


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
async def test_storm_leaves_every_text_and_reply_exactly_once_and_in_order(
    plan: Plan, engine: str, new_store: NewStore, tmp_path: Path
) -> None:
    processes = 1 if engine == "sqlite" else 2  # one SQLite file has one process
    storm = Storm(replace(plan, processes=processes), tmp_path, new_store(tmp_path))

    report = await storm.run()

    assert report.violations == [], f"{SEED}={plan.seed}: {report}"
    assert report.kills > 0
    assert report.faults.total() > 0
    assert report.texts >= plan.texts
    assert report.replies == plan.replies
