"""Who is signed in, and how often somebody has tried. Of tokens only fingerprints are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.store import users
from bridge.store.database import Transaction
from bridge.store.users import User

IDLE_MS: Final = 60 * 60 * 1000
LONGEST_MS: Final = 12 * 3600 * 1000
TOUCH_EVERY_MS: Final = 60 * 1000
WINDOW_MS: Final = 15 * 60 * 1000  # in which tries to sign in are counted

TRY = """
INSERT INTO sign_in_tries (subject, tries, began_at) VALUES ($1, 1, $2)
ON CONFLICT (subject) DO UPDATE SET tries = sign_in_tries.tries + 1
RETURNING tries
"""


def begin(tx: Transaction, token: str, user_id: str) -> None:
    """Sign a user in; takes away sessions that have ended by themselves."""
    now_ms = tx.now_ms()
    tx.run("DELETE FROM sessions WHERE began_at < $1", now_ms - LONGEST_MS)
    tx.run(
        "INSERT INTO sessions (token, user_id, began_at, seen_at) VALUES ($1, $2, $3, $3)",
        *(token, user_id, now_ms),
    )
    tx.run("UPDATE users SET signed_in_at = $1 WHERE id = $2", now_ms, user_id)


def find(tx: Transaction, token: str) -> tuple[User, bool] | None:
    """Who this session is, and whether it is time to `touch` it; None where it holds no more."""
    row = tx.first("SELECT user_id, began_at, seen_at FROM sessions WHERE token = $1", token)
    now_ms = tx.now_ms()
    if row is None or now_ms - row["began_at"] >= LONGEST_MS or now_ms - row["seen_at"] >= IDLE_MS:
        return None
    user = users.get(tx, str(row["user_id"]))
    if user.disabled_at is not None:
        return None
    return user, now_ms - row["seen_at"] >= TOUCH_EVERY_MS


def touch(tx: Transaction, token: str) -> None:
    """Note that the user is still there."""
    tx.run("UPDATE sessions SET seen_at = $1 WHERE token = $2", tx.now_ms(), token)


def end(tx: Transaction, token: str) -> None:
    """Sign out."""
    tx.run("DELETE FROM sessions WHERE token = $1", token)


def end_all(tx: Transaction, user_id: str) -> None:
    """Sign a user out everywhere."""
    tx.run("DELETE FROM sessions WHERE user_id = $1", user_id)


def may_try(tx: Transaction, limits: Mapping[str, int]) -> bool:
    """Count a try to sign in for each subject; false where one has had its limit of them.

    It is counted before the password is looked at, so that many at once get no further.
    """
    now_ms = tx.now_ms()
    tx.run("DELETE FROM sign_in_tries WHERE began_at < $1", now_ms - WINDOW_MS)
    counts = [(tx.first(TRY, subject, now_ms), most) for subject, most in limits.items()]
    return all(row is not None and row["tries"] <= most for row, most in counts)


def forget_tries(tx: Transaction, subject: str) -> None:
    """Begin to count anew: the right password was given."""
    tx.run("DELETE FROM sign_in_tries WHERE subject = $1", subject)
