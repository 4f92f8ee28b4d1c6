"""What every command has: help, one clear line on a mistake, an exit code that tells its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import bridge as package
from bridge.cli import main
from bridge.cli.main import cli
from bridge.errors import TryLater, UserMistake
from tests.cli.conftest import Command

NAMES = {
    "demo",
    "serve",
    "migrate",
    "backup",
    "import",
    "export",
    "doctor",
    "zendesk",
    "messages",
    "failed",
    "sending",
    "contacts",
    "users",
}


def all_commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, *path, name)


COMMANDS = dict(all_commands(cli))


def test_the_commands_are_those_of_this_version() -> None:
    assert set(cli.commands) == NAMES


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(bridge: Command, path: tuple[str, ...]) -> None:
    ended = bridge(*path, "--help")

    assert ended.code == 0
    assert ended.out.startswith(f"Usage: bridge {' '.join(path)}")
    assert (COMMANDS[path].help or "nothing").split(".")[0] in " ".join(ended.out.split())
    assert ended.err == ""


def test_the_version_is_told(bridge: Command) -> None:
    assert bridge("--version").out == f"bridge, version {package.__version__}\n"


def test_without_a_command_the_commands_are_shown(bridge: Command) -> None:
    ended = bridge()

    assert ended.code == 2
    assert "Commands:" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["sreve"], "bridge: No such command 'sreve'. Did you mean 'serve'? Try 'bridge --help'."),
        (["messages", "--foo"], "bridge: No such option '--foo'. Try 'bridge messages --help'."),
        (["messages", "--limit", "many"], "bridge: Invalid value for '--limit': 'many' is not"),
        (["import"], "bridge: Missing argument 'FILE'. Try 'bridge import --help'."),
        (["failed", "retry"], "bridge: give either an ID or --all. Try 'bridge failed retry"),
        (["failed", "retry", "x", "--all"], "bridge: give either an ID or --all"),
        (["failed", "retry", "x"], "bridge: there is no failed work x"),
        (["failed", "drop", "x"], "bridge: there is no failed work x"),
        (["messages", "--why", "x"], "bridge: there is no message x"),
        (["messages", "--customer", "?"], "bridge: --customer: a number in E.164"),
        (["messages", "--customer", "abc"], "bridge: --customer: a number in E.164"),
        (["contacts", "show", "+12025550100"], "bridge: there is no contact with this number"),
        (["import", "none.toml"], "bridge: none.toml can't be read: No such file or directory"),
        (["export", "no/such/folder"], "bridge: no/such/folder can't be written: No such file"),
        (["zendesk", "setup", "--close-after", "soon"], "bridge: Invalid value for '--close-aft"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_clear_line(bridge: Command, arguments: list[str], line: str) -> None:
    bridge("migrate")

    ended = bridge(*arguments)

    assert ended.code == 2
    assert ended.err.startswith(line)
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["messages"],
        ["messages", "--why", "x"],
        ["failed", "list"],
        ["failed", "retry", "--all"],
        ["failed", "drop", "x"],
        ["contacts", "show", "+12025550100"],
        ["export", "-"],
        ["backup", "copy.db"],
    ],
    ids=" ".join,
)
def test_a_folder_without_a_database_is_told_of_and_left_as_it_is(
    bridge: Command, folder: Path, arguments: list[str]
) -> None:
    ended = bridge(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "bridge: there is no database at bridge.db: see BRIDGE_DATABASE_URL, or make one with "
        "`bridge migrate`\n"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"BRIDGE_PORT=1\n\nthis is canary\n", "3: expected NAME=VALUE, or a # remark"),
        (b"\x00\xff", "1: expected UTF-8 text"),
    ],
    ids=["garbage", "binary"],
)
def test_a_faulty_env_file_is_one_line_that_names_its_place(
    bridge: Command, folder: Path, content: bytes, line: str
) -> None:
    (folder / ".env").write_bytes(content)

    ended = bridge("migrate")

    assert (ended.code, ended.out, ended.err) == (2, "", f"bridge: .env, line {line}\n")
    assert not (folder / "bridge.db").exists()


def test_a_faulty_setting_is_named_and_nothing_starts(
    bridge: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_PORT", "http")
    (folder / ".env").write_text("BRIDGE_LOG_LEVEL=loud\n")

    ended = bridge("migrate")

    assert ended.code == 2
    assert ended.err == (
        "bridge: BRIDGE_LOG_LEVEL: expected debug, info, warning or error\n"
        "bridge: BRIDGE_PORT: expected a whole number up to 65535\n"
    )
    assert not (folder / "bridge.db").exists()


def test_serve_names_what_it_misses(bridge: Command) -> None:
    ended = bridge("serve")

    assert ended.code == 2
    assert ended.err.startswith("bridge: BRIDGE_SECRET_KEY: missing; expected characters that")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserMistake("write it so"), 2, "bridge: write it so\n"),
        (TryLater("zendesk", "no connection"), 1, "bridge: no connection\n"),
        (KeyError("secret"), 1, "bridge: a fault of the bridge itself: KeyError (BRIDGE_LOG"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["mistake", "failure", "fault", "interrupted"],
)
def test_each_way_of_ending_has_its_code_and_no_traceback(
    bridge: Command,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    words: str,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main.cli.commands["migrate"], "callback", fail)

    ended = bridge("migrate")

    assert ended.code == code
    assert ended.err.startswith(words)
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err


def test_it_runs_as_a_module_and_ends_with_its_code(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bridge", "sreve"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(package.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("bridge: No such command 'sreve'.")


def test_a_reader_that_goes_away_is_no_error_to_tell_of(bridge: Command, folder: Path) -> None:
    bridge("migrate")
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "messages", "--json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(package.__file__).parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()

    _, err = process.communicate()

    assert (process.returncode, err) == (1, b"")
