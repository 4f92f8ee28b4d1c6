"""The table of faults is whole, its tests exist, and they run on the engines that it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, every_page, rows

ENGINES = {
    "both": frozenset({"SQLite", "PostgreSQL"}),
    "SQLite": frozenset({"SQLite"}),
    "PostgreSQL": frozenset({"PostgreSQL"}),
    "none": frozenset(),
}
RESULTS = ("kept", "partly: ", "not shown: ", "does not apply: ")
TEST = re.compile(r"(tests/[\w/]+\.py::test_\w+)(?: \((\w+)\))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row; `tests` names the engines of each."""

    id: str
    tests: dict[str, frozenset[str]]
    engines: frozenset[str]
    result: str


def listed() -> list[Fault]:
    """The rows of the table."""
    found = []
    for id_, _fault, _promise, tests, engines, result in rows(every_page()["docs/faults.md"].text):
        named = TEST.findall(tests)
        assert TEST.sub("", tests).replace("<br>", "").strip() == "", id_
        found.append(
            Fault(
                id=id_,
                tests={name: ENGINES[own or engines] for name, own in named},
                engines=ENGINES[engines],
                result=result,
            )
        )
    return found


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, frozenset[str]]:
    """What pytest finds in the files that are named, with the engines of each test."""
    told = tmp_path_factory.mktemp("collected") / "engines.json"
    files = sorted({name.partition("::")[0] for fault in listed() for name in fault.tests})
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0"),
            *("-p", "no:cacheprovider", "-p", "tests.docs.engines", "--engines-to", str(told)),
            *(file for file in files if Path(ROOT / file).exists()),
        ],
        cwd=ROOT,
        env=inherited | {"BRIDGE_TESTS_ALL_ENGINES": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return {name: frozenset(engines) for name, engines in json.loads(told.read_text()).items()}


def test_every_fault_is_listed_once_and_in_order() -> None:
    assert [fault.id for fault in listed()] == [f"F{number:02}" for number in range(1, 65)]


def test_what_is_kept_names_a_test_and_what_is_not_says_why() -> None:
    for fault in listed():
        assert fault.result.startswith(RESULTS), fault.id
        is_tested = fault.result == "kept" or fault.result.startswith("partly: ")
        assert bool(fault.tests) == is_tested, fault.id
        assert fault.result == "kept" or len(fault.result.partition(": ")[2]) > 10, fault.id


def test_every_fault_is_injected_on_the_engines_that_are_named(
    collected: dict[str, frozenset[str]],
) -> None:
    named = {name for fault in listed() for name in fault.tests}
    assert named - set(collected) == set()
    for fault in listed():
        # A test that needs no database may stand beside those that do.
        wrong = {
            name: sorted(collected[name])
            for name, engines in fault.tests.items()
            if collected[name] not in (engines, frozenset())
        }
        assert wrong == {}, fault.id
        ran = frozenset[str]().union(*(collected[name] for name in fault.tests))
        assert ran == fault.engines, fault.id
