"""What the bridge needs in Zendesk: zendesk setup, status, teardown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click

from bridge.app import open_database, zendesk_api
from bridge.cli.output import as_json, print_json, printable
from bridge.cli.running import settings_here
from bridge.clock import SystemClock
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.setup import (
    Plan,
    SetupResult,
    Step,
    apply,
    plan,
    plan_teardown,
    read_account,
)
from bridge.domain.directory import DeskRecord
from bridge.http import HttpClient
from bridge.secrets import seal
from bridge.settings import Settings, require_for_zendesk
from bridge.store.database import Database
from bridge.store.settings import load_desk, save_desk


@dataclass(frozen=True, slots=True, kw_only=True)
class _Far:
    """The account, and what we have noted of what was made there."""

    settings: Settings
    database: Database
    api: ZendeskApi
    stored: SetupResult


@click.group()
def zendesk() -> None:
    """Make, mend, show or take away what the bridge needs in Zendesk."""


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
    async with _far(settings) as far:
        planned = plan(
            await read_account(far.api),
            stored=far.stored,
            public_url=settings.public_url,
            close_after_h=hours,
        )
        _print_plan(planned, dry_run=dry_run, json=json)
        if not dry_run:
            made = await apply(far.api, planned)
            await far.database.write(lambda tx: save_desk(tx, _to_keep(settings, made)))


async def _tear_down(settings: Settings, *, json: bool) -> None:
    async with _far(settings) as far:
        planned = plan_teardown(await read_account(far.api), stored=far.stored)
        _print_plan(planned, dry_run=False, json=json)
        await apply(far.api, planned)
        await far.database.write(lambda tx: save_desk(tx, DeskRecord()))


@asynccontextmanager
async def _far(settings: Settings) -> AsyncIterator[_Far]:
    clock = SystemClock()
    database = open_database(settings, clock)
    http = HttpClient(timeout_s=settings.http_timeout)
    await database.open()
    try:
        await http.open()
        record = await database.read(load_desk)
        yield _Far(
            settings=settings,
            database=database,
            api=zendesk_api(settings, http, clock),
            stored=_made_before(settings, record),
        )
    finally:
        await http.close()
        await database.close()


def _made_before(settings: Settings, record: DeskRecord) -> SetupResult:
    """What was made in this very account: the ids of another one mean nothing here."""
    if record.url != settings.zendesk_url:
        return SetupResult()
    return SetupResult(
        webhook_id=record.webhook_id,
        trigger_id=record.trigger_id,
        view_id=record.view_id,
        field_id=record.field_id,
        automation_id=record.automation_id,
    )


def _to_keep(settings: Settings, made: SetupResult) -> DeskRecord:
    key, secret = settings.secret_key, made.signing_secret
    return DeskRecord(
        url=settings.zendesk_url,
        webhook_id=made.webhook_id,
        trigger_id=made.trigger_id,
        view_id=made.view_id,
        field_id=made.field_id,
        automation_id=made.automation_id,
        signing_secret=seal(secret, key.get_secret_value()) if secret and key else None,
    )


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
