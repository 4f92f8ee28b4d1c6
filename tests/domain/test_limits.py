"""How updates are spread under the desk's limits."""

from __future__ import annotations

import pytest

from bridge.domain.limits import (
    ACCOUNT_WINDOW_MS,
    TICKET_WINDOW_MS,
    Limits,
    Room,
    Used,
    room_in_account,
    wait_for_ticket_ms,
)

NOW = 10_000_000
ZENDESKS = Limits(per_minute=100, per_ticket=30)


def used(count: int, *, newest_s: float = 0, oldest_s: float = 0) -> Used:
    return Used(
        count=count, newest_ms=NOW - int(newest_s * 1000), oldest_ms=NOW - int(oldest_s * 1000)
    )


def send_burst(limits: Limits) -> list[int]:
    """When the texts of a ticket go that always has one waiting, for three windows."""
    at: list[int] = []
    now = 0
    while now < 3 * TICKET_WINDOW_MS:
        window = [each for each in at if each > now - TICKET_WINDOW_MS]
        counted = Used(
            count=len(window),
            newest_ms=max(window, default=0),
            oldest_ms=min(window, default=0),
        )
        wait_ms = wait_for_ticket_ms(limits, counted, now)
        if wait_ms == 0:
            at.append(now)
        now += wait_ms or 100
    return at


@pytest.mark.parametrize(("count", "waits"), [(0, False), (19, False), (20, True), (26, True)])
def test_a_ticket_is_written_to_at_once_while_there_is_room(count: int, waits: bool) -> None:
    assert (wait_for_ticket_ms(ZENDESKS, used(count), NOW) > 0) == waits


@pytest.mark.parametrize("per_ticket", [1, 2, 3, 6, 30, 300])
def test_an_endless_burst_never_passes_the_tickets_limit_and_never_stops(per_ticket: int) -> None:
    limits = Limits(per_ticket=per_ticket)

    at = send_burst(limits)

    for begin in at:
        window = [each for each in at if begin <= each < begin + TICKET_WINDOW_MS]
        assert len(window) <= limits.for_texts
    assert len(at) >= 2 * limits.for_texts
    kept_back = per_ticket - limits.for_texts
    assert kept_back >= min(1, per_ticket - 1)


def test_a_short_burst_is_hardly_held_up_and_the_last_of_the_room_lasts_the_window() -> None:
    gaps = [wait_for_ticket_ms(ZENDESKS, used(count), NOW) for count in range(20, 27)]

    assert gaps[0] < 5_000
    assert gaps == sorted(gaps)
    assert TICKET_WINDOW_MS * 0.98 < sum(gaps) < TICKET_WINDOW_MS


def test_without_room_a_text_waits_until_the_oldest_update_counts_no_more() -> None:
    full = used(27, newest_s=1, oldest_s=600)

    assert wait_for_ticket_ms(ZENDESKS, full, NOW) == TICKET_WINDOW_MS - 600_000


@pytest.mark.parametrize(
    ("counted", "room"),
    [
        (used(0), Room(most=50)),
        (used(49), Room(most=1)),
        (used(50, newest_s=0), Room(most=0, wait_ms=620, is_short=True)),
        (used(50, newest_s=0.62), Room(most=1, is_short=True)),
        (used(99, newest_s=9), Room(most=1, is_short=True)),
        (
            used(100, newest_s=9, oldest_s=60),
            Room(most=0, wait_ms=ACCOUNT_WINDOW_MS - 60_000, is_short=True),
        ),
    ],
)
def test_half_of_the_accounts_limit_goes_as_it_comes_the_rest_is_spaced(
    counted: Used, room: Room
) -> None:
    assert room_in_account(ZENDESKS, counted, NOW) == room


def test_nought_switches_a_limit_off() -> None:
    assert room_in_account(Limits(), used(1000), NOW) == Room(most=None)
    assert wait_for_ticket_ms(Limits(), used(1000), NOW) == 0
