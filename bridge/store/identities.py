"""Who a console's user is at an OpenID provider: tied once by the e-mail address, then for good."""

from __future__ import annotations

from bridge.errors import UserMistake
from bridge.store import changes, users
from bridge.store.changes import Author
from bridge.store.database import Transaction
from bridge.store.users import User


def recognise(
    tx: Transaction, *, issuer: str, subject: str, email: str | None, newcomers_are_viewers: bool
) -> User:
    """The user that this person is. `email`: only one that the provider has verified.

    Raises UserMistake, in words for the person, where there is none who may sign in.
    """
    row = tx.first(
        "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2", issuer, subject
    )
    user = users.get(tx, str(row["user_id"])) if row is not None else None
    if user is None:
        user = _by_email(tx, issuer, subject, email, newcomers_are_viewers=newcomers_are_viewers)
    if user.disabled_at is not None:
        raise UserMistake("You may not use this console any more. An admin can change that.")
    return user


def _by_email(
    tx: Transaction, issuer: str, subject: str, email: str | None, *, newcomers_are_viewers: bool
) -> User:
    if email is None:
        raise UserMistake("Your provider didn't vouch for an e-mail address of yours.")
    by = Author(how="console", who=email)
    user = users.by_name(tx, email)
    if user is None and not newcomers_are_viewers:
        raise UserMistake(f"There is no user {email} here. An admin can add you by that name.")
    if user is None:
        user = users.add(tx, email, "viewer", by)
    taken = tx.first(
        "SELECT 1 AS one FROM identities WHERE issuer = $1 AND user_id = $2", issuer, user.id
    )
    if taken is not None:  # the address was somebody else's before
        raise UserMistake(f"The user {email} is somebody else at your provider. Ask an admin.")
    if user.disabled_at is None:
        tx.run(
            "INSERT INTO identities (issuer, subject, user_id, since) VALUES ($1, $2, $3, $4)",
            *(issuer, subject, user.id, tx.now_ms()),
        )
        after = {"issuer": issuer}
        changes.note(tx, by, subject="user", name=user.name, what="tied to a provider", after=after)
    return user
