"""Texts that ask for nothing: reactions that phones send as texts, thanks, answers of machines.

Only whole texts of the known shapes are taken for one; a word more, and it is an ordinary text.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from bridge.domain.keywords import normalise

Chatter = Literal["reaction", "thanks", "machine"]

IN_WORDS: Final[dict[Chatter, str]] = {
    "reaction": "a reaction to a text",
    "thanks": "thanks",
    "machine": "the answer of a machine",
}

# What phones put before the text that is reacted to, as their owners' languages have it.
_VERBS: Final = (
    *("Liked", "Loved", "Disliked", "Laughed at", "Emphasized", "Emphasised", "Questioned"),
    *("Removed a like from", "Removed a heart from", "Removed a dislike from"),
    *("Removed a laugh from", "Removed an exclamation from", "Removed a question mark from"),
    *("Gefällt", "Liebt", "Lacht über"),
    *("A aimé", "A adoré", "N\u2019a pas aimé", "A ri de", "A souligné", "A mis en doute"),
    *("Le gustó", "Le encantó", "No le gustó", "Se rio de", "Se rió de", "Enfatizó", "Cuestionó"),
    *("Gostou de", "Amou", "Adorou", "Não gostou de", "Riu de", "Enfatizou", "Questionou"),
    *("Piace", "Ha amato", "Non piace", "Ha riso per"),
)
_QUOTED: Final = r"[“\"„«\u2018](?P<text>.*)[”\"“»\u2019]"
_CLOSED: Final = re.compile(r"[”»](?=\s)")  # the quotation ended, and somebody went on
_BEFORE: Final = "|".join(re.escape(verb).replace("\u2019", "[\u2019']") for verb in _VERBS)
# An emoji takes no letter or digit: "Reacted 😂 to “…”", and "👍 to “…”" as Android has it.
_EMOJI: Final = r"[^\w\s“\"„«\u2018]{1,12}"
_REACTION: Final = re.compile(
    rf"[\s\u200a\u200b]*(?:(?:{_BEFORE})|(?:Reacted )?{_EMOJI}[\s\u200a\u200b]*to)\s*{_QUOTED}\s*",
    re.DOTALL | re.IGNORECASE,
)
_THANKS: Final = frozenset(
    normalise(text)
    for text in (
        *("thanks", "thank you", "thx", "ty", "tysm", "thank u", "many thanks", "thanks a lot"),
        *("thank you so much", "thank you very much", "thanks so much", "ok thanks"),
        *("ok thank you", "okay thanks", "okay thank you", "great thanks", "great thank you"),
        *("danke", "vielen dank", "danke schön", "dankeschön", "merci", "merci beaucoup"),
        *("gracias", "muchas gracias", "obrigado", "obrigada", "muito obrigado"),
        *("grazie", "grazie mille", "dank je", "dank u", "bedankt", "спасибо", "ok danke"),
        *("ok merci", "ok gracias", "ok grazie"),
    )
)
_THANKING_EMOJI: Final = frozenset("👍🙏❤👌😊\ufe0f🏻🏼🏽🏾🏿")
_MACHINE: Final = re.compile(
    r"\W*(?:"
    r"auto(?:matic|mated)?[- ]?(?:reply|response|answer)\b"
    r"|automatische (?:antwort|abwesenheit)|abwesenheitsnotiz|automatisch antwoord"
    r"|réponse automatique|respuesta automática|resposta automática|risposta automatica"
    r"|out of (?:the )?office(?: reply)?\s*[:.\-]"
    r"|i[\u2019']m driving (?:right now|with (?:do not disturb|focus|driving focus))"
    r"|i[\u2019']m not receiving notifications"
    r"|this is an automat(?:ed|ic) (?:message|reply|response)"
    r"|i am currently driving and (?:will|can)"
    r")",
    re.IGNORECASE,
)


def chatter_in(text: str) -> Chatter | None:
    """What kind of text this is that asks for nothing; None for any other."""
    reaction = _REACTION.fullmatch(text)
    if reaction is not None and not _CLOSED.search(reaction["text"]):
        return "reaction"
    said = text.strip()
    if normalise(text) in _THANKS or (said and _THANKING_EMOJI.issuperset(said)):
        return "thanks"
    return "machine" if _MACHINE.match(text) else None
