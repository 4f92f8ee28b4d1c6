"""Typed look-ups in parsed JSON, so that a far side's surprise is one exception, not ten."""

from __future__ import annotations

from typing import Any

from bridge.clock import from_rfc3339

Record = dict[str, Any]


class Malformed(ValueError):
    """An answer lacks what its documentation promises. The text names the key alone."""


def id_of(record: Record, key: str) -> int:
    """A required id. Raises Malformed."""
    found = optional_id(record, key)
    if found is None:
        raise Malformed(key)
    return found


def optional_id(record: Record, key: str) -> int | None:
    """An id, None where it is missing or null. Raises Malformed on anything else."""
    found = record.get(key)
    if found is None:
        return None
    # True is an int to Python. Zendesk's own system writes as the user -1.
    if not isinstance(found, int) or isinstance(found, bool):
        raise Malformed(key)
    return found


def text_of(record: Record, key: str) -> str:
    """A required text. Raises Malformed."""
    found = record.get(key)
    if not isinstance(found, str):
        raise Malformed(key)
    return found


def optional_text(record: Record, key: str) -> str | None:
    """A text that says something, else None."""
    found = record.get(key)
    return found if isinstance(found, str) and found else None


def time_of(record: Record, key: str) -> int:
    """A required time, in UTC milliseconds. Raises Malformed."""
    try:
        return from_rfc3339(text_of(record, key))
    except ValueError as error:
        raise Malformed(key) from error


def optional_time(record: Record, key: str) -> int:
    """A time in UTC milliseconds, 0 where it is missing. Raises Malformed on anything else."""
    return 0 if record.get(key) is None else time_of(record, key)


def record_of(record: Record, key: str) -> Record:
    """A nested object, empty where there is none."""
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def records_of(record: Record, key: str) -> list[Record]:
    """The objects of a list, empty where there is none."""
    found = record.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
