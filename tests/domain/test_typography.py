"""Typographic characters made plain: only where it saves segments, and never what is meant."""

from __future__ import annotations

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.segments import measure
from bridge.domain.typography import to_gsm


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("It’s “fine” – really…", 'It\'s "fine" - really...'),
        ("«Bonjour», dit-il\u00a0!", '"Bonjour", dit-il !'),
        ("• one\n• two", "- one\n- two"),
        ("a\u200bb\u00adc\ufeff", "abc"),
        ("oﬃce №5", "office No5"),
        ("ＡＢＣ １２３", "ABC 123"),
        ("Gru\u0308ße", "Grüße"),
        ("tab\there", "tab here"),
    ],
    ids=["quotes", "guillemets", "bullets", "nothing", "ligature", "full width", "composed", "tab"],
)
def test_a_text_is_plain_and_is_gsm(written: str, plain: str) -> None:
    assert to_gsm(written) == plain
    assert measure(plain).encoding == "GSM-7"


@pytest.mark.parametrize(
    "text",
    [
        "It’s fine 😀",
        "“żółw”",
        "日本 – 東京",
        "see “https://example.com/a–b”",
        "plain {text} €",
        "café à la carte, Grüße, Ñ",
        "\u200b",
        "™" * 70,
    ],
)
def test_a_text_that_stays_as_it_is(text: str) -> None:
    kept = to_gsm(text)

    assert kept == text


def test_an_address_keeps_its_every_character() -> None:
    assert to_gsm("“See” https://example.com/it's-a_test…") == (
        "“See” https://example.com/it's-a_test…"
    )
    assert to_gsm("“See” https://example.com/a?b=1") == '"See" https://example.com/a?b=1'


def test_it_saves_segments() -> None:
    text = "It’s " + "x" * 150

    assert (measure(text).segments, measure(to_gsm(text)).segments) == (3, 1)


@given(st.text(max_size=300))
def test_it_never_costs_more_and_gives_gsm_or_the_same(text: str) -> None:
    plain = to_gsm(text)

    assert plain == text or (smsutil.is_valid_gsm(plain) or "\f" in plain)
    assert measure(plain).segments <= measure(text).segments
    assert to_gsm(plain) == plain
