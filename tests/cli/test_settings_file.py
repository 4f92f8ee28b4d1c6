from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.both_engines

FILE = """
[[senders]]
number = "+12025550100"
carrier = "twilio"
country = "US"

[[lists]]
name = "vip"

[[keywords]]
words = ["JOIN"]
lists = ["vip"]
reply = "Welcome"
"""


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "settings.toml"
    path.write_text(FILE)
    return path


def test_an_import_says_each_change_and_the_second_that_there_is_none(
    bridge: Command, file: Path
) -> None:
    first = bridge("import", "settings.toml")
    second = bridge("import", "settings.toml")

    assert first.code == 0
    assert first.out.splitlines() == [
        "sender +12025550100: added",
        "list vip: added",
        "keyword rule JOIN: added",
    ]
    assert (second.code, second.out) == (0, "nothing changed\n")


def test_a_dry_run_changes_nothing(bridge: Command, file: Path, folder: Path) -> None:
    tried = bridge("import", "settings.toml", "--dry-run", "--json")
    assert list(folder.iterdir()) == [file]

    assert tried.json["dry_run"] is True
    assert tried.json["changes"][0] == {
        "section": "senders",
        "name": "+12025550100",
        "what": "added",
    }
    assert len(bridge("import", "settings.toml", "--json").json["changes"]) == 3


def test_prune_removes_what_the_file_does_not_name(bridge: Command, file: Path) -> None:
    bridge("import", "settings.toml")
    file.write_text('[[lists]]\nname = "vip"\n')

    assert bridge("import", "settings.toml").out == "nothing changed\n"
    assert bridge("import", "settings.toml", "--prune").out.splitlines() == [
        "sender +12025550100: removed",
        "keyword rule JOIN: removed",
    ]


def test_a_faulty_file_is_refused_with_line_key_and_reason(bridge: Command, file: Path) -> None:
    file.write_text(FILE + '\n[[keywords]]\nwords = ["STOP"]\n[[lists]]\nnaem = "x"\n')

    ended = bridge("import", "settings.toml")

    assert ended.code == 2
    first, second, third, last = ended.err.splitlines()
    assert first.startswith('bridge: settings.toml, line 16: keywords 2, words: "STOP" is an opt-')
    assert second == "bridge: settings.toml, line 17: lists 2, name: is missing"
    assert third.endswith("line 18: lists 2, naem: there is no such key; did you mean name?")
    assert last == "bridge: nothing was changed"
    assert len(bridge("import", "settings.toml", "--json").err.splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe", "settings.toml is not UTF-8 text (byte 0)"),
        (b"#" * 1024 * 1025, "settings.toml is larger than 1048576 bytes"),
    ],
    ids=["encoding", "size"],
)
def test_a_file_that_cannot_be_one_is_refused(
    bridge: Command, file: Path, content: bytes, why: str
) -> None:
    file.write_bytes(content)

    ended = bridge("import", "settings.toml")

    assert (ended.code, ended.err) == (2, f"bridge: {why}\n")


def test_an_export_is_a_file_to_import(bridge: Command, file: Path, folder: Path) -> None:
    bridge("import", "settings.toml")

    assert bridge("export", "copy.toml").out == "written to copy.toml\n"
    assert bridge("import", "copy.toml", "--prune").out == "nothing changed\n"
    assert bridge("export", "-").out == (folder / "copy.toml").read_text()
    assert [path.name for path in folder.glob("*.part")] == []


def test_warnings_go_to_standard_error(bridge: Command, file: Path) -> None:
    file.write_text(FILE + '[[keywords]]\nwords = ["HELP"]\nreply = "Call us"\n')

    ended = bridge("import", "settings.toml")

    assert ended.code == 0
    assert ended.err.startswith("note: sender +12025550100: twilio answers HELP itself")
    assert "note" not in ended.out
