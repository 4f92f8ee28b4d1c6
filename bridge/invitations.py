"""The one-time links by which people come into the console."""

from __future__ import annotations

from bridge.secrets import fingerprint, new_token
from bridge.store import users
from bridge.store.database import Transaction


def link_for(tx: Transaction, public_url: str, user_id: str | None) -> str:
    """A new link for a user to set a password; for None, the one that makes the first admin."""
    token = new_token()
    users.put_link(tx, fingerprint(token), user_id)
    return f"{public_url.rstrip('/')}/admin/welcome/{token}"


def first_link(tx: Transaction, public_url: str) -> str | None:
    """The link that makes the first admin, None where there is somebody already."""
    return None if users.are_there_any(tx) else link_for(tx, public_url, None)
