"""When somebody is there: weekly hours in a time zone, and holidays.

A range is what the clock on the wall says, so it holds in summer as in winter: an hour that the
clock shows twice counts twice, one that it skips is not there. A range over midnight belongs to the
day that it begins on, and a holiday takes away what begins on it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES: Final = 24 * 60
_NUMBER_OF: Final = {day.casefold(): number for number, day in enumerate(DAYS)}
_RANGE: Final = re.compile(
    r"([a-z]{3})(?:-([a-z]{3}))? (\d{2}):(\d{2})-(\d{2}):(\d{2})", re.IGNORECASE
)
_AS_RANGE: Final = 'is not like "Mon-Fri 09:00-17:00"'
_AS_HOLIDAY: Final = 'is not like "2026-12-25", or "12-25" for every year'
_LEAP_YEAR: Final = 2024  # the 29th of February is a holiday that some years don't have


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Open on these days (0 is Monday), in minutes since midnight. `end` is not in it any more; at
    `begin` or before it, it is on the next day."""

    days: frozenset[int]
    begin: int
    end: int

    @property
    def goes_over_midnight(self) -> bool:
        """Whether it ends on the day after."""
        return self.end <= self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Business hours, compiled. Holidays are days of one year and (month, day) of every year."""

    zone: ZoneInfo
    ranges: tuple[Range, ...]
    holidays: frozenset[date]
    yearly: frozenset[tuple[int, int]]


def read_zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises ValueError."""
    try:
        return _zone(name)
    except (KeyError, ValueError, OSError):  # not found; a path; a folder
        raise ValueError(f'{name!r} is not a time zone such as "America/New_York"') from None


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    if name != name.strip() or not name or name.casefold() == "localtime":
        raise ValueError(name)
    return ZoneInfo(name)


def read_range(text: str) -> Range:
    """A range such as "Mon-Fri 09:00-17:00" or "Sat 22:00-02:00". Raises ValueError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} {_AS_RANGE}")
    first, last = (_NUMBER_OF.get((day or found[1]).casefold()) for day in (found[1], found[2]))
    begin, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (3, 5))
    is_time = int(found[4]) < 60 and int(found[6]) < 60 and begin < DAY_MINUTES >= end
    if first is None or last is None or not is_time:
        raise ValueError(f"{text!r} {_AS_RANGE}")
    if begin == end:
        raise ValueError(f"{text!r} ends when it begins; a whole day is 00:00-24:00")
    days = frozenset((first + more) % 7 for more in range((last - first) % 7 + 1))
    return Range(days=days, begin=begin, end=end)


def read_holiday(text: str) -> date | tuple[int, int]:
    """A day "2026-12-25", or "12-25" of every year as (12, 25). Raises ValueError."""
    try:
        if re.fullmatch(r"\d{2}-\d{2}", text):
            day = date(_LEAP_YEAR, int(text[:2]), int(text[3:]))
            return day.month, day.day
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: there is no such day") from error
    raise ValueError(f"{text!r} {_AS_HOLIDAY}")


def make_week(zone: str, ranges: Sequence[str], holidays: Collection[str]) -> Week:
    """Compile hours as they are written. Raises ValueError."""
    days = [read_holiday(one) for one in holidays]
    return Week(
        zone=read_zone(zone),
        ranges=tuple(read_range(one) for one in ranges),
        holidays=frozenset(day for day in days if isinstance(day, date)),
        yearly=frozenset(day for day in days if not isinstance(day, date)),
    )


def is_open(week: Week, at_ms: int) -> bool:
    """Whether somebody is there at this moment."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(week.zone)
    today = local.date()
    yesterday = today - timedelta(days=1)
    minute = local.hour * 60 + local.minute
    return any(
        (minute >= one.begin and (one.goes_over_midnight or minute < one.end))
        for one in _beginning(week, today)
    ) or any(one.goes_over_midnight and minute < one.end for one in _beginning(week, yesterday))


def _beginning(week: Week, day: date) -> Sequence[Range]:
    """The ranges that begin on this day: none on a holiday."""
    if day in week.holidays or (day.month, day.day) in week.yearly:
        return ()
    return [one for one in week.ranges if day.weekday() in one.days]
