from __future__ import annotations

import time

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.domain.segments import (
    GSM_BASIC,
    GSM_EXTENSION,
    Measure,
    is_border,
    length,
    measure,
    split,
)

FAMILY = "👨‍👩‍👧‍👦"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        pytest.param("", "GSM-7", 0, 1, id="empty"),
        pytest.param("a" * 160, "GSM-7", 160, 1, id="160"),
        pytest.param("a" * 161, "GSM-7", 161, 2, id="161"),
        pytest.param("a" * 306, "GSM-7", 306, 2, id="two full"),
        pytest.param("a" * 307, "GSM-7", 307, 3, id="one more"),
        pytest.param("€" * 80, "GSM-7", 160, 1, id="extension counts twice"),
        pytest.param("a" * 152 + "€" + "a" * 151, "GSM-7", 305, 2, id="pair at the 153 edge"),
        pytest.param("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, id="pair moved over the edge"),
        pytest.param("ç", "UCS-2", 1, 1, id="small c with cedilla is not GSM"),
        pytest.param("Ç", "GSM-7", 1, 1, id="the capital is"),
        pytest.param("`", "UCS-2", 1, 1, id="backtick"),
        pytest.param("\t", "UCS-2", 1, 1, id="tab"),
        pytest.param("\u2019", "UCS-2", 1, 1, id="curly apostrophe"),
        pytest.param("ж" * 70, "UCS-2", 70, 1, id="70"),
        pytest.param("ж" * 71, "UCS-2", 71, 2, id="71"),
        pytest.param("😀" * 35, "UCS-2", 70, 1, id="emoji are two units"),
        pytest.param("ж" * 66 + "😀" + "ж" * 65, "UCS-2", 133, 2, id="pair at the 67 edge"),
        pytest.param("ж" * 66 + "😀" + "ж" * 66, "UCS-2", 134, 3, id="pair moved over it"),
        pytest.param(FAMILY, "UCS-2", 11, 1, id="a family is eleven units"),
        pytest.param("a" * 153 + "😀", "UCS-2", 155, 3, id="one emoji changes the whole"),
    ],
)
def test_measure(text: str, encoding: str, units: int, segments: int) -> None:
    found = measure(text)

    assert (found.encoding, found.units, found.segments) == (encoding, units, segments)


@pytest.mark.parametrize(
    ("table", "letters"),
    [
        ("Turkish", "ğĞşŞıİ"),
        ("Spanish", "áíóúÁÍÓÚ"),
        ("Portuguese", "êçôãõâÂÊÔÃÕ"),
        ("Hindi", "नमस्ते"),
        ("Urdu", "سلام"),
    ],
)
def test_letters_of_the_national_tables_are_counted_as_carriers_do_without_them(
    table: str, letters: str
) -> None:
    # 3GPP TS 23.038 has shift tables for these languages, by which such a text could stay in 7
    # bits. No carrier's API announces one: UCS-2 is charged, and an independent count agrees.
    for letter in letters:
        text = "a" * 120 + letter
        assert measure(text).encoding == "UCS-2", table
        assert measure(text).segments == len(smsutil.split(text).parts) == 2
    assert measure("a" * 120 + "Çéèñ").segments == 1  # these stand in the basic table


def test_the_tables_have_the_standard_size() -> None:
    assert len(GSM_BASIC) == 127  # 128 places, one of them the escape
    assert len(GSM_EXTENSION) == 10
    assert not GSM_BASIC & GSM_EXTENSION


# Where smsutil's own table knows the form feed only as part of the codec, ours is the standard's.
_gsm = st.sampled_from(sorted(GSM_BASIC | GSM_EXTENSION - {"\f"}))
_wide = st.sampled_from("жçñ中\u2019") | st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF)


@given(
    st.integers(0, 320), st.lists(_gsm, max_size=60), st.lists(_wide, max_size=90), st.booleans()
)
@example(lead=152, gsm=["€", "a"], other=[], wide=False)
@example(lead=66, gsm=[], other=["😀", "ж"], wide=True)
def test_an_independent_counter_agrees(
    lead: int, gsm: list[str], other: list[str], wide: bool
) -> None:
    text = "a" * lead + "".join(gsm) + ("".join(other) if wide else "") or "a"

    theirs = smsutil.split(text)

    ours = measure(text)
    assert ours.segments == len(theirs.parts)
    assert (ours.encoding == "GSM-7") == (theirs.encoding == "gsm0338")


