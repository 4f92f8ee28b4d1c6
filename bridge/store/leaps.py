"""The machine's clock was set: what was to happen in a minute still happens in a minute.

SQLite has no time but the machine's. Left alone, a clock that is put back a day would hold up all
that waits for a day, and one that is put forward would end every lease and every wait at once. So
whatever is stored as a time to come moves along with the clock. What has happened keeps its time.
"""

from __future__ import annotations

from bridge.clock import Clock, SteadyClock
from bridge.store import restored
from bridge.store.database import Transaction

LEAST_MS = 2_000  # less is a clock that is being corrected, and no lease is that short

# Times to come; and those that mark the beginning of a wait.
MOVED = (
    "UPDATE lanes SET due_at = due_at + $1",
    "UPDATE work SET due_at = due_at + $1 WHERE state = 'waiting'",
    "UPDATE pauses SET until = until + $1",
    "UPDATE parts SET begun_at = begun_at + $1 WHERE state = 'sending'",
    "UPDATE paces SET free_at = free_at + $1, queue_at = queue_at + $1",
    "UPDATE turns SET at = at + $1",
    "UPDATE pieces SET at = at + $1 WHERE joined_at IS NULL",
    "UPDATE updates SET at = at + $1, refused_until = refused_until + $1",
    "UPDATE sweeps SET since = since + $1, asked_at = asked_at + $1, done_at = done_at + $1",
)
# The last thing of each kind that was stored.
LATEST = (
    "SELECT created_at AS at FROM messages ORDER BY seq DESC LIMIT 1",
    "SELECT created_at AS at FROM work ORDER BY id DESC LIMIT 1",
    "SELECT at FROM attempts ORDER BY id DESC LIMIT 1",
    "SELECT max(done_at) AS at FROM sweeps",
)


class Leaps:
    """Compares the wall clock with time that nobody sets, as far as the clock tells both.

    None: somebody else follows the clock.
    """

    def __init__(self, clock: Clock | None) -> None:
        self._steady = clock if isinstance(clock, SteadyClock) else None
        self._apart_ms = self._read()

    def look(self) -> int:
        """How far the clock was set since it was last followed (milliseconds, 0: it was not)."""
        leap_ms = self._read() - self._apart_ms
        if abs(leap_ms) >= LEAST_MS:
            return leap_ms
        self._apart_ms += leap_ms
        return 0

    def followed(self, leap_ms: int) -> None:
        """What is stored has moved along so far."""
        self._apart_ms += leap_ms

    def _read(self) -> int:
        return 0 if self._steady is None else self._steady.now_ms() - self._steady.steady_ms()


def follow(tx: Transaction, leap_ms: int) -> None:
    """Move what is to come along with the clock."""
    for sql in MOVED:
        tx.run(sql, leap_ms)
    restored.follow(tx, leap_ms)
    _note_latest(tx)


def follow_since_last_run(tx: Transaction) -> int:
    """At a start: where the clock stands before what was stored last, it was put back meanwhile.

    Returns by how much (milliseconds, never positive). How far it was put forward can't be told:
    that time has passed for all we know.
    """
    latest_ms = _latest(tx)
    known = tx.first("SELECT value FROM meta WHERE name = 'clock_followed_to'")
    leap_ms = tx.now_ms() - latest_ms
    if leap_ms > -LEAST_MS or (known is not None and known["value"] == str(latest_ms)):
        return 0
    follow(tx, leap_ms)
    return leap_ms


def _latest(tx: Transaction) -> int:
    rows = [tx.first(sql) for sql in LATEST]
    return max((int(row["at"]) for row in rows if row is not None and row["at"]), default=0)


def _note_latest(tx: Transaction) -> None:
    # What was stored before stays in the future for a while; the next start must not take that
    # for another leap.
    tx.run(
        "INSERT INTO meta (name, value) VALUES ('clock_followed_to', $1) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        str(_latest(tx)),
    )
