"""docs/commands.md, made from the commands' own `--help`; the page says how."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from bridge.cli.main import cli

WIDTH = 80
HEAD = """\
# Commands

What `--help` says of each command. This page is made by
`.venv/bin/python -m tests.docs.commands > docs/commands.md`, and a test compares the two. How the
commands are used is told in [operations.md](operations.md).

Every command takes its settings from the environment and from `.env` in the working folder. It
ends with 0 when all went well, with 1 when something failed (`doctor`: when anything would not
work), with 2 when what was asked for is faulty: then a line for each fault says what and where.
With `--json` it prints one JSON object and nothing else to standard output.
"""


def page() -> str:
    """The whole page, as Markdown."""
    sections = [
        f"## {' '.join(names)}\n\n```text\n{_help(command, names)}\n```\n"
        for names, command in commands()
    ]
    return "\n".join([HEAD, *sections])


def commands(
    command: click.Command = cli, names: Sequence[str] = ("bridge",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words, a group before what is in it."""
    yield tuple(names), command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from commands(inner, (*names, name))


def _help(command: click.Command, names: Sequence[str]) -> str:
    context = click.Context(
        command,
        info_name=" ".join(names),
        terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    lines = command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


if __name__ == "__main__":
    sys.stdout.write(page())
