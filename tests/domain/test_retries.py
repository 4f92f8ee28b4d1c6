from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.retries import pause_ms


@pytest.mark.parametrize(
    ("attempt", "jitter", "asked_s", "expected_ms"),
    [
        pytest.param(1, 0.0, None, 500, id="first, least"),
        pytest.param(1, 0.5, None, 750, id="first, middle"),
        pytest.param(2, 0.0, None, 1_000, id="second doubles"),
        pytest.param(5, 0.5, None, 12_000, id="fifth is 16 s, three quarters"),
        pytest.param(9, 0.0, None, 128_000, id="ninth, still under the cap"),
        pytest.param(10, 0.0, None, 150_000, id="capped, and half of the cap"),
        pytest.param(10_000, 0.0, None, 150_000, id="no overflow"),
        pytest.param(0, 0.0, None, 500, id="before the first counts as the first"),
        pytest.param(1, 0.0, 30.0, 30_000, id="asked for more"),
        pytest.param(1, 0.5, 30.0, 30_500, id="asked for more, spread by half a step"),
        pytest.param(9, 0.0, 2.0, 2_000, id="asked for less than the step"),
        pytest.param(1, 0.0, 3_600.0, 3_600_000, id="asked for more than the cap"),
        pytest.param(1, 0.0, 0.0, 500, id="asked for nothing, but no tight loop"),
        pytest.param(1, 0.0, -5.0, 500, id="asked for the past"),
        pytest.param(3, 0.0, float("inf"), 2_000, id="asked for ever: as if nothing were asked"),
        pytest.param(3, 0.0, float("nan"), 2_000, id="asked for nonsense"),
        pytest.param(1, 0.0, 0.6004, 601, id="rounded up, never early"),
    ],
)
def test_pause(attempt: int, jitter: float, asked_s: float | None, expected_ms: int) -> None:
    assert pause_ms(attempt, base_s=1, max_s=300, jitter=jitter, asked_s=asked_s) == expected_ms


def test_a_base_over_the_cap_is_capped() -> None:
    assert pause_ms(1, base_s=10, max_s=2, jitter=0.0, asked_s=None) == 1_000


_jitters = st.floats(0, 1, exclude_max=True)
_steps = st.floats(0.001, 1_000)


@given(st.integers(1, 100_000), _steps, _steps, _jitters)
def test_pause_stays_between_half_the_step_and_the_step(
    attempt: int, base_s: float, max_s: float, jitter: float
) -> None:
    step_ms = min(base_s * 2 ** min(attempt - 1, 60), max_s) * 1000

    pause = pause_ms(attempt, base_s=base_s, max_s=max_s, jitter=jitter, asked_s=None)

    assert step_ms / 2 <= pause <= step_ms + 1


@given(st.integers(1, 20), _jitters)
def test_pause_never_shrinks_with_the_attempts(attempt: int, jitter: float) -> None:
    def pause(number: int) -> int:
        return pause_ms(number, base_s=1, max_s=300, jitter=jitter, asked_s=None)

    assert pause(attempt) <= pause(attempt + 1)


@given(st.integers(1, 100_000), _steps, _steps, _jitters, st.floats(0, 1_000_000))
def test_nobody_comes_back_earlier_than_asked(
    attempt: int, base_s: float, max_s: float, jitter: float, asked_s: float
) -> None:
    pause = pause_ms(attempt, base_s=base_s, max_s=max_s, jitter=jitter, asked_s=asked_s)

    assert asked_s * 1000 <= pause <= asked_s * 1000 + max(base_s * 1000, 1) + 1
