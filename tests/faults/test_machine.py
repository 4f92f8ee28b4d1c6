"""Stories that nobody thought of: the checker finds nothing in any of them."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.machine import play
from tests.flows import conftest as flows
from tests.flows.conftest import ALL_ENGINES, NewStore

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests

EXAMPLES = 40 if os.environ.get(ALL_ENGINES) else 10


def test_whatever_happens_each_text_and_each_reply_has_one_effect(
    new_store: NewStore, tmp_path: Path
) -> None:
    print(f"{EXAMPLES} stories, the same each time")  # noqa: T201 - what was covered
    play(new_store, tmp_path, examples=EXAMPLES, steps=25)
