"""Business hours: zones, the clock's changes, holidays, ranges over midnight."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.auto_replies import AutoTexts, Moment, choose
from bridge.domain.hours import is_open, make_week, read_holiday, read_range, read_zone

NEW_YORK = "America/New_York"


def at(written: str) -> int:
    """A moment with its offset, as UTC milliseconds."""
    return int(datetime.fromisoformat(written).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "open_", "moment", "expected"),
    [
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-11-23T14:00:00+00:00", True),
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-11-23T13:59:59.999+00:00", False),
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-11-23T21:59:59.999+00:00", True),
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-11-23T22:00:00+00:00", False),
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-11-22T15:00:00+00:00", False),
        # In summer the same wall clock is an hour earlier in UTC.
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-07-06T13:00:00+00:00", True),
        (NEW_YORK, "Mon-Fri 09:00-17:00", "2026-07-06T21:00:00+00:00", False),
        # A Monday over there is still Sunday in UTC.
        ("Asia/Tokyo", "Mon 00:00-09:00", "2026-11-22T15:00:00+00:00", True),
        ("Asia/Tokyo", "Mon 00:00-09:00", "2026-11-22T14:59:59+00:00", False),
        ("Asia/Kathmandu", "Mon 09:00-10:00", "2026-11-23T03:15:00+00:00", True),
        ("Asia/Kathmandu", "Mon 09:00-10:00", "2026-11-23T03:14:59+00:00", False),
        # Over midnight, also from Sunday into Monday and over the turn of the week.
        ("UTC", "Fri 22:00-02:00", "2026-11-20T22:00:00+00:00", True),
        ("UTC", "Fri 22:00-02:00", "2026-11-21T01:59:59+00:00", True),
        ("UTC", "Fri 22:00-02:00", "2026-11-21T02:00:00+00:00", False),
        ("UTC", "Fri 22:00-02:00", "2026-11-20T01:00:00+00:00", False),
        ("UTC", "Sun 22:00-02:00", "2026-11-23T01:00:00+00:00", True),
        ("UTC", "Sat-Mon 09:00-10:00", "2026-11-22T09:30:00+00:00", True),
        ("UTC", "Sat-Mon 09:00-10:00", "2026-11-24T09:30:00+00:00", False),
        ("UTC", "Mon-Sun 00:00-24:00", "2026-11-22T23:59:59+00:00", True),
        ("UTC", "mon 09:00-00:00", "2026-11-23T23:59:59+00:00", True),
        ("UTC", "mon 09:00-00:00", "2026-11-24T00:00:00+00:00", False),
    ],
)
def test_somebody_is_there_by_the_clock_on_their_wall(
    zone: str, open_: str, moment: str, expected: bool
) -> None:
    assert is_open(make_week(zone, [open_], []), at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-01T05:30:00+00:00", True),  # 01:30, the first time
        ("2026-11-01T06:30:00+00:00", True),  # 01:30, the second time
        ("2026-11-01T07:00:00+00:00", False),  # 02:00
        ("2026-03-08T06:59:59+00:00", True),  # 01:59; the next second it is 03:00
        ("2026-03-08T07:00:00+00:00", False),
    ],
)
def test_hours_hold_while_the_clock_is_changed(moment: str, expected: bool) -> None:
    week = make_week(NEW_YORK, ["Sun 01:00-02:00"], [])

    assert is_open(week, at(moment)) is expected


def test_a_range_over_the_change_ends_by_the_new_clock() -> None:
    week = make_week(NEW_YORK, ["Sat 22:00-03:00"], [])

    assert is_open(week, at("2026-11-01T07:59:00+00:00"))  # 02:59, six hours after 22:00
    assert not is_open(week, at("2026-11-01T08:00:00+00:00"))
    assert not is_open(week, at("2026-03-08T07:00:00+00:00"))  # 03:00, four hours after 22:00


@pytest.mark.parametrize(
    ("holiday", "moment", "expected"),
    [
        ("2026-12-25", "2026-12-25T12:00:00+00:00", False),
        ("2026-12-25", "2027-12-25T12:00:00+00:00", True),
        ("12-25", "2027-12-25T12:00:00+00:00", False),
        ("02-29", "2028-02-29T12:00:00+00:00", False),
        ("12-25", "2026-12-26T12:00:00+00:00", True),
        # The night belongs to the day that it begins on.
        ("2026-12-25", "2026-12-25T01:00:00+00:00", True),
        ("2026-12-25", "2026-12-26T01:00:00+00:00", False),
    ],
)
def test_a_holiday_takes_away_what_begins_on_it(holiday: str, moment: str, expected: bool) -> None:
    week = make_week("UTC", ["Mon-Sun 08:00-02:00"], [holiday])

    assert is_open(week, at(moment)) is expected


def test_a_holiday_is_the_day_over_there() -> None:
    week = make_week(NEW_YORK, ["Mon-Sun 00:00-24:00"], ["2026-12-25"])

    assert is_open(week, at("2026-12-25T04:59:00+00:00"))
    assert not is_open(week, at("2026-12-26T04:59:00+00:00"))


@pytest.mark.parametrize(
    "written",
    [
        *("Mon 9:00-17:00", "Mo 09:00-17:00", "Mon 09:00-25:00", "Mon 09:60-10:00"),
        *("Mon 24:00-02:00", "Mon 09:00 - 17:00", "Mon,Tue 09:00-17:00", ""),
        *("Mon 09:00-09:00", "Mon 09:00-24:01"),
    ],
)
def test_a_range_that_says_nothing_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"is not like|ends when it begins"):
        read_range(written)


@pytest.mark.parametrize(
    "written", ["2026-02-30", "13-01", "25.12.", "", "2026-12-25T00:00", "02-30"]
)
def test_a_day_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"no such day|is not like"):
        read_holiday(written)


@pytest.mark.parametrize(
    "name", ["", "Nowhere/Nothing", "../UTC", "/etc/passwd", "America", " UTC"]
)
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        read_zone(name)


def test_a_zone_is_known_by_its_name() -> None:
    assert read_zone(NEW_YORK) == ZoneInfo(NEW_YORK)


@pytest.mark.parametrize(
    ("is_first", "is_open", "is_quiet", "expected"),
    [
        (True, True, False, "greeting"),
        (False, True, False, None),
        (True, False, False, "out_of_hours"),
        (False, False, False, "out_of_hours"),
        (True, True, True, None),
        (False, False, True, None),
    ],
)
def test_an_ordinary_text_is_answered_by_the_occasion(
    is_first: bool, is_open: bool, is_quiet: bool, expected: str | None
) -> None:
    texts = AutoTexts(greeting="Hello", out_of_hours="Closed", quiet_ms=1)
    moment = Moment(texts=texts, is_first=is_first, is_open=is_open, is_quiet=is_quiet)

    chosen = choose(moment)

    assert (None if chosen is None else chosen[0]) == expected


def test_what_has_no_text_is_not_answered() -> None:
    texts = AutoTexts(greeting="Hello", out_of_hours=None, quiet_ms=1)

    moment = Moment(texts=texts, is_first=True, is_open=False, is_quiet=False)
    assert choose(moment) == ("greeting", "Hello")

    texts = AutoTexts(greeting=None, out_of_hours="Closed", quiet_ms=1)
    assert choose(Moment(texts=texts, is_first=True, is_open=True, is_quiet=False)) is None
