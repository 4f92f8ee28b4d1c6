"""Failed work: list, retry, drop."""

from __future__ import annotations

import click

from bridge.cli.output import as_json, print_json, print_table
from bridge.cli.running import read, settings_here, whoever_runs_this, write
from bridge.clock import rfc3339
from bridge.store.failed import drop, list_failed, retry, retry_all
from bridge.web.api.answers import show_failed


@click.group()
def failed() -> None:
    """See what failed; retry it or give it up."""


@failed.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def list_command(*, limit: int, json: bool) -> None:
    """Show failed work, newest first."""
    found = read(settings_here(), lambda tx: list_failed(tx, before=None, limit=limit))
    if json:
        print_json({"failed": [show_failed(work) for work in found]})
        return
    print_table(
        ("since", "id", "kind", "attempts", "ticket", "reason"),
        [(rfc3339(w.since_ms), w.ref, w.kind, w.attempts, w.ticket_id, w.reason) for w in found],
        empty="nothing has failed",
    )


@failed.command("retry")
@click.argument("work_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that failed.")
def retry_command(work_id: str | None, *, everything: bool) -> None:
    """Try failed work again: the one with this ID, or --all."""
    if everything == (work_id is not None):
        raise click.UsageError("give either an ID or --all.")
    settings = settings_here()
    if work_id is None:
        count = write(settings, lambda tx: retry_all(tx, whoever_runs_this()))
        click.echo(f"{count} to be tried again")
    else:
        write(settings, lambda tx: retry(tx, work_id, whoever_runs_this()))
        click.echo(f"{work_id} is to be tried again")


@failed.command("drop")
@click.argument("work_id", metavar="ID")
def drop_command(work_id: str) -> None:
    """Give failed work up for good. Its message stays, as failed."""
    write(settings_here(), lambda tx: drop(tx, work_id, whoever_runs_this()))
    click.echo(f"{work_id} is given up")
