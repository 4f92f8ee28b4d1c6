"""A database that began from a backup: what was done since then is known to the far sides only.

`meta` says so under "restored": the copy's own mark at first, and from the first start on how far
we have looked. Until both far sides have been swept nothing is written to them; afterwards each
piece of work that may have been done before bears a flag, and is looked for before it is done.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.store import leases, sweeps
from bridge.store.database import Row, Transaction
from bridge.store.work import Item

FLAG = "restored"  # in a work's payload
TOO_OLD = "too_old"  # within the flag: a reply that is shown to the agent if it wasn't sent
CLOCKS_APART_MS = 60_000
DOUBTFUL = "('text', 'note', 'send')"  # kinds of work that write to a far side
READ = "SELECT value FROM meta WHERE name = 'restored'"
# Nothing that stands in the database happened after the last of these.
LAST_SIGN = (
    "SELECT max(at) AS at FROM (SELECT max(updated_at) AS at FROM messages "
    "UNION ALL SELECT max(asked_at) FROM sweeps UNION ALL SELECT max(since) FROM sweeps "
    "UNION ALL SELECT max(at) FROM attempts) signs"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done between `since_ms` and `began_ms` has to be looked for. `left` are the
    accounts that have not been swept yet, and `sweep_to_ms` is how far they have to be: when we
    began, by this machine's clock as it is set now."""

    since_ms: int
    began_ms: int
    sweep_to_ms: int
    left: frozenset[str]

    @property
    def is_looking(self) -> bool:
        """Whether nothing may be written to a far side yet."""
        return bool(self.left)

    def may_be_done(self, at_ms: int) -> bool:
        """Whether what was asked for at this time (by whatever clock) may have been done."""
        return at_ms < self.began_ms + CLOCKS_APART_MS


def current(tx: Transaction) -> Restored | None:
    """How far we have looked, None for a database that was never restored (or not yet begun)."""
    row = tx.first(READ)
    known = {} if row is None else json.loads(str(row["value"]))
    if "began" not in known:
        return None
    return Restored(
        since_ms=int(known["since"]),
        began_ms=int(known["began"]),
        sweep_to_ms=int(known.get("sweep_to", known["began"])),
        left=frozenset(known["left"]),
    )


def begin(tx: Transaction, accounts: Collection[str]) -> Restored | None:
    """Begin to look where this database was restored; None where it never was."""
    row = tx.first(READ)
    if row is None:
        return None
    begun = current(tx)
    if begun is not None:
        return begun
    last = tx.first(LAST_SIGN)
    assert last is not None, "an aggregate has a row"  # noqa: S101 - SQL guarantees it
    taken = json.loads(str(row["value"])).get("taken")
    signs = [int(at) for at in (taken, last["at"]) if at is not None]
    now_ms = tx.now_ms()
    begun = Restored(
        since_ms=min([now_ms, *signs]),
        began_ms=now_ms,
        sweep_to_ms=now_ms,
        left=frozenset(accounts),
    )
    _keep(tx, begun)
    leases.forget_leases(
        tx, lambda _starts: 0
    )  # nobody who held one then is at work on this database
    return begun


def note_swept(tx: Transaction, account: str, *, reached_ms: int | None = None) -> bool:
    """A far side has been asked for all that it knows (up to `reached_ms`, where that is not now).
    After the last one work may go on. Returns false where it has to be asked again soon."""
    known = current(tx)
    if known is None or account not in known.left:
        return True
    if reached_ms is not None and reached_ms < known.sweep_to_ms:
        return False
    known = replace(known, left=known.left - {account})
    _keep(tx, known)
    if not known.is_looking:
        # Failed work as well: it may have been tried again, and done, before the restore.
        for row in tx.all(f"SELECT id, payload FROM work WHERE kind IN {DOUBTFUL}"):  # noqa: S608
            _flag(tx, row, known)
    return True


def follow(tx: Transaction, leap_ms: int) -> None:
    """The machine's clock was set. `began_ms` stays: it is held against the far sides' clocks."""
    known = current(tx)
    if known is not None and known.is_looking:
        _keep(tx, replace(known, sweep_to_ms=known.sweep_to_ms + leap_ms))


def is_flagged(tx: Transaction, item: Item) -> bool:
    """Whether this work, as it is stored now, has to be looked for before it is done."""
    row = tx.first("SELECT payload FROM work WHERE id = $1", item.id)
    return row is not None and FLAG in json.loads(str(row["payload"]))


def flag_send(tx: Transaction, message_id: str, known: Restored, *, too_old: bool) -> None:
    """Have this message looked for before it is sent."""
    sql = "SELECT id, payload FROM work WHERE message_id = $1 AND kind = 'send'"
    for row in tx.all(sql, message_id):
        _flag(tx, row, known, **({TOO_OLD: True} if too_old else {}))


def flag_notes(tx: Transaction, item: Item) -> None:
    """What a doubtful piece of work leaves to be noted may have been noted before as well."""
    if FLAG not in item.payload:
        return
    sql = "SELECT id, payload FROM work WHERE message_id = $1 AND kind = 'note'"
    for row in tx.all(sql, item.message_id):
        payload = {**json.loads(str(row["payload"])), FLAG: item.payload[FLAG]}
        _write(tx, int(row["id"]), payload)


def flag_notes_of(tx: Transaction, message_id: str, known: Restored) -> None:
    """What became of a text that left before the restore may have been noted before."""
    sql = "SELECT id, payload FROM work WHERE message_id = $1 AND kind = 'note'"
    for row in tx.all(sql, message_id):
        _flag(tx, row, known)


def seed_sweep(tx: Transaction, account: str, part: str, known: Restored) -> None:
    """Have a sweep that the backup knows nothing of begin where the backup ends."""
    sweeps.begin(tx, account, part, since_ms=known.since_ms)


def _flag(tx: Transaction, row: Row, known: Restored, **more: Any) -> None:  # noqa: ANN401 - JSON
    payload = json.loads(str(row["payload"]))
    if FLAG not in payload:  # what a look has said of it stays
        flag = {"since": known.since_ms, "began": known.began_ms, **more}
        _write(tx, int(row["id"]), {**payload, FLAG: flag})


def _write(tx: Transaction, work_id: int, payload: Mapping[str, Any]) -> None:
    text = json.dumps(payload, ensure_ascii=False)
    tx.run("UPDATE work SET payload = $1 WHERE id = $2", text, work_id)


def _keep(tx: Transaction, known: Restored) -> None:
    value = {
        "since": known.since_ms,
        "began": known.began_ms,
        "sweep_to": known.sweep_to_ms,
        "left": sorted(known.left),
    }
    tx.run("UPDATE meta SET value = $1 WHERE name = 'restored'", json.dumps(value))
