"""Takes one mechanism after the other out of a copy of the bridge, and sees which tests notice.

    python -m tests.faults.mutations [NAME ...]    all of mutations.toml, or these
    python -m tests.faults.mutations --page        the table of docs/reliability.md

Exits with 1 where a change is not noticed, or does not fit the source any more.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).parent.parent.parent
TABLE = Path(__file__).parent / "mutations.toml"
AT_ONCE = 2
LIMIT_S = 240  # two tests that wait in vain for a minute each, on a machine with other work
COPIED = ("bridge", "tests", "pyproject.toml", "schema.sql")
# Loading every plugin there is would take longer than most of the tests.
PLUGINS = ("pytest_asyncio.plugin", "pytest_aiohttp.plugin", "pytest_timeout")
FAILED = re.compile(r"^FAILED (tests/\S+?\.py::\w+)", re.MULTILINE)
NOTICED = "noticed"


class DoesNotFit(Exception):
    """A change whose place in the source is gone, or is there more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One place in the source, and what it is replaced by."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> str:
        """The file's text with the change. Raises DoesNotFit unless it fits exactly once."""
        text = (root / self.file).read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise DoesNotFit(f"{self.file} has this {found} times: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A mechanism, what takes it away, and the tests (pytest's ids) that must fail without it."""

    name: str
    mechanism: str
    change: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]

    @property
    def witnesses(self) -> tuple[str, ...]:
        """The tests without their parameters, each once."""
        return tuple(dict.fromkeys(test.partition("[")[0] for test in self.tests))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How pytest ended: its code (None: out of time), the tests that failed, what it printed."""

    code: int | None
    failed: frozenset[str]
    said: str


@dataclass(slots=True)
class Report:
    """Prints as results come, and remembers what went wrong."""

    wrong: list[str] = field(default_factory=list)

    def add(self, mutation: Mutation, result: str, took_s: float) -> None:
        print(f"{mutation.name:32} {took_s:5.1f} s  {result}", flush=True)
        if result != NOTICED:
            self.wrong.append(f"{mutation.name}: {result}")


def read_mutations() -> tuple[Mutation, ...]:
    """The table, in its order."""
    entries = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutation"]
    return tuple(
        Mutation(
            **{name: entry[name] for name in ("name", "mechanism", "change")},
            tests=tuple(entry["tests"]),
            edits=tuple(Edit(**edit) for edit in entry["edits"]),
        )
        for entry in entries
    )


def page() -> str:
    """The table as docs/reliability.md shows it."""
    lines = ["| mechanism | taken away | test that notices | result |", "|---|---|---|---|"]
    for mutation in read_mutations():
        tests = "<br>".join(f"`{test}`" for test in mutation.witnesses)
        lines.append(f"| {mutation.mechanism} | {mutation.change} | {tests} | {NOTICED} |")
    return "\n".join(lines) + "\n"


def make_copy(folder: Path, edits: Iterable[Edit] = ()) -> None:
    """Copy what tests need, and change it. Raises DoesNotFit."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    for edit in edits:
        (folder / edit.file).write_text(edit.apply(folder), encoding="utf-8")


def run_tests(folder: Path, tests: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run these tests of a copy against its own bridge."""
    plugins = [argument for plugin in PLUGINS for argument in ("-p", plugin)]
    own = tempfile.mkdtemp(dir=folder)  # pytest empties it, and others may run in this copy
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"),
            *plugins,
            *(f"--basetemp={own}/temporary", *tests),
        ],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the bridges that it has started
        said, _ = process.communicate()
        return Run(code=None, failed=frozenset(), said=said)
    return Run(code=process.returncode, failed=frozenset(FAILED.findall(said)), said=said)


def result_of(mutation: Mutation, run: Run) -> str:
    """Whether every test that must fail has failed; anything else than failures is told."""
    if run.code is None:
        return f"out of time after {LIMIT_S} s"
    if run.code not in {0, 1} or "\nERROR " in run.said:
        return f"broken instead of wrong:\n{run.said[-2000:]}"
    unmoved = [test for test in mutation.witnesses if test not in run.failed]
    return NOTICED if not unmoved else f"NOT NOTICED by {', '.join(unmoved)}"


def try_out(mutation: Mutation, environment: Mapping[str, str]) -> str:
    """Run a mutation's tests without its mechanism. Returns the result in words."""
    with tempfile.TemporaryDirectory(prefix="bridge-mutation-") as name:
        try:
            make_copy(Path(name), mutation.edits)
        except DoesNotFit as error:
            return f"DOES NOT FIT: {error}"
        return result_of(mutation, run_tests(Path(name), mutation.tests, environment))


def run_unchanged(mutations: Sequence[Mutation], environment: Mapping[str, str]) -> str | None:
    """Run all their tests against the bridge as it is. Returns what went wrong."""
    tests = list(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    with ThreadPoolExecutor(AT_ONCE) as threads, tempfile.TemporaryDirectory() as name:
        make_copy(Path(name))
        shares = [share for n in range(AT_ONCE) if (share := tests[n::AT_ONCE])]
        runs = threads.map(lambda share: run_tests(Path(name), share, environment), shares)
        return next((run.said for run in runs if run.code != 0), None)


def prepare() -> dict[str, str]:
    """What the runs share: one PostgreSQL server, and no test skipped in silence."""
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "BRIDGE_TESTS_NO_SKIP": "1"}
    if postgres.GIVEN not in os.environ:
        environment[postgres.GIVEN] = postgres.start_server({})
    return environment


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for. Returns the exit code."""
    if arguments == ["--page"]:
        print(page(), end="")
        return 0
    known = read_mutations()
    unknown = set(arguments) - {mutation.name for mutation in known}
    if unknown:
        print(f"no such mutation: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [one for one in known if not arguments or one.name in arguments]
    environment = prepare()
    began = time.monotonic()
    broken = run_unchanged(chosen, environment)
    if broken is not None:
        print(f"{broken}\nThe tests fail before anything is taken away.", file=sys.stderr)
        return 1
    print(f"{'(nothing taken away)':32} {time.monotonic() - began:5.1f} s  all tests pass")
    report = Report()

    def examine(mutation: Mutation) -> None:
        started = time.monotonic()
        result = try_out(mutation, environment)
        report.add(mutation, result, time.monotonic() - started)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(examine, chosen))
    noticed = len(chosen) - len(report.wrong)
    print(f"{noticed} of {len(chosen)} noticed in {time.monotonic() - began:.0f} s")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
