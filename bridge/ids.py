"""Our own ids: UUIDs of version 7 (RFC 9562), so that they sort by time and never repeat.

They leave the house as a ticket's external id, a comment's mark and a callback's reference, so
they must stay unique even when a database is made anew: a counter would not.
"""

from __future__ import annotations

from uuid6 import uuid7


def new_id() -> str:
    """A new id: 32 hexadecimal digits, later ones sort after earlier ones."""
    return uuid7().hex
