"""Reactions, thanks and answers of machines are told from what people ask."""

from __future__ import annotations

import pytest

from bridge.domain.machines import chatter_in


@pytest.mark.parametrize(
    "text",
    [
        *("Liked “Your parcel is on its way”", 'Loved "Hello"', "Laughed at “one\ntwo”"),
        *("Removed a like from “Hello”", "Reacted 😂 to “Hello”", "👍 to “Hello”"),
        *("\u200a👍\u200a to “Hello”", "Gefällt „Hallo“", "A aimé « Bonjour »"),
        *("Le gustó “Hola”", "Gostou de “Olá”", "Piace “Ciao”", "❤️ to “Hello”"),
    ],
)
def test_a_reaction_is_known_in_the_languages_of_phones(text: str) -> None:
    assert chatter_in(text) == "reaction"


@pytest.mark.parametrize(
    "text", ["Thanks!", "THANK YOU 🙏", "👍🏽", "❤️", "Muchas gracias", "Danke."]
)
def test_thanks_alone_are_thanks(text: str) -> None:
    assert chatter_in(text) == "thanks"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Auto-Reply: I am away",
            "[Automatic reply] Back on Monday",
            "Réponse automatique : absent",
        ),
        *("I’m driving right now. I’ll get back to you later.", "Out of office: until May"),
        "I'm driving with Do Not Disturb While Driving turned on.",
    ],
)
def test_an_answer_of_a_machine_is_known(text: str) -> None:
    assert chatter_in(text) == "machine"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Thanks, but where is it?",
            "Liked it",
            "I liked “Dune”",
            "Liked “Dune” but not “Arrival”?",
        ),
        *("", " ", "Loved the service", "to “Hello”", "When is the office out of hours?"),
        *(
            "I'm driving to you now",
            "Automatic doors are broken",
            "👎",
            "5 to “Hello”",
            "no thanks",
        ),
    ],
)
def test_what_a_person_asks_is_an_ordinary_text(text: str) -> None:
    assert chatter_in(text) is None
