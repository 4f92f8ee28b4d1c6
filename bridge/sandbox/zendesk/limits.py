"""Zendesk's rate limits, each with its answer: 429, Retry-After and the headers of its kind."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from bridge.sandbox.zendesk.answers import ZendeskRefusal

if TYPE_CHECKING:
    from bridge.clock import Clock

TEN_MINUTES_MS = 600_000
MINUTE_MS = 60_000


class Limits:
    """The limits in force; None switches one off. Counted in sliding windows by the clock."""

    def __init__(self, clock: Clock) -> None:
        self.account_per_minute: int | None = None
        self.updates_per_minute: int | None = None  # ticket updates of the whole account
        self.updates_per_ticket: int | None = None  # in 10 minutes, per user and ticket
        self.user_writes_per_second: int | None = None
        self.exports_per_minute: int | None = None
        self.hits = 0  # how often a limit said no
        self._clock = clock
        self._windows: dict[tuple[object, ...], deque[int]] = defaultdict(deque)

    def count_request(self) -> dict[str, str]:
        """Count any request; the headers tell the state. Raises ZendeskRefusal 429."""
        total = 700 if self.account_per_minute is None else self.account_per_minute
        used = self._take(("account",), self.account_per_minute, MINUTE_MS, "api")
        left = max(0, total - used)
        return {
            "X-Rate-Limit": str(total),
            "X-Rate-Limit-Remaining": str(left),
            "ratelimit-limit": str(total),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": "60",
        }

    def count_update(self, user_id: int, ticket_id: int) -> None:
        """Count a ticket update (redactions too). Raises ZendeskRefusal 429."""
        self._take(("updates",), self.updates_per_minute, MINUTE_MS, "ticket-updates-account")
        self._take(
            ("ticket", user_id, ticket_id),
            self.updates_per_ticket,
            TEN_MINUTES_MS,
            "ticket-updates",
        )

    def count_user_write(self) -> None:
        """Count a user update or upsert. Raises ZendeskRefusal 429."""
        self._take(("users",), self.user_writes_per_second, 1000, "user-updates")

    def count_export(self) -> None:
        """Count an incremental export. Raises ZendeskRefusal 429."""
        self._take(("exports",), self.exports_per_minute, MINUTE_MS, "incremental-exports")

    def _take(self, key: tuple[object, ...], limit: int | None, window_ms: int, name: str) -> int:
        if limit is None:
            return 0
        now = self._clock.now_ms()
        window = self._windows[key]
        while window and window[0] <= now - window_ms:
            window.popleft()
        if len(window) >= limit:
            self.hits += 1
            oldest = window[0] if window else now
            wait = max(1, math.ceil((oldest + window_ms - now) / 1000))
            raise _too_many(name, limit, wait)
        window.append(now)
        return len(window)


def _too_many(name: str, limit: int, wait: int) -> ZendeskRefusal:
    return ZendeskRefusal(
        429,
        {
            "error": "APIRateLimitExceeded",
            "description": "Number of allowed API requests exceeded",
        },
        {
            "Retry-After": str(wait),
            "X-Rate-Limit": str(limit),
            "X-Rate-Limit-Remaining": "0",
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": "0",
            "ratelimit-reset": str(wait),
            f"zendesk-ratelimit-{name}": f"total={limit}; remaining=0; resets={wait}",
        },
    )
