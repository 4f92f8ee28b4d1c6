"""How many updates a desk lets us make, and how they are spread so that none is refused.

Two limits: of one ticket in 10 minutes, and of the whole account in a minute; 0 means that only
the desk's own answers count. While there is room nobody waits. As a limit comes near, updates are
spaced and what has gathered meanwhile is joined, so that the last of the room lasts until more of
it comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

# Longer than the desk's own windows: an update is counted when it is noted, and arrives later.
TICKET_WINDOW_MS = 600_000 + 15_000
ACCOUNT_WINDOW_MS = 60_000 + 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator has set."""

    per_minute: int = 0
    per_ticket: int = 0

    @property
    def at_once(self) -> int:
        """Of a ticket's limit: how many texts are comments of their own, at once."""
        return self.per_ticket * 2 // 3

    @property
    def for_texts(self) -> int:
        """Of a ticket's limit: all that texts may use. A tenth, at least one, is kept for notes."""
        kept_back = max(1, self.per_ticket // 10) if self.per_ticket > 1 else 0
        return self.per_ticket - kept_back

    @property
    def unspaced(self) -> int:
        """Of the account's limit: how many updates go as they come."""
        return self.per_minute // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The updates in a window: how many, and when the newest and the oldest were noted."""

    count: int = 0
    newest_ms: int = 0
    oldest_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The account's room now. `most` is None where nothing is limited; with none left, it has
    some again in `wait_ms`. `is_short`: updates are spaced."""

    most: int | None = None
    wait_ms: int = 0
    is_short: bool = False


def room_in_account(limits: Limits, used: Used, now_ms: int) -> Room:
    """How many updates may begin now."""
    if limits.per_minute == 0:
        return Room()
    if used.count < limits.unspaced:
        return Room(most=limits.unspaced - used.count)
    if used.count >= limits.per_minute:
        wait_ms = used.oldest_ms + ACCOUNT_WINDOW_MS - now_ms
    else:
        wait_ms = used.newest_ms + ACCOUNT_WINDOW_MS // limits.per_minute - now_ms
    return Room(most=int(wait_ms <= 0), wait_ms=max(0, wait_ms), is_short=True)


def wait_for_ticket_ms(limits: Limits, used: Used, now_ms: int) -> int:
    """How long a text waits for its turn on a ticket.

    Of the updates that are left for texts each waits twice as long as the one before, and all of
    them together for the whole window: a short burst is hardly held up, a long one never stopped.
    """
    if limits.per_ticket == 0 or used.count < limits.at_once:
        return 0
    if used.count >= limits.for_texts:
        return max(0, used.oldest_ms + TICKET_WINDOW_MS - now_ms)
    left = limits.for_texts - used.count
    return max(0, used.newest_ms + (TICKET_WINDOW_MS >> left) - now_ms)
