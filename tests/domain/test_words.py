from __future__ import annotations

import pytest

from bridge.domain.segments import measure
from bridge.domain.words import (
    Reserved,
    WordClass,
    default_text,
    exact_word,
    is_reserved,
    standard_word,
)

STOP_WORDS = """
    STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT REMOVE ARRET ARRETE ARRETT BAJA SAIR
    PARAR STOPP ABMELDEN AFMELDEN СТОП הסר 退订
    """


@pytest.mark.parametrize(
    ("text", "cls", "word"),
    [
        *(pytest.param(word, "STOP", word, id=word) for word in STOP_WORDS.split()),
        pytest.param("stop all", "STOP", "STOPALL", id="stop all"),
        pytest.param("Opt out", "STOP", "OPTOUT", id="opt out"),
        pytest.param("OPT-OUT", "STOP", "OPTOUT", id="opt-out"),
        pytest.param("Arrêt", "STOP", "ARRET", id="accent"),
        pytest.param("arre\u0302te !", "STOP", "ARRETE", id="accent apart"),
        pytest.param("  sToP. \n", "STOP", "STOP", id="case, blanks, full stop"),
        pytest.param("Stop 🛑🙏🏽", "STOP", "STOP", id="emoji"),
        pytest.param('"STOP"', "STOP", "STOP", id="in quotation marks"),
        pytest.param("S T O P", "STOP", "STOP", id="spaced"),
        pytest.param("s.t.o.p.", "STOP", "STOP", id="dotted"),
        pytest.param("ＳＴＯＰ", "STOP", "STOP", id="fullwidth"),
        pytest.param("STOP STOP!! stop", "STOP", "STOP", id="more than once"),
        pytest.param("darme de baja", "STOP", "DARME DE BAJA", id="several words"),
        pytest.param("start", "START", "START", id="start"),
        pytest.param("UnStop!", "START", "UNSTOP", id="unstop"),
        pytest.param("help", "HELP", "HELP", id="help"),
        pytest.param("Info?", "HELP", "INFO", id="info"),
        pytest.param("aide", "HELP", "AIDE", id="aide"),
        pytest.param("¡Ayuda!", "HELP", "AYUDA", id="ayuda"),
        pytest.param("Yes", "YES", "YES", id="yes"),
        pytest.param("sí", "YES", "SI", id="sí"),
    ],
)
def test_standard_word(text: str, cls: str, word: str) -> None:
    found = standard_word(text)

    assert found is not None
    assert (found.cls, found.word) == (cls, word)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🛑",
        "no",
        "No.",
        "don't stop",
        "stop the alarm?",
        "bus stop",
        "non stop",
        "cancel my order",
        "the end",
        "yes please",
        "yes yes",
        "help help",
        "alto",
        "basta",
        "cancelar",
        "fin",
        "ok",
        "bye",
        "thanks",
        "gracias",
        "startup",
        "stopped",
        "information",
    ],
)
def test_everyday_answers_are_no_standard_words(text: str) -> None:
    assert standard_word(text) is None


@pytest.mark.parametrize(
    ("word", "reserved"),
    [
        pytest.param("Stop", "opt_out", id="stop"),
        pytest.param("opt-out", "opt_out", id="opt-out"),
        pytest.param("start", "opt_in", id="start"),
        pytest.param("yes", "opt_in", id="yes"),
        pytest.param("HELP", "help", id="help"),
        pytest.param("join", None, id="free"),
        pytest.param("stop smoking", None, id="more than the word"),
    ],
)
def test_reserved(word: str, reserved: Reserved | None) -> None:
    assert is_reserved(word) == reserved


@pytest.mark.parametrize(
    ("text", "exact"),
    [(" stop\n", "STOP"), ("Stop!", "STOP!"), ("stop all", "STOP ALL"), ("arrêt", "ARRÊT")],
)
def test_exact_word_is_what_a_carrier_compares(text: str, exact: str) -> None:
    assert exact_word(text) == exact


CLASSES: list[WordClass] = ["STOP", "START", "HELP"]
LANGUAGES = ["en", "fr", "es", "de", "it", "pt", "nl"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cls", CLASSES)
def test_default_text_names_the_brand_in_one_segment(cls: WordClass, language: str) -> None:
    brand = "Twenty Letters Brand"

    text = default_text(cls, brand, language)

    assert text.startswith(f"{brand}: ")
    assert (measure(text).encoding, measure(text).segments) == ("GSM-7", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_default_texts_say_the_way_out_and_back(language: str) -> None:
    assert "START" in default_text("STOP", "Acme", language)
    assert "STOP" in default_text("START", "Acme", language)
    assert "STOP" in default_text("HELP", "Acme", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_a_default_text_asks_for_is_understood(language: str) -> None:
    for cls in CLASSES:
        text = default_text(cls, "", language).replace("SMS-", "")
        asked = [word.strip(".,") for word in text.split() if word.strip(".,").isupper()]

        assert [word for word in asked if len(word) > 1 and standard_word(word) is None] == []


def test_help_tells_of_the_charges() -> None:
    assert "Msg & data rates may apply" in default_text("HELP", "Acme")


def test_languages_are_known_by_their_first_part_and_fall_back_to_english() -> None:
    assert default_text("STOP", "A", "pt-BR") == default_text("STOP", "A", "pt")
    assert default_text("STOP", "A", "FR_ca") == default_text("STOP", "A", "fr")
    assert default_text("STOP", "A", "xx") == default_text("STOP", "A", "en")


def test_a_sender_without_a_brand_has_texts_too() -> None:
    assert default_text("STOP", " ").startswith("You are unsubscribed")


def test_yes_is_answered_as_start_is() -> None:
    assert default_text("YES", "Acme") == default_text("START", "Acme")
