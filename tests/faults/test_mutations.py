"""The table of mutations fits the source, and its runner can tell noticed from not noticed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults import mutations
from tests.faults.mutations import ROOT, DoesNotFit, Edit, Mutation, Run

TABLE = mutations.read_mutations()
EACH = pytest.mark.parametrize("mutation", TABLE, ids=[mutation.name for mutation in TABLE])
WRONG = "FAILED tests/test_clock.py::test_it - assert 1 == 2\n1 failed\n"


def mutation_of(*tests: str, edit: Edit | None = None) -> Mutation:
    return Mutation(
        name="clock",
        mechanism="A clock",
        change="no clock",
        tests=tests or ("tests/test_clock.py::test_it",),
        edits=(edit,) if edit else (),
    )


@EACH
def test_every_change_fits_the_source_and_leaves_it_readable(
    mutation: Mutation, tmp_path: Path
) -> None:
    for edit in mutation.edits:
        (tmp_path / edit.file).parent.mkdir(parents=True, exist_ok=True)
        if not (tmp_path / edit.file).exists():
            (tmp_path / edit.file).write_bytes((ROOT / edit.file).read_bytes())

        changed = edit.apply(tmp_path)

        assert changed != (tmp_path / edit.file).read_text()
        (tmp_path / edit.file).write_text(changed)
        if edit.file.endswith(".py"):
            ast.parse(changed, edit.file)
    assert mutation.edits


@EACH
def test_every_test_that_must_fail_exists(mutation: Mutation) -> None:
    for test in mutation.witnesses:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")
    assert mutation.witnesses


def test_every_mutation_has_a_name_of_its_own() -> None:
    assert len({mutation.name for mutation in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("text", "times"), [("a = 2\n", 0), ("a = 1\na = 1\n", 2)])
def test_a_change_that_does_not_fit_once_is_told(tmp_path: Path, text: str, times: int) -> None:
    (tmp_path / "one.py").write_text(text)

    with pytest.raises(DoesNotFit, match=rf"one.py has this {times} times: 'a = 1'"):
        Edit(file="one.py", old="a = 1", new="a = 3").apply(tmp_path)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run(code=1, failed=frozenset({"tests/test_clock.py::test_it"}), said=WRONG), "noticed"),
        (Run(code=0, failed=frozenset(), said="1 passed"), "NOT NOTICED by tests/test_clock.py"),
        (Run(code=1, failed=frozenset({"tests/x.py::test_y"}), said=WRONG), "NOT NOTICED"),
        (Run(code=1, failed=frozenset(), said="x\nERROR tests/test_clock.py::test_it"), "broken"),
        (Run(code=2, failed=frozenset(), said="ImportError"), "broken instead of wrong"),
        (Run(code=None, failed=frozenset(), said=""), "out of time"),
    ],
    ids=["failed", "passed", "another failed", "error", "import", "time"],
)
def test_only_a_test_that_fails_counts_as_noticing(run: Run, said: str) -> None:
    assert mutations.result_of(mutation_of("tests/test_clock.py::test_it[one]"), run).startswith(
        said
    )


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A project with one module and one test, instead of ours."""
    (tmp_path / "bridge").mkdir()
    (tmp_path / "bridge" / "__init__.py").write_text("")
    (tmp_path / "bridge" / "clock.py").write_text("HOURS = 24\nMINUTES = 60\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_clock.py").write_text(
        "from bridge.clock import HOURS\n\n\ndef test_it():\n    assert HOURS == 24\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest]\npythonpath = ["."]\naddopts = ["-rfE"]\n'
    )
    (tmp_path / "schema.sql").write_text("")
    monkeypatch.setattr(mutations, "ROOT", tmp_path)
    return {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def test_a_change_that_a_test_sees_is_noticed(small: Mapping[str, str]) -> None:
    edit = Edit(file="bridge/clock.py", old="HOURS = 24", new="HOURS = 25")

    assert mutations.run_unchanged([mutation_of(edit=edit)], small) is None
    assert mutations.try_out(mutation_of(edit=edit), small) == "noticed"


def test_a_change_that_no_test_sees_is_told(small: Mapping[str, str]) -> None:
    edit = Edit(file="bridge/clock.py", old="MINUTES = 60", new="MINUTES = 61")

    result = mutations.try_out(mutation_of(edit=edit), small)

    assert result == "NOT NOTICED by tests/test_clock.py::test_it"


def test_tests_that_fail_anyway_prove_nothing(small: Mapping[str, str]) -> None:
    broken = mutations.ROOT / "bridge" / "clock.py"
    broken.write_text("HOURS = 23\n")

    assert "assert 23 == 24" in str(mutations.run_unchanged([mutation_of()], small))


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutations.main(["no-such"]) == 2

    assert capsys.readouterr().err == "no such mutation: no-such\n"
