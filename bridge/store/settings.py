"""What admins and `zendesk setup` have set: one JSON document for each entry, in their order."""

from __future__ import annotations

from typing import Final, TypeVar

import tomli_w
from pydantic import ValidationError

from bridge.domain.directory import (
    AutoReply,
    CarrierWords,
    DeskRecord,
    Directory,
    Document,
    Hours,
    KeywordEntry,
    List,
    Sender,
    Template,
    make_directory,
)
from bridge.domain.halt import Halt
from bridge.domain.settings_changes import Documents, Plan, plan_import
from bridge.domain.settings_file import SettingsFile
from bridge.errors import UserMistake
from bridge.store import changes, work
from bridge.store.changes import Author
from bridge.store.database import Transaction

D = TypeVar("D", bound=Document)

SETTINGS: Final = "settings"  # the topic announced with every change
_DESK_NAME: Final = "zendesk"
_ALL: Final = "(all)"
A_COMMAND: Final = Author(how="command")

VERSION = "SELECT value FROM meta WHERE name = 'settings_version'"

HALTED = "SELECT value FROM meta WHERE name = 'halted'"

BUMP = """
INSERT INTO meta (name, value) VALUES ('settings_version', '1')
ON CONFLICT (name) DO UPDATE SET value = cast(cast(meta.value AS bigint) + 1 AS text)
"""

READ = "SELECT name, document FROM settings WHERE section = $1 ORDER BY position, name"

CLEAR = "DELETE FROM settings WHERE section = $1"

PUT = "INSERT INTO settings (section, name, position, document) VALUES ($1, $2, $3, $4)"


def settings_version(tx: Transaction) -> int:
    """A number that grows with every change of the settings; 0 before the first."""
    row = tx.first(VERSION)
    return 0 if row is None else int(row["value"] or 0)


def load_directory(tx: Transaction) -> Directory:
    """Everything that is set, as one snapshot. Raises UserMistake where it can't be understood."""
    documents = load_documents(tx)
    return make_directory(
        version=settings_version(tx),
        senders=documents.senders,
        lists=documents.lists,
        keywords=documents.keywords,
        hours=documents.hours,
        auto_replies=documents.auto_replies,
        desk=load_desk(tx),
        halt=load_halt(tx),
    )


def load_documents(tx: Transaction) -> Documents:
    """Everything that the settings file can hold, as it was set."""
    return Documents(
        senders=_read(tx, "senders", Sender),
        lists=_read(tx, "lists", List),
        keywords=_read(tx, "keywords", KeywordEntry),
        hours=_read(tx, "hours", Hours),
        auto_replies=_read(tx, "auto_replies", AutoReply),
        templates=_read(tx, "templates", Template),
    )


def preview_import(
    tx: Transaction, file: SettingsFile, carriers: CarrierWords, *, prune: bool
) -> Plan:
    """What `import_settings` would do. Raises UserMistake naming line and key."""
    return plan_import(load_documents(tx), file, carriers, prune=prune)


def import_settings(
    tx: Transaction,
    file: SettingsFile,
    carriers: CarrierWords,
    *,
    prune: bool,
    by: Author = A_COMMAND,
) -> Plan:
    """Store what the file says and leave the rest, or with `prune` take the rest away.

    Returns what changed: nothing where all was so already. Raises UserMistake, nothing stored.
    """
    plan = preview_import(tx, file, carriers, prune=prune)
    save_plan(tx, plan, by)
    return plan


def save_plan(tx: Transaction, plan: Plan, by: Author) -> None:
    """Store what was planned in this same transaction, and log each change of it."""
    if not plan.changes:
        return
    for section, entries in plan.documents.sections().items():
        _write(tx, section, {entry.key: entry for entry in entries})
    for change in plan.changes:
        changes.note(
            tx,
            by,
            subject=change.subject,
            name=change.name,
            what=change.what,
            before=change.before,
            after=change.after,
        )
    note_change(tx)


def export_settings(tx: Transaction) -> str:
    """All settings as a settings file: importing it again changes nothing."""
    content: dict[str, object] = {
        section: [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries]
        for section, entries in load_documents(tx).sections().items()
        if entries
    }
    return tomli_w.dumps(content)


def load_desk(tx: Transaction) -> DeskRecord:
    """What `zendesk setup` has made at the desk; all None before it ran."""
    return next(iter(_read(tx, "desk", DeskRecord)), DeskRecord())


def save_desk(tx: Transaction, record: DeskRecord, by: Author = A_COMMAND) -> None:
    """Keep what `zendesk setup` has made; an empty record forgets it. Reaches every process."""
    before, after = (_without_secret(one) for one in (load_desk(tx), record))
    if before != after:
        changes.note(
            tx,
            by,
            subject="desk",
            name=_DESK_NAME,
            what="set up" if after else "torn down",
            before=before,
            after=after,
        )
    _write(tx, "desk", {} if record == DeskRecord() else {_DESK_NAME: record})
    note_change(tx)


def load_halt(tx: Transaction) -> Halt:
    """Whether all sending is halted."""
    row = tx.first(HALTED)
    return Halt() if row is None else Halt(since_ms=int(row["value"]))


def save_halt(tx: Transaction, *, on: bool, by: Author = A_COMMAND) -> bool:
    """Halt all sending, or let texts leave again. Returns whether that changed anything.

    It is no part of the settings file: what keeps texts back in need is not lifted by an import.
    """
    if load_halt(tx).is_on == on:
        return False
    what = "halted" if on else "resumed"
    changes.note(tx, by, subject="sending", name=_ALL, what=what, before=None, after=None)
    if on:
        tx.run("INSERT INTO meta (name, value) VALUES ('halted', $1)", str(tx.now_ms()))
    else:
        tx.run("DELETE FROM meta WHERE name = 'halted'")
    note_change(tx)
    return True


def _without_secret(record: DeskRecord) -> dict[str, str | int]:
    return record.model_dump(exclude_defaults=True, exclude={"signing_secret"})


def note_change(tx: Transaction) -> None:
    """Make every running process load the settings anew, and look at what they have kept back."""
    tx.run(BUMP)
    work.hurry_kept_back(tx)
    tx.announce(SETTINGS)


def _read(tx: Transaction, section: str, model: type[D]) -> tuple[D, ...]:
    found = []
    for row in tx.all(READ, section):
        try:
            found.append(model.model_validate_json(str(row["document"])))
        except ValidationError as error:
            raise UserMistake(
                f"the stored settings can't be read by this version ({section}, {row['name']}): "
                "was the database used by a newer one?"
            ) from error
    return tuple(found)


def _write(tx: Transaction, section: str, documents: dict[str, D]) -> None:
    tx.run(CLEAR, section)
    for position, (name, document) in enumerate(documents.items()):
        tx.run(PUT, section, name, position, document.model_dump_json(exclude_defaults=True))
