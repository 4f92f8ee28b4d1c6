"""Who may use the console: add, list, link, disable."""

from __future__ import annotations

import click

from bridge.cli.output import as_json, print_json, print_table
from bridge.cli.running import read, settings_here, whoever_runs_this, write
from bridge.clock import rfc3339
from bridge.domain.roles import MEANING, ROLES, Role
from bridge.errors import UserMistake
from bridge.invitations import link_for
from bridge.store import users as stored
from bridge.store.database import Transaction
from bridge.store.users import User

LINK_HOURS = stored.LINK_LIFE_MS // 3_600_000


@click.group()
def users() -> None:
    """Say who may use the console."""


@users.command("add")
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice(ROLES),
    help="; ".join(f"{role} {MEANING[role]}" for role in ROLES) + ".",
)
def add_command(*, name: str, role: Role) -> None:
    """Add the user NAME, and print the link by which they set their password."""
    settings = settings_here()

    def add(tx: Transaction) -> tuple[User, str]:
        user = stored.add(tx, name, role, whoever_runs_this())
        return user, link_for(tx, settings.public_url, user.id)

    user, link = write(settings, add, make=True)
    click.echo(f"added {user.name} as {user.role}; to set the password, within {LINK_HOURS} hours:")
    click.echo(link)


@users.command("list")
@as_json
def list_command(*, json: bool) -> None:
    """Show all users."""
    found = read(settings_here(), stored.list_users)
    if json:
        print_json({"users": [_shown(user) for user in found]})
        return
    print_table(
        ("name", "role", "state", "last signed in"),
        [(u.name, u.role, _state(u), _shown(u)["signed_in_at"]) for u in found],
        empty="there are no users yet: `bridge users add NAME --role admin`",
    )


@users.command("link")
@click.argument("name")
def link_command(name: str) -> None:
    """Print a new link by which the user NAME sets a password."""
    settings = settings_here()

    def make(tx: Transaction) -> str:
        user = _named(tx, name)
        stored.note_link(tx, user, whoever_runs_this())
        return link_for(tx, settings.public_url, user.id)

    click.echo(write(settings, make))


@users.command("disable")
@click.argument("name")
def disable_command(name: str) -> None:
    """Let the user NAME in no more, from now on."""

    def disable(tx: Transaction) -> None:
        stored.disable(tx, _named(tx, name).id, whoever_runs_this())

    write(settings_here(), disable)
    click.echo(f"{name} is disabled")


def _named(tx: Transaction, name: str) -> User:
    user = stored.by_name(tx, name)
    if user is None:
        raise UserMistake(f"there is no user {name}")
    return user


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "no password yet" if user.password is None else "active"


def _shown(user: User) -> dict[str, str | None]:
    return {
        "name": user.name,
        "role": user.role,
        "state": _state(user),
        "signed_in_at": None if user.signed_in_at is None else rfc3339(user.signed_in_at),
    }
