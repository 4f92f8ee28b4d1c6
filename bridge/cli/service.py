"""Running it: demo, serve, migrate, backup, doctor."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from bridge.cli.output import as_json, print_json
from bridge.cli.running import run_with_database, settings_here
from bridge.doctor import run_doctor
from bridge.process import run_service
from bridge.settings import require_for_serve
from bridge.store.database import Database


@click.command()
def demo() -> None:
    """Try it without any account.

    A page with a phone on one side and an agent's ticket on the other, over the real code; and the
    console, over some days of made-up use, as an admin, a manager or a viewer.
    """
    from bridge.sandbox.demo import run_demo  # noqa: PLC0415 - the service never plays with it

    asyncio.run(run_demo(settings_here(), click.echo))


@click.command()
def serve() -> None:
    """Run the service. Migrates the database first."""
    settings = settings_here()
    require_for_serve(settings)
    asyncio.run(run_service(settings, click.echo))


@click.command()
def migrate() -> None:
    """Bring the database up to this version.

    `serve` does so by itself.
    """

    async def opened(_database: Database) -> None:
        """Opening has migrated it."""

    settings = settings_here()
    run_with_database(settings, opened, make=True)
    name = "the database" if settings.uses_postgres else settings.database_path
    click.echo(f"{name} is up to date")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the whole database to FILE.

    Also while the service runs. A file that exists is never overwritten.
    """
    run_with_database(settings_here(), lambda database: database.back_up(str(file)))
    click.echo(f"copied to {file}")


@click.command()
@as_json
def doctor(*, json: bool) -> int:
    """Check that everything would work.

    Every credential, number, address and clock, with how to mend what would not. Exits 0 only
    when everything would.
    """
    findings = asyncio.run(run_doctor(settings_here()))
    if json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            click.echo(f"{'ok ' if finding.ok else 'NOT'} {finding.check}: {finding.detail}")
            if finding.mend:
                click.echo(f"    {finding.mend}")
    return 0 if all(finding.ok for finding in findings) else 1