def test_measure_is_a_plain_record() -> None:
    assert measure("Hi") == Measure(encoding="GSM-7", units=2, segments=1)


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        pytest.param("short", 10, ["short"], id="fits"),
        pytest.param("  as it is \n", 20, ["  as it is \n"], id="fits, untouched"),
        pytest.param("", 10, [], id="nothing"),
        pytest.param("  \n ", 10, [], id="white space alone"),
        pytest.param("one two three", 8, ["one two", "three"], id="at a word"),
        pytest.param("one two three", 7, ["one two", "three"], id="at a word, to the brim"),
        pytest.param("one two   three", 9, ["one two", "three"], id="all white space goes"),
        pytest.param("aaa bbb\ncc dd ee", 12, ["aaa bbb", "cc dd ee"], id="line before word"),
        pytest.param(
            "aaa bbb\n\nc\ndd ee", 12, ["aaa bbb", "c\ndd ee"], id="paragraph before line"
        ),
        pytest.param("a\nbb cc dd ee ff", 12, ["a\nbb cc dd", "ee ff"], id="an early line is not"),
        pytest.param("abcdefghij", 4, ["abcd", "efgh", "ij"], id="a long word"),
        pytest.param(
            "hi abcdefghijkl", 8, ["hi abcde", "fghijkl"], id="too long a word fills the part"
        ),
        pytest.param("a\u00a0b c\u00a0d", 4, ["a\u00a0b", "c\u00a0d"], id="no-break space holds"),
        pytest.param("😀😀😀", 3, ["😀", "😀", "😀"], id="never within a surrogate pair"),
        pytest.param(FAMILY * 2, 13, [FAMILY, FAMILY], id="never within a family"),
        pytest.param("🇩🇪🇫🇷🇮🇹", 6, ["🇩🇪", "🇫🇷", "🇮🇹"], id="never within a flag"),
        pytest.param(SCOTLAND * 2, 16, [SCOTLAND, SCOTLAND], id="never within a tagged flag"),
        pytest.param("👍🏽👍🏽", 6, ["👍🏽", "👍🏽"], id="never before a skin tone"),
        pytest.param("e\u0301e\u0301", 3, ["e\u0301", "e\u0301"], id="never before an accent"),
        pytest.param("क्षक्ष", 5, ["क्ष", "क्ष"], id="never within a conjunct"),
        pytest.param("\u1112\u1161\u11ab" * 2, 5, ["\u1112\u1161\u11ab"] * 2, id="nor a syllable"),
        pytest.param(
            "e" + "\u0301" * 5, 4, ["e" + "\u0301" * 3, "\u0301" * 2], id="unless it must"
        ),
        pytest.param(
            "看" * 10 + "https://a.example/bcd",
            24,
            ["看" * 10, "https://a.example/bcd"],
            id="before a URL rather than in it",
        ),
        pytest.param(
            "see https://a.example/bcd", 24, ["see", "https://a.example/bcd"], id="URL as a word"
        ),
        pytest.param(
            "https://a.example/bcdefg", 10, ["https://a.", "example/bc", "defg"], id="URL too long"
        ),
    ],
)
def test_split(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts


def test_a_limit_that_holds_no_emoji_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        split("text", 1)


_pieces = st.sampled_from(
    [
        *(" ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "a", "word", "é", "e\u0301", " \u0301", "😀"),
        *("👍🏽", FAMILY, SCOTLAND, "🇩🇪", "🇩", "क्षि", "한", "\u1112\u1161", "看", "น้ำ"),
        *("https://a.example/b?c=d", "\u200d", "\ufe0f"),
    ]
)
_texts = st.lists(_pieces, max_size=60).map("".join) | st.text(max_size=200)


@given(_texts, st.integers(2, 40))
def test_parts_hold_the_whole_text_but_white_space_at_the_cuts(text: str, limit: int) -> None:
    place = 0
    for part in split(text, limit):
        assert part.strip()
        assert length(part) <= limit
        while not text.startswith(part, place):
            assert text[place].isspace()
            place += 1
        place += len(part)
    assert not text[place:].strip()


@given(_texts, st.integers(14, 40))
def test_no_cut_goes_through_a_visible_character(text: str, limit: int) -> None:
    place = 0
    for part in split(text, limit):
        place = text.index(part, place)
        for edge in (place, place + len(part)):
            cluster = edge
            while cluster > 0 and not is_border(text, cluster):
                cluster -= 1
            end = edge
            while not is_border(text, end):
                end += 1
            # Only a character that fills a part by itself may be cut.
            assert edge == end or length(text[cluster:end]) > limit
        place += len(part)


@given(st.lists(st.sampled_from(["a", "bb", "https://a.example/b?c"]), max_size=40))
def test_words_and_urls_that_fit_stay_whole(words: list[str]) -> None:
    parts = split(" ".join(words), 30)

    assert " ".join(parts).split() == words


def test_a_long_text_is_split_fast() -> None:
    began = time.process_time()
    for text in ("word " * 13_000, "x" * 64_000, " " * 64_000, "🇩🇪" * 16_000, "\u0301" * 64_000):
        split(text, 1600)
    assert time.process_time() - began < 5
