"""What a text costs, and what would make it cheaper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.costs import CostClass, cost_of
from bridge.domain.segments import measure


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "cost_class"),
    [
        ("", "GSM-7", 1, "low"),
        ("Hello", "GSM-7", 1, "low"),
        ("x" * 160, "GSM-7", 1, "low"),
        ("x" * 161, "GSM-7", 2, "middle"),
        ("x" * 459, "GSM-7", 3, "middle"),
        ("x" * 460, "GSM-7", 4, "high"),
        ("\N{EURO SIGN}" * 80, "GSM-7", 1, "low"),
        ("\N{PARTY POPPER}", "UCS-2", 1, "low"),
        ("\N{PARTY POPPER}" * 36, "UCS-2", 2, "middle"),
        ("\N{PARTY POPPER}" * 120, "UCS-2", 4, "high"),
    ],
)
def test_a_text_costs_what_is_billed(
    text: str, encoding: str, segments: int, cost_class: CostClass
) -> None:
    cost = cost_of(text)

    assert (cost.encoding, cost.segments, cost.cost_class) == (encoding, segments, cost_class)


def test_the_characters_that_make_it_dear_are_named_once_each() -> None:
    cost = cost_of("\u201cHi\u201d, \u201cyou\u201d \N{PARTY POPPER}\N{PARTY POPPER}")

    assert cost.dear == ("\u201c", "\u201d", "\N{PARTY POPPER}")
    assert cost.plain is None  # an emoji has no plain form


def test_plain_characters_are_offered_where_they_make_it_gsm() -> None:
    cost = cost_of("\u201cHi\u201d \u2026" + "x" * 100)

    assert (cost.encoding, cost.segments) == ("UCS-2", 2)
    assert cost.plain == '"Hi" ...' + "x" * 100
    assert cost.plain_segments == 1


def test_a_sender_that_makes_them_plain_pays_for_plain_ones() -> None:
    cost = cost_of("\u201cHi\u201d" + "x" * 100, plain=True)

    assert (cost.encoding, cost.segments, cost.dear, cost.plain) == ("GSM-7", 1, (), None)


def test_what_is_sent_in_several_texts_costs_as_those() -> None:
    text = " ".join(["word"] * 400)

    assert cost_of(text, longest=1600).segments == cost_of(text[:1599]).segments + (
        cost_of(text[1600:]).segments
    )


@given(st.text(max_size=400))
def test_a_cost_is_what_the_text_measures(text: str) -> None:
    cost = cost_of(text)

    assert cost.encoding == measure(text).encoding
    assert bool(cost.dear) == (cost.encoding == "UCS-2")
    if text.strip():
        assert cost.segments == measure(text).segments
    if cost.plain is not None:
        assert measure(cost.plain).encoding == "GSM-7"
