"""Customers: contacts show."""

from __future__ import annotations

import click

from bridge.cli.output import as_json, one_line, print_fields, print_json
from bridge.cli.running import read, settings_here
from bridge.clock import rfc3339
from bridge.domain.numbers import pretty
from bridge.errors import UserMistake
from bridge.store.listing import Contact, contact
from bridge.web.api.answers import show_contact
from bridge.web.api.reading import read_addresses


@click.group()
def contacts() -> None:
    """What is known of a customer."""


@contacts.command("show")
@click.argument("number", metavar="N")
@as_json
def show_command(number: str, *, json: bool) -> None:
    """Show the customer with the number N: lists, and everything in the consent ledger."""
    addresses = read_addresses("N", number) or ()
    found = read(settings_here(), lambda tx: contact(tx, addresses))
    if found is None:
        raise UserMistake("there is no contact with this number")
    if json:
        print_json(show_contact(found))
    else:
        _print_contact(found)


def _print_contact(found: Contact) -> None:
    print_fields(
        {
            "number": pretty(found.address),
            "name": found.name,
            "e-mail": found.email,
            "requester": found.requester_id,
            "opted out": _time(found.opted_out_at_ms),
            "opted in": _time(found.opted_in_at_ms),
            "landline": _time(found.landline_at_ms),
            "tags": found.tags,
            "fields": [f"{name} = {value}" for name, value in found.fields.items()],
            "stop wish": found.stop_wish,
            "known since": _time(found.created_at_ms),
        }
    )
    for member in found.memberships:
        click.echo(f"list {one_line(member.list)}: {member.state} since {_time(member.since_ms)}")
    for entry in found.consent:
        what = f"{entry.action} {entry.list}" if entry.list else entry.action
        click.echo(f"{_time(entry.at_ms)} {what}, by {entry.how}: {one_line(entry.words)}")


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
