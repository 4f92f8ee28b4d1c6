"""What agents are told about texts that a sweep found."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.clock import to_the_minute

RECOVERED_TAGS = ("sms_recovered",)


def came_late(sent_ms: Sequence[int]) -> str:
    """Texts that stand on the ticket later than they were sent (UTC milliseconds)."""
    first, last = to_the_minute(min(sent_ms)), to_the_minute(max(sent_ms))
    if len(sent_ms) == 1:
        return (
            f"Recovered: the customer's text above was sent at {first}. The carrier did not hand "
            "it over at the time, so it stands here late."
        )
    when = f"at {first}" if first == last else f"between {first} and {last}"
    return (
        f"Recovered: the customer's last {len(sent_ms)} texts above were sent {when}. The carrier "
        "did not hand them over at the time, so they stand here late."
    )
