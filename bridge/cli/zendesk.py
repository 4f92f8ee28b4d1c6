"""What the bridge needs in Zendesk: zendesk setup, status, teardown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import click

from bridge.app import zendesk_api
from bridge.cli.output import as_json, print_json, printable
from bridge.cli.running import settings_here, without_traces
from bridge.clock import SystemClock
from bridge.databases import open_database
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.setup import Plan, Step
from bridge.doctor import has_database
from bridge.http import HttpClient
from bridge.provisioning import plan_removal, plan_setup, set_up, tear_down
from bridge.settings import Settings, require_for_zendesk
from bridge.store.database import Database


@click.group()
def zendesk() -> None:
    """Set up what the bridge needs in Zendesk."""


@zendesk.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--close-after",
    "hours",
    metavar="HOURS",
    type=int,
    help="Also make the automation that closes solved tickets of the bridge after so many hours.",
)
@as_json
def setup(*, dry_run: bool, hours: int | None, json: bool) -> None:
    """Make or mend webhook, trigger, view and field. Can be repeated."""
    asyncio.run(_set_up(_settings(), hours=hours, dry_run=dry_run, json=json))


@zendesk.command()
@as_json
def status(*, json: bool) -> None:
    """Show what is there, and what `setup` would do."""
    asyncio.run(_set_up(_settings(), hours=None, dry_run=True, json=json))


@zendesk.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
@as_json
def teardown(*, yes: bool, json: bool) -> None:
    """Take away all that `setup` has made, and nothing else."""
    settings = _settings()
    if not yes and sys.stdin.isatty():
        click.confirm(
            f"Remove from {settings.zendesk_url} what the bridge has made, with the numbers in "
            "its ticket field?",
            abort=True,
            err=True,
        )
    asyncio.run(_tear_down(settings, json=json))


def _settings() -> Settings:
    settings = settings_here()
    require_for_zendesk(settings)
    return settings


async def _set_up(settings: Settings, *, hours: int | None, dry_run: bool, json: bool) -> None:
    async with _account(settings, dry_run=dry_run) as (api, database):
        planned = await plan_setup(api, database, settings, close_after_h=hours)
        _print_plan(planned, dry_run=dry_run, json=json)
        if not dry_run:
            await set_up(api, database, settings, planned)


async def _tear_down(settings: Settings, *, json: bool) -> None:
    # Without a database there is nothing to forget, and no reason to make one.
    async with _account(settings, dry_run=not has_database(settings)) as (api, database):
        planned = await plan_removal(api, database, settings)
        _print_plan(planned, dry_run=False, json=json)
        await tear_down(api, database, planned)


@asynccontextmanager
async def _account(
    settings: Settings, *, dry_run: bool
) -> AsyncIterator[tuple[ZendeskApi, Database]]:
    clock = SystemClock()
    http = HttpClient(timeout_s=settings.http_timeout)
    with without_traces(settings) if dry_run else nullcontext(settings) as used:
        database = open_database(used, clock)
        await database.open()
        try:
            await http.open()
            yield zendesk_api(settings, http, clock), database
        finally:
            await http.close()
            await database.close()


def _print_plan(planned: Plan, *, dry_run: bool, json: bool) -> None:
    if json:
        print_json(
            {
                "steps": [_show_step(step) for step in planned.steps],
                "warnings": [*planned.warnings, *(one.advice for one in planned.notifiers)],
                "changes": planned.changes,
                "dry_run": dry_run,
            }
        )
        return
    for line in planned.lines:
        click.echo(printable(line))
    if not planned.changes:
        click.echo("nothing to do")
    elif dry_run:
        click.echo("nothing was changed")


def _show_step(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "kind": step.kind,
        "title": step.title,
        "id": step.id,
        "why": step.why,
    }
