"""Who may do what in the console: three roles, each may what the one before it may."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Role: TypeAlias = Literal["viewer", "manager", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

# What a role is for, as the pages say it.
MEANING: Final[dict[Role, str]] = {
    "viewer": "sees everything but users, changes nothing",
    "manager": "also sets keyword rules, lists, hours and consent, retries failed work and answers",
    "admin": "also sets senders, users and whole settings files",
}


def allows(role: Role, needed: Role) -> bool:
    """Whether somebody of this role may do what needs the other."""
    return ROLES.index(role) >= ROLES.index(needed)
