"""The console's menu: what there is, for whom, and where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge.domain.roles import Role
from bridge.web.admin.console import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the menu. `icon` is a symbol of icons.svg."""

    title: str
    href: str
    icon: str
    needs: Role = "viewer"
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines of the menu that belong together."""

    title: str
    entries: tuple[Entry, ...]


MENU: Final = (
    Group(
        title="Texts",
        entries=(
            Entry(title="Overview", href="/admin/", icon="overview"),
            Entry(title="Conversations", href="/admin/conversations", icon="thread"),
            Entry(title="Contacts", href="/admin/contacts", icon="people"),
            Entry(title="Failed and waiting", href="/admin/work", icon="failed"),
        ),
    ),
    Group(
        title="Set up",
        entries=(
            Entry(title="Keyword rules", href="/admin/rules", icon="rule"),
            Entry(title="Lists", href="/admin/lists", icon="list"),
            Entry(title="Senders", href="/admin/senders", icon="phone"),
            Entry(title="Hours and auto-replies", href="/admin/hours", icon="queued"),
            Entry(title="Templates", href="/admin/templates", icon="template"),
        ),
    ),
    Group(
        title="House",
        entries=(
            Entry(title="Users", href="/admin/users", icon="key", needs="admin"),
            Entry(title="Log of changes", href="/admin/changes", icon="log"),
            Entry(title="Settings file", href="/admin/settings", icon="file"),
        ),
    ),
)


def entries_for(visit: Visit, path: str) -> tuple[Group, ...]:
    """The menu as this visitor has it, with the entry they are at."""
    groups = []
    for group in MENU:
        entries = tuple(
            Entry(
                title=entry.title,
                href=entry.href,
                icon=entry.icon,
                here=_is_at(entry.href, path),
            )
            for entry in group.entries
            if visit.may(entry.needs)
        )
        if entries:
            groups.append(Group(title=group.title, entries=entries))
    return tuple(groups)


def _is_at(href: str, path: str) -> bool:
    return path == href or (href != "/admin/" and path.startswith(f"{href}/"))
