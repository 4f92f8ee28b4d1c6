"""Who may use the console, and the one-time links by which a user sets a password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge.domain.roles import Role
from bridge.errors import UserMistake
from bridge.ids import new_id
from bridge.store import changes
from bridge.store.changes import Author
from bridge.store.database import Row, Transaction

LONGEST_NAME: Final = 80
LINK_LIFE_MS: Final = 24 * 3600 * 1000
SUBJECT: Final = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may use the console. `password` is a hash, None until they have set one."""

    id: str
    name: str
    role: Role
    password: str | None
    created_at: int
    disabled_at: int | None
    signed_in_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time link: for this user to set a password, or (`user` None) to make the first."""

    user: User | None
    ends_at: int


def add(tx: Transaction, name: str, role: Role, by: Author) -> User:
    """Add a user, who can't sign in before a password is set. Raises UserMistake."""
    tidy = _checked_name(name)
    if by_name(tx, tidy) is not None:
        raise UserMistake(f"there is a user {tidy} already")
    user_id = new_id()
    tx.run(
        "INSERT INTO users (id, name, folded, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        *(user_id, tidy, tidy.casefold(), role, tx.now_ms()),
    )
    _note(tx, by, tidy, "added", after={"role": role})
    return get(tx, user_id)


def get(tx: Transaction, user_id: str) -> User:
    """One user. Raises UserMistake where there is none with this id."""
    row = tx.first("SELECT * FROM users WHERE id = $1", user_id)
    if row is None:
        raise UserMistake("there is no such user")
    return _user(row)


def by_name(tx: Transaction, name: str) -> User | None:
    """A user by name, whatever its case."""
    row = tx.first("SELECT * FROM users WHERE folded = $1", _tidy(name).casefold())
    return None if row is None else _user(row)


def list_users(tx: Transaction) -> list[User]:
    """All users, by name."""
    return [_user(row) for row in tx.all("SELECT * FROM users ORDER BY folded")]


def are_there_any(tx: Transaction) -> bool:
    """Whether anybody was ever added."""
    return tx.first("SELECT 1 AS one FROM users LIMIT 1") is not None


def set_password(tx: Transaction, user_id: str, password: str, by: Author) -> None:
    """Keep the hash of a new password; every session and link of the user ends."""
    user = get(tx, user_id)
    tx.run("UPDATE users SET password = $1 WHERE id = $2", password, user_id)
    _forget_ways_in(tx, user_id)
    _note(tx, by, user.name, "set the password" if user.password is None else "changed password")


def rehash(tx: Transaction, user_id: str, password: str) -> None:
    """Keep the same password under a hash of today's strength."""
    tx.run("UPDATE users SET password = $1 WHERE id = $2", password, user_id)


def set_role(tx: Transaction, user_id: str, role: Role, by: Author) -> None:
    """Give a user another role. Raises UserMistake for the last admin."""
    user = get(tx, user_id)
    if user.role == role:
        return
    if user.role == "admin":
        _keep_an_admin(tx, user_id)
    tx.run("UPDATE users SET role = $1 WHERE id = $2", role, user_id)
    _note(tx, by, user.name, "changed role", before={"role": user.role}, after={"role": role})


def note_link(tx: Transaction, user: User, by: Author) -> None:
    """Note that somebody was given a link by which this user's password can be set."""
    _note(tx, by, user.name, "made a link for")


def disable(tx: Transaction, user_id: str, by: Author) -> None:
    """Let a user in no more, from this moment on. Raises UserMistake for the last admin."""
    user = get(tx, user_id)
    if user.disabled_at is not None:
        return
    if user.role == "admin":
        _keep_an_admin(tx, user_id)
    tx.run("UPDATE users SET disabled_at = $1 WHERE id = $2", tx.now_ms(), user_id)
    _forget_ways_in(tx, user_id)
    _note(tx, by, user.name, "disabled")


def enable(tx: Transaction, user_id: str, by: Author) -> None:
    """Let a disabled user in again."""
    user = get(tx, user_id)
    if user.disabled_at is not None:
        tx.run("UPDATE users SET disabled_at = NULL WHERE id = $1", user_id)
        _note(tx, by, user.name, "enabled")


def put_link(tx: Transaction, token: str, user_id: str | None) -> int:
    """Keep a one-time link by its token's fingerprint; returns when it ends, in UTC ms."""
    ends_at = tx.now_ms() + LINK_LIFE_MS
    tx.run("DELETE FROM sign_in_links WHERE ends_at < $1", tx.now_ms())
    tx.run(
        "INSERT INTO sign_in_links (token, user_id, ends_at) VALUES ($1, $2, $3)",
        *(token, user_id, ends_at),
    )
    return ends_at


def find_link(tx: Transaction, token: str) -> Link | None:
    """A link that still holds, None otherwise. The first user's holds only until there is one."""
    row = tx.first(
        "SELECT user_id, ends_at FROM sign_in_links WHERE token = $1 AND ends_at >= $2",
        *(token, tx.now_ms()),
    )
    if row is None:
        return None
    if row["user_id"] is None:
        return None if are_there_any(tx) else Link(user=None, ends_at=row["ends_at"])
    user = get(tx, str(row["user_id"]))
    return None if user.disabled_at is not None else Link(user=user, ends_at=row["ends_at"])


def _forget_ways_in(tx: Transaction, user_id: str) -> None:
    tx.run("DELETE FROM sessions WHERE user_id = $1", user_id)
    tx.run("DELETE FROM sign_in_links WHERE user_id = $1", user_id)


def _keep_an_admin(tx: Transaction, but: str) -> None:
    other = tx.first(
        "SELECT 1 AS one FROM users WHERE role = 'admin' AND disabled_at IS NULL "
        "AND password IS NOT NULL AND id <> $1 LIMIT 1",
        but,
    )
    if other is None:
        raise UserMistake("this is the last admin who can sign in; make another one first")


def _tidy(name: str) -> str:
    return " ".join(name.split())


def _checked_name(name: str) -> str:
    tidy = _tidy(name)
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise UserMistake(f"a user's name has 1 to {LONGEST_NAME} printable characters")
    return tidy


def _note(
    tx: Transaction,
    by: Author,
    name: str,
    what: str,
    *,
    before: changes.Document | None = None,
    after: changes.Document | None = None,
) -> None:
    changes.note(tx, by, subject=SUBJECT, name=name, what=what, before=before, after=after)


def _user(row: Row) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        password=row["password"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        signed_in_at=row["signed_in_at"],
    )
