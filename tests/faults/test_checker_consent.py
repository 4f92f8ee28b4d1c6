"""What the checker makes of several words about texts: which one a text should have minded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.checker import find_violations
from tests.faults.ending import Consent
from tests.faults.test_checker import CLEAN, MESSAGES, SENDS, message, rules
from tests.flows.cast import MAYA

LEFT_MS = SENDS[0].at_ms - 100  # when the first reply left


def word(*, opts_out: bool, heard_ms: int, carrier_id: str) -> Consent:
    return Consent(
        customer=MAYA,
        opts_out=opts_out,
        begun_ms=heard_ms,
        committed_ms=heard_ms,
        message_id="m3",
        carrier_id=carrier_id,
    )


@pytest.mark.parametrize(
    ("stop", "start", "is_broken"),
    [
        # each as said, heard
        pytest.param((100, 110), (200, 210), False, id="in order"),
        pytest.param((200, 210), (100, 110), True, id="opted out last"),
        pytest.param((100, 310), (200, 210), False, id="an old opt-out is found late"),
        pytest.param((200, 310), (100, 300), True, id="an opt-in comes late, before the opt-out"),
        pytest.param((200, 210), (100, 300), False, id="an opt-in comes after the opt-out"),
        pytest.param((200, LEFT_MS + 1), (100, 110), False, id="nobody knew of the opt-out"),
    ],
)
def test_an_opt_out_holds_until_an_opt_in_is_said_or_heard_after_it(
    stop: tuple[int, int], start: tuple[int, int], is_broken: bool
) -> None:
    words = (
        word(opts_out=True, heard_ms=stop[1], carrier_id="SM-stop"),
        word(opts_out=False, heard_ms=start[1], carrier_id="SM-start"),
    )
    case = replace(
        CLEAN,
        ledger=replace(
            CLEAN.ledger, sends=SENDS[:1], said_ms={"SM-stop": stop[0], "SM-start": start[0]}
        ),
        ending=replace(CLEAN.ending, consent=words),
    )

    assert ("I5" in {each.rule for each in find_violations(case)}) is is_broken


@pytest.mark.parametrize(
    ("kept_ms", "is_broken"),
    [
        pytest.param(LEFT_MS - 1, True, id="acknowledged before"),
        pytest.param(LEFT_MS + 1, False, id="acknowledged after"),
        pytest.param(None, False, id="not acknowledged"),
    ],
)
def test_an_opt_out_that_was_acknowledged_is_known_however_long_commits_may_take(
    kept_ms: int | None, is_broken: bool
) -> None:
    stop = replace(word(opts_out=True, heard_ms=100, carrier_id="SM-stop"), committed_ms=10_100)
    texts = (*CLEAN.history.texts[:-1], replace(CLEAN.history.texts[-1], kept_ms=kept_ms))
    case = replace(
        CLEAN,
        history=replace(CLEAN.history, texts=texts),
        ledger=replace(CLEAN.ledger, sends=SENDS[:1]),
        ending=replace(CLEAN.ending, consent=(stop,)),
    )

    assert ("I5" in rules(case)) is is_broken


def test_a_reply_that_was_set_aside_is_lost_whatever_the_reason() -> None:
    failed = message("o1", "failed", comment_id=21, reason="begun 20 times and never ended")
    case = replace(
        CLEAN,
        ledger=replace(CLEAN.ledger, sends=SENDS[1:]),
        ending=replace(
            CLEAN.ending,
            messages=(*MESSAGES[:3], failed, *MESSAGES[4:]),
            sent=CLEAN.ending.sent[1:],
        ),
    )

    assert rules(case) == ["I1"]


def test_an_opt_in_counts_as_soon_as_it_may_have_been_committed() -> None:
    stop = word(opts_out=True, heard_ms=100, carrier_id="SM-stop")
    start = word(opts_out=False, heard_ms=LEFT_MS - 1, carrier_id="SM-start")
    late = replace(start, committed_ms=LEFT_MS + 10_000)
    case = replace(
        CLEAN,
        ledger=replace(CLEAN.ledger, sends=SENDS[:1]),
        ending=replace(CLEAN.ending, consent=(stop, late)),
    )

    assert "I5" not in rules(case)
