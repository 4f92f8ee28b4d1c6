"""The switch that keeps every text back: halt, resume, status."""

from __future__ import annotations

import click

from bridge.cli.output import as_json, print_json
from bridge.cli.running import read, settings_here, whoever_runs_this, write
from bridge.clock import rfc3339
from bridge.store.settings import load_halt, save_halt


@click.group()
def sending() -> None:
    """Halt all sending in need; let texts leave again."""


@sending.command()
def halt() -> None:
    """Keep every text to customers back, whatever its number, within two seconds. Replies wait."""
    changed = write(settings_here(), lambda tx: save_halt(tx, on=True, by=whoever_runs_this()))
    click.echo("all sending is halted" if changed else "all sending was halted already")


@sending.command()
def resume() -> None:
    """Let texts leave again, those that waited first."""
    changed = write(settings_here(), lambda tx: save_halt(tx, on=False, by=whoever_runs_this()))
    click.echo("texts leave again" if changed else "sending was not halted")


@sending.command()
@as_json
def status(*, json: bool) -> None:
    """Say whether texts leave."""
    since_ms = read(settings_here(), load_halt).since_ms
    since = None if since_ms is None else rfc3339(since_ms)
    if json:
        print_json({"halted": since is not None, "since": since})
    else:
        click.echo("texts leave" if since is None else f"all sending is halted since {since}")
