"""Settings as one file: import, export."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from bridge.carriers.registry import answered_words
from bridge.cli.output import as_json, print_json
from bridge.cli.running import read, settings_here, whoever_runs_this, without_traces, write
from bridge.domain.settings_changes import Plan
from bridge.domain.settings_file import parse
from bridge.errors import UserMistake
from bridge.store.settings import export_settings, import_settings, preview_import

LARGEST_FILE = 1024 * 1024  # bytes


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--prune", is_flag=True, help="Remove what the file does not name.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@as_json
def import_file(file: Path, *, prune: bool, dry_run: bool, json: bool) -> None:
    """Set what FILE names, and leave the rest.

    Reaches a running service within seconds. A sender, list or keyword rule that the file names
    becomes just what the file says.
    """
    settings = settings_here()
    carriers = answered_words()
    text = _read_text(file)
    try:
        parsed = parse(text, carriers)
        if dry_run:
            with without_traces(settings) as dry:
                look = partial(preview_import, file=parsed, carriers=carriers, prune=prune)
                plan = read(dry, look, make=True)
        else:
            change = partial(
                import_settings,
                file=parsed,
                carriers=carriers,
                prune=prune,
                by=whoever_runs_this(),
            )
            plan = write(settings, change, make=True)
    except UserMistake as error:
        told = "\n".join(f"{file.name}, {line}" for line in str(error).splitlines())
        raise UserMistake(f"{told}\nnothing was changed") from error
    if json:
        print_json(_show_plan(plan, dry_run=dry_run))
    else:
        _print_plan(plan, dry_run=dry_run)


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
def export_file(file: Path) -> None:
    """Write all settings to FILE.

    For review, and for `bridge import`; "-" is standard output.
    """
    text = read(settings_here(), export_settings)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    half_written = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        half_written.write_text(text, encoding="utf-8")
        half_written.replace(file)
    except OSError as error:
        raise UserMistake(f"{file} can't be written: {error.strerror}") from error
    click.echo(f"written to {file}")


def _read_text(file: Path) -> str:
    try:
        with click.open_file(str(file), "rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UserMistake(f"{file} can't be read: {error.strerror}") from error
    if len(content) > LARGEST_FILE:
        raise UserMistake(f"{file} is larger than {LARGEST_FILE} bytes")
    try:
        return bytes(content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserMistake(f"{file} is not UTF-8 text (byte {error.start})") from error


def _show_plan(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "changes": [
            {"section": change.section, "name": change.name, "what": change.what}
            for change in plan.changes
        ],
        "warnings": list(plan.warnings),
        "dry_run": dry_run,
    }


def _print_plan(plan: Plan, *, dry_run: bool) -> None:
    for change in plan.changes:
        click.echo(str(change))
    if not plan.changes:
        click.echo("nothing would change" if dry_run else "nothing changed")
    elif dry_run:
        click.echo("nothing was changed: this was a dry run")
    for warning in plan.warnings:
        click.echo(f"note: {warning}", err=True)
